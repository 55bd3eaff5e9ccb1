"""A shop's products. Every model, the demo shop's own too, comes in by the same way: intake, files, row."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID, uuid4

import asyncpg

from tenancy.database import Database
from tenancy.errors import InvalidProduct, UnknownProduct
from tenancy.files import Files

KINDS = ("glasses", "hat", "garment")
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


class Intake(Protocol):
    """Judges and rebuilds an uploaded GLB; raises its own errors, which pass through here unchanged."""

    async def __call__(self, glb: bytes, kind: str | None) -> Taken: ...


@dataclass(frozen=True)
class Product:
    """A product as it is worn and listed. `dimensions` are millimetres by name; digests name files of the shop."""

    id: UUID
    external_id: str | None
    kind: str
    name: str
    dimensions: Mapping[str, float]
    report: Mapping[str, Any]
    glb_digest: str
    thumbnail_digest: str
    created_at: datetime
    updated_at: datetime


class Products:
    """The products of every shop, one shop at a time."""

    def __init__(self, database: Database, files: Files, intake: Intake) -> None:
        self._database = database
        self._files = files
        self._intake = intake

    async def catalog(self, tenant_id: UUID) -> list[Product]:
        """Every product of a shop, in the owner's order. One query."""
        async with self._database.tenant(tenant_id) as connection:
            rows = await connection.fetch("SELECT * FROM products ORDER BY position, name, id")
        return [_product(row) for row in rows]

    async def get(self, tenant_id: UUID, product_id: UUID) -> Product:
        """Raises UnknownProduct."""
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow("SELECT * FROM products WHERE id = $1", product_id)
        if row is None:
            raise UnknownProduct
        return _product(row)

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
    ) -> Product:
        """Take an uploaded GLB in as a product. With an `external_id`, the shop's own name for it, that product is
        made or renewed under the id it has, and the same upload again costs one query.

        Raises InvalidProduct, and what the intake raises; then nothing was written.
        """
        name = _checked(name, "name")
        external_id = None if external_id is None else _checked(external_id, "external id")
        if kind is not None and kind not in KINDS:
            raise InvalidProduct("a product is glasses, a hat or a garment")
        source = hashlib.sha256(glb).hexdigest()
        if external_id is not None and (same := await self._same(tenant_id, external_id, source, name, position)):
            return same
        # Neither the intake's seconds nor the store's are spent inside a transaction.
        taken = await self._intake(glb, kind)
        glb_digest = await self._files.put(tenant_id, taken.glb, GLB)
        thumbnail_digest = await self._files.put(tenant_id, taken.thumbnail_png, PNG)
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow(
                """
                INSERT INTO products (tenant_id, id, external_id, kind, name, position, dimensions, report,
                                      source_digest, glb_digest, thumbnail_digest)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
                ON CONFLICT (tenant_id, external_id) DO UPDATE SET
                    kind = excluded.kind, name = excluded.name, position = excluded.position,
                    dimensions = excluded.dimensions, report = excluded.report,
                    source_digest = excluded.source_digest, glb_digest = excluded.glb_digest,
                    thumbnail_digest = excluded.thumbnail_digest, updated_at = now()
                RETURNING *
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
            )
        return _product(row)

    async def remove(self, tenant_id: UUID, product_id: UUID) -> None:
        """Take a product out of the shop. Raises UnknownProduct. Its files stay: another product may share them."""
        async with self._database.tenant(tenant_id) as connection:
            done = await connection.execute("DELETE FROM products WHERE id = $1", product_id)
        if done != "DELETE 1":
            raise UnknownProduct

    async def _same(self, tenant_id: UUID, external_id: str, source: str, name: str, position: int) -> Product | None:
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow(
                """
                SELECT * FROM products
                 WHERE external_id = $1 AND source_digest = $2 AND name = $3 AND position = $4
                """,
                external_id,
                source,
                name,
                position,
            )
        return None if row is None else _product(row)


def _checked(text: str, what: str) -> str:
    text = text.strip()
    if not text or len(text) > 200 or not text.isprintable():
        raise InvalidProduct(f"a product's {what} has 1 to 200 printable characters")
    return text


def _product(row: asyncpg.Record) -> Product:
    return Product(
        id=row["id"],
        external_id=row["external_id"],
        kind=row["kind"],
        name=row["name"],
        dimensions=row["dimensions"],
        report=row["report"],
        glb_digest=row["glb_digest"],
        thumbnail_digest=row["thumbnail_digest"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
