"""How a shop looks and speaks to its shoppers: its colours, logo, font and words, and the calls that change them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, cast

from aiohttp import web
from pydantic import Field

from tenancy.colours import contrast
from tenancy.errors import InvalidShop
from tenancy.fonts import MAX_FONT_BYTES
from tenancy.owners import Owners
from tenancy.shop_settings import MAX_LOGO_BYTES, Changes, ShopSettings
from web.access import Access, owners_call
from web.contract import Answered, Given
from web.dashboard.style import PAPER, logo_path
from web.languages import LANGUAGES, words
from web.openapi import Answer, Body, Operation
from web.problem import Problem
from web.requests import json_answer, read_json, read_limited

_BLANK = re.compile(r"\{\w+\}")
_PICTURES = ("image/png", "image/jpeg", "image/webp")


Text = Annotated[str, Field(max_length=600)]
_WORDS = "The shop's own texts by language and key: all those in a language; one left out or empty is ours again."

_OURS_AGAIN = frozenset({"accent", "paper", "font", "language", "region"})  # when they are empty
_REGION = "Where its shoppers are, for receipts of consent: ISO 3166-1 or 3166-2, `FR` or `US-IL`."


class ShopChange(Given):
    """What is to change; the rest stays. An empty colour, font, language or region is ours again; a `cap_try_ons` of
    -1 is the plan's."""

    name: Annotated[str | None, Field(max_length=200)] = None
    allowed_origins: Annotated[list[Annotated[str, Field(max_length=300)]] | None, Field(max_length=50)] = None
    accent: Annotated[str | None, Field(max_length=7)] = None
    paper: Annotated[str | None, Field(max_length=7)] = None
    font: Annotated[str | None, Field(max_length=40)] = None
    language: Annotated[str | None, Field(max_length=10)] = None
    words: Annotated[dict[str, dict[str, Text]] | None, Field(max_length=20, description=_WORDS)] = None
    plan: Annotated[str | None, Field(max_length=40)] = None
    cap_try_ons: Annotated[int | None, Field(ge=-1, le=1_000_000_000)] = None
    region: Annotated[str | None, Field(max_length=6, description=_REGION)] = None


class ShopShown(Answered):
    """The shop as its owner set it up."""

    slug: str
    name: str
    allowed_origins: list[str]
    accent: str | None
    accent_contrast: Annotated[float | None, Field(description="With the ground; below 3 a button hardly shows.")]
    paper: str | None
    font: str | None
    language: str | None
    words: dict[str, dict[str, str]]
    logo: str | None
    plan: str
    cap_try_ons: int | None
    region: str | None


@dataclass(frozen=True)
class Look:
    """The handlers."""

    owners: Owners
    access: Access

    async def get_shop(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "products:read")
        return json_answer(_shown(await self.owners.settings.read(who.shop.id)))

    async def change_shop(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "shop:write")
        given = await read_json(request, ShopChange)
        changes = given.model_dump(exclude_none=True)
        changes |= {name: changes[name] or None for name in _OURS_AGAIN & changes.keys()}
        if given.allowed_origins is not None:
            changes["allowed_origins"] = tuple(given.allowed_origins)
        if given.cap_try_ons == -1:
            changes["cap_try_ons"] = None
        if given.words is not None:
            changes["words"] = own_words(given.words)
        if changes.get("language") not in (None, *LANGUAGES):
            raise InvalidShop("the pages do not speak this language")
        changed = await self.owners.settings.change(who.shop.id, cast(Changes, changes), by=who.name)
        return json_answer(_shown(changed))

    async def put_logo(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "shop:write")
        if request.content_type not in _PICTURES:
            raise Problem("unsupported-media-type", "A logo is a PNG, JPEG or WebP picture.")
        picture = await read_limited(request, MAX_LOGO_BYTES, too_large="payload-too-large")
        await self.owners.settings.change_logo(who.shop.id, picture, by=who.name)
        return web.Response(status=204)

    async def delete_logo(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "shop:write")
        await self.owners.settings.change_logo(who.shop.id, None, by=who.name)
        return web.Response(status=204)

    async def put_font(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "shop:write")
        if request.content_type != "font/woff2":
            raise Problem("unsupported-media-type", "A font is a WOFF2 file.")
        if request.query.get("licensed") != "yes":
            raise Problem("invalid-request", "Say `licensed=yes`: that you may serve this font to your shoppers.")
        woff2 = await read_limited(request, MAX_FONT_BYTES, too_large="payload-too-large")
        await self.owners.settings.bring_font(who.shop.id, woff2, by=who.name)
        return web.Response(status=204)

    def operations(self) -> list[Operation]:
        """All of the above, described."""
        shop, binary = Answer(200, "The shop as it is now.", ShopShown), {"type": "string", "format": "binary"}
        refused = ("payload-too-large", "shop-invalid", "unsupported-media-type")
        return [
            owners_call("GET /v1/shop", self.get_shop, "The shop's settings", shop),
            owners_call(
                "PATCH /v1/shop",
                self.change_shop,
                "Name, allowed origins, colours, font, language, words, plan, cap, region: all of it or nothing",
                shop,
                ["shop-invalid"],
                takes=ShopChange,
            ),
            owners_call(
                "PUT /v1/shop/logo",
                self.put_logo,
                "The shop's logo",
                Answer(204, "Kept, drawn anew."),
                refused,
                body=Body(media_type="image/png", schema=binary),
            ),
            owners_call("DELETE /v1/shop/logo", self.delete_logo, "Take the logo off", Answer(204, "Taken off.")),
            owners_call(
                "PUT /v1/shop/font",
                self.put_font,
                "A font of the shop's own, which it may serve",
                Answer(204, "Kept."),
                ["invalid-request", *refused],
                body=Body(media_type="font/woff2", schema=binary),
                query={"licensed": "`yes`: the shop has the right to serve this font. Noted in the audit log."},
            ),
        ]


def own_words(given: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Texts that may stand in for ours. Raises InvalidShop for a language, a key or a blank that there is not; what is
    told about data is not for a shop to change."""
    kept: dict[str, dict[str, str]] = {}
    for language, texts in given.items():
        if language not in LANGUAGES:
            raise InvalidShop("the pages do not speak this language")
        ours = words(language)
        for key, text in texts.items():
            if key not in ours or key.startswith("privacy."):
                raise InvalidShop(f"there is no text {key[:60]} to replace")
            if not set(_BLANK.findall(text)) <= set(_BLANK.findall(ours[key])):
                raise InvalidShop(f"{key} has no such blank")
        kept[language] = {key: text.strip() for key, text in texts.items() if text.strip()}
    return kept


def _shown(settings: ShopSettings) -> ShopShown:
    return ShopShown(
        slug=settings.slug,
        name=settings.name,
        allowed_origins=list(settings.allowed_origins),
        accent=settings.accent,
        accent_contrast=round(contrast(settings.accent, settings.paper or PAPER), 1) if settings.accent else None,
        paper=settings.paper,
        font=settings.font,
        language=settings.language,
        words={language: dict(texts) for language, texts in settings.words.items()},
        logo=logo_path(settings),
        plan=settings.plan,
        cap_try_ons=settings.cap_try_ons,
        region=settings.region,
    )
