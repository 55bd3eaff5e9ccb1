"""The products that a media process has in memory, shared by all its sessions."""

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

from render.product import ProductError, Wearable, load_wearable
from rtc.offers import Unavailable, UnknownProduct
from rtc.session import Dressing

CAPACITY = 128  # wearables; some 2 MB each
DIGESTS = 4096
PREPARED = 16  # of a shop, before anybody asks for them: eight shops fit into what is kept
BREATH_S = 0.03
PATIENCE_S = 4.0  # with a database that does not answer; the web waits for ten
log = logging.getLogger("vitrine.wardrobe")


class ProductSource(Protocol):
    """Where product files come from; filled in by the composition root."""

    async def digest(self, tenant: str, product: str) -> str:
        """The content hash of a product's current model; raises UnknownProduct."""

    async def read(self, tenant: str, digest: str) -> bytes:
        """The canonical GLB with this content hash; raises UnknownProduct."""

    async def offered(self, tenant: str) -> Sequence[str]:
        """What the shop's shoppers can wear live, in the owner's order."""


class Wardrobe:
    """Loads wearables once and keeps the most recently worn ones.

    While the source is away, products are worn in the version that was worn last.
    """

    def __init__(self, source: ProductSource) -> None:
        self._source = source
        self._digests: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._loaded: OrderedDict[tuple[str, str], asyncio.Task[Wearable]] = OrderedDict()

    async def dress(self, tenant: str, products: tuple[str, ...]) -> Dressing:
        """Everything needed to wear these products; raises UnknownProduct, Unavailable."""
        digests = [await self._digest(tenant, product) for product in products]
        wearables = tuple([await self._wearable(tenant, digest) for digest in digests])
        widths = [w.dimensions.get("frame_width_mm") for w in wearables if w.kind == "glasses"]
        return Dressing(products, wearables, widths[0] if widths else None)

    async def prepare(self, tenant: str) -> None:
        """Load what a shopper of this shop may put on next, so that it is on at once when she taps on it.

        One after the other and with a breath between them: pictures come first. What cannot be had is left out; who
        wants it will be told why.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                offered = await self._source.offered(tenant)
        except Exception:
            log.info("products-not-prepared", exc_info=True)
            return
        for product in offered[:PREPARED]:
            with contextlib.suppress(UnknownProduct, Unavailable):
                await self.dress(tenant, (product,))
            await asyncio.sleep(BREATH_S)

    async def _digest(self, tenant: str, product: str) -> str:
        key = (tenant, product)
        try:
            async with asyncio.timeout(PATIENCE_S):
                digest = await self._source.digest(tenant, product)
        except UnknownProduct:
            self._digests.pop(key, None)
            raise
        except Exception as error:  # whatever the source stands on is away
            if key not in self._digests:
                raise _away(error) from error
            digest = self._digests[key]
        self._digests[key] = digest
        self._digests.move_to_end(key)
        while len(self._digests) > DIGESTS:
            self._digests.popitem(last=False)
        return digest

    async def _wearable(self, tenant: str, digest: str) -> Wearable:
        key = (tenant, digest)
        task = self._loaded.get(key)
        if task is None:
            task = self._loaded[key] = asyncio.create_task(self._load(tenant, digest))
        self._loaded.move_to_end(key)
        while len(self._loaded) > CAPACITY:
            self._loaded.popitem(last=False)
        try:
            return await asyncio.shield(task)
        except BaseException:
            if task.done() and self._loaded.get(key) is task:
                del self._loaded[key]
            raise

    async def _load(self, tenant: str, digest: str) -> Wearable:
        try:
            async with asyncio.timeout(PATIENCE_S):
                glb = await self._source.read(tenant, digest)
        except UnknownProduct:
            raise
        except Exception as error:
            raise _away(error) from error
        try:
            return await asyncio.to_thread(load_wearable, glb)
        except ProductError as error:
            raise UnknownProduct from error


def _away(error: Exception) -> Unavailable:
    log.warning("products-not-loaded", exc_info=error)
    return Unavailable("the shop's products do not answer")
