"""Products come in by one way, belong to one shop, and a failed upload leaves nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import uuid4

import pytest

from tenancy.credentials import Credentials
from tenancy.database import Database
from tenancy.errors import InvalidProduct, UnknownProduct
from tenancy.files import Files
from tenancy.products import Products
from tenancy.shops import Shop


@dataclass
class Taken:
    glb: bytes
    kind: str
    thumbnail_png: bytes = b"png"
    dimensions: Mapping[str, float] = field(default_factory=lambda: {"frame_width_mm": 138.5})
    report: Mapping[str, object] = field(default_factory=lambda: {"triangles": 9})


class Refused(Exception):
    """What an intake raises is its own affair."""


class CountingIntake:
    """Accepts anything but `bad`, and counts. The real one is tested with the renderer."""

    def __init__(self) -> None:
        self.calls = 0

    async def __call__(self, glb: bytes, kind: str | None) -> Taken:
        self.calls += 1
        if glb == b"bad":
            raise Refused
        return Taken(b"canonical " + glb, kind or "glasses")


@pytest.fixture
def intake() -> CountingIntake:
    return CountingIntake()


@pytest.fixture
def products(database: Database, files: Files, intake: CountingIntake) -> Products:
    return Products(database, files, intake)


@pytest.fixture
async def shop(database: Database) -> Shop:
    return await Credentials(database).ensure_shop("a", "A", "pk_a")


async def test_an_upload_becomes_a_product_with_a_model_and_a_picture(
    products: Products, files: Files, shop: Shop
) -> None:
    product = await products.add(shop.id, " Aviator ", None, b"glb")
    assert (product.name, product.kind, product.dimensions) == ("Aviator", "glasses", {"frame_width_mm": 138.5})
    assert await products.get(shop.id, product.id) == product
    assert await products.model(shop.id, product.id) == b"canonical glb"
    assert await files.get(shop.id, product.thumbnail_digest) == b"png"


async def test_the_catalog_is_in_the_owners_order(products: Products, shop: Shop) -> None:
    for position, name in ((2, "a"), (1, "z"), (1, "b")):
        await products.add(shop.id, name, "hat", b"glb", position=position)
    assert [product.name for product in await products.catalog(shop.id)] == ["b", "z", "a"]


async def test_the_same_upload_under_the_shops_own_name_is_taken_in_once(
    products: Products, shop: Shop, intake: CountingIntake
) -> None:
    first = await products.add(shop.id, "Cap", "hat", b"one", external_id="cap")
    assert await products.add(shop.id, "Cap", "hat", b"one", external_id="cap") == first
    assert intake.calls == 1
    renewed = await products.add(shop.id, "Cap", "hat", b"two", external_id="cap")
    assert (renewed.id, intake.calls) == (first.id, 2)
    assert await products.model(shop.id, first.id) == b"canonical two"
    assert len(await products.catalog(shop.id)) == 1


async def test_a_refused_upload_leaves_nothing(products: Products, shop: Shop) -> None:
    with pytest.raises(Refused):
        await products.add(shop.id, "Cap", "hat", b"bad")
    assert await products.catalog(shop.id) == []


@pytest.mark.parametrize(
    ("name", "kind"), [("", "hat"), ("x" * 201, "hat"), ("x\0y", "hat"), ("x", "shoe"), ("\ud800", "hat")]
)
async def test_a_name_or_kind_that_cannot_be_is_refused_before_the_intake(
    products: Products, shop: Shop, intake: CountingIntake, name: str, kind: str
) -> None:
    with pytest.raises(InvalidProduct):
        await products.add(shop.id, name, kind, b"glb")
    assert intake.calls == 0


async def test_another_shop_neither_sees_nor_removes_a_product(
    products: Products, database: Database, shop: Shop
) -> None:
    other = await Credentials(database).ensure_shop("b", "B", "pk_b")
    product = await products.add(shop.id, "Cap", "hat", b"glb", external_id="cap")
    assert await products.catalog(other.id) == []
    for attempt in (products.get, products.model, products.remove):
        with pytest.raises(UnknownProduct):
            await attempt(other.id, product.id)
    theirs = await products.add(other.id, "Cap", "hat", b"glb", external_id="cap")
    assert theirs.id != product.id
    assert await products.get(shop.id, product.id) == product


async def test_a_removed_product_is_unknown(products: Products, shop: Shop) -> None:
    product = await products.add(shop.id, "Cap", "hat", b"glb")
    await products.remove(shop.id, product.id)
    for attempt in (products.get, products.remove):
        with pytest.raises(UnknownProduct):
            await attempt(shop.id, product.id)
    with pytest.raises(UnknownProduct):
        await products.get(shop.id, uuid4())


async def test_the_hot_reads_use_an_index_that_begins_with_the_shop(database: Database) -> None:
    """The scope comes from row-level security alone, and the planner still makes an index condition of it."""
    credentials = Credentials(database)
    for slug in ("a", "b", "c"):
        shop = await credentials.ensure_shop(slug, slug, f"pk_{slug}")
        async with database.tenant(shop.id) as connection:
            await connection.execute(
                """
                INSERT INTO products (tenant_id, id, kind, name, source_digest, glb_digest, thumbnail_digest)
                SELECT $1, gen_random_uuid(), 'hat', 'Cap ' || n, '', '', '' FROM generate_series(1, 500) n
                """,
                shop.id,
            )
    async with database.tenant(shop.id) as connection:
        for query, index in (
            ("SELECT * FROM products ORDER BY position, name, id LIMIT 50", "products_in_order"),
            ("SELECT * FROM products WHERE id = '00000000-0000-0000-0000-000000000000'", "products_pkey"),
            (r"SELECT * FROM visits WHERE token_digest = '\x00'", "visits_tenant_id_token_digest_key"),
        ):
            plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {query}"))
            assert index in plan, plan
            assert re.search(r"Index Cond: \(+tenant_id = \(InitPlan", plan), plan
