"""The shop owner's calls, with a secret key: taking in a product."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import BodyPartReader, hdrs, web

from tenancy.credentials import Credentials
from tenancy.products import Products
from web import contract
from web.files import catalog_item, file_path
from web.openapi import Answer, Body, Credential, Operation
from web.problem import Problem
from web.requests import bearer

MAX_MODEL_BYTES = 32 * 1024 * 1024
MAX_NAME_CHARACTERS = 120
_KINDS = ("glasses", "hat", "garment")
_FIELDS = {"glb": MAX_MODEL_BYTES, "name": 4 * MAX_NAME_CHARACTERS, "kind": 32}


class ModelRejected(Exception):
    """The intake refused a model. `reason` is its stable code, `detail` what the owner can do about it."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Owner:
    """The handlers of the owner's side."""

    credentials: Credentials
    products: Products

    async def create_product(self, request: web.Request) -> web.Response:
        """Takes a GLB through the intake and into the shop's catalog."""
        shop = await self.credentials.shop_for_secret_key(bearer(request))
        fields = await _read_form(request)
        name, kind = _text(fields, "name"), _text(fields, "kind")
        if not 0 < len(name) <= MAX_NAME_CHARACTERS or kind not in _KINDS or "glb" not in fields:
            raise Problem("invalid-request", f"`name`, `glb`, and `kind` out of {', '.join(_KINDS)} are needed.")
        try:
            product = await self.products.add(shop.id, name, kind, fields["glb"])
        except ModelRejected as error:
            raise Problem("product-rejected", error.detail, members={"reason": error.reason}) from None
        created = contract.ProductCreated(
            **catalog_item(shop, product).model_dump(),
            glb=file_path(shop, product.glb_digest, "glb"),
            report=dict(product.report),
        )
        headers = {hdrs.LOCATION: f"/v1/products/{product.id}", hdrs.CACHE_CONTROL: "no-store"}
        text = created.model_dump_json()
        return web.Response(text=text, status=201, headers=headers, content_type="application/json")

    def operations(self) -> list[Operation]:
        """All of the above, described."""
        parts = {
            "glb": {"type": "string", "format": "binary", "description": "Binary glTF 2.0, in metres."},
            "name": {"type": "string", "maxLength": MAX_NAME_CHARACTERS},
            "kind": {"type": "string", "enum": list(_KINDS)},
        }
        form = {"type": "object", "required": sorted(parts), "properties": parts, "additionalProperties": False}
        return [
            Operation(
                "POST",
                "/v1/products",
                self.create_product,
                "Add a product",
                [Answer(201, "Taken in.", contract.ProductCreated, headers={"Location": "The product."})],
                [
                    "invalid-key",
                    "invalid-request",
                    "missing-credentials",
                    "payload-too-large",
                    "product-rejected",
                    "unavailable",
                    "unsupported-media-type",
                ],
                body=Body(media_type="multipart/form-data", schema=form),
                credential=Credential.SECRET_KEY,
            )
        ]


async def _read_form(request: web.Request) -> dict[str, bytes]:
    """The parts of a multipart form, each read no further than it may be long."""
    if request.content_type != "multipart/form-data":
        raise Problem("unsupported-media-type", "This address takes multipart/form-data.")
    fields: dict[str, bytes] = {}
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or part.name not in _FIELDS or part.name in fields:
                raise Problem("invalid-request", f"The form has the parts {', '.join(_FIELDS)}, once each.")
            fields[part.name] = await _read_part(part, _FIELDS[part.name])
    except (ValueError, AssertionError):  # what aiohttp raises for a form that is cut off or malformed
        raise Problem("invalid-request", "The form cannot be read.") from None
    return fields


async def _read_part(part: BodyPartReader, limit: int) -> bytes:
    body = bytearray()
    while chunk := await part.read_chunk(64 * 1024):
        body += chunk
        if len(body) > limit:
            raise Problem("payload-too-large")
    return bytes(body)


def _text(fields: dict[str, bytes], name: str) -> str:
    try:
        return fields.get(name, b"").decode().strip()
    except UnicodeDecodeError:
        return ""
