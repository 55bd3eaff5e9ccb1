"""The pages behind the login that are about who may do what: keys, webhooks, team, audit log, one's own account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tenancy.audit import lines
from tenancy.errors import ProofRequired
from tenancy.events import EVENTS
from tenancy.owners import Owners
from tenancy.principals import KEY_SCOPES, Principal
from tenancy.team import MOST_INVITATIONS, ROLES
from web.access import Access
from web.dashboard.door import Door, Fill
from web.dashboard.entrance import qr_code
from web.dashboard.words import DEEDS, RIGHTS, target_of
from web.requests import uuid_or_unknown

PAGE = 50


@dataclass(frozen=True)
class Office:
    """The handlers."""

    owners: Owners
    access: Access
    door: Door

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Pages are for people: they are no part of the described interface."""
        rooms: tuple[tuple[str, str, str, Fill], ...] = (
            ("/keys", "keys.html", "keys:write", self._keys),
            ("/webhooks", "webhooks.html", "webhooks:write", self._webhooks),
            ("/webhooks/{webhook}", "webhook.html", "webhooks:write", self._webhook),
            ("/team", "team.html", "team:write", self._team),
            ("/audit", "audit.html", "audit:read", self._audit),
            ("/me", "me.html", "products:read", self._me),
        )
        for path, template, right, fill in rooms:
            router.add_get("/dashboard" + path, self.door.room(template, right, fill))
        router.add_post("/dashboard/me/app", self.post_app)

    async def post_app(self, request: web.Request) -> web.Response:
        """The QR code of another app, to be proven; without a fresh proof the page is told to ask for one."""
        who = await self.access.principal(request)
        try:
            offered = await self.owners.own_account.offer_app(self.access.member(who), shop=who.shop)
        except ProofRequired:
            return web.Response(headers={"HX-Reswap": "none", "HX-Trigger": "proof-required"})
        drawn = qr_code(offered.uri)
        return self.door.shell.page(request, "app_form.html", secret=offered.secret, drawn=drawn)

    async def _keys(self, _request: web.Request, who: Principal) -> dict[str, Any]:
        return {"keys": await self.owners.credentials.keys(who.shop.id), "scopes": sorted(KEY_SCOPES), "rights": RIGHTS}

    async def _webhooks(self, _request: web.Request, who: Principal) -> dict[str, Any]:
        return {"webhooks": await self.owners.webhooks.every(who.shop.id), "events": EVENTS}

    async def _webhook(self, request: web.Request, who: Principal) -> dict[str, Any]:
        wanted = uuid_or_unknown(request.match_info["webhook"], "unknown-webhook")
        deliveries = await self.owners.webhooks.deliveries(who.shop.id, wanted)
        webhook = next(one for one in await self.owners.webhooks.every(who.shop.id) if one.id == wanted)
        waiting = any(one.state == "waiting" for one in deliveries)
        return {"webhook": webhook, "deliveries": deliveries, "waiting": waiting}

    async def _team(self, _request: web.Request, who: Principal) -> dict[str, Any]:
        return {"people": await self.owners.team.people(who.shop.id), "roles": ROLES, "most": MOST_INVITATIONS}

    async def _audit(self, request: web.Request, who: Principal) -> dict[str, Any]:
        before = request.query.get("before", "")
        known = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
        found, shop = await lines(self.owners.database, who.shop.id, before=known, most=PAGE), who.shop.id
        named = {str(product.id): product.name for product in await self.owners.products.every(shop)}
        named |= {str(key.id): key.label or key.shown for key in await self.owners.credentials.keys(shop)}
        named |= {str(webhook.id): webhook.url for webhook in await self.owners.webhooks.every(shop)}
        told = [(line, DEEDS.get(line.action, line.action), target_of(line, named)) for line in found]
        return {"lines": told, "older": found[-1].id if len(found) == PAGE else None}

    async def _me(self, _request: web.Request, who: Principal) -> dict[str, Any]:
        member = self.access.member(who)
        return {
            "logins": await self.owners.logins.open_logins(member),
            "standing": await self.owners.own_account.standing(member),
        }
