"""The forms in which photos and archives come: their parts, what they may hold, and how they are described."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tenancy.photos import View
from tenancy.stated import HEIGHT_CM, WEIGHT_KG, Stated
from web.avatar_archive import MAX_ARCHIVE_BYTES
from web.openapi import Body
from web.problem import Problem
from web.uploads import text_of

FORM = "multipart/form-data"
MAX_PHOTO_BYTES = 30_000_000
PHOTO_FIELDS = {
    "front": MAX_PHOTO_BYTES,
    "side": MAX_PHOTO_BYTES,
    **dict.fromkeys(("height_cm", "weight_kg", "sex", "clothing", "skin", "consent"), 100),
}
ARCHIVE_FIELDS = {"archive": MAX_ARCHIVE_BYTES, "consent": 100}
_TEXT, _FILE = {"type": "string"}, {"type": "string", "format": "binary"}
PHOTO_BODY = Body(
    media_type=FORM,
    schema={
        "type": "object",
        "required": ["front", "height_cm", "consent"],
        "properties": {
            "front": {**_FILE, "description": "JPEG, PNG, WebP or HEIC: the whole body from the front."},
            "side": {**_FILE, "description": "The same from the side; girths are surer with it."},
            "height_cm": {"type": "number", "minimum": HEIGHT_CM[0], "maximum": HEIGHT_CM[1]},
            "weight_kg": {"type": "number", "minimum": WEIGHT_KG[0], "maximum": WEIGHT_KG[1]},
            "sex": {"enum": ["female", "male", "neutral"]},
            "clothing": {"enum": ["tight", "everyday"]},
            "skin": {
                **_TEXT,
                "pattern": "^(neutral|photo|#[0-9a-f]{6})$",
                "description": "How the body looks: a mannequin's grey, as her face in the photo, or a colour.",
            },
            "consent": {**_TEXT, "description": "The version of `GET /v1/consent/photo` that she agreed to."},
        },
    },
)
ARCHIVE_BODY = Body(
    media_type=FORM,
    schema={
        "type": "object",
        "required": ["archive", "consent"],
        "properties": {
            "archive": {**_FILE, "description": "The zip of `export`, or its `avatar.json`."},
            "consent": {**_TEXT, "description": "The version of `GET /v1/consent/import` that she agreed to."},
        },
    },
)


def photos_in(fields: Mapping[str, bytes]) -> dict[View, bytes]:
    """The photos of a form. Raises Problem."""
    views: tuple[View, ...] = ("front", "side")
    photos = {view: fields[view] for view in views if view in fields}
    if "front" not in photos:
        raise Problem("invalid-request", "`front` is needed, a photo of the whole body from the front.")
    for view, photo in photos.items():
        _refuse_what_is_no_photo(photo, view)
    return photos


def stated_in(fields: Mapping[str, bytes]) -> Stated:
    """Raises Problem `invalid-request` for what is no number or no word that is known."""
    numbers: dict[str, float | None] = {}
    for name in ("height_cm", "weight_kg"):
        try:
            numbers[name] = float(text_of(fields, name)) if text_of(fields, name) else None
        except ValueError:
            raise Problem("invalid-request", f"`{name}` is no number.") from None
    words: dict[str, str | None] = {}
    for name, known in (("sex", ("female", "male", "neutral")), ("clothing", ("tight", "everyday"))):
        words[name] = text_of(fields, name) or None
        if words[name] not in (None, *known):
            raise Problem("invalid-request", f"`{name}` is one of {', '.join(known)}, or left out.")
    skin = text_of(fields, "skin") or "neutral"
    if skin not in ("neutral", "photo") and not re.fullmatch("#[0-9a-f]{6}", skin):
        raise Problem("invalid-request", "`skin` is neutral, photo or #rrggbb.")
    if numbers["height_cm"] is None:
        raise Problem("invalid-request", "`height_cm` is needed.")
    return Stated(numbers["height_cm"], numbers["weight_kg"], words["sex"], words["clothing"], skin)


def _refuse_what_is_no_photo(content: bytes, view: View) -> None:
    """By its first bytes; whether it can be decoded shows in the process that decodes. Raises Problem."""
    jpeg, png = content.startswith(b"\xff\xd8\xff"), content.startswith(b"\x89PNG\r\n\x1a\n")
    webp, heic = content[:4] == b"RIFF" and content[8:12] == b"WEBP", content[4:8] == b"ftyp"
    if not (jpeg or png or webp or heic):
        raise Problem("photo-format", members={"view": view})
