"""The owner's calls about products: take in, change, publish, take back, remove."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast
from uuid import UUID

from aiohttp import hdrs, web

from tenancy.owners import Owners
from tenancy.principals import Principal
from tenancy.products import WORN_AS, Product
from tenancy.shops import Shop
from web import contract_owner as contract
from web.access import Access, owners_call
from web.files import catalog_item, file_path
from web.limits import Limits
from web.openapi import Answer, Body, Operation
from web.problem import Problem
from web.requests import json_answer, read_json, uuid_or_unknown
from web.uploads import GLB, KINDS, MAX_NAME_CHARACTERS, ModelRejected, UploadPlaces, read_model, read_model_form

__all__ = ["ModelRejected", "Owner"]

_NAME = {"type": "string", "maxLength": MAX_NAME_CHARACTERS}


@dataclass(frozen=True)
class Owner:
    """The handlers."""

    owners: Owners
    access: Access
    limits: Limits
    places: UploadPlaces

    async def create_product(self, request: web.Request) -> web.Response:
        """Takes a GLB through the intake and into the shop's catalog."""
        who = await self.access.principal(request, "products:write")
        await self.limits.hit("upload", str(who.shop.id))
        async with self.places.place(who.shop.id):
            form = await read_model_form(request)
            try:
                product = await self.owners.products.add(
                    who.shop.id, form.name, form.kind, form.glb, details=form.details, by=who.name
                )
            except ModelRejected as error:
                raise _rejected(error) from None
        response = json_answer(shown(who.shop, product), status=201)
        response.headers[hdrs.LOCATION] = f"/v1/products/{product.id}"
        return response

    async def list_products(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "products:read")
        products = await self.owners.products.every(who.shop.id)
        return json_answer(contract.OwnersProducts(products=[shown(who.shop, product) for product in products]))

    async def get_product(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "products:read")
        product = uuid_or_unknown(request.match_info["product"], "unknown-product")
        return json_answer(shown(who.shop, await self.owners.products.get(who.shop.id, product)))

    async def change_product(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "products:write")
        product = uuid_or_unknown(request.match_info["product"], "unknown-product")
        given = await read_json(request, contract.ProductChange)
        if given.chart is not None or given.body_chart is not None:
            return json_answer(shown(who.shop, await self._with_charts(who, product, given)))
        variants = None
        if given.variants is not None:
            variants = [variant.model_dump(exclude_none=True) for variant in given.variants]
        changed = await self.owners.versions.change(
            who.shop.id, product, name=given.name, variants=variants, published=given.published, by=who.name
        )
        return json_answer(shown(who.shop, changed))

    async def _with_charts(self, who: Principal, product_id: UUID, given: contract.ProductChange) -> Product:
        """A garment with other charts, held against them like an upload. They come alone: a change is whole or none."""
        charts = given.model_dump(include={"chart", "body_chart"}, exclude_none=True)
        if given.model_fields_set - {"chart", "body_chart"}:
            raise Problem("invalid-request", "`chart` and `body_chart` are changed in a request of their own.")
        if (await self.owners.products.get(who.shop.id, product_id)).garment is None:
            raise Problem("product-invalid", "Only a garment has a chart.")
        await self.limits.hit("upload", str(who.shop.id))
        model = await self.owners.products.model(who.shop.id, product_id)
        try:
            return await self.owners.versions.replace_model(who.shop.id, product_id, model, details=charts, by=who.name)
        except ModelRejected as error:
            raise _rejected(error) from None

    async def replace_model(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "products:write")
        product = uuid_or_unknown(request.match_info["product"], "unknown-product")
        await self.owners.products.get(who.shop.id, product)  # before 32 MB are read for nothing
        await self.limits.hit("upload", str(who.shop.id))
        async with self.places.place(who.shop.id):
            try:
                changed = await self.owners.versions.replace_model(
                    who.shop.id, product, await read_model(request), by=who.name
                )
            except ModelRejected as error:
                raise _rejected(error) from None
        return json_answer(shown(who.shop, changed))

    async def delete_product(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "products:write")
        product = uuid_or_unknown(request.match_info["product"], "unknown-product")
        await self.owners.products.remove(who.shop.id, product, by=who.name)
        return web.Response(status=204)

    async def list_versions(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "products:read")
        product = uuid_or_unknown(request.match_info["product"], "unknown-product")
        versions = [
            contract.Version(
                number=version.number,
                name=version.name,
                glb=file_path(who.shop, version.glb_digest, "glb"),
                thumbnail=file_path(who.shop, version.thumbnail_digest, "png"),
                made_by=version.made_by,
                made_at=version.made_at,
            )
            for version in await self.owners.versions.versions(who.shop.id, product)
        ]
        return json_answer(contract.Versions(versions=versions))

    async def undo_product(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "products:write")
        product = uuid_or_unknown(request.match_info["product"], "unknown-product")
        return json_answer(shown(who.shop, await self.owners.versions.undo(who.shop.id, product, by=who.name)))

    async def restore_version(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "products:write")
        product = uuid_or_unknown(request.match_info["product"], "unknown-product")
        number = int(request.match_info["number"])
        restored = await self.owners.versions.restore(who.shop.id, product, number, by=who.name)
        return json_answer(shown(who.shop, restored))

    def operations(self) -> list[Operation]:
        """All of the above, described."""
        one, unknown = "/v1/products/{product}", "unknown-product"
        parts = {
            "glb": {"type": "string", "format": "binary", "description": "Binary glTF 2.0, in metres."},
            "name": _NAME,
            "kind": {"type": "string", "enum": list(KINDS)},
        }
        needed = sorted(parts)
        parts |= {
            "worn_as": {"type": "string", "enum": list(WORN_AS), "description": "Of a garment, unless the GLB says."},
            "chart": {"type": "string", "description": "Of a garment: its finished dimensions in cm, as JSON."},
            "body_chart": {"type": "string", "description": "Of a garment: whom a size is for, as JSON."},
        }
        form = {"type": "object", "required": needed, "properties": parts, "additionalProperties": False}
        taken_in = Answer(201, "Taken in.", contract.OwnersProduct, headers={"Location": "The product."})
        product = Answer(200, "The product as it is now.", contract.OwnersProduct)
        uploaded = [
            *("busy", "invalid-request", "payload-too-large", "product-invalid", "product-rejected"),
            *("quota-reached", "unsupported-media-type"),
        ]
        return [
            owners_call(
                "POST /v1/products",
                self.create_product,
                "Add a product",
                taken_in,
                uploaded,
                body=Body(media_type="multipart/form-data", schema=form),
            ),
            owners_call(
                "GET /v1/products",
                self.list_products,
                "Every product, published or not",
                Answer(200, "In the owner's order.", contract.OwnersProducts),
            ),
            owners_call(f"GET {one}", self.get_product, "A product", product, [unknown]),
            owners_call(
                f"PATCH {one}",
                self.change_product,
                "Rename, set variants or charts, publish, unpublish",
                product,
                [unknown, "busy", "product-invalid", "product-rejected", "quota-reached"],
                takes=contract.ProductChange,
            ),
            owners_call(
                f"PUT {one}/model",
                self.replace_model,
                "Another model for a product",
                product,
                [unknown, *uploaded],
                body=Body(media_type=GLB, schema={"type": "string", "format": "binary"}),
            ),
            owners_call(f"DELETE {one}", self.delete_product, "Remove a product", Answer(204, "Removed."), [unknown]),
            owners_call(
                f"GET {one}/versions",
                self.list_versions,
                "Every state a product had",
                Answer(200, "The newest first.", contract.Versions),
                [unknown],
            ),
            owners_call(f"POST {one}/undo", self.undo_product, "Back to the version before", product, [unknown]),
            owners_call(
                f"POST {one}/versions/{{number:[0-9]{{1,6}}}}/restore",
                self.restore_version,
                "Back to a version",
                product,
                [unknown],
            ),
        ]


def shown(shop: Shop, product: Product) -> contract.OwnersProduct:
    """A product as its owner sees it."""
    return contract.OwnersProduct(
        **catalog_item(shop, product).model_dump(),
        external_id=product.external_id,
        published=product.published,
        version=product.version,
        variants=cast(list[dict[str, str]], list(product.variants)),
        glb=file_path(shop, product.glb_digest, "glb"),
        report=dict(product.report),
        chart=product.garment["chart"] if product.garment else None,
        body_chart=product.garment["body_chart"] if product.garment else None,
        created_at=product.created_at,
        updated_at=product.updated_at,
    )


def _rejected(error: ModelRejected) -> Problem:
    return Problem("product-rejected", error.detail, members={"reason": error.reason})
