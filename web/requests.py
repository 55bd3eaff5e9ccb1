"""Reading a request: the credential, a JSON body of a known shape, a text of limited size."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from aiohttp import hdrs, web
from pydantic import ValidationError

from web.contract import Answered, Given
from web.problem import Problem

MAX_JSON_BYTES = 16 * 1024
MAX_CREDENTIAL_CHARACTERS = 512
# What `read_json` refuses with.
JSON_PROBLEMS = ("invalid-json", "invalid-request", "payload-too-large", "unsupported-media-type")

Shape = TypeVar("Shape", bound=Given)


def bearer(request: web.Request) -> str:
    """The credential in `Authorization: Bearer …` (RFC 6750). Raises Problem `missing-credentials`."""
    scheme, _, credential = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    credential = credential.strip()
    if scheme.lower() != "bearer" or not credential or len(credential) > MAX_CREDENTIAL_CHARACTERS:
        raise Problem("missing-credentials")
    return credential


async def read_json(request: web.Request, shape: type[Shape]) -> Shape:
    """The JSON body as `shape`.

    Raises Problem `unsupported-media-type`, `payload-too-large`, `invalid-json`, or `invalid-request` with the
    places that are wrong and never their values.
    """
    if request.content_type != "application/json":
        raise Problem("unsupported-media-type")
    body = await read_limited(request, MAX_JSON_BYTES, too_large="payload-too-large")
    try:
        given = shape.model_validate_json(body)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
        if any(fault["type"] == "json_invalid" for fault in faults):
            raise Problem("invalid-json") from None
        wrong = [{"at": ".".join(str(step) for step in fault["loc"]), "fault": fault["type"]} for fault in faults]
        raise Problem("invalid-request", members={"errors": wrong[:20]}) from None
    if b"\\u0000" in body and _holds_nul(given.model_dump()):
        raise Problem("invalid-request", "A text holds U+0000, which no text of ours can.")
    return given


def _holds_nul(value: object) -> bool:
    """PostgreSQL keeps no such text, and no person types one."""
    if isinstance(value, dict):
        return any(_holds_nul(part) for pair in value.items() for part in pair)
    if isinstance(value, list | tuple):
        return any(_holds_nul(part) for part in value)
    return isinstance(value, str) and "\0" in value


async def read_limited(request: web.Request, limit: int, *, too_large: str) -> bytes:
    """The body, read no further than `limit` bytes. Raises Problem with the code `too_large`."""
    if (request.content_length or 0) > limit:
        raise Problem(too_large)
    body = bytearray()
    async for chunk in request.content.iter_chunked(16 * 1024):
        body += chunk
        if len(body) > limit:
            raise Problem(too_large)
    return bytes(body)


def uuid_or_unknown(text: str, code: str) -> UUID:
    """An id in a path. What is no UUID names nothing that exists, so it is the Problem `code`."""
    try:
        return UUID(text)
    except ValueError:
        raise Problem(code) from None


def json_answer(model: Answered, *, status: int = 200) -> web.Response:
    """An answer of the contract, for nobody to keep."""
    headers = {hdrs.CACHE_CONTROL: "no-store"}
    return web.Response(text=model.model_dump_json(), status=status, headers=headers, content_type="application/json")
