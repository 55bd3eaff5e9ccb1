"""What a shopper can ask about herself, receipts that anybody can check, and what her page tells of her deeds."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aiohttp import hdrs, web

from rtc.claims import Claims, Visitor
from rtc.offers import UnknownSession
from rtc.placement import Placement
from tenancy.avatars import Avatar
from tenancy.fitting_room import FittingRoom
from tenancy.owners import Owners
from tenancy.products import Products
from tenancy.shoppers import Claimant
from tenancy.visits import Visit, Visits
from web import contract_privacy as contract
from web.limits import Limits
from web.middleware import Readers, admit_origin
from web.openapi import Answer, Body, Credential, Operation
from web.problem import Problem
from web.requests import bearer, json_answer, read_json, uuid_or_unknown

_RECEIPT = r"/v1/receipts/{receipt:[\w-]{1,200}\.[\w-]{1,6000}\.[\w-]{1,200}}"


@dataclass(frozen=True)
class MyData:
    """The handlers."""

    owners: Owners
    visits: Visits
    products: Products
    placement: Placement
    claims: Claims
    fitting_room: FittingRoom
    limits: Limits
    public_origin: str | None

    async def export_my_data(self, request: web.Request) -> web.Response:
        who = await self._claimant(request)
        kept = await self.owners.shoppers.export(who)
        avatars = [_told(avatar) for avatar in await self._avatars(who)]
        return json_answer(contract.MyData(**kept, avatars=avatars))

    async def erase_my_data(self, request: web.Request) -> web.Response:
        who = await self._claimant(request)
        visitor = Visitor(str(who.tenant_id), str(who.visit_id))
        ended = 0
        if session := await self.claims.holder(visitor):
            try:
                await self.placement.close(visitor, session)
                ended = 1
            except UnknownSession:  # it ended by itself
                pass
        await self.placement.forget_snapshots(visitor)
        avatars = await self._avatars(who)
        for avatar in avatars:
            await self.fitting_room.avatars.erase(who.tenant_id, avatar.id, "asked-for")
        outfits = await self.claims.forget(visitor)
        forgotten = {"try-ons ended": ended, "outfits": outfits, "avatars": len(avatars)}
        return self._signed(await self.owners.shoppers.erase(who, forgotten=forgotten))

    async def read_receipt(self, request: web.Request) -> web.Response:
        await self.limits.hit("my-data", self.limits.address(request))
        return self._signed(request.match_info["receipt"])

    async def get_receipt_key(self, _request: web.Request) -> web.Response:
        return json_answer(contract.ReceiptKey.model_validate(self.owners.signer.key))

    async def get_closure(self, request: web.Request) -> web.Response:
        await self.limits.hit("my-data", self.limits.address(request))
        receipt = uuid_or_unknown(request.match_info["closure"], "unknown-receipt")
        return self._signed(await self.owners.closures.receipt(receipt))

    async def report_events(self, request: web.Request) -> web.Response:
        visit = await self.visits.resolve(bearer(request))
        await self._admit(request, visit.tenant_id)
        await self.limits.hit("event", str(visit.id))
        given = await read_json(request, contract.Happenings)
        counted: Counter[tuple[str, str]] = Counter()
        for happened in given.events:
            for product in dict.fromkeys(happened.products):
                await self.products.get(visit.tenant_id, product)  # another shop's counts for nobody
                counted[happened.kind, str(product)] += 1
            if not happened.products:
                counted[happened.kind, ""] += 1
        await self.owners.tallies.count(visit.tenant_id, counted)
        return web.Response(status=204)

    def operations(self) -> list[Operation]:
        """All of the above, described."""
        token, shop, anyone = Credential.VISIT_TOKEN, Readers.SHOP, Readers.ANYONE
        hers = ("missing-credentials", "invalid-token", "origin-not-allowed", "rate-limited", "unavailable")
        signed = Answer(200, "Signed by this installation.", contract.SignedReceipt)
        return [
            Operation(
                "GET",
                "/v1/my-data",
                self.export_my_data,
                "All that is kept of a visit; with its token, also an expired one, or the receipt of its consent",
                [Answer(200, "All of it.", contract.MyData)],
                hers,
                credential=token,
                readers=shop,
            ),
            Operation(
                "DELETE",
                "/v1/my-data",
                self.erase_my_data,
                "Erase a visit, take the consent back, and get the signed receipt",
                [Answer(200, "What was erased, and until when the evidence of the consent is kept.", signed.model)],
                hers,
                credential=token,
                readers=shop,
            ),
            Operation(
                "POST",
                "/v1/events",
                self.report_events,
                "Count a snapshot or an add-to-cart, in the shop's sums of the day",
                [Answer(204, "Counted.")],
                [
                    *hers,
                    "invalid-json",
                    "invalid-request",
                    "payload-too-large",
                    "token-expired",
                    "unknown-product",
                    "unsupported-media-type",
                ],
                body=Body(contract.Happenings),
                credential=token,
                readers=shop,
            ),
            Operation(
                "GET",
                _RECEIPT,
                self.read_receipt,
                "Check a receipt",
                [signed],
                ["rate-limited", "receipt-invalid"],
                readers=anyone,
            ),
            Operation(
                "GET",
                "/v1/receipt-key",
                self.get_receipt_key,
                "The key with which receipts are checked anywhere",
                [Answer(200, "A JWK.", contract.ReceiptKey)],
                readers=anyone,
            ),
            Operation(
                "GET",
                "/v1/closures/{closure}",
                self.get_closure,
                "The receipt of a closed shop",
                [signed],
                ["rate-limited", "unavailable", "unknown-receipt"],
                readers=anyone,
            ),
        ]

    async def _claimant(self, request: web.Request) -> Claimant:
        await self.limits.hit("my-data", self.limits.address(request))
        who = await self.owners.shoppers.claimant(_credential(request))
        await self._admit(request, who.tenant_id)
        return who

    async def _avatars(self, who: Claimant) -> list[Avatar]:
        """Also those of a visit that is over and not yet swept away."""
        over = datetime.min.replace(tzinfo=UTC)
        return await self.fitting_room.avatars.every(Visit(who.visit_id, who.tenant_id, None, over))

    async def _admit(self, request: web.Request, tenant_id: UUID) -> None:
        shop = await self.owners.credentials.shop_of_tenant(tenant_id)
        admit_origin(request, shop.allowed_origins, public_origin=self.public_origin)

    def _signed(self, receipt: str) -> web.Response:
        return json_answer(contract.SignedReceipt(receipt=receipt, facts=self.owners.signer.read(receipt)))


def _told(avatar: Avatar) -> dict[str, Any]:
    return {
        "id": str(avatar.id),
        "origin": avatar.origin,
        "status": avatar.status,
        "created_at": avatar.created_at.isoformat(),
        "stated": asdict(avatar.stated),
        "corrections": dict(avatar.corrections),
        "measures": {name: dict(measure) for name, measure in avatar.measures.items()},
    }


def _credential(request: web.Request) -> str:
    """A token or a receipt, which is longer than any other credential. Raises Problem `missing-credentials`."""
    scheme, _, credential = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if scheme.lower() != "bearer" or not credential.strip():
        raise Problem("missing-credentials")
    return credential.strip()
