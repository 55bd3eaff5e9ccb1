"""Which region a consent is given in, for its receipt: what a proxy of ours says, else the shop, else the installation.

Nobody is asked where an address lies: no address leaves the installation for that.
"""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from tenancy.regions import region_code
from tenancy.shops import Shop


@dataclass(frozen=True)
class Regions:
    """`header`: the one in which a proxy in front names the caller's region, having taken off what the caller sent.
    `otherwise`: the installation's own."""

    header: str | None = None
    otherwise: str | None = None

    def of(self, request: web.Request, shop: Shop) -> str | None:
        """A code of `tenancy.regions`, or None if nobody says."""
        told = region_code(request.headers.get(self.header)) if self.header else None
        return told or shop.region or self.otherwise


NOWHERE = Regions()
