"""Regions as receipts name them: a country (ISO 3166-1 alpha-2) or a part of one with laws of its own (ISO 3166-2)."""

from __future__ import annotations

import re

_CODE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_NOWHERE = frozenset({"XX", "T1", "ZZ"})  # what proxies say for "unknown" and for Tor


def region_code(said: str | None) -> str | None:
    """The code in capitals, or None for what names no region."""
    code = (said or "").strip().upper()
    return code if _CODE.fullmatch(code) and code not in _NOWHERE else None
