"""The pages behind the login: what is live, products, keys, team, looks, usage, audit, one's own logins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aiohttp import web

from rtc.placement import Placement
from tenancy.audit import lines
from tenancy.owners import Owners
from tenancy.plans import PLANS
from tenancy.principals import KEY_SCOPES, Principal
from tenancy.team import ROLES
from web.access import Access
from web.dashboard.look import logo_path
from web.dashboard.plots import columns
from web.dashboard.shell import Shell
from web.files import file_path
from web.owner import shown
from web.problem import Problem
from web.requests import uuid_or_unknown

ROOMS = (  # path, name, the right it takes
    ("", "Overview", "products:read"),
    ("products", "Products", "products:read"),
    ("look", "Look", "shop:write"),
    ("keys", "Keys", "keys:write"),
    ("team", "Team", "team:write"),
    ("usage", "Usage", "usage:read"),
    ("audit", "Audit", "audit:read"),
)
Fill = Callable[[web.Request, Principal], Awaitable[dict[str, Any]]]


@dataclass(frozen=True)
class Rooms:
    """The handlers."""

    owners: Owners
    access: Access
    shell: Shell
    placement: Placement

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Pages are for people: they are no part of the described interface."""
        rooms: tuple[tuple[str, str, str, Fill], ...] = (
            ("", "overview.html", "products:read", self._overview),
            ("/live", "live.html", "products:read", self._live),
            ("/products", "products.html", "products:read", self._products),
            ("/products/{product}", "product.html", "products:read", self._product),
            ("/look", "look.html", "shop:write", self._look),
            ("/keys", "keys.html", "keys:write", self._keys),
            ("/team", "team.html", "team:write", self._team),
            ("/usage", "usage.html", "usage:read", self._usage),
            ("/audit", "audit.html", "audit:read", self._audit),
            ("/me", "me.html", "products:read", self._me),
        )
        for path, template, right, fill in rooms:
            router.add_get("/dashboard" + path, self._room(template, right, fill))

    def _room(self, template: str, right: str, fill: Fill) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def room(request: web.Request) -> web.Response:
            who = await self.access.visitor(request)
            if who is None:
                if "HX-Request" in request.headers:
                    return web.Response(headers={"HX-Redirect": "/dashboard/login"})
                raise web.HTTPSeeOther("/dashboard/login")
            if right not in who.rights:
                raise Problem("not-allowed")
            there = [(f"/dashboard/{path}".rstrip("/"), name) for path, name, takes in ROOMS if takes in who.rights]
            given = await fill(request, who)
            return self.shell.page(request, template, who=who, rooms=there, path=request.path, **given)

        return room

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

    async def _keys(self, _request: web.Request, who: Principal) -> dict[str, Any]:
        return {"keys": await self.owners.credentials.keys(who.shop.id), "scopes": sorted(KEY_SCOPES)}

    async def _team(self, _request: web.Request, who: Principal) -> dict[str, Any]:
        return {"people": await self.owners.team.people(who.shop.id), "roles": ROLES}

    async def _usage(self, _request: web.Request, who: Principal) -> dict[str, Any]:
        month, days = await self.owners.usage.month(who.shop.id), await self.owners.usage.days(who.shop.id)
        settings = await self.owners.settings.read(who.shop.id)
        minutes = columns([(day.day, round(day.minutes, 1)) for day in days], title="Minutes a day, last 30 days")
        return {"month": month, "plot": minutes, "plans": PLANS.values(), "settings": settings, "days": days}

    async def _audit(self, request: web.Request, who: Principal) -> dict[str, Any]:
        before = request.query.get("before", "")
        known = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
        return {"lines": await lines(self.owners.database, who.shop.id, before=known, most=50)}

    async def _me(self, _request: web.Request, who: Principal) -> dict[str, Any]:
        assert who.member
        return {"logins": await self.owners.logins.open_logins(who.member)}
