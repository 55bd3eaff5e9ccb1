"""What an owner decides about the shop itself: its name, the pages that may show it, its looks, its plan."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from PIL import Image, UnidentifiedImageError

from tenancy.audit import note
from tenancy.colours import LEAST_ON_PAPER, contrast, is_colour, readable_on
from tenancy.database import Database
from tenancy.errors import InvalidShop, UnknownShop
from tenancy.files import Files
from tenancy.fonts import OPEN_FONTS, OWN, check_woff2
from tenancy.plans import PLANS
from tenancy.shops import checked_name, normal_origin

MAX_LOGO_BYTES = 512 * 1024
_LOGO_PX = (480, 160)
_MAX_LOGO_PIXELS = 16_000_000
_MOST_ORIGINS = 50


@dataclass(frozen=True)
class ShopSettings:
    """`accent`: the colour of buttons, `on_accent` of what is written on them, `paper` of the ground, all `#rrggbb`;
    None is ours. `font`: a name of `tenancy.fonts`, or "own". `language` of its pages; None is the browser's. `words`:
    its own texts, by language and key."""

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


class Settings:
    """Reads and changes them. `by`: who, for the audit log."""

    def __init__(self, database: Database, files: Files) -> None:
        self._database = database
        self._files = files

    async def read(self, tenant_id: UUID) -> ShopSettings:
        """As they are now. Raises UnknownShop."""
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow("SELECT * FROM shops")
        if row is None:
            raise UnknownShop
        return ShopSettings(
            slug=row["slug"],
            name=row["name"],
            allowed_origins=tuple(row["allowed_origins"]),
            accent=row["accent"],
            on_accent=row["on_accent"],
            logo_digest=row["logo_digest"],
            paper=row["paper"],
            font=row["font"],
            font_digest=row["font_digest"],
            language=row["language"],
            words=row["words"],
            plan=row["plan"],
            cap_try_ons=row["cap_try_ons"],
        )

    async def shown(self, tenant_id: UUID) -> ShopSettings:
        """As shoppers' pages need them: from this process's memory where that is still true. Raises UnknownShop."""
        return await self._database.cache.read("settings", tenant_id, "", lambda: self.read(tenant_id))

    async def change(self, tenant_id: UUID, *, name: str, allowed_origins: Sequence[str], by: str) -> None:
        """Name and origins, both. Raises InvalidShop."""
        name = checked_name(name)
        origins = list(dict.fromkeys(normal_origin(origin.strip()) for origin in allowed_origins if origin.strip()))
        if len(origins) > _MOST_ORIGINS:
            raise InvalidShop(f"a shop has at most {_MOST_ORIGINS} origins")
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute(
                "UPDATE shops SET name = $1, allowed_origins = $2, updated_at = now()", name, origins
            )
            await note(connection, tenant_id, by, "shop.changed", name, origins=origins)
        self._database.cache.drop(tenant_id)

    async def change_colours(self, tenant_id: UUID, *, accent: str | None, paper: str | None, by: str) -> None:
        """Both; None is ours. Raises InvalidShop for what is no colour, and for a ground on which nobody could read."""
        accent, paper = (colour.lower() if colour else None for colour in (accent, paper))
        if not all(colour is None or is_colour(colour) for colour in (accent, paper)):
            raise InvalidShop("a colour is # and six hexadecimal digits")
        if paper and contrast(paper, readable_on(paper)) < LEAST_ON_PAPER:
            raise InvalidShop("words would be hard to read on this ground: take a lighter or a darker one")
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute(
                "UPDATE shops SET accent = $1, on_accent = $2, paper = $3, updated_at = now()",
                accent,
                readable_on(accent) if accent else None,
                paper,
            )
            await note(connection, tenant_id, by, "shop.colours-changed", accent=accent, paper=paper)
        self._database.cache.drop(tenant_id)

    async def change_words(
        self, tenant_id: UUID, *, language: str | None, words: Mapping[str, Mapping[str, str]], by: str
    ) -> None:
        """The pages' language, None for the browser's, and the shop's own texts, all of them."""
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute(
                "UPDATE shops SET language = $1, words = $2, updated_at = now()",
                language,
                {tongue: dict(texts) for tongue, texts in words.items() if texts},
            )
            changed = sorted(key for texts in words.values() for key in texts)
            await note(connection, tenant_id, by, "shop.words-changed", language or "", keys=changed)
        self._database.cache.drop(tenant_id)

    async def change_font(self, tenant_id: UUID, font: str | None, woff2: bytes | None = None, *, by: str) -> None:
        """One of ours by its name, None for the first of them; or "own" with the file, which its owner says may be
        served. Raises InvalidShop."""
        digest = None
        if woff2 is not None:
            check_woff2(woff2)
            digest = await self._files.put(tenant_id, woff2, "font/woff2")
            font = OWN
        elif font is not None and font not in OPEN_FONTS:
            raise InvalidShop("there is no such font")
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute("UPDATE shops SET font = $1, font_digest = $2, updated_at = now()", font, digest)
            await note(connection, tenant_id, by, "shop.font-changed", font or "none", file=digest)
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

    async def change_plan(self, tenant_id: UUID, plan: str, cap_try_ons: int | None, *, by: str) -> None:
        """The plan, and the try-ons a month beyond which there are no more. Raises InvalidShop."""
        if plan not in PLANS or (cap_try_ons is not None and not 0 <= cap_try_ons <= 1_000_000_000):
            raise InvalidShop("there is no such plan or cap")
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute("UPDATE shops SET plan = $1, cap_try_ons = $2", plan, cap_try_ons)
            await note(connection, tenant_id, by, "shop.plan-changed", plan, cap=cap_try_ons)
        self._database.cache.drop(tenant_id)


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
