"""The pages behind the login that show the shop's business: products, looks, usage, privacy."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

from aiohttp import web

from tenancy.colours import contrast
from tenancy.fonts import OPEN_FONTS
from tenancy.owners import Owners
from tenancy.plans import PLANS
from tenancy.principals import Principal
from tenancy.retention import BOUNDS
from web.dashboard.door import Door, Fill
from web.dashboard.plots import columns
from web.dashboard.style import PAPER, logo_path
from web.dashboard.tongue import Tongue
from web.dashboard.words import DIMENSIONS
from web.imports import import_shown
from web.languages import LANGUAGES, words
from web.owner import shown
from web.requests import uuid_or_unknown

_LEAST_BUTTON = 3.0  # WCAG 2.2, 1.4.11: what a button's colour needs to stand out from the ground


@dataclass(frozen=True)
class Rooms:
    """The handlers."""

    owners: Owners
    door: Door

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Pages are for people: they are no part of the described interface."""
        rooms: tuple[tuple[str, str, str, Fill], ...] = (
            ("/products", "products.html", "products:read", self._products),
            ("/products/{product}", "product.html", "products:read", self._product),
            ("/products/imports/{import}", "import.html", "products:read", self._import),
            ("/look", "look.html", "shop:write", self._look),
            ("/usage", "usage.html", "usage:read", self._usage),
            ("/privacy", "privacy.html", "shop:write", self._privacy),
        )
        for path, template, right, fill in rooms:
            router.add_get("/dashboard" + path, self.door.room(template, right, fill))

    async def _products(self, _request: web.Request, who: Principal) -> dict[str, Any]:
        products = [shown(who.shop, product) for product in await self.owners.products.every(who.shop.id)]
        room = await self.owners.usage.room(who.shop.id)
        return {"products": products, "room": room, "latest": await self.owners.imports.latest(who.shop.id)}

    async def _import(self, request: web.Request, who: Principal) -> dict[str, Any]:
        found = uuid_or_unknown(request.match_info["import"], "unknown-import")
        return {"found": import_shown(await self.owners.imports.get(who.shop.id, found))}

    async def _product(self, request: web.Request, who: Principal) -> dict[str, Any]:
        product = uuid_or_unknown(request.match_info["product"], "unknown-product")
        return {
            "product": shown(who.shop, await self.owners.products.get(who.shop.id, product)),
            "dimensions": DIMENSIONS,
            "versions": await self.owners.versions.versions(who.shop.id, product),
        }

    async def _look(self, request: web.Request, who: Principal) -> dict[str, Any]:
        settings = await self.owners.settings.read(who.shop.id)
        tongue = request.query.get("tongue", "")
        tongue = tongue if tongue in LANGUAGES else settings.language or Tongue.of(request).code
        return {
            "settings": settings,
            "logo": logo_path(settings),
            "page": f"/s/{quote(settings.slug)}",
            "fonts": OPEN_FONTS,
            "languages": LANGUAGES,
            "tongue": tongue,
            "words": {key: text for key, text in words(tongue).items() if not key.startswith("privacy.")},
            "own": settings.words.get(tongue, {}),
            "domains": await self.owners.domains.of_shop(who.shop.id),
            "products": await self.owners.products.every(who.shop.id),
            "address": self.door.access.public_url or f"{request.scheme}://{request.host}",
            "hard_to_see": bool(settings.accent and contrast(settings.accent, settings.paper or PAPER) < _LEAST_BUTTON),
        }

    async def _usage(self, request: web.Request, who: Principal) -> dict[str, Any]:
        month, days = await self.owners.usage.month(who.shop.id), await self.owners.usage.days(who.shop.id)
        settings = await self.owners.settings.read(who.shop.id)
        say = Tongue.of(request)
        minutes = columns(
            [(day.day, round(day.minutes, 1)) for day in days],
            title=say("Minutes a day, last 30 days"),
            named=say.day_of_month,
        )
        room = await self.owners.usage.room(who.shop.id)
        return {
            "month": month,
            "plot": minutes,
            "plans": PLANS.values(),
            "settings": settings,
            "days": days,
            "room": room,
        }

    async def _privacy(self, _request: web.Request, who: Principal) -> dict[str, Any]:
        return {
            "standing": await self.owners.own_account.standing(self.door.access.member(who)),
            "settings": await self.owners.settings.read(who.shop.id),
            "retention": asdict(await self.owners.retentions.read(who.shop.id)),
            "held": await self.owners.retentions.held(who.shop.id),
            "bounds": BOUNDS,
            "closing": await self.owners.closures.state(who.shop.id),
        }
