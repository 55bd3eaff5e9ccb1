"""What an owner decides about the shop itself: its name, the pages that may show it, its looks, its plan."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, TypedDict
from uuid import UUID

import asyncpg
from PIL import Image, UnidentifiedImageError

from tenancy.audit import note
from tenancy.colours import LEAST_ON_PAPER, contrast, is_colour, readable_on
from tenancy.database import Database
from tenancy.errors import InvalidShop, UnknownShop
from tenancy.files import Files
from tenancy.fonts import OPEN_FONTS, OWN, check_woff2
from tenancy.plans import PLANS
from tenancy.regions import region_code
from tenancy.shops import checked_name, normal_origin

MAX_LOGO_BYTES = 512 * 1024
_LOGO_PX = (480, 160)
_MAX_LOGO_PIXELS = 16_000_000
_MOST_ORIGINS = 50
_HIGHEST_CAP = 1_000_000_000


@dataclass(frozen=True)
class ShopSettings:
    """`accent`: the colour of buttons, `on_accent` of what is written on them, `paper` of the ground, all `#rrggbb`;
    None is ours. `font`: a name of `tenancy.fonts`, or "own". `language` of its pages; None is the browser's. `words`:
    its own texts, by language and key. `region`: where its shoppers are, for receipts of consent."""

    slug: str
    name: str
    allowed_origins: tuple[str, ...]
    accent: str | None
    on_accent: str | None
    logo_digest: str | None
    paper: str | None
    font: str | None
    font_digest: str | None
    language: str | None
    words: Mapping[str, Mapping[str, str]]
    plan: str
    cap_try_ons: int | None
    region: str | None


class Changes(TypedDict, total=False):
    """What an owner changes with a word; fields of ShopSettings, and None is ours again. `words` are all those in the
    languages that are named."""

    name: str
    allowed_origins: tuple[str, ...]
    accent: str | None
    paper: str | None
    font: str | None
    language: str | None
    words: Mapping[str, Mapping[str, str]]
    plan: str
    cap_try_ons: int | None
    region: str | None


class Settings:
    """Reads and changes them. `by`: who, for the audit log."""

    def __init__(self, database: Database, files: Files) -> None:
        self._database = database
        self._files = files

    async def read(self, tenant_id: UUID) -> ShopSettings:
        """As they are now. Raises UnknownShop."""
        async with self._database.tenant(tenant_id) as connection:
            return _settings(await connection.fetchrow("SELECT * FROM shops"))

    async def shown(self, tenant_id: UUID) -> ShopSettings:
        """As shoppers' pages need them: from this process's memory where that is still true. Raises UnknownShop."""
        return await self._database.cache.read("settings", tenant_id, "", lambda: self.read(tenant_id))

    async def change(self, tenant_id: UUID, changes: Changes, *, by: str) -> ShopSettings:
        """All that is named, or nothing of it; returns how it stands then. Raises InvalidShop, UnknownShop."""
        async with self._database.tenant(tenant_id) as connection:
            now = _settings(await connection.fetchrow("SELECT * FROM shops FOR NO KEY UPDATE"))
            wanted = _changed(now, changes)
            await connection.execute(
                """
                UPDATE shops SET name = $1, allowed_origins = $2, accent = $3, on_accent = $4, paper = $5, font = $6,
                                 font_digest = $7, language = $8, words = $9, plan = $10, cap_try_ons = $11,
                                 region = $12, updated_at = now()
                """,
                wanted.name,
                list(wanted.allowed_origins),
                wanted.accent,
                wanted.on_accent,
                wanted.paper,
                wanted.font,
                wanted.font_digest,
                wanted.language,
                wanted.words,
                wanted.plan,
                wanted.cap_try_ons,
                wanted.region,
            )
            for action, fields, target, details in _deeds(wanted):
                if fields & changes.keys():
                    await note(connection, tenant_id, by, action, target, **details)
        self._database.cache.drop(tenant_id)
        return wanted

    async def bring_font(self, tenant_id: UUID, woff2: bytes, *, by: str) -> None:
        """A font of the shop's own, which its owner says may be served. Raises InvalidShop."""
        check_woff2(woff2)
        digest = await self._files.put(tenant_id, woff2, "font/woff2")
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute("UPDATE shops SET font = $1, font_digest = $2, updated_at = now()", OWN, digest)
            await note(connection, tenant_id, by, "shop.font-changed", OWN, file=digest)
        self._database.cache.drop(tenant_id)

    async def change_logo(self, tenant_id: UUID, picture: bytes | None, *, by: str) -> None:
        """A PNG, JPEG or WebP of any size, kept as a PNG that fits 480 x 160; None takes it off. Raises
        InvalidShop."""
        digest = None
        if picture is not None:
            digest = await self._files.put(tenant_id, clean_logo(picture), "image/png")
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute("UPDATE shops SET logo_digest = $1, updated_at = now()", digest)
            await note(connection, tenant_id, by, "shop.logo-changed", digest or "none")
        self._database.cache.drop(tenant_id)


def _settings(row: asyncpg.Record | None) -> ShopSettings:
    if row is None:
        raise UnknownShop
    return ShopSettings(
        **{name: row[name] for name in ShopSettings.__dataclass_fields__ if name != "allowed_origins"},
        allowed_origins=tuple(row["allowed_origins"]),
    )


def _changed(now: ShopSettings, changes: Changes) -> ShopSettings:
    """How the shop would stand. Raises InvalidShop."""
    wanted = replace(now, **changes)
    if "allowed_origins" in changes:
        wanted = replace(wanted, allowed_origins=_origins(wanted.allowed_origins))
    if "name" in changes:
        wanted = replace(wanted, name=checked_name(wanted.name))
    if "accent" in changes or "paper" in changes:
        accent, paper = _colours(wanted.accent, wanted.paper)
        wanted = replace(wanted, accent=accent, paper=paper, on_accent=readable_on(accent) if accent else None)
    if "font" in changes:
        if wanted.font is not None and wanted.font not in OPEN_FONTS:
            raise InvalidShop("there is no such font")
        wanted = replace(wanted, font_digest=None)
    if "words" in changes:
        texts = {**now.words, **changes["words"]}
        wanted = replace(wanted, words={language: dict(own) for language, own in texts.items() if own})
    if wanted.plan not in PLANS or not 0 <= (wanted.cap_try_ons or 0) <= _HIGHEST_CAP:
        raise InvalidShop("there is no such plan or cap")
    if wanted.region is not None and wanted.region != region_code(wanted.region):
        raise InvalidShop("a region is a code such as FR, or US-IL")
    return wanted


def _deeds(wanted: ShopSettings) -> Iterator[tuple[str, Set[str], str, dict[str, Any]]]:
    """For the audit log: the deed, the fields it is about, its target, and what else is told of it."""
    keys = sorted(key for texts in wanted.words.values() for key in texts)
    yield "shop.changed", {"name", "allowed_origins"}, wanted.name, {"origins": wanted.allowed_origins}
    yield "shop.colours-changed", {"accent", "paper"}, "", {"accent": wanted.accent, "paper": wanted.paper}
    yield "shop.font-changed", {"font"}, wanted.font or "none", {}
    yield "shop.words-changed", {"language", "words"}, wanted.language or "", {"keys": keys}
    yield "shop.plan-changed", {"plan", "cap_try_ons"}, wanted.plan, {"cap": wanted.cap_try_ons}
    yield "shop.region-changed", {"region"}, wanted.region or "none", {}


def _origins(given: Sequence[str]) -> tuple[str, ...]:
    """As browsers name them, each once. Raises InvalidShop."""
    origins = tuple(dict.fromkeys(normal_origin(origin.strip()) for origin in given if origin.strip()))
    if len(origins) > _MOST_ORIGINS:
        raise InvalidShop(f"a shop has at most {_MOST_ORIGINS} origins")
    return origins


def _colours(accent: str | None, paper: str | None) -> tuple[str | None, str | None]:
    """In lower case. Raises InvalidShop for what is no colour, and for a ground on which nobody could read."""
    accent, paper = (colour.lower() if colour else None for colour in (accent, paper))
    if not all(colour is None or is_colour(colour) for colour in (accent, paper)):
        raise InvalidShop("a colour is # and six hexadecimal digits")
    if paper and contrast(paper, readable_on(paper)) < LEAST_ON_PAPER:
        raise InvalidShop("words would be hard to read on this ground: take a lighter or a darker one")
    return accent, paper


def clean_logo(picture: bytes) -> bytes:
    """The picture drawn anew, so that nothing but its pixels is kept. Raises InvalidShop."""
    if len(picture) > MAX_LOGO_BYTES:
        raise InvalidShop(f"a logo has at most {MAX_LOGO_BYTES // 1024} KiB")
    try:
        with Image.open(io.BytesIO(picture), formats=("PNG", "JPEG", "WEBP")) as image:
            if image.width * image.height > _MAX_LOGO_PIXELS:
                raise InvalidShop("the logo has too many pixels")
            drawn = image.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise InvalidShop("a logo is a PNG, JPEG or WebP picture") from None
    drawn.thumbnail(_LOGO_PX)
    sink = io.BytesIO()
    drawn.save(sink, "PNG", optimize=True)
    return sink.getvalue()
