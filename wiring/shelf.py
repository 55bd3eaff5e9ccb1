"""A shop's products as a media process asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from rtc.offers import UnknownProduct
from tenancy.errors import UnknownFile
from tenancy.errors import UnknownProduct as NotInShop
from tenancy.files import Files
from tenancy.products import Products


@dataclass(frozen=True)
class Shelf:
    """Where a media process finds what a shopper wears (`rtc.wardrobe.ProductSource`)."""

    products: Products
    files: Files

    async def digest(self, tenant: str, product: str) -> str:
        """The content hash of a product's model. Raises rtc's UnknownProduct."""
        try:
            found = await self.products.published(UUID(tenant), UUID(product))
        except (NotInShop, ValueError):
            raise UnknownProduct from None
        if found.kind == "garment":  # worn on avatars alone
            raise UnknownProduct
        return found.glb_digest

    async def read(self, tenant: str, digest: str) -> bytes:
        """The model with this hash. Raises rtc's UnknownProduct."""
        try:
            return await self.files.get(UUID(tenant), digest)
        except UnknownFile:
            raise UnknownProduct from None

    async def offered(self, tenant: str) -> list[str]:
        """Ids of the published products that are worn live."""
        return [
            str(found.id) for found in await self.products.catalog(UUID(tenant)) if found.kind in ("glasses", "hat")
        ]
