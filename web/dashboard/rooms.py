"""The pages behind the login that show the shop's business: what is live, products, looks, usage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aiohttp import web

from rtc.placement import Placement
from tenancy.owners import Owners
from tenancy.plans import PLANS
from tenancy.principals import Principal
from web.dashboard.door import Door, Fill
from web.dashboard.plots import columns
from web.dashboard.style import logo_path
from web.files import file_path
from web.owner import shown
from web.requests import uuid_or_unknown


@dataclass(frozen=True)
class Rooms:
    """The handlers."""

    owners: Owners
    door: Door
    placement: Placement

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Pages are for people: they are no part of the described interface."""
        rooms: tuple[tuple[str, str, str, Fill], ...] = (
            ("", "overview.html", "products:read", self._overview),
            ("/live", "live.html", "products:read", self._live),
            ("/products", "products.html", "products:read", self._products),
            ("/products/{product}", "product.html", "products:read", self._product),
            ("/look", "look.html", "shop:write", self._look),
            ("/usage", "usage.html", "usage:read", self._usage),
        )
        for path, template, right, fill in rooms:
            router.add_get("/dashboard" + path, self.door.room(template, right, fill))

    async def _overview(self, request: web.Request, who: Principal) -> dict[str, Any]:
        usage, shop = self.owners.usage, who.shop
        days, month = await usage.days(shop.id), await usage.month(shop.id)
        names = {product.id: product for product in await self.owners.products.every(shop.id)}
        worn = [
            (names[item.product_id], item.try_ons)
            for item in await usage.most_worn(shop.id)
            if item.product_id in names
        ]
        total = sum(day.try_ons for day in days)
        return {
            **await self._live(request, who),
            "days": days,
            "plot": columns([(day.day, day.try_ons) for day in days], title=f"{total} try-ons in the last 30 days"),
            "total": total,
            "month": month,
            "worn": worn[:8],
            "most": max((count for _, count in worn), default=1),
            "thumbnail": lambda product: file_path(shop, product.thumbnail_digest, "png"),
            "products": len(names),
        }

    async def _live(self, _request: web.Request, who: Principal) -> dict[str, Any]:
        try:
            nodes = await self.placement.nodes()
        except Exception:  # what is live is a courtesy: the page comes without it
            return {"live": None}
        return {"live": sum(node.tenants.get(str(who.shop.id), 0) for node in nodes)}

    async def _products(self, _request: web.Request, who: Principal) -> dict[str, Any]:
        return {"products": [shown(who.shop, product) for product in await self.owners.products.every(who.shop.id)]}

    async def _product(self, request: web.Request, who: Principal) -> dict[str, Any]:
        product = uuid_or_unknown(request.match_info["product"], "unknown-product")
        return {
            "product": shown(who.shop, await self.owners.products.get(who.shop.id, product)),
            "versions": await self.owners.versions.versions(who.shop.id, product),
        }

    async def _look(self, _request: web.Request, who: Principal) -> dict[str, Any]:
        settings = await self.owners.settings.read(who.shop.id)
        return {"settings": settings, "logo": logo_path(settings), "page": f"/s/{quote(settings.slug)}"}

    async def _usage(self, _request: web.Request, who: Principal) -> dict[str, Any]:
        month, days = await self.owners.usage.month(who.shop.id), await self.owners.usage.days(who.shop.id)
        settings = await self.owners.settings.read(who.shop.id)
        minutes = columns([(day.day, round(day.minutes, 1)) for day in days], title="Minutes a day, last 30 days")
        return {"month": month, "plot": minutes, "plans": PLANS.values(), "settings": settings, "days": days}
