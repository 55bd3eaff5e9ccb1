"""The owner's calls about keeping: how long what is kept, and the end of the shop."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from aiohttp import web

from tenancy.errors import ProofRequired
from tenancy.owners import Owners
from tenancy.shops import Shop
from web import contract_privacy as contract
from web.access import Access, owners_call
from web.openapi import Answer, Operation
from web.requests import json_answer, read_json


@dataclass(frozen=True)
class ShopPrivacy:
    """The handlers."""

    owners: Owners
    access: Access

    async def get_privacy(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "shop:write")
        return await self._shown(who.shop)

    async def change_retention(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "shop:write")
        given = await read_json(request, contract.RetentionChange)
        wanted = replace(await self.owners.retentions.read(who.shop.id), **given.model_dump(exclude_none=True))
        await self.owners.retentions.change(who.shop.id, wanted, by=who.name)
        return await self._shown(who.shop)

    async def ask_for_closure(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "shop:write")
        standing = await self.owners.own_account.standing(self.access.member(who))
        if standing.proven_until is None:
            raise ProofRequired("show password and second factor before you close the shop")
        given = await read_json(request, contract.ClosureAsked)
        await self.owners.closures.ask(who.shop.id, given.shop, by=who.name)
        return await self._shown(who.shop)

    async def take_closure_back(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "shop:write")
        await self.owners.closures.take_back(who.shop.id, by=who.name)
        return await self._shown(who.shop)

    async def _shown(self, shop: Shop) -> web.Response:
        kept, closing = await self.owners.retentions.read(shop.id), await self.owners.closures.state(shop.id)
        return json_answer(
            contract.PrivacyShown(
                **asdict(kept),
                closes_at=closing.closes_at if closing else None,
                closing_receipt=f"/v1/closures/{closing.receipt_id}" if closing else None,
            )
        )

    def operations(self) -> list[Operation]:
        """All of the above, described."""
        shown = Answer(200, "As it is now.", contract.PrivacyShown)
        return [
            owners_call("GET /v1/privacy", self.get_privacy, "How long what is kept", shown),
            owners_call(
                "PATCH /v1/privacy",
                self.change_retention,
                "Keep something for longer or shorter",
                shown,
                ["shop-invalid"],
                takes=contract.RetentionChange,
            ),
            owners_call(
                "POST /v1/closure",
                self.ask_for_closure,
                "Close the shop: no shoppers from now on, and everything erased after the days of grace",
                shown,
                ["proof-required", "shop-invalid"],
                takes=contract.ClosureAsked,
            ),
            owners_call("DELETE /v1/closure", self.take_closure_back, "Take the closure back", shown),
        ]
