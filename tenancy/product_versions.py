"""What an owner changes of a product, and the way back: every state is kept, and the product stands at one of them.

Undo and restore move the product to a state it had; nothing is lost by it, and a later change becomes a new version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from tenancy.audit import note
from tenancy.database import Database
from tenancy.errors import InvalidProduct, UnknownProduct
from tenancy.events import tell
from tenancy.products import (
    Product,
    Products,
    checked_text,
    garment_of,
    product_of,
    refuse_beyond_quota,
    source_digest,
    write_version,
)


@dataclass(frozen=True)
class Version:
    """A state that a product had."""

    number: int
    kind: str
    name: str
    variants: Sequence[Mapping[str, str]]
    dimensions: Mapping[str, float]
    report: Mapping[str, Any]
    glb_digest: str
    thumbnail_digest: str
    bytes: int
    made_by: str
    made_at: datetime


class ProductVersions:
    """Changes, publishes and takes back. `by`: who, for the audit log."""

    def __init__(self, database: Database, products: Products) -> None:
        self._database = database
        self._products = products

    async def change(
        self,
        tenant_id: UUID,
        product_id: UUID,
        *,
        name: str | None = None,
        variants: Sequence[Mapping[str, str]] | None = None,
        published: bool | None = None,
        by: str,
    ) -> Product:
        """What is given, all of it or nothing; the rest stays. Another name or other variants make a new version;
        `published`, whether shoppers see the product, makes none. Raises UnknownProduct, InvalidProduct."""
        name = None if name is None else checked_text(name, "name")
        skus = [variant["sku"].strip() for variant in variants or ()]
        if len(set(skus)) < len(skus) or not all(skus):
            raise InvalidProduct("each variant has a SKU of its own")
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow("SELECT * FROM products WHERE id = $1 FOR UPDATE", product_id)
            if row is None:
                raise UnknownProduct
            if name is not None or variants is not None:
                await connection.execute(
                    """
                    UPDATE products SET name = COALESCE($2, name), variants = COALESCE($3::jsonb, variants),
                           updated_at = now()
                     WHERE id = $1
                    """,
                    product_id,
                    name,
                    None if variants is None else [dict(variant) for variant in variants],
                )
                row = await write_version(connection, product_id, by)
                await note(connection, tenant_id, by, "product.changed", product_id, version=row["version"])
            if published not in (None, row["published"]):
                row = await _publish(connection, tenant_id, product_id, published is True, by)
        self._database.cache.drop(tenant_id, "products")
        return product_of(row)

    async def replace_model(
        self,
        tenant_id: UUID,
        product_id: UUID,
        glb: bytes,
        *,
        details: Mapping[str, Any] | None = None,
        by: str,
    ) -> Product:
        """A new version with another model; a garment's charts stay as they are where `details` does not say.

        Raises UnknownProduct, QuotaReached, and what the intake raises.
        """
        product = await self._products.get(tenant_id, product_id)
        if product.garment is not None:
            details = {**{name: said for name, said in product.garment.items() if said}, **(details or {})}
        taken, glb_digest, thumbnail_digest = await self._products.take_in(tenant_id, product.kind, glb, details)
        async with self._database.tenant(tenant_id) as connection:
            await refuse_beyond_quota(connection, None, len(taken.glb) + len(taken.thumbnail_png), more_products=0)
            found = await connection.fetchval(
                """
                UPDATE products SET dimensions = $2, report = $3, source_digest = $4, glb_digest = $5,
                       thumbnail_digest = $6, bytes = $7, garment = $8, updated_at = now()
                 WHERE id = $1 RETURNING id
                """,
                product_id,
                dict(taken.dimensions),
                dict(taken.report),
                source_digest(glb, details),
                glb_digest,
                thumbnail_digest,
                len(taken.glb) + len(taken.thumbnail_png),
                garment_of(taken),
            )
            if found is None:
                raise UnknownProduct
            row = await write_version(connection, product_id, by)
            await note(connection, tenant_id, by, "product.model-replaced", product_id, version=row["version"])
        self._database.cache.drop(tenant_id, "products")
        return product_of(row)

    async def versions(self, tenant_id: UUID, product_id: UUID) -> list[Version]:
        """Every state of a product, the newest first. Raises UnknownProduct."""
        async with self._database.tenant(tenant_id) as connection:
            rows = await connection.fetch(
                """
                SELECT number, kind, name, variants, dimensions, report, glb_digest, thumbnail_digest, bytes,
                       made_by, made_at
                  FROM product_versions WHERE product_id = $1 ORDER BY number DESC
                """,
                product_id,
            )
        if not rows:
            raise UnknownProduct
        return [Version(**row) for row in rows]

    async def undo(self, tenant_id: UUID, product_id: UUID, *, by: str) -> Product:
        """Back to the state before the one it stands at; at the first there is nothing to undo. Raises
        UnknownProduct."""
        product = await self._products.get(tenant_id, product_id)
        if product.version == 1:
            return product
        return await self.restore(tenant_id, product_id, product.version - 1, by=by)

    async def restore(self, tenant_id: UUID, product_id: UUID, number: int, *, by: str) -> Product:
        """To the state of a version. Raises UnknownProduct, also if it has no such version."""
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow(
                """
                UPDATE products p SET version = v.number, kind = v.kind, name = v.name, variants = v.variants,
                       dimensions = v.dimensions, report = v.report, source_digest = v.source_digest,
                       glb_digest = v.glb_digest, thumbnail_digest = v.thumbnail_digest, bytes = v.bytes,
                       garment = v.garment,
                       updated_at = now()
                  FROM product_versions v
                 WHERE p.id = $1 AND v.product_id = p.id AND v.number = $2
                RETURNING p.*
                """,
                product_id,
                number,
            )
            if row is None:
                raise UnknownProduct
            await note(connection, tenant_id, by, "product.restored", product_id, version=number)
        self._database.cache.drop(tenant_id, "products")
        return product_of(row)


async def _publish(
    connection: asyncpg.Connection, tenant_id: UUID, product_id: UUID, published: bool, by: str
) -> asyncpg.Record:
    row = await connection.fetchrow(
        "UPDATE products SET published = $2, updated_at = now() WHERE id = $1 RETURNING *", product_id, published
    )
    if published:
        await tell(connection, tenant_id, "product.published", {"id": str(product_id), "name": row["name"]})
    action = "product.published" if published else "product.unpublished"
    await note(connection, tenant_id, by, action, product_id)
    return row
