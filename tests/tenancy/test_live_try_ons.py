"""A try-on whose process was killed is in the ledger once, with the time up to its last heartbeat."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from tenancy.database import Database
from tenancy.ledger import TryOn, note_try_on
from tenancy.live_try_ons import Heartbeats, Undertaker
from tests.services import Addresses
from tests.tenancy.clock import Seconds
from tests.tenancy.test_database import add_shop

ROOT = Path(__file__).parents[2]
STARTED = datetime(2026, 11, 16, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


def undertaker(database: Database, clock: Seconds) -> Undertaker:
    return Undertaker(database, silent_s=60, clock=clock)


async def booked(database: Database, shop: UUID) -> list[tuple[str, float]]:
    async with database.tenant(shop) as connection:
        rows = await connection.fetch("SELECT event_id, quantity FROM usage_events ORDER BY 1")
    return [tuple(row) for row in rows]


async def age(addresses: Addresses) -> None:
    """A minute passes for the lines that nobody renews."""
    admin = await asyncpg.connect(addresses.admin)
    await admin.execute(
        "UPDATE live_try_ons SET beat_at = beat_at - interval '1 minute' WHERE beat_at > now() - '20 s'::interval"
    )
    await admin.close()


async def test_what_a_dead_process_left_is_booked_once_up_to_its_last_beat(
    database: Database, addresses: Addresses, clock: Seconds
) -> None:
    shop, hat = await add_shop(database, "a"), uuid4()
    running = [TryOn(shop, "s1", STARTED, 10.0, [hat]), TryOn(shop, "s2", STARTED, 4.0, [])]
    beats = Heartbeats(database, lambda: running)
    await beats.beat()
    running = [replace(running[0], seconds=20.0), replace(running[1], seconds=14.0)]
    await beats.beat()
    await age(addresses)
    first, second = undertaker(database, clock), undertaker(database, clock)
    assert [await first.look(), await second.look()] == [0, 0]
    clock.at += 59
    assert await first.look() == 0
    clock.at += 1
    assert sum(await asyncio.gather(first.look(), second.look())) == 2
    assert await booked(database, shop) == [("s1", 20.0), ("s2", 14.0)]
    clock.at += 600
    assert [await first.look(), await second.look()] == [0, 0]
    async with database.tenant(shop) as connection:
        assert await connection.fetchval("SELECT products FROM usage_events WHERE event_id = 's1'") == [hat]
        assert await connection.fetchval("SELECT count(*) FROM live_try_ons") == 0


async def test_a_try_on_that_ended_is_not_booked_again(
    database: Database, addresses: Addresses, clock: Seconds
) -> None:
    shop = await add_shop(database, "a")
    try_on = TryOn(shop, "s1", STARTED, 10.0, [])
    beats = Heartbeats(database, lambda: [try_on])
    await beats.beat()
    async with database.tenant(shop) as connection:
        await note_try_on(connection, replace(try_on, seconds=12.5))
    await beats.beat()  # one that was on its way while the end was written
    await age(addresses)
    keeper = undertaker(database, clock)
    await keeper.look()
    clock.at += 61
    assert await keeper.look() == 0
    assert await booked(database, shop) == [("s1", 12.5)]


async def test_one_that_still_beats_is_left_alone(database: Database, addresses: Addresses, clock: Seconds) -> None:
    shop = await add_shop(database, "a")
    beats = Heartbeats(database, lambda: [TryOn(shop, "s1", STARTED, 10.0, [])])
    keeper = undertaker(database, clock)
    for _ in range(4):
        await beats.beat()
        await age(addresses)
        await keeper.look()
        clock.at += 59
    assert await booked(database, shop) == []


async def test_after_an_outage_everybody_has_time_to_speak(
    database: Database, addresses: Addresses, clock: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await add_shop(database, "a")
    await Heartbeats(database, lambda: [TryOn(shop, "s1", STARTED, 10.0, [])]).beat()
    await age(addresses)
    keeper = Undertaker(database, silent_s=60, look_every_s=0.01, clock=clock)
    await keeper.look()

    async def away() -> list[object]:
        clock.at += 300
        raise OSError

    with monkeypatch.context() as broken:
        broken.setattr(keeper, "_lines", away)
        keeper.start()
        await asyncio.sleep(0.05)
        await keeper.stop()
    assert await keeper.look() == 0, "it may only have been unable to speak"
    clock.at += 61
    assert await keeper.look() == 1


async def test_a_process_that_is_killed_is_booked_up_to_what_it_said_last(
    database: Database, addresses: Addresses, clock: Seconds
) -> None:
    shop = await add_shop(database, "a")
    process = f"""
import asyncio, time
from datetime import UTC, datetime
from uuid import UUID
from tenancy.database import Database
from tenancy.ledger import TryOn
from tenancy.live_try_ons import Heartbeats

async def main():
    database = await Database.connect({addresses.app!r})
    began, beats = time.monotonic(), 0
    def running():
        return [TryOn(UUID({str(shop)!r}), "s1", datetime.now(UTC), 5.0 * beats, [])]
    heart = Heartbeats(database, running)
    while True:
        beats += 1
        await heart.beat()
        print(5.0 * beats, flush=True)
        await asyncio.sleep(0.05)

asyncio.run(main())
"""
    child = subprocess.Popen(  # noqa: ASYNC220  it is killed before the loop turns again
        [sys.executable, "-c", process], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout
    for _ in range(3):
        await asyncio.to_thread(child.stdout.readline)
    child.kill()
    said = [float(line) for line in child.stdout.read().split()]
    child.wait()
    await age(addresses)
    keeper = undertaker(database, clock)
    await keeper.look()
    clock.at += 61
    assert await keeper.look() == 1
    ((_, seconds),) = await booked(database, shop)
    last = said[-1] if said else 15.0
    assert seconds in (last, last + 5.0), "what it wrote last, whether or not it lived to say so"
