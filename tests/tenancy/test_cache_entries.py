"""What the cache keeps and for how long, with a clock that the test moves. How it hears of changes is in test_cache."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest

from tenancy.cache import Cache
from tenancy.errors import InvalidKey
from tests.tenancy.clock import Seconds


@pytest.fixture
def clock() -> Seconds:
    return Seconds(1000.0)


@pytest.fixture
def cache(clock: Seconds) -> Cache:
    made = Cache(lasting_s=60, most=3, now=clock)
    made.fresh_until = float("inf")
    return made


def source(*values: object) -> Callable[[], Awaitable[object]]:
    """Gives these one after the other; raises those that are errors."""
    left = list(values)

    async def load() -> object:
        value = left.pop(0)
        if isinstance(value, Exception):
            raise value
        return value

    return load


SHOP = uuid4()


async def test_what_was_read_before_a_change_is_not_kept_after_it(cache: Cache) -> None:
    """The change commits between the query and its answer."""

    async def load() -> str:
        cache.drop(SHOP)
        return "old"

    assert await cache.read("name", SHOP, "", load) == "old"
    assert await cache.read("name", SHOP, "", source("new")) == "new"


async def test_who_comes_after_a_change_does_not_wait_for_what_was_asked_before_it(cache: Cache) -> None:
    slow = asyncio.Event()

    async def load() -> str:
        await slow.wait()
        return "old"

    before = asyncio.create_task(cache.read("name", SHOP, "", load))
    await asyncio.sleep(0.01)
    cache.drop(SHOP)
    assert await cache.read("name", SHOP, "", source("new")) == "new"
    slow.set()
    assert await before == "old"
    assert await cache.read("name", SHOP, "", source()) == "new"


async def test_many_who_ask_at_once_ask_once_and_one_who_hangs_up_harms_nobody(cache: Cache) -> None:
    asked: list[int] = []

    async def load() -> str:
        asked.append(1)
        await asyncio.sleep(0.01)
        return "name"

    first, *others = [asyncio.create_task(cache.read("name", SHOP, "", load)) for _ in range(20)]
    await asyncio.sleep(0)
    first.cancel()
    assert await asyncio.gather(*others) == ["name"] * 19
    assert len(asked) == 1


async def test_an_error_is_passed_on_and_not_kept(cache: Cache) -> None:
    load = source(InvalidKey(), "name")
    with pytest.raises(InvalidKey):
        await cache.read("name", SHOP, "", load)
    assert await cache.read("name", SHOP, "", load) == "name"


async def test_an_entry_has_its_time(cache: Cache, clock: Seconds) -> None:
    load = source("first", "second")
    await cache.read("name", SHOP, "", load)
    clock.at += 59
    assert await cache.read("name", SHOP, "", load) == "first"
    clock.at += 2
    assert await cache.read("name", SHOP, "", load) == "second"


async def test_it_holds_no_more_than_it_may(cache: Cache) -> None:
    for number in range(10):
        await cache.read("name", uuid4(), "", source(number))
    assert len(cache) == 3
    assert len(cache._of_shop) == 3


async def test_nothing_is_answered_while_changes_may_be_missed(cache: Cache, clock: Seconds) -> None:
    load = source("first", "second", "third")
    cache.fresh_until = clock.at + 1
    await cache.read("name", SHOP, "", load)
    clock.at += 1
    assert await cache.read("name", SHOP, "", load) == "second"
    cache.clear()
    cache.fresh_until = float("inf")
    assert await cache.read("name", SHOP, "", load) == "third"


async def test_what_was_written_while_the_shop_changed_is_not_kept(cache: Cache) -> None:
    since = cache.change_of(SHOP)
    cache.drop(SHOP)
    cache.keep("visit", SHOP, "token", "old", since=since)
    assert len(cache) == 0
    cache.keep("visit", SHOP, "token", "new", since=cache.change_of(SHOP))
    assert await cache.read("visit", SHOP, "token", source()) == "new"
