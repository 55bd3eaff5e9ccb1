"""Sums of the day: what they add up to, that a try-on told twice counts once, and that nobody can be found in them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import asyncpg
import pytest

from tenancy.credentials import Credentials
from tenancy.database import Database
from tenancy.ledger import TryOn, note_try_on
from tenancy.shops import Shop
from tenancy.tallies import BEYOND, STEPS, Tallies, histograms, percentile, step
from tests.services import Addresses
from tests.tenancy.clock import Clock


@pytest.fixture
async def shop(database: Database) -> Shop:
    return await Credentials(database).ensure_shop("a", "A", "pk_a")


async def test_days_without_anything_are_there_and_others_shops_are_not(database: Database, shop: Shop, clock: Clock):
    other = await Credentials(database).ensure_shop("b", "B", "pk_b")
    tallies = Tallies(database, now=clock)
    await tallies.count(shop.id, {("snapshot", "x"): 2, ("snapshot", ""): 1})
    await tallies.count(other.id, {("snapshot", "x"): 50})
    clock.pass_by(days=2)
    await tallies.count(shop.id, {("snapshot", "x"): 1})
    assert [day.count for day in await tallies.days(shop.id, "snapshot", 4)] == [0, 3, 0, 1]
    assert await tallies.labels(shop.id, "snapshot") == {"x": 3, "": 1}
    assert await tallies.labels(shop.id, "snapshot", 1) == {"x": 1}


async def test_many_at_once_lose_nothing_and_wait_in_no_ring(database: Database, shop: Shop, clock: Clock):
    tallies = Tallies(database, now=clock)
    one, other = {("hint", "lost"): 1, ("fps", "24"): 2}, {("fps", "24"): 2, ("hint", "lost"): 1}
    await asyncio.gather(*(tallies.count(shop.id, counts) for counts in (one, other) * 20))
    assert await tallies.labels(shop.id, "hint") == {"lost": 40}
    assert await tallies.labels(shop.id, "fps") == {"24": 80}


async def test_what_is_no_measure_is_not_kept(database: Database, shop: Shop, clock: Clock, addresses: Addresses):
    await Tallies(database, now=clock).count(shop.id, {("face_width_mm", "140"): 1, ("hint", "lost"): 0})
    admin = await asyncpg.connect(addresses.admin)
    assert await admin.fetchval("SELECT count(*) FROM tallies") == 0
    await admin.close()


async def test_a_try_on_told_twice_counts_once(database: Database, shop: Shop, clock: Clock):
    told = TryOn(shop.id, "s", clock(), 60.0, (), histograms({"delay_ms": [55, 61, 4000]}))
    for _ in range(2):
        async with database.tenant(shop.id) as connection:
            await note_try_on(connection, told)
    found = await Tallies(database, now=clock).histogram(shop.id, "delay_ms")
    assert [label for label, _ in found] == [*map(str, STEPS["delay_ms"]), BEYOND]
    assert {label: count for label, count in found if count} == {"60": 1, "80": 1, BEYOND: 1}
    assert percentile(found, 0.5) == 80
    assert percentile(found, 0.95) is None
    assert percentile([(label, 0) for label, _ in found], 0.5) is None


@pytest.mark.parametrize(("value", "label"), [(0, "20"), (20, "20"), (20.1, "40"), (1000, "1000"), (1000.1, BEYOND)])
def test_a_value_falls_in_the_step_that_ends_at_or_above_it(value: float, label: str):
    assert step("delay_ms", value) == ("delay_ms", label)


async def test_the_day_is_utcs(database: Database, shop: Shop):
    tallies = Tallies(database, now=lambda: datetime(2020, 1, 6, 23, 59, tzinfo=UTC))
    await tallies.count(shop.id, {("snapshot", ""): 1})
    assert str((await tallies.days(shop.id, "snapshot", 1))[0].day) == "2020-01-06"
