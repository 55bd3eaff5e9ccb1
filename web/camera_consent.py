"""A visit that began with photos, and whose shopper then agrees to her camera too: to see her avatar in the mirror."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from tenancy.consent import current_text
from tenancy.credentials import Credentials
from tenancy.errors import ConsentRequired
from tenancy.shoppers import Shoppers
from tenancy.visits import Visit, Visits
from web import contract
from web.languages import language_for
from web.limits import Limits
from web.middleware import Readers
from web.openapi import Answer, Body, Credential, Operation
from web.problem import Problem
from web.requests import json_answer, read_json


@dataclass(frozen=True)
class CameraConsent:
    """visit_of, region_of: as the shopper's other calls have them."""

    visits: Visits
    credentials: Credentials
    shoppers: Shoppers
    limits: Limits
    visit_of: Callable[[web.Request], Awaitable[Visit]]
    region_of: Callable[[web.Request, Visit], Awaitable[str | None]]

    async def agree(self, request: web.Request) -> web.Response:
        await self.limits.hit("visit", self.limits.address(request))
        visit = await self.visit_of(request)
        given = await read_json(request, contract.CameraConsent)
        version = given.consent.version if given.consent.granted else None
        region, language = await self.region_of(request, visit), given.consent.language
        try:
            agreed = await self.visits.agree_to_camera(visit, version, region=region, language=language)
        except ConsentRequired:
            text = current_text(language_for(request))
            said = contract.ConsentText(
                version=text.version, language=text.language, title=text.title, paragraphs=list(text.paragraphs)
            )
            raise Problem("consent-required", members=said.model_dump()) from None
        shop = await self.credentials.shop_of_tenant(visit.tenant_id)
        return json_answer(contract.CameraAgreed(receipt=self.shoppers.receipt_of_consent(shop, agreed)))

    def operations(self) -> list[Operation]:
        """The call, described."""
        return [
            Operation(
                "POST",
                "/v1/sessions/camera",
                self.agree,
                "Agree to the camera in a visit that began without it",
                [Answer(200, "The visit may start a live try-on.", contract.CameraAgreed)],
                [
                    *("consent-required", "invalid-json", "invalid-request", "invalid-token", "missing-credentials"),
                    *("origin-not-allowed", "payload-too-large", "rate-limited", "token-expired", "unavailable"),
                    "unsupported-media-type",
                ],
                body=Body(contract.CameraConsent),
                credential=Credential.VISIT_TOKEN,
                readers=Readers.SHOP,
            )
        ]
