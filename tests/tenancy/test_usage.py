"""What was used is in the ledger once, whatever was told how often and whatever was away meanwhile."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from tenancy.database import Database
from tenancy.errors import CapReached
from tenancy.files import Files
from tenancy.ledger import Recorder, TryOn
from tenancy.plans import PLANS, cap_of, invoice
from tenancy.products import Products
from tenancy.shop_settings import Settings
from tenancy.usage import Usage, month_of
from tests.services import Addresses
from tests.tenancy.test_database import add_shop
from tests.tenancy.test_products import CountingIntake

NOW = datetime(2026, 11, 16, 12, tzinfo=UTC)


def try_on(shop: UUID, session: str, at: datetime = NOW, products: tuple[UUID, ...] = ()) -> TryOn:
    return TryOn(shop, session, at, 60.0, products)


async def written(recorder: Recorder, within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while recorder.waiting:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_try_on_told_twice_counts_once_and_only_in_its_shop(database: Database) -> None:
    a, b = await add_shop(database, "a"), await add_shop(database, "b")
    usage, recorder = Usage(database, now=lambda: NOW), Recorder(database)
    cap, hat = uuid4(), uuid4()
    for told in (try_on(a, "1", products=(cap, hat)), try_on(a, "2", products=(hat,)), try_on(a, "2"), try_on(b, "1")):
        recorder.record(told)
    await written(recorder)
    month = await usage.month(a)
    assert (month.try_ons, month.minutes) == (2, 2.0)
    assert [(worn.product_id, worn.try_ons) for worn in await usage.most_worn(a)] == [(hat, 2), (cap, 1)]
    assert (await usage.month(b)).try_ons == 1
    days = await usage.days(a, 3)
    assert [(day.day.day, day.try_ons) for day in days] == [(14, 0), (15, 0), (16, 2)]
    await recorder.stop()


async def test_while_the_database_is_away_try_ons_wait_and_are_bounded(
    database: Database, addresses: Addresses
) -> None:
    shop = await add_shop(database, "a")
    lost: list[int] = []
    recorder = Recorder(database, most=3, retry_s=0.05, on_lost=lambda: lost.append(1))
    admin = await asyncpg.connect(addresses.admin)
    await admin.execute("REVOKE INSERT ON usage_events FROM vitrine_app")
    for number in range(5):
        recorder.record(try_on(shop, str(number)))
        await asyncio.sleep(0)
    await asyncio.sleep(0.2)
    assert (recorder.waiting, len(lost)) == (3, 2)
    await admin.execute("GRANT INSERT ON usage_events TO vitrine_app")
    await written(recorder)
    async with database.tenant(shop) as connection:
        there = {row[0] for row in await connection.fetch("SELECT event_id FROM usage_events")}
    assert there == {"2", "3", "4"}
    await admin.close()
    await recorder.stop()


async def test_what_waits_is_written_at_the_stop(database: Database) -> None:
    shop = await add_shop(database, "a")
    recorder = Recorder(database)
    for number in range(20):
        recorder.record(try_on(shop, str(number)))
    await recorder.stop()
    assert (await Usage(database, now=lambda: NOW).month(shop)).try_ons == 20


async def test_a_try_on_of_a_shop_that_is_gone_holds_nobody_up(database: Database) -> None:
    shop = await add_shop(database, "a")
    recorder = Recorder(database, retry_s=0.05)
    recorder.record(try_on(uuid4(), "1"))
    recorder.record(try_on(shop, "2"))
    await written(recorder)
    assert (await Usage(database, now=lambda: NOW).month(shop)).try_ons == 1
    await recorder.stop()


async def test_storage_is_the_area_under_the_ledger(database: Database, addresses: Addresses) -> None:
    shop = await add_shop(database, "a")
    admin = await asyncpg.connect(addresses.admin)
    begin, _ = month_of(NOW.date())
    gigabyte = 1e9
    for event, at, size in (
        ("p/1", begin - timedelta(days=40), 2 * gigabyte),
        ("q/1", begin + timedelta(days=5), gigabyte),
        ("p/removed", begin + timedelta(days=10), -2 * gigabyte),
    ):
        await admin.execute(
            "INSERT INTO usage_events (tenant_id, kind, event_id, at, quantity) VALUES ($1, 'storage', $2, $3, $4)",
            shop,
            event,
            at,
            size,
        )
    await admin.close()
    month = await Usage(database, now=lambda: begin + timedelta(days=15)).month(shop)
    assert month.gb_days == pytest.approx(2 * 10 + 1 * 10)
    assert month.bytes_now == gigabyte


async def test_a_product_brings_bytes_and_takes_them_away(database: Database, files: Files) -> None:
    shop, usage = await add_shop(database, "a"), Usage(database)
    products = Products(database, files, CountingIntake())
    first = await products.add(shop, "Cap", "hat", b"one", external_id="cap")
    held = (await usage.month(shop)).bytes_now
    assert held > 0
    again = await products.add(shop, "Cap", "hat", b"one more", external_id="cap")
    assert again.id == first.id
    assert (await usage.month(shop)).bytes_now > held
    await products.remove(shop, first.id)
    assert (await usage.month(shop)).bytes_now == 0


async def test_beyond_the_cap_there_are_no_more_and_the_owner_may_move_it(database: Database, files: Files) -> None:
    shop, usage, recorder = await add_shop(database, "a"), Usage(database, now=lambda: NOW), Recorder(database)
    settings = Settings(database, files)
    await settings.change(shop, {"plan": "shop", "cap_try_ons": 2}, by="ada")
    await usage.refuse_beyond_cap(shop)
    for number in range(2):
        recorder.record(try_on(shop, str(number)))
    await recorder.stop()
    with pytest.raises(CapReached):
        await usage.refuse_beyond_cap(shop)
    await settings.change(shop, {"cap_try_ons": None}, by="ada")
    await usage.refuse_beyond_cap(shop)


def test_the_bill_counts_what_is_beyond_the_plan() -> None:
    lines = invoice(PLANS["shop"], try_ons=5_150, gb_days=30 * 12)
    assert [line.cents for line in lines] == [2_900, 150, 0, 40]
    assert [line.cents for line in invoice(PLANS["shop"], try_ons=10, gb_days=0)] == [2_900, 0, 0, 0]
    assert (cap_of(PLANS["free"], None), cap_of(PLANS["free"], 5), cap_of(PLANS["shop"], None)) == (1_000, 5, None)


async def test_the_bill_that_is_to_be_expected_follows_the_pace_and_stops_at_the_cap(database: Database) -> None:
    shop = await add_shop(database, "a")
    begin, end = month_of(NOW.date())
    async with database.tenant(shop) as connection:
        await connection.execute("UPDATE shops SET plan = 'shop'")
        await connection.execute(
            "INSERT INTO usage_events (tenant_id, kind, event_id, at, quantity)"
            " SELECT $1, 'try-on', n::text, $2, 60 FROM generate_series(1, 4000) n",
            shop,
            begin + timedelta(days=2),
        )
    usage = Usage(database, now=lambda: begin + (end - begin) / 2)
    month = await usage.month(shop)
    assert (month.total_cents, month.expected_cents) == (2_900, 2_900 + 3_000)
    async with database.tenant(shop) as connection:
        await connection.execute("UPDATE shops SET cap_try_ons = 6000")
    assert (await usage.month(shop)).expected_cents == 2_900 + 1_000
    past = Usage(database, now=lambda: end + timedelta(days=40))
    finished = await past.month(shop, begin.date())
    assert finished.expected_cents == finished.total_cents
