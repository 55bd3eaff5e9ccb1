"""A shop's products. Every model, the demo shop's own too, comes in by the same way: intake, files, row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID, uuid4

import asyncpg

from tenancy.audit import note
from tenancy.database import Database
from tenancy.errors import InvalidProduct, QuotaReached, UnknownFile, UnknownProduct
from tenancy.events import tell
from tenancy.files import Files
from tenancy.ledger import note_storage, note_storage_freed
from tenancy.plans import BYTES_PER_GB, plan_of

KINDS = ("glasses", "hat", "garment")
WORN_AS = ("top", "jacket", "bottom", "skirt", "dress")
GLB, PNG = "model/gltf-binary", "image/png"


class Taken(Protocol):
    """What the intake made of an upload: a canonical model, its picture, and what the owner should know."""

    @property
    def glb(self) -> bytes: ...
    @property
    def thumbnail_png(self) -> bytes: ...
    @property
    def kind(self) -> str: ...
    @property
    def dimensions(self) -> Mapping[str, float]: ...
    @property
    def report(self) -> Mapping[str, Any]: ...


class TakenGarment(Taken, Protocol):
    """What the intake of garments adds: what it is worn as and its charts, as `Product.garment` has them."""

    @property
    def garment(self) -> Mapping[str, Any]: ...


class GarmentIntake(Protocol):
    """As `Intake`, for garments. details: what the owner says beside the file, by name: worn_as, chart, body_chart."""

    async def __call__(self, glb: bytes, details: Mapping[str, Any]) -> TakenGarment: ...


class Intake(Protocol):
    """Judges and rebuilds an uploaded GLB; raises its own errors, which pass through here unchanged."""

    async def __call__(self, glb: bytes, kind: str | None) -> Taken: ...


@dataclass(frozen=True)
class Product:
    """A product as it is worn and listed. `dimensions` are millimetres by name; digests name files of the shop.

    garment: of a garment `worn_as`, `chart` and `body_chart` (as JSON, in cm; the latter may be None).
    """

    id: UUID
    external_id: str | None
    kind: str
    name: str
    dimensions: Mapping[str, float]
    report: Mapping[str, Any]
    glb_digest: str
    thumbnail_digest: str
    published: bool
    version: int
    variants: Sequence[Mapping[str, str]]
    created_at: datetime
    updated_at: datetime
    garment: Mapping[str, Any] | None = None


class Products:
    """The products of every shop, one shop at a time."""

    def __init__(self, database: Database, files: Files, intake: Intake, garments: GarmentIntake | None = None) -> None:
        """`garments`: the intake of garments, where there is one; else `intake` is asked, and refuses them."""
        self._database = database
        self._files = files
        self._intake = intake
        self._garments = garments

    async def catalog(self, tenant_id: UUID) -> Sequence[Product]:
        """Every published product of a shop, in the owner's order, as they were within the last second."""
        return await self._database.cache.read("catalog", tenant_id, "", lambda: self._published(tenant_id))

    async def published(self, tenant_id: UUID, product_id: UUID) -> Product:
        """A product as shoppers see it, as it was within the last second. Raises UnknownProduct for one that is not
        published."""
        cache = self._database.cache
        product = await cache.read("product", tenant_id, product_id, lambda: self.get(tenant_id, product_id))
        if not product.published:
            raise UnknownProduct
        return product

    async def _published(self, tenant_id: UUID) -> list[Product]:
        async with self._database.tenant(tenant_id) as connection:
            rows = await connection.fetch("SELECT * FROM products WHERE published ORDER BY position, name, id")
        return [product_of(row) for row in rows]

    async def every(self, tenant_id: UUID) -> list[Product]:
        """Every product of a shop, published or not."""
        async with self._database.tenant(tenant_id) as connection:
            rows = await connection.fetch("SELECT * FROM products ORDER BY position, name, id")
        return [product_of(row) for row in rows]

    async def get(self, tenant_id: UUID, product_id: UUID) -> Product:
        """Raises UnknownProduct."""
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow("SELECT * FROM products WHERE id = $1", product_id)
        if row is None:
            raise UnknownProduct
        return product_of(row)

    async def model(self, tenant_id: UUID, product_id: UUID) -> bytes:
        """The canonical GLB of a product. Raises UnknownProduct."""
        product = await self.get(tenant_id, product_id)
        return await self._files.get(tenant_id, product.glb_digest)

    async def add(
        self,
        tenant_id: UUID,
        name: str,
        kind: str | None,
        glb: bytes,
        *,
        external_id: str | None = None,
        position: int = 0,
        variants: Sequence[Mapping[str, str]] | None = None,
        published: bool | None = None,
        details: Mapping[str, Any] | None = None,
        by: str = "",
    ) -> Product:
        """Take an uploaded GLB in as a product. With an `external_id`, the shop's own name for it, that product is
        made or renewed under the id it has, and the same upload again costs one query. `variants` and `published`
        that are not given stay as they are; a new product has none and is. `details`: what the owner says of a garment
        beside its file.

        `by`: who, for the audit log. Raises InvalidProduct, QuotaReached, and what the intake raises; then nothing was
        written.
        """
        name = checked_text(name, "name")
        external_id = None if external_id is None else checked_text(external_id, "external id")
        if kind is not None and kind not in KINDS:
            raise InvalidProduct("a product is glasses, a hat or a garment")
        source = source_digest(glb, details)
        given = None if variants is None else [dict(variant) for variant in variants]
        if external_id is not None:
            same = await self._same(
                tenant_id,
                external_id,
                source=source,
                name=name,
                position=position,
                variants=given,
                published=published,
            )
            if same is not None:
                return same
        async with self._database.tenant(tenant_id) as connection:  # before the intake works for nothing
            await refuse_beyond_quota(connection, external_id)
        # Neither the intake's seconds nor the store's are spent inside a transaction.
        taken, glb_digest, thumbnail_digest = await self.take_in(tenant_id, kind, glb, details)
        async with self._database.tenant(tenant_id) as connection:
            await refuse_beyond_quota(connection, external_id, len(taken.glb) + len(taken.thumbnail_png))
            row = await connection.fetchrow(
                """
                INSERT INTO products (tenant_id, id, external_id, kind, name, position, dimensions, report,
                                      source_digest, glb_digest, thumbnail_digest, bytes, variants, published, garment)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
                        COALESCE($13::jsonb, '[]'), COALESCE($14, true), $15)
                ON CONFLICT (tenant_id, external_id) DO UPDATE SET
                    kind = excluded.kind, name = excluded.name, position = excluded.position,
                    dimensions = excluded.dimensions, report = excluded.report,
                    source_digest = excluded.source_digest, glb_digest = excluded.glb_digest,
                    thumbnail_digest = excluded.thumbnail_digest, bytes = excluded.bytes,
                    garment = excluded.garment,
                    variants = COALESCE($13::jsonb, products.variants),
                    published = COALESCE($14, products.published), updated_at = now()
                RETURNING id
                """,
                tenant_id,
                uuid4(),
                external_id,
                taken.kind,
                name,
                position,
                dict(taken.dimensions),
                dict(taken.report),
                source,
                glb_digest,
                thumbnail_digest,
                len(taken.glb) + len(taken.thumbnail_png),
                given,
                published,
                garment_of(taken),
            )
            made = await write_version(connection, row["id"], by)
            await note(connection, tenant_id, by, "product.added", row["id"], name=name, version=made["version"])
            if made["published"]:
                await tell(connection, tenant_id, "product.published", {"id": str(row["id"]), "name": name})
        self._database.cache.drop(tenant_id, "products")
        return product_of(made)

    async def take_in(
        self, tenant_id: UUID, kind: str | None, glb: bytes, details: Mapping[str, Any] | None = None
    ) -> tuple[Taken, str, str]:
        """An upload through the intake and into the files: what became of it, and the digests of model and picture."""
        taken: Taken
        if kind == "garment" and self._garments is not None:
            taken = await self._garments(glb, details or {})
        elif details:
            raise InvalidProduct("only a garment has a chart")
        else:
            taken = await self._intake(glb, kind)
        glb_digest = await self._files.put(tenant_id, taken.glb, GLB)
        return taken, glb_digest, await self._files.put(tenant_id, taken.thumbnail_png, PNG)

    async def has_file(self, tenant_id: UUID, digest: str, kind: str) -> bool:
        """Whether some version of a product of the shop has this file, or it is its logo; `kind` is GLB or PNG. As it
        was within the last second."""
        cache = self._database.cache
        try:
            await cache.read("file", tenant_id, (digest, kind), lambda: self._check_file(tenant_id, digest, kind))
        except UnknownFile:
            return False
        return True

    async def _check_file(self, tenant_id: UUID, digest: str, kind: str) -> None:
        """Raises UnknownFile, so that made-up digests are not kept."""
        async with self._database.tenant(tenant_id) as connection:
            found = await connection.fetchval(
                """
                SELECT EXISTS (SELECT FROM product_versions
                                WHERE CASE WHEN $2 THEN glb_digest ELSE thumbnail_digest END = $1)
                    OR EXISTS (SELECT FROM shops WHERE logo_digest = $1 AND NOT $2)
                """,
                digest,
                kind == GLB,
            )
        if not found:
            raise UnknownFile(digest)

    async def remove(self, tenant_id: UUID, product_id: UUID, *, by: str = "") -> None:
        """Take a product out of the shop. Raises UnknownProduct. Its files stay: another product may share them."""
        async with self._database.tenant(tenant_id) as connection:
            name = await connection.fetchval("DELETE FROM products WHERE id = $1 RETURNING name", product_id)
            if name is None:
                raise UnknownProduct
            await note_storage_freed(connection, tenant_id, product_id)
            await note(connection, tenant_id, by, "product.removed", product_id, name=name)
        self._database.cache.drop(tenant_id, "products removed")

    async def by_external_id(self, tenant_id: UUID, external_ids: Sequence[str]) -> dict[str, Product]:
        """Those of these that the shop has."""
        async with self._database.tenant(tenant_id) as connection:
            rows = await connection.fetch(
                "SELECT * FROM products WHERE external_id = ANY ($1::text[])", list(external_ids)
            )
        return {row["external_id"]: product_of(row) for row in rows}

    async def _same(
        self,
        tenant_id: UUID,
        external_id: str,
        *,
        source: str,
        name: str,
        position: int,
        variants: list[dict[str, str]] | None,
        published: bool | None,
    ) -> Product | None:
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow(
                """
                SELECT * FROM products
                 WHERE external_id = $1 AND source_digest = $2 AND name = $3 AND position = $4
                   AND variants = COALESCE($5::jsonb, variants) AND published = COALESCE($6, published)
                """,
                external_id,
                source,
                name,
                position,
                variants,
                published,
            )
        return None if row is None else product_of(row)


async def refuse_beyond_quota(
    connection: asyncpg.Connection, external_id: str | None, more_bytes: int = 0, *, more_products: int = 1
) -> None:
    """Raises QuotaReached when the shop's plan has no room. `external_id`: a product of this name, if it is there, is
    renewed and not added. Who writes products of a shop waits here for whoever does so just now."""
    shop = await connection.fetchrow(
        """
        SELECT plan, (SELECT COALESCE(sum(quantity), 0) FROM usage_events WHERE kind = 'storage') AS bytes,
               (SELECT count(*) FROM products) AS products,
               EXISTS (SELECT FROM products WHERE external_id = $1) AS renewed
          FROM shops FOR NO KEY UPDATE
        """,
        external_id,
    )
    if shop is None:
        return
    plan = plan_of(shop["plan"])
    if not shop["renewed"] and shop["products"] + more_products > plan.most_products:
        raise QuotaReached(f"The plan {plan.name} has room for {plan.most_products:,} products.")
    if shop["bytes"] + more_bytes > plan.most_gb * BYTES_PER_GB:
        raise QuotaReached(f"The plan {plan.name} has room for {plan.most_gb:g} GB of models and pictures.")


async def write_version(connection: asyncpg.Connection, product_id: UUID, by: str) -> asyncpg.Record:
    """Keep the product's state as its newest version, and count its bytes; returns the product's row."""
    made = await connection.fetchrow(
        """
        INSERT INTO product_versions (tenant_id, product_id, number, kind, name, variants, dimensions, report,
                                      source_digest, glb_digest, thumbnail_digest, bytes, garment, made_by)
        SELECT tenant_id, id, 1 + (SELECT COALESCE(max(number), 0) FROM product_versions WHERE product_id = $1),
               kind, name, variants, dimensions, report, source_digest, glb_digest, thumbnail_digest, bytes, garment, $2
          FROM products WHERE id = $1
        RETURNING tenant_id, number, bytes,
                  EXISTS (SELECT FROM product_versions old
                           WHERE old.product_id = $1 AND old.glb_digest = product_versions.glb_digest) AS had_before
        """,
        product_id,
        by,
    )
    if not made["had_before"]:
        await note_storage(connection, made["tenant_id"], product_id, made["number"], made["bytes"])
    return await connection.fetchrow(
        "UPDATE products SET version = $2 WHERE id = $1 RETURNING *", product_id, made["number"]
    )


def source_digest(glb: bytes, details: Mapping[str, Any] | None) -> str:
    """Of an upload with what was said beside it, to know the same one again."""
    digest = hashlib.sha256(glb)
    if details:
        digest.update(json.dumps(details, sort_keys=True).encode())
    return digest.hexdigest()


def garment_of(taken: Taken) -> dict[str, Any] | None:
    """What the intake of garments said of one; None of other products."""
    garment = getattr(taken, "garment", None)
    return None if garment is None else dict(garment)


def checked_text(text: str, what: str) -> str:
    text = text.strip()
    if not text or len(text) > 200 or not text.isprintable():
        raise InvalidProduct(f"a product's {what} has 1 to 200 printable characters")
    return text


def product_of(row: asyncpg.Record) -> Product:
    return Product(
        id=row["id"],
        external_id=row["external_id"],
        kind=row["kind"],
        name=row["name"],
        dimensions=row["dimensions"],
        report=row["report"],
        glb_digest=row["glb_digest"],
        thumbnail_digest=row["thumbnail_digest"],
        published=row["published"],
        version=row["version"],
        variants=row["variants"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        garment=row["garment"],
    )
