"""The owner's calls about bulk imports: preview, start, look, forget."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from aiohttp import hdrs, web

from tenancy.imports import Import, Row
from tenancy.owners import Owners
from web import contract_imports as contract
from web.access import Access, owners_call
from web.limits import Limits
from web.openapi import Answer, Body, Operation
from web.requests import json_answer, uuid_or_unknown
from web.uploads import UploadPlaces, read_import_form


@dataclass(frozen=True)
class Imports:
    """The handlers."""

    owners: Owners
    access: Access
    limits: Limits
    places: UploadPlaces

    async def create_import(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "products:write")
        await self.limits.hit("upload", str(who.shop.id))
        async with self.places.place(who.shop.id), read_import_form(request) as (table, models):
            made = await self.owners.imports.preview(who.shop.id, table, models, by=who.name)
        response = json_answer(import_shown(made), status=201)
        response.headers[hdrs.LOCATION] = f"/v1/imports/{made.id}"
        return response

    async def get_import(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "products:read")
        return json_answer(import_shown(await self.owners.imports.get(who.shop.id, _id(request))))

    async def start_import(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "products:write")
        await self.owners.imports.start(who.shop.id, _id(request), by=who.name)
        return json_answer(import_shown(await self.owners.imports.get(who.shop.id, _id(request))), status=202)

    async def forget_import(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "products:write")
        await self.owners.imports.forget(who.shop.id, _id(request))
        return web.Response(status=204)

    def operations(self) -> list[Operation]:
        """All of the above, described."""
        one = "/v1/imports/{import}"
        parts = {
            "table": {"type": "string", "description": "CSV: sku,name,kind,model,variants,published."},
            "models": {"type": "string", "format": "binary", "description": "A zip of the GLB files."},
        }
        form = {"type": "object", "required": sorted(parts), "properties": parts, "additionalProperties": False}
        shown = contract.ImportShown
        return [
            owners_call(
                "POST /v1/imports",
                self.create_import,
                "Preview a bulk import: a table and a zip of models",
                Answer(201, "What will happen to each row.", shown, headers={"Location": "The import."}),
                ["busy", "import-invalid", "invalid-request", "payload-too-large", "unsupported-media-type"],
                body=Body(media_type="multipart/form-data", schema=form),
            ),
            owners_call(
                "GET " + one,
                self.get_import,
                "How far an import is",
                Answer(200, "Row by row.", shown),
                ["unknown-import"],
            ),
            owners_call(
                "POST " + one + "/start",
                self.start_import,
                "Do what the preview says; told again, it goes on",
                Answer(202, "It is being worked on.", shown),
                ["unknown-import"],
            ),
            owners_call(
                "DELETE " + one,
                self.forget_import,
                "Take an import off the list; products stay",
                Answer(204, "Gone."),
                ["unknown-import"],
            ),
        ]


def import_shown(found: Import) -> contract.ImportShown:
    """An import as the contract has it."""
    states = Counter(row.state for row in found.rows)
    return contract.ImportShown(
        id=found.id,
        state=found.state,
        made_by=found.made_by,
        made_at=found.made_at,
        waiting=states["waiting"],
        done=states["done"],
        failed=states["failed"],
        rows=[_row_shown(row) for row in found.rows],
    )


def _row_shown(row: Row) -> contract.ImportRow:
    shown = {name: value for name, value in vars(row).items() if name != "source_digest"}
    return contract.ImportRow.model_validate({**shown, "product": shown.pop("product_id")})


def _id(request: web.Request) -> UUID:
    return uuid_or_unknown(request.match_info["import"], "unknown-import")
