"""Tasks end when they are told to, even where a cancellation is forgotten."""

import asyncio
import random
import time

import pytest
from redis.asyncio import Redis

from rtc.placement import Placement
from rtc.queue import Waiting
from rtc.tasks import end
from rtc.turns import _Follower


async def test_a_task_that_forgets_that_it_was_cancelled_ends() -> None:
    heard = 0

    async def forgetful() -> None:
        nonlocal heard
        while heard < 3:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                heard += 1

    task = asyncio.create_task(forgetful())
    await asyncio.sleep(0)
    await asyncio.wait_for(end([task]), 10)
    assert task.done()
    assert heard == 3


async def test_all_are_told_and_waited_for_however_they_end() -> None:
    async def failing() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            raise ZeroDivisionError

    async def short() -> int:
        return 1

    tasks = [asyncio.create_task(failing()), asyncio.create_task(asyncio.sleep(3600)), asyncio.create_task(short())]
    await asyncio.sleep(0)
    await end(tasks)
    assert all(task.done() for task in tasks)
    await end([])


@pytest.mark.parametrize("seed", range(8))
async def test_who_looks_at_the_line_stops_whatever_it_is_doing(valkey: Redis, seed: int) -> None:
    """Cancelled as a connection is made, one in three went on for ever."""
    chance = random.Random(seed)
    for _ in range(6):
        turns = Placement(valkey)._turns
        turns._followers["ticket"] = _Follower(Waiting("ticket", "shop", time.time(), "visit"))
        turns._watch = asyncio.create_task(turns._watch_line())
        await asyncio.sleep(chance.random() * 0.003)
        await asyncio.wait_for(turns.aclose(), 5)
