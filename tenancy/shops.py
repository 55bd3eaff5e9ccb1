"""Shops: who they are, and the pages that may show their try-on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from tenancy.errors import InvalidShop

_SLUG = re.compile(r"[a-z0-9](-?[a-z0-9])*")


@dataclass(frozen=True)
class Shop:
    """A shop as the public side needs it. `id` is the tenant's id everywhere; `region`: where its shoppers are, if its
    owner said so (`tenancy.regions`)."""

    id: UUID
    slug: str
    name: str
    allowed_origins: tuple[str, ...]
    region: str | None = None

    def allows(self, origin: str) -> bool:
        """Whether a page of `origin` (the browser's header, RFC 6454) may open sessions for this shop."""
        try:
            return normal_origin(origin) in self.allowed_origins
        except InvalidShop:
            return False


def normal_origin(origin: str) -> str:
    """`scheme://host[:port]` in lower case without a default port. Raises InvalidShop for anything else."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError as error:
        raise InvalidShop(f"no origin: {error}") from None
    plain = not (parts.path or parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain or "*" in parts.hostname:
        raise InvalidShop("an origin is http or https, a host and perhaps a port")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, default) else "")


def checked_name(name: str) -> str:
    """`name` without space around it. Raises InvalidShop if it is empty, over 200 characters or unprintable."""
    name = name.strip()
    if not name or len(name) > 200 or not name.isprintable():
        raise InvalidShop("a shop's name has 1 to 200 printable characters")
    return name


def checked_slug(slug: str) -> str:
    """`slug` itself. Raises InvalidShop unless it is lower-case letters, digits and single dashes, at most 63."""
    if len(slug) > 63 or not _SLUG.fullmatch(slug):
        raise InvalidShop("a slug is lower-case letters, digits and single dashes, at most 63 characters")
    return slug
