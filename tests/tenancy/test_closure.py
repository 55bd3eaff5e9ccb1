"""A shop ends with all that is its: rows, objects, keys; its neighbours notice nothing; a signed receipt is left."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from tenancy.closure import Closures
from tenancy.consent import current_text
from tenancy.credentials import Credentials
from tenancy.database import Database
from tenancy.errors import InvalidShop, ShopClosing, UnknownReceipt, UnknownShop
from tenancy.files import Files
from tenancy.ledger import TryOn, note_storage, note_try_on
from tenancy.mail import Letters
from tenancy.receipts import Signer
from tenancy.retention import Sweeper
from tenancy.seal import Seal
from tenancy.shops import Shop
from tenancy.tallies import Tallies
from tenancy.visits import Visits
from tests.tenancy.clock import Clock

SECRET = "s" * 40


@pytest.fixture
def forgotten() -> list[UUID]:
    return []


@pytest.fixture
def closures(database: Database, files: Files, clock: Clock, forgotten: list[UUID]) -> Closures:
    async def forget(tenant_id: UUID) -> int:
        forgotten.append(tenant_id)
        return 3

    letters = Letters(Seal(SECRET), "http://localhost")
    return Closures(database, files, Signer(SECRET), letters, forget_keys=forget, now=clock)


@pytest.fixture
async def shops(database: Database, files: Files, clock: Clock) -> tuple[Shop, Shop]:
    """Two that have lived a little."""
    made = []
    for slug in ("a", "b"):
        shop = await Credentials(database).ensure_shop(slug, slug.upper(), f"pk_{slug}")
        await Credentials(database).issue(shop.id, "secret", by="ada")
        await Visits(database, now=clock).open(shop, None, current_text().version)
        await Tallies(database, now=clock).count(shop.id, {("snapshot", ""): 1})
        for content in (b"one", b"two"):
            await files.put(shop.id, content, "image/png")
        async with database.tenant(shop.id) as connection:
            await note_try_on(connection, TryOn(shop.id, slug, clock.at, 60.0, ()))
            await note_storage(connection, shop.id, uuid4(), 1, 1000)
        made.append(shop)
    return made[0], made[1]


async def rows_of(admin: asyncpg.Connection, shop: Shop) -> int:
    tables = [row[0] for row in await admin.fetch("SELECT oid::regclass::text FROM pg_class WHERE relrowsecurity")]
    return sum([await admin.fetchval(f"SELECT count(*) FROM {t} WHERE tenant_id = $1", shop.id) for t in tables])  # noqa: S608


async def test_every_table_of_a_shop_goes_with_it(admin: asyncpg.Connection) -> None:
    """Each has a foreign key that cascades from the shop, or from what does."""
    edges = await admin.fetch(
        "SELECT conrelid::regclass::text AS child, confrelid::regclass::text AS parent FROM pg_constraint"
        " WHERE contype = 'f' AND confdeltype = 'c'"
    )
    reached = {"shops"}
    while more := {edge["child"] for edge in edges if edge["parent"] in reached} - reached:
        reached |= more
    assert {
        row[0] for row in await admin.fetch("SELECT oid::regclass::text FROM pg_class WHERE relrowsecurity")
    } <= reached
    stopping = "SELECT conname FROM pg_constraint WHERE contype = 'f' AND confdeltype IN ('a', 'r')"
    assert await admin.fetch(stopping) == []


async def test_after_the_days_of_grace_nothing_is_left_but_the_receipt(
    *,
    database: Database,
    files: Files,
    shops: tuple[Shop, Shop],
    closures: Closures,
    clock: Clock,
    admin: asyncpg.Connection,
    forgotten: list[UUID],
) -> None:
    a, b = shops
    theirs, before = await rows_of(admin, b), await rows_of(admin, a)
    assert before >= 8
    closing = await closures.ask(a.id, "a", by="ada")
    sweeper = Sweeper(database, closures, now=clock)
    clock.pass_by(days=13, hours=23)
    await sweeper.sweep()
    assert await rows_of(admin, a) > 0
    assert closing.closes_at == clock.at + timedelta(hours=1)
    clock.pass_by(hours=1)
    assert (await sweeper.sweep())["shops"] == 1
    assert await rows_of(admin, a) == 0
    assert await files.remove_shop(a.id) == 0
    assert forgotten == [a.id]
    assert await rows_of(admin, b) == theirs - 1  # the visit that was due
    assert await files.remove_shop(b.id) == 2
    facts = Signer(SECRET).read(await closures.receipt(closing.receipt_id))
    assert (facts["kind"], facts["shop"], facts["id"]) == ("closure", str(a.id), str(closing.receipt_id))
    assert facts["erased"]["objects"] == 2
    assert facts["erased"]["keys"] == 3
    assert facts["erased"]["rows"] >= 7
    assert facts["erased_at"] == clock.at.isoformat()
    assert "a" not in facts.values()


async def test_a_closing_shop_takes_no_shoppers_until_it_is_taken_back(
    database: Database, shops: tuple[Shop, Shop], closures: Closures
) -> None:
    a, _ = shops
    visits = Visits(database)
    first = await closures.ask(a.id, "a", by="ada")
    assert await closures.ask(a.id, "a", by="ada") == first  # a second click moves nothing
    with pytest.raises(ShopClosing):
        await visits.open(a, None, current_text().version)
    await closures.take_back(a.id, by="ada")
    assert await closures.state(a.id) is None
    await visits.open(a, None, current_text().version)
    async with database.tenant(a.id) as connection:
        deeds = [row[0] for row in await connection.fetch("SELECT action FROM audit_log ORDER BY id")]
    assert deeds[-2:] == ["shop.closure-asked", "shop.closure-taken-back"]


async def test_only_its_own_short_name_closes_a_shop(shops: tuple[Shop, Shop], closures: Closures) -> None:
    a, b = shops
    for typed in ("", "b", "A"):
        with pytest.raises(InvalidShop):
            await closures.ask(a.id, typed, by="ada")
    for shop in shops:
        with pytest.raises(UnknownShop):  # not asked for
            await closures.carry_out(shop.id)
    await closures.ask(b.id, "b", by="bo")
    with pytest.raises(UnknownShop):  # not due
        await closures.carry_out(b.id)


async def test_an_interrupted_closure_is_carried_out_again(
    *,
    database: Database,
    files: Files,
    shops: tuple[Shop, Shop],
    clock: Clock,
    closures: Closures,
    admin: asyncpg.Connection,
) -> None:
    a, _ = shops

    async def cannot(_tenant_id: UUID) -> int:
        raise ConnectionError("Valkey is away")

    failing = Closures(
        database, files, Signer(SECRET), Letters(Seal(SECRET), ""), forget_keys=cannot, grace=timedelta(), now=clock
    )
    closing = await failing.ask(a.id, "a", by="ada")
    with pytest.raises(ConnectionError):
        await failing.carry_out(a.id)
    assert await rows_of(admin, a) > 0
    with pytest.raises(UnknownReceipt):
        await failing.receipt(closing.receipt_id)
    await closures.carry_out(a.id)
    assert await rows_of(admin, a) == 0
    assert Signer(SECRET).read(await closures.receipt(closing.receipt_id))["kind"] == "closure"
