"""A shop's font: one of the open ones that come along, or its own, a WOFF2 whose frame is checked here.

What is inside the frame a browser checks again before it uses it (the OpenType Sanitizer), and gets it with the type
of a font and no other.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from tenancy.errors import InvalidShop

MAX_FONT_BYTES = 512 * 1024
OWN = "own"
# Under the SIL Open Font License, served from here. Name to family.
OPEN_FONTS: Mapping[str, str] = {
    "instrument-sans": "Instrument Sans",
    "figtree": "Figtree",
    "dm-sans": "DM Sans",
    "source-serif-4": "Source Serif 4",
    "eb-garamond": "EB Garamond",
    "fraunces": "Fraunces",
}
_HEADER = struct.Struct(">4sIIHHIIHHIIIII")  # W3C WOFF 2.0, section 4.1
_FLAVOURS = (0x00010000, 0x4F54544F, 0x74727565)  # TrueType, CFF, Apple's TrueType; no collections
_MOST_TABLES = 64
_MOST_UNPACKED = 8 << 20


def check_woff2(content: bytes) -> None:
    """Raises InvalidShop if this is no WOFF2 of one font, or one that unpacks to more than a font needs."""
    if len(content) > MAX_FONT_BYTES:
        raise InvalidShop(f"a font has at most {MAX_FONT_BYTES // 1024} KiB")
    if len(content) < _HEADER.size:
        raise InvalidShop("a font is a WOFF2 file")
    signature, flavour, length, tables, _, unpacked, packed, *rest = _HEADER.unpack_from(content)
    _, _, metadata, _, _, private, _ = rest
    if signature != b"wOF2" or flavour not in _FLAVOURS:
        raise InvalidShop("a font is a WOFF2 file with one font in it")
    whole = length == len(content) and 0 < packed <= length - _HEADER.size
    if not whole or not 0 < tables <= _MOST_TABLES or not 0 < unpacked <= _MOST_UNPACKED:
        raise InvalidShop("the font's header does not fit its content")
    if metadata or private:
        raise InvalidShop("the font carries metadata or private data: save it without")
