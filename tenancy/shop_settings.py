"""What an owner decides about the shop itself: its name, the pages that may show it, its looks, its plan."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from PIL import Image, UnidentifiedImageError

from tenancy.audit import note
from tenancy.database import Database
from tenancy.errors import InvalidShop, UnknownShop
from tenancy.files import Files
from tenancy.plans import PLANS
from tenancy.shops import checked_name, normal_origin

MAX_LOGO_BYTES = 512 * 1024
_LOGO_PX = (480, 160)
_MAX_LOGO_PIXELS = 16_000_000
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_MOST_ORIGINS = 50


@dataclass(frozen=True)
class ShopSettings:
    """`accent`: the colour of buttons, `on_accent` of what is written on them, both `#rrggbb`; None is ours."""

    slug: str
    name: str
    allowed_origins: tuple[str, ...]
    accent: str | None
    on_accent: str | None
    logo_digest: str | None
    plan: str
    cap_try_ons: int | None


class Settings:
    """Reads and changes them. `by`: who, for the audit log."""

    def __init__(self, database: Database, files: Files) -> None:
        self._database = database
        self._files = files

    async def read(self, tenant_id: UUID) -> ShopSettings:
        """Raises UnknownShop."""
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
            plan=row["plan"],
            cap_try_ons=row["cap_try_ons"],
        )

    async def change(
        self, tenant_id: UUID, *, name: str, allowed_origins: Sequence[str], accent: str | None, by: str
    ) -> None:
        """Name, origins and colour, all three. Raises InvalidShop."""
        name = checked_name(name)
        origins = list(dict.fromkeys(normal_origin(origin.strip()) for origin in allowed_origins if origin.strip()))
        if len(origins) > _MOST_ORIGINS:
            raise InvalidShop(f"a shop has at most {_MOST_ORIGINS} origins")
        accent = accent.lower() if accent else None
        if accent is not None and not _COLOUR.fullmatch(accent):
            raise InvalidShop("a colour is # and six hexadecimal digits")
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute(
                """
                UPDATE shops SET name = $1, allowed_origins = $2, accent = $3, on_accent = $4, updated_at = now()
                """,
                name,
                origins,
                accent,
                readable_on(accent) if accent else None,
            )
            await note(connection, tenant_id, by, "shop.changed", name, origins=origins, accent=accent)

    async def change_logo(self, tenant_id: UUID, picture: bytes | None, *, by: str) -> None:
        """A PNG, JPEG or WebP of any size, kept as a PNG that fits 480 x 160; None takes it off. Raises
        InvalidShop."""
        digest = None
        if picture is not None:
            digest = await self._files.put(tenant_id, clean_logo(picture), "image/png")
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute("UPDATE shops SET logo_digest = $1, updated_at = now()", digest)
            await note(connection, tenant_id, by, "shop.logo-changed", digest or "none")

    async def change_plan(self, tenant_id: UUID, plan: str, cap_try_ons: int | None, *, by: str) -> None:
        """The plan, and the try-ons a month beyond which there are no more. Raises InvalidShop."""
        if plan not in PLANS or (cap_try_ons is not None and not 0 <= cap_try_ons <= 1_000_000_000):
            raise InvalidShop("there is no such plan or cap")
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute("UPDATE shops SET plan = $1, cap_try_ons = $2", plan, cap_try_ons)
            await note(connection, tenant_id, by, "shop.plan-changed", plan, cap=cap_try_ons)


def readable_on(colour: str) -> str:
    """Near-black or near-white, whichever stands out more on a colour (WCAG 2.2, relative luminance)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#1b1916" if (luminance + 0.05) ** 2 > 0.05 * 1.05 else "#fffdf9"


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
