"""Reading an upload: the parts of a multipart form or a model as it is, each no further than it may be long."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO, Any
from uuid import UUID

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from web.problem import Problem
from web.requests import read_limited

GLB = "model/gltf-binary"
MAX_MODEL_BYTES = 32 * 1024 * 1024
MAX_SHEET_BYTES = 2 * 1024 * 1024
MAX_ZIP_BYTES = 512 * 1024 * 1024
RETRY_AFTER_BUSY_S = 10
MAX_NAME_CHARACTERS = 120
KINDS = ("glasses", "hat", "garment")
MAX_CHART_BYTES = 16 * 1024
DETAILS = ("worn_as", "chart", "body_chart")  # of a garment
_FIELDS = {
    "glb": MAX_MODEL_BYTES,
    "name": 4 * MAX_NAME_CHARACTERS,
    "kind": 32,
    "worn_as": 32,
    "chart": MAX_CHART_BYTES,
    "body_chart": MAX_CHART_BYTES,
}


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
    details: Mapping[str, Any]


async def read_model_form(request: web.Request) -> ModelForm:
    """Raises Problem."""
    fields = await read_form(request, _FIELDS)
    name, kind = text_of(fields, "name"), text_of(fields, "kind")
    if not 0 < len(name) <= MAX_NAME_CHARACTERS or kind not in KINDS or "glb" not in fields:
        raise Problem("invalid-request", f"`name`, `glb`, and `kind` out of {', '.join(KINDS)} are needed.")
    if kind != "garment" and any(text_of(fields, name) for name in DETAILS):
        raise Problem("invalid-request", f"{', '.join(DETAILS)} are for garments.")
    return ModelForm(name, kind, fields["glb"], _details(fields))


def _details(fields: Mapping[str, bytes]) -> dict[str, Any]:
    """What is said of a garment beside its file. A part that is empty counts as none. Raises Problem."""
    details: dict[str, Any] = {}
    for name in DETAILS:
        if not (text := text_of(fields, name)):
            continue
        try:
            details[name] = text if name == "worn_as" else json.loads(text)
        except (ValueError, RecursionError):
            raise Problem("invalid-request", f"`{name}` is no JSON.") from None
    return details


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
            fields[name] = await _read_part(part, name, limits[name])
    except (
        ValueError,
        AssertionError,
        HttpProcessingError,
    ):  # what aiohttp raises for a form that is cut off or malformed
        raise Problem("invalid-request", "The form cannot be read.") from None
    return fields


@asynccontextmanager
async def read_import_form(request: web.Request) -> AsyncIterator[tuple[bytes, IO[bytes]]]:
    """The table, and the zip in a temporary file that is gone afterwards. Raises Problem."""
    if request.content_type != "multipart/form-data":
        raise Problem("unsupported-media-type", "This address takes multipart/form-data.")
    sheet: bytes | None = None
    # Beyond 4 MB it lies on disk: memory is for those who are trying something on.
    with tempfile.SpooledTemporaryFile(max_size=4 << 20) as models:
        try:
            async for part in await request.multipart():
                name = (part.name or "") if isinstance(part, BodyPartReader) else ""
                if not isinstance(part, BodyPartReader) or name not in ("table", "models"):
                    raise Problem("invalid-request", "The form has the parts table and models, once each.")
                if name == "table" and sheet is None:
                    sheet = await _read_part(part, name, MAX_SHEET_BYTES)
                elif name == "models" and not models.tell():
                    await _write_part(part, models)
                else:
                    raise Problem("invalid-request", "The form has the parts table and models, once each.")
        except (ValueError, AssertionError, HttpProcessingError):
            raise Problem("invalid-request", "The form cannot be read.") from None
        if sheet is None or not models.tell():
            raise Problem("invalid-request", "`table`, a CSV file, and `models`, a zip, are needed.")
        yield sheet, models


async def _write_part(part: BodyPartReader, file: IO[bytes]) -> None:
    while chunk := await part.read_chunk(256 * 1024):
        if file.tell() + len(chunk) > MAX_ZIP_BYTES:
            raise Problem("payload-too-large")
        await asyncio.to_thread(file.write, chunk)


class UploadPlaces:
    """How many uploads this process reads at a time, in all and of one shop: each may take its 32 MB of memory."""

    def __init__(self, *, in_all: int = 8, of_a_shop: int = 3) -> None:
        self._in_all = in_all
        self._of_a_shop = of_a_shop
        self._shops: Counter[UUID] = Counter()

    @asynccontextmanager
    async def place(self, shop: UUID) -> AsyncIterator[None]:
        """While entered, one of them is taken. Raises Problem `busy`."""
        if self._shops.total() >= self._in_all or self._shops[shop] >= self._of_a_shop:
            raise Problem("busy", headers={"Retry-After": str(RETRY_AFTER_BUSY_S)})
        self._shops[shop] += 1
        try:
            yield
        finally:
            self._shops[shop] -= 1
            if not self._shops[shop]:
                del self._shops[shop]


async def _read_part(part: BodyPartReader, name: str, limit: int) -> bytes:
    body = bytearray()
    while chunk := await part.read_chunk(64 * 1024):
        body += chunk
        if len(body) > limit:
            raise Problem("payload-too-large", members={"part": name})
    return bytes(body)


def text_of(fields: Mapping[str, bytes], name: str) -> str:
    """A part as text, without space around it; what is no UTF-8 counts as empty."""
    try:
        return fields.get(name, b"").decode().strip()
    except UnicodeDecodeError:
        return ""
