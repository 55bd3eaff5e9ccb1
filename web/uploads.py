"""Reading an upload: the parts of a multipart form or a model as it is, each no further than it may be long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from web.problem import Problem
from web.requests import read_limited

GLB = "model/gltf-binary"
MAX_MODEL_BYTES = 32 * 1024 * 1024
MAX_NAME_CHARACTERS = 120
KINDS = ("glasses", "hat", "garment")
_FIELDS = {"glb": MAX_MODEL_BYTES, "name": 4 * MAX_NAME_CHARACTERS, "kind": 32}


class ModelRejected(Exception):
    """The intake refused a model. `reason` is its stable code, `detail` what the owner can do about it."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class ModelForm:
    """A product as it is uploaded."""

    name: str
    kind: str
    glb: bytes


async def read_model_form(request: web.Request) -> ModelForm:
    """Raises Problem."""
    fields = await read_form(request, _FIELDS)
    name, kind = text_of(fields, "name"), text_of(fields, "kind")
    if not 0 < len(name) <= MAX_NAME_CHARACTERS or kind not in KINDS or "glb" not in fields:
        raise Problem("invalid-request", f"`name`, `glb`, and `kind` out of {', '.join(KINDS)} are needed.")
    return ModelForm(name, kind, fields["glb"])


async def read_model(request: web.Request) -> bytes:
    """A body that is a model. Raises Problem."""
    if request.content_type != GLB:
        raise Problem("unsupported-media-type", f"This address takes {GLB}.")
    return await read_limited(request, MAX_MODEL_BYTES, too_large="payload-too-large")


async def read_form(request: web.Request, limits: Mapping[str, int]) -> dict[str, bytes]:
    """The parts of a multipart form, out of those in `limits`, each read no further than it may be long."""
    if request.content_type != "multipart/form-data":
        raise Problem("unsupported-media-type", "This address takes multipart/form-data.")
    fields: dict[str, bytes] = {}
    try:
        async for part in await request.multipart():
            name = (part.name or "") if isinstance(part, BodyPartReader) else ""
            if not isinstance(part, BodyPartReader) or name not in limits or name in fields:
                raise Problem("invalid-request", f"The form has the parts {', '.join(limits)}, once each.")
            fields[name] = await _read_part(part, limits[name])
    except (
        ValueError,
        AssertionError,
        HttpProcessingError,
    ):  # what aiohttp raises for a form that is cut off or malformed
        raise Problem("invalid-request", "The form cannot be read.") from None
    return fields


async def _read_part(part: BodyPartReader, limit: int) -> bytes:
    body = bytearray()
    while chunk := await part.read_chunk(64 * 1024):
        body += chunk
        if len(body) > limit:
            raise Problem("payload-too-large")
    return bytes(body)


def text_of(fields: Mapping[str, bytes], name: str) -> str:
    """A part as text, without space around it; what is no UTF-8 counts as empty."""
    try:
        return fields.get(name, b"").decode().strip()
    except UnicodeDecodeError:
        return ""
