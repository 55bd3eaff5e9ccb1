"""The demo shop, for `demo.seed` to fill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from uuid import UUID

from tenancy.credentials import Shop
from tenancy.products import Products
from wiring.stores import Stores


@dataclass(frozen=True)
class DemoShop:
    """The demo shop as `demo.seed` sees it."""

    shop: Shop
    all_products: Products

    @classmethod
    async def at(cls, stores: Stores, slug: str) -> Self:
        """The shop itself, made if it is not there."""
        shop = await stores.credentials.ensure_shop(slug, "Vitrine Demo", "pk_demo")
        return cls(shop, stores.products)

    async def products(self) -> dict[str, UUID]:
        there = await self.all_products.catalog(self.shop.id)
        return {product.external_id: product.id for product in there if product.external_id}

    async def add(self, name: str, kind: str, glb: bytes, external_id: str, position: int) -> None:
        await self.all_products.add(self.shop.id, name, kind, glb, external_id=external_id, position=position)

    async def remove(self, product: UUID) -> None:
        await self.all_products.remove(self.shop.id, product)
