"""What was read is answered from memory, a change is seen within a second, and nothing old survives a failure."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import asyncpg
import pytest

from tenancy.cache import Cache
from tenancy.change_feed import VISIBLE_WITHIN_S
from tenancy.consent import current_text
from tenancy.credentials import Credentials
from tenancy.database import Database
from tenancy.errors import CapReached, InvalidKey, InvalidToken, UnknownProduct
from tenancy.files import Files
from tenancy.ledger import TryOn, note_try_on
from tenancy.products import GLB, Products
from tenancy.shop_settings import Settings
from tenancy.usage import Usage
from tenancy.visits import Visits
from tests.services import Addresses
from tests.tenancy.test_products import CountingIntake

AGREED = current_text().version


@dataclass
class Reads:
    """What the cache told of each read."""

    seen: list[tuple[str, bool]] = field(default_factory=list)

    def __call__(self, what: str, here: bool) -> None:
        self.seen.append((what, here))

    def missed(self) -> list[str]:
        """What went to the database since the last call."""
        found, self.seen = [what for what, here in self.seen if not here], []
        return found


@dataclass
class House:
    """The rooms' classes of one process, over one cached database."""

    database: Database
    reads: Reads
    products: Products
    credentials: Credentials
    visits: Visits
    usage: Usage

    async def until_fresh(self) -> None:
        async with asyncio.timeout(10):
            while not self.database.cache.fresh:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@asynccontextmanager
async def process(dsn: str, files: Files, **cached: float) -> AsyncIterator[House]:
    reads = Reads()
    database = await Database.connect(dsn, cache=Cache(on_read=reads, **cached))
    products = Products(database, files, CountingIntake())
    house = House(database, reads, products, Credentials(database), Visits(database), Usage(database))
    await house.until_fresh()
    yield house
    await database.close()


@pytest.fixture
async def house(addresses: Addresses, files: Files) -> AsyncIterator[House]:
    async with process(addresses.app, files) as made:
        yield made


@pytest.fixture
async def other(addresses: Addresses, files: Files) -> AsyncIterator[House]:
    """Another process of the installation."""
    async with process(addresses.app, files) as made:
        yield made


async def seen_within(seconds: float, holds: Callable[[], Awaitable[bool]]) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if await holds():
            return True
        await asyncio.sleep(0.01)
    return False


async def walk(house: House, token: str, tenant_id: UUID, product_id: UUID, digest: str) -> None:
    """What a shopper's page and her try-on read."""
    await house.credentials.shop_for_slug("a")
    await house.credentials.shop_for_publishable_key("pk_a")
    await house.credentials.shop_of_tenant(tenant_id)
    await house.products.catalog(tenant_id)
    await house.products.published(tenant_id, product_id)
    assert await house.products.has_file(tenant_id, digest, GLB)
    await house.visits.resolve(token)


async def test_a_shoppers_second_step_reads_nothing(house: House) -> None:
    shop = await house.credentials.ensure_shop("a", "A", "pk_a")
    product = await house.products.add(shop.id, "Cap", "hat", b"glTF")
    token, visit = await house.visits.open(shop, product.id, AGREED)
    await walk(house, token, shop.id, product.id, product.glb_digest)
    assert sorted(house.reads.missed()) == ["catalog", "file", "product", "shop", "shop-by-key", "shop-by-slug"]

    async def settled() -> bool:
        """What PostgreSQL tells of the product's own making may come after the first walk, and drops what it read."""
        await walk(house, token, shop.id, product.id, product.glb_digest)
        return house.reads.missed() == []

    assert await seen_within(10, settled)
    for _ in range(5):
        await walk(house, token, shop.id, product.id, product.glb_digest)
    assert house.reads.missed() == []
    assert await house.visits.resolve(token) == visit


async def test_a_change_by_another_process_is_seen_within_a_second(house: House, other: House) -> None:
    shop = await house.credentials.ensure_shop("a", "A", "pk_a")
    product = await house.products.add(shop.id, "Cap", "hat", b"glTF")
    assert len(await house.products.catalog(shop.id)) == 1
    await house.products.published(shop.id, product.id)
    await other.products.remove(shop.id, product.id)

    async def gone() -> bool:
        return await house.products.catalog(shop.id) == []

    assert await seen_within(VISIBLE_WITHIN_S, gone)
    with pytest.raises(UnknownProduct):
        await house.products.published(shop.id, product.id)


async def test_a_revoked_key_opens_nothing_within_a_second(house: House, other: House) -> None:
    shop = await house.credentials.ensure_shop("a", "A", "pk_a")
    await house.credentials.shop_for_publishable_key("pk_a")
    key = (await other.credentials.keys(shop.id))[0]
    await other.credentials.revoke(shop.id, key.id)

    async def refused() -> bool:
        try:
            await house.credentials.shop_for_publishable_key("pk_a")
        except InvalidKey:
            return True
        return False

    assert await seen_within(VISIBLE_WITHIN_S, refused)


async def test_an_erased_visit_is_over_within_a_second_and_a_renewed_one_goes_on(house: House, other: House) -> None:
    shop = await house.credentials.ensure_shop("a", "A", "pk_a")
    (erased, _), (kept, visit) = [await house.visits.open(shop, None, AGREED) for _ in range(2)]
    await house.visits.resolve(erased)
    async with other.database.tenant(shop.id) as connection:
        await connection.execute("DELETE FROM visits WHERE id <> $1", visit.id)

    async def over() -> bool:
        try:
            await house.visits.resolve(erased)
        except InvalidToken:
            return True
        return False

    assert await seen_within(VISIBLE_WITHIN_S, over)
    # What this process keeps says that the visit is over; another one has renewed it.
    await house.visits.resolve(kept)
    later = datetime.now(UTC) + timedelta(minutes=31)
    async with other.database.tenant(shop.id) as connection:
        await connection.execute("UPDATE visits SET expires_at = $1", later + timedelta(minutes=5))
    house.visits._now = lambda: later
    assert (await house.visits.resolve(kept)).expires_at == later + timedelta(minutes=5)


async def test_an_owners_new_cap_holds_within_a_second(house: House, other: House, files: Files) -> None:
    shop = await house.credentials.ensure_shop("a", "A", "pk_a")
    async with house.database.tenant(shop.id) as connection:
        await note_try_on(connection, TryOn(shop.id, "1", datetime.now(UTC), 9.0, []))
    await house.usage.refuse_beyond_cap(shop.id)
    await Settings(other.database, files).change(shop.id, {"plan": "free", "cap_try_ons": 1}, by="test")

    async def capped() -> bool:
        try:
            await house.usage.refuse_beyond_cap(shop.id)
        except CapReached:
            return True
        return False

    assert await seen_within(VISIBLE_WITHIN_S, capped)


async def test_what_one_shop_changes_leaves_what_is_kept_of_another(house: House, other: House) -> None:
    a, b = [await house.credentials.ensure_shop(slug, slug, f"pk_{slug}") for slug in "ab"]
    for shop in (a, b):
        await house.products.catalog(shop.id)
    await other.products.add(a.id, "Cap", "hat", b"glTF")

    async def seen() -> bool:
        return len(await house.products.catalog(a.id)) == 1

    assert await seen_within(VISIBLE_WITHIN_S, seen)
    house.reads.missed()
    assert await house.products.catalog(b.id) == []
    assert house.reads.missed() == []


async def test_the_same_key_of_another_shop_is_another_entry(house: House) -> None:
    """A token, a product's id or a digest of one shop, asked for as another shop, finds nothing."""
    a, b = [await house.credentials.ensure_shop(slug, slug, f"pk_{slug}") for slug in "ab"]
    product = await house.products.add(a.id, "Cap", "hat", b"glTF")
    for _ in range(2):
        await house.products.published(a.id, product.id)
        assert await house.products.has_file(a.id, product.glb_digest, GLB)
        with pytest.raises(UnknownProduct):
            await house.products.published(b.id, product.id)
        assert not await house.products.has_file(b.id, product.glb_digest, GLB)


async def test_a_lost_connection_clears_the_cache_until_changes_are_heard_again(
    house: House, addresses: Addresses
) -> None:
    shop = await house.credentials.ensure_shop("a", "A", "pk_a")
    await house.products.catalog(shop.id)
    await house.credentials.shop_of_tenant(shop.id)
    house.reads.missed()
    admin = await asyncpg.connect(addresses.admin)
    # The feed is cut and the row changed at once, so that nobody tells.
    cut = """
        WITH cut AS MATERIALIZED (
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'vitrine changes')
        SELECT count(*) FROM cut
    """
    assert await admin.fetchval(cut) == 1
    await admin.execute("SET session_replication_role = replica")  # triggers are silent
    await admin.execute("UPDATE shops SET name = 'B'")
    await admin.close()

    async def renamed() -> bool:
        return (await house.credentials.shop_of_tenant(shop.id)).name == "B"

    assert await seen_within(VISIBLE_WITHIN_S, renamed)
    await house.until_fresh()
    for _ in range(2):
        await house.products.catalog(shop.id)
    assert house.reads.missed().count("catalog") == 1


@asynccontextmanager
async def wire(dsn: str) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A way to the database through which nothing passes while the event is not set."""
    folder = parse_qs(urlsplit(dsn).query)["host"][0]
    passes = asyncio.Event()
    passes.set()
    ends: list[asyncio.StreamWriter] = []

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await passes.wait()
            writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432")
        ends.extend([writer, here])
        await asyncio.gather(carry(reader, here), carry(there, writer), return_exceptions=True)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    parts = urlsplit(dsn)
    yield f"postgresql://{parts.username}@127.0.0.1:{server.sockets[0].getsockname()[1]}{parts.path}", passes
    passes.set()
    for end in ends:
        end.close()
    server.close()


async def test_a_connection_that_falls_silent_ends_what_is_kept_within_a_second(
    addresses: Addresses, files: Files
) -> None:
    async with wire(addresses.app) as (dsn, passes), process(dsn, files) as house:
        shop = await house.credentials.ensure_shop("a", "A", "pk_a")
        await house.products.catalog(shop.id)
        passes.clear()
        await asyncio.sleep(VISIBLE_WITHIN_S)
        assert not house.database.cache.fresh
        house.reads.missed()
        asking = asyncio.create_task(house.products.catalog(shop.id))
        await asyncio.sleep(0.05)
        assert not asking.done(), "it asks the database, for nobody knows what has changed"
        passes.set()
        assert await asking == []
        assert house.reads.missed() == ["catalog"]


async def test_a_pooler_that_drops_listen_leaves_the_cache_silent(
    addresses: Addresses, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As PgBouncer does in transaction mode: LISTEN is answered, and nothing ever comes."""
    monkeypatch.setattr(asyncpg.Connection, "_process_notification", lambda *_: None)
    database = await Database.connect(addresses.app, cache=Cache())
    products = Products(database, files, CountingIntake())
    await asyncio.sleep(0.5)
    assert not database.cache.fresh
    assert await products.catalog(uuid4()) == []
    assert len(database.cache) == 0
    await database.close()
