"""The files of products: thumbnails and models, public and immutable, since their address holds their hash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from aiohttp import hdrs, web

from tenancy.credentials import Credentials, Shop
from tenancy.files import FOR_EVER, Files
from tenancy.products import Product, Products
from web import contract
from web.middleware import Readers
from web.openapi import Answer, Operation
from web.problem import Problem

PNG, GLB = "image/png", "model/gltf-binary"


def file_path(shop: Shop, digest: str, suffix: str) -> str:
    """Where a file of a shop's product is served."""
    return f"/v1/files/{shop.slug}/{digest}.{suffix}"


def catalog_item(shop: Shop, product: Product, *, cdn_url: str = "") -> contract.CatalogItem:
    """A product as the contract shows it; its picture comes from the CDN where there is one."""
    return contract.CatalogItem(
        id=product.id,
        kind=cast(contract.Kind, product.kind),
        name=product.name,
        thumbnail=cdn_url + file_path(shop, product.thumbnail_digest, "png"),
        dimensions=dict(product.dimensions),
        garment=_garment(product),
    )


def _garment(product: Product) -> contract.GarmentShown | None:
    if product.garment is None:
        return None
    chart = product.garment["chart"]
    version = hashlib.sha256(f"{product.glb_digest} {json.dumps(chart, sort_keys=True)}".encode()).hexdigest()[:16]
    return contract.GarmentShown(
        worn_as=product.garment["worn_as"], sizes=chart["sizes"], modelled=chart["modelled"], version=version
    )


@dataclass(frozen=True)
class ProductFiles:
    """Serves a file if, and only if, a product of that shop has it: storage holds other things too."""

    credentials: Credentials
    products: Products
    files: Files

    async def get_thumbnail(self, request: web.Request) -> web.Response:
        return await self._serve(request, PNG)

    async def get_model(self, request: web.Request) -> web.Response:
        return await self._serve(request, GLB)

    async def _serve(self, request: web.Request, media_type: str) -> web.Response:
        digest = request.match_info["digest"]
        tag = f'"{digest}"'
        shop = await self.credentials.shop_for_slug(request.match_info["shop"])
        if not await self.products.has_file(shop.id, digest, media_type):
            raise Problem("not-found")
        headers = {hdrs.CACHE_CONTROL: FOR_EVER, hdrs.ETAG: tag}
        if request.headers.get(hdrs.IF_NONE_MATCH) == tag:
            return web.Response(status=304, headers=headers)
        body = await self.files.get(shop.id, digest)
        return web.Response(body=body, headers=headers, content_type=media_type)

    def operations(self) -> list[Operation]:
        """All of the above, described."""
        problems = ["not-found", "unknown-shop", "unavailable"]
        return [
            Operation(
                "GET",
                "/v1/files/{shop}/{digest:[0-9a-f]{64}}.png",
                self.get_thumbnail,
                "A product's thumbnail",
                [Answer(200, "The picture, with a transparent ground.", media_type=PNG)],
                problems,
                readers=Readers.ANYONE,
            ),
            Operation(
                "GET",
                "/v1/files/{shop}/{digest:[0-9a-f]{64}}.glb",
                self.get_model,
                "A product's model",
                [Answer(200, "The canonical binary glTF 2.0 file.", media_type=GLB)],
                problems,
                readers=Readers.ANYONE,
            ),
        ]


@dataclass(frozen=True)
class BaseBodies:
    """The bodies that owners model garments on. `folder` holds `base-female.glb` and so on."""

    folder: Path

    async def get_base_body(self, request: web.Request) -> web.StreamResponse:
        path = self.folder / f"base-{request.match_info['sex']}.glb"
        if not path.is_file():
            raise Problem("not-found")
        headers = {hdrs.CACHE_CONTROL: "public, max-age=3600", hdrs.CONTENT_TYPE: GLB}
        headers[hdrs.CONTENT_DISPOSITION] = f'attachment; filename="vitrine-{path.name}"'
        return web.FileResponse(path, headers=headers)

    def operations(self) -> list[Operation]:
        """All of the above, described."""
        return [
            Operation(
                "GET",
                "/v1/base-bodies/{sex:female|male|neutral}.glb",
                self.get_base_body,
                "The body that garments are modelled on: metres, y up, feet at 0, arms away from it",
                [Answer(200, "Binary glTF 2.0.", media_type=GLB)],
                ["not-found"],
                readers=Readers.ANYONE,
            )
        ]
