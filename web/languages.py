"""The words of the shopper's pages, in her language: `words/`, a file for each, the same keys in all of them.

A text in braces is filled in: `{shop}`. A shop may have single words of its own.
"""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from functools import cache
from pathlib import Path

from aiohttp import hdrs, web

_WORDS = Path(__file__).resolve().parent / "words"
FIRST = "en"
LANGUAGES: Mapping[str, str] = {
    "en": "English",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "it": "Italiano",
}


@cache
def words(language: str, room: str = "") -> Mapping[str, str]:
    """Every text in a language, by its key: of the mirror, or of another `room` with words of its own."""
    loaded: dict[str, str] = json.loads((_WORDS / room / f"{language}.json").read_text(encoding="utf-8"))
    return loaded


def language_for(request: web.Request, shops: str | None = None) -> str:
    """The language of an answer: what the address asks for (`?lang=`), else the shop's, else the browser's first that
    we speak (RFC 9110, section 12.5.4), else English."""
    asked = request.query.get("lang", "").lower().partition("-")[0]
    if asked in LANGUAGES:
        return asked
    if shops is not None and shops in LANGUAGES:
        return shops
    return preferred(request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))


def preferred(accepted: str, spoken: Container[str] = LANGUAGES) -> str:
    """The best of the languages `spoken` for an `Accept-Language` header; one that cannot be read counts as none."""
    ranked: list[tuple[float, int, str]] = []
    for place, part in enumerate(accepted[:1000].split(",")):
        tag, _, weight = part.partition(";")
        language = tag.strip().lower().partition("-")[0]
        if language not in spoken:
            continue
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight.strip() else 1.0
        except ValueError:
            continue
        if 0 < quality <= 1:
            ranked.append((-quality, place, language))
    return min(ranked)[2] if ranked else FIRST
