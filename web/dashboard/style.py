"""A shop's colours, font and logo as a style sheet over that of the try-on page."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from aiohttp import hdrs, web

from tenancy.colours import contrast, luminance, mixed, readable_on
from tenancy.files import FOR_EVER
from tenancy.fonts import OPEN_FONTS, OWN
from tenancy.owners import Owners
from tenancy.shop_settings import ShopSettings
from web.middleware import Readers
from web.openapi import Answer, Operation
from web.problem import Problem

LOOKS_PREFIX = "/static/looks/"
PAPER = "#f5f3ee"  # ours, on which a shop's own colour is judged where it has no ground of its own
_FALLBACK = "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
_LATIN_EXT = "unicode-range: U+0100-02BA, U+1E00-1E9F, U+1EF2-1EFF, U+20A0-20AB, U+2C60-2C7F;"
_SERIFS = frozenset({"source-serif-4", "eb-garamond", "fraunces"})


@dataclass(frozen=True)
class Style:
    """The handlers."""

    owners: Owners

    async def get_style(self, request: web.Request) -> web.Response:
        """What of the try-on page's looks is the shop's own."""
        shop = await self.owners.credentials.shop_for_slug(request.match_info["shop"])
        text = style_of(await self.owners.settings.shown(shop.id))
        tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
        headers = {hdrs.CACHE_CONTROL: "no-cache", hdrs.ETAG: tag}  # an owner sees at once what she chose
        if request.headers.get(hdrs.IF_NONE_MATCH) == tag:
            return web.Response(status=304, headers=headers)
        return web.Response(text=text, content_type="text/css", headers=headers)

    async def get_font(self, request: web.Request) -> web.Response:
        """The font that a shop uses now, and no other file."""
        shop = await self.owners.credentials.shop_for_slug(request.match_info["shop"])
        digest = request.match_info["digest"]
        if (await self.owners.settings.shown(shop.id)).font_digest != digest:
            raise Problem("not-found")
        body = await self.owners.files.get(shop.id, digest)
        return web.Response(body=body, content_type="font/woff2", headers={hdrs.CACHE_CONTROL: FOR_EVER})

    def operations(self) -> list[Operation]:
        """All but the style sheet, described."""
        return [
            Operation(
                "GET",
                "/v1/fonts/{shop}/{digest:[0-9a-f]{64}}.woff2",
                self.get_font,
                "The shop's own font",
                [Answer(200, "The font.", media_type="font/woff2")],
                ["not-found", "unknown-shop", "unavailable"],
                readers=Readers.ANYONE,
            ),
        ]

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The style sheet is a part of a page."""
        router.add_get(LOOKS_PREFIX + "{shop}.css", self.get_style)


def style_of(settings: ShopSettings) -> str:
    """A style sheet. What goes in was checked when it was set: colours of seven characters, a slug, digests, names of
    our own."""
    rules = [*_font(settings), *_colours(settings)]
    if logo := logo_path(settings):
        rules.append(
            f".brand {{ background: url({logo}) left center / contain no-repeat;"
            " min-width: 9rem; min-height: 2rem; color: transparent; }"
        )
    return "\n".join(rules) + "\n"


def logo_path(settings: ShopSettings) -> str | None:
    """Where the logo is served."""
    return f"/v1/files/{settings.slug}/{settings.logo_digest}.png" if settings.logo_digest else None


def _font(settings: ShopSettings) -> list[str]:
    if settings.font == OWN and settings.font_digest:
        family, files = "Own", [f"/v1/fonts/{settings.slug}/{settings.font_digest}.woff2"]
    elif settings.font is not None and settings.font in OPEN_FONTS:
        family = OPEN_FONTS[settings.font]
        files = [f"/static/app/fonts/{settings.font}{subset}.woff2" for subset in ("-latin-ext", "")]
    else:
        return []
    faces = [
        f"@font-face {{ font-family: '{family}'; font-weight: 300 800; font-display: swap;"
        f" src: url({file}) format('woff2'); {_LATIN_EXT if '-latin-ext.' in file else ''} }}"
        for file in files
    ]
    rest = "ui-serif, Georgia, serif" if settings.font in _SERIFS else _FALLBACK
    return [*faces, f":root {{ font-family: '{family}', {rest}; }}"]


def _colours(settings: ShopSettings) -> list[str]:
    chosen: dict[str, str] = {}
    if paper := settings.paper:
        ink, dark = readable_on(paper), luminance(paper) < 0.2
        chosen |= {
            "color-scheme": "dark" if dark else "light",
            "--paper": paper,
            "--ink": ink,
            "--soft": mixed(ink, 0.74, paper),
            "--line": mixed(ink, 0.17, paper),
            "--card": mixed("#ffffff", 0.06 if dark else 0.6, paper),
            "--stage": mixed("#000000", 0.35 if dark else 0.1, paper),
            "--live": "#6fc79f" if dark else "#2e7d5b",
            "--warn": "#f0a576" if dark else "#8a3b12",
            "--accent": ink,
            "--accent-strong": mixed(ink, 0.85, paper),
            "--on-accent": paper,
        }
    if settings.accent and settings.on_accent:
        towards = max(("#000000", "#ffffff"), key=lambda end: contrast(end, settings.on_accent or end))
        chosen |= {
            "--accent": settings.accent,
            "--on-accent": settings.on_accent,
            "--accent-strong": mixed(settings.accent, 0.85, towards),
        }
    return [":root { " + " ".join(f"{name}: {value};" for name, value in chosen.items()) + " }"] if chosen else []
