"""How a shop looks to its shoppers: a style sheet of its own colours and logo, and the calls that change them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from aiohttp import hdrs, web
from pydantic import Field

from tenancy.owners import Owners
from tenancy.shop_settings import MAX_LOGO_BYTES, ShopSettings
from web.access import ACCESS_PROBLEMS, Access
from web.contract import Answered, Given
from web.openapi import Answer, Body, Credential, Operation
from web.problem import Problem
from web.requests import json_answer, read_json, read_limited

LOOKS_PREFIX = "/static/looks/"
_PICTURES = ("image/png", "image/jpeg", "image/webp")


class ShopChange(Given):
    """What is to change; the rest stays. An empty `accent` is ours again; a `cap_try_ons` of -1 is the plan's."""

    name: Annotated[str | None, Field(max_length=200)] = None
    allowed_origins: Annotated[list[Annotated[str, Field(max_length=300)]] | None, Field(max_length=50)] = None
    accent: Annotated[str | None, Field(max_length=7)] = None
    plan: Annotated[str | None, Field(max_length=40)] = None
    cap_try_ons: Annotated[int | None, Field(ge=-1, le=1_000_000_000)] = None


class ShopShown(Answered):
    """The shop as its owner set it up."""

    slug: str
    name: str
    allowed_origins: list[str]
    accent: str | None
    logo: str | None
    plan: str
    cap_try_ons: int | None


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
        settings, shop = self.owners.settings, who.shop.id
        now = await settings.read(shop)
        if given.name is not None or given.allowed_origins is not None or given.accent is not None:
            origins = now.allowed_origins if given.allowed_origins is None else given.allowed_origins
            accent = now.accent if given.accent is None else given.accent or None
            name = now.name if given.name is None else given.name
            await settings.change(shop, name=name, allowed_origins=origins, accent=accent, by=who.name)
        if given.plan is not None or given.cap_try_ons is not None:
            cap = now.cap_try_ons if given.cap_try_ons is None else given.cap_try_ons
            await settings.change_plan(shop, given.plan or now.plan, None if cap == -1 else cap, by=who.name)
            self.owners.usage.forget_cap(shop)
        return json_answer(_shown(await settings.read(shop)))

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

    async def get_style(self, request: web.Request) -> web.Response:
        """The shop's own colours and logo over those of the try-on page."""
        shop = await self.owners.credentials.shop_for_slug(request.match_info["shop"])
        settings = await self.owners.settings.read(shop.id)
        headers = {hdrs.CACHE_CONTROL: "public, max-age=60"}
        return web.Response(text=style_of(settings), content_type="text/css", headers=headers)

    def operations(self) -> list[Operation]:
        """All but the style sheet, described."""
        owner, access = Credential.OWNER, ACCESS_PROBLEMS
        shop = Answer(200, "The shop as it is now.", ShopShown)
        return [
            Operation("GET", "/v1/shop", self.get_shop, "The shop's settings", [shop], access, credential=owner),
            Operation(
                "PATCH",
                "/v1/shop",
                self.change_shop,
                "Name, allowed origins, colour, plan, cap",
                [shop],
                [
                    *access,
                    "invalid-json",
                    "invalid-request",
                    "payload-too-large",
                    "shop-invalid",
                    "unsupported-media-type",
                ],
                body=Body(ShopChange),
                credential=owner,
            ),
            Operation(
                "PUT",
                "/v1/shop/logo",
                self.put_logo,
                "The shop's logo",
                [Answer(204, "Kept, drawn anew.")],
                [*access, "payload-too-large", "shop-invalid", "unsupported-media-type"],
                body=Body(media_type="image/png", schema={"type": "string", "format": "binary"}),
                credential=owner,
            ),
            Operation(
                "DELETE",
                "/v1/shop/logo",
                self.delete_logo,
                "Take the logo off",
                [Answer(204, "Taken off.")],
                access,
                credential=owner,
            ),
        ]


def style_of(settings: ShopSettings) -> str:
    """A style sheet. What goes in was checked when it was set: a colour of seven characters, a slug, a digest."""
    rules = []
    if settings.accent and settings.on_accent:
        rules.append(
            f":root {{ --accent: {settings.accent}; --on-accent: {settings.on_accent};"
            f" --accent-strong: color-mix(in srgb, {settings.accent} 82%, black); }}"
        )
    if settings.logo_digest:
        rules.append(
            f".brand {{ background: url({logo_path(settings)}) left center / contain no-repeat;"
            " min-width: 9rem; min-height: 2rem; color: transparent; }"
        )
    return "\n".join(rules) + "\n"


def logo_path(settings: ShopSettings) -> str | None:
    """Where the logo is served."""
    return f"/v1/files/{settings.slug}/{settings.logo_digest}.png" if settings.logo_digest else None


def _shown(settings: ShopSettings) -> ShopShown:
    return ShopShown(
        slug=settings.slug,
        name=settings.name,
        allowed_origins=list(settings.allowed_origins),
        accent=settings.accent,
        logo=logo_path(settings),
        plan=settings.plan,
        cap_try_ons=settings.cap_try_ons,
    )
