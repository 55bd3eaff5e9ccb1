"""The calls with which the shop's garments come onto a shopper's body: files, and which size fits."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote
from uuid import UUID

from aiohttp import hdrs, web

from tenancy.errors import UnknownSize
from tenancy.outfits import FileName, Outfit, Outfits, Wish
from tenancy.visits import Visit
from web import contract_outfits as contract
from web.avatars import FOR_HER_ALONE, of_a_visit
from web.fit_words import advice, size_words, zone_name, zone_words
from web.languages import language_for
from web.limits import Limits
from web.openapi import Answer, Operation
from web.problem import Problem
from web.requests import json_answer, uuid_or_unknown

GLB, PNG = "model/gltf-binary", "image/png"
MAX_WEAR_CHARACTERS = 400
# A comma that another product follows: some sizes have one of their own.
_NEXT = re.compile(r",(?=[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}(?:[:,]|$))", re.IGNORECASE)
_NAMES: Mapping[tuple[str, str], FileName] = {
    ("garment.glb", "meshopt"): "garment.glb",
    ("garment.glb", "plain"): "garment-plain.glb",
    ("dressed.glb", "meshopt"): "dressed.glb",
    ("dressed.glb", "plain"): "dressed-plain.glb",
    ("dressed.png", "meshopt"): "dressed.png",
}
_ASKED = (
    *("avatar-not-ready", "busy", "invalid-request", "invalid-token", "missing-credentials", "origin-not-allowed"),
    *(
        "rate-limited",
        "token-expired",
        "unavailable",
        "unknown-avatar",
        "unknown-product",
        "unknown-size",
        "wear-invalid",
    ),
)


@dataclass(frozen=True)
class Dressing:
    """The handlers. visit_of: whose request it is, or a problem."""

    outfits: Outfits
    limits: Limits
    visit_of: Callable[[web.Request], Awaitable[Visit]]

    async def get_outfit(self, request: web.Request) -> web.Response:
        visit = await self.visit_of(request)
        outfit = await self._outfit(visit, request)
        garments = [
            contract.WornGarment(
                product=piece.product.id,
                name=piece.product.name,
                worn_as=cast(Any, piece.worn_as),
                size=piece.size,
            )
            for piece in outfit.pieces
        ]
        files = contract.OutfitFiles(
            garment=_address(outfit, "garment.glb"),
            garment_plain=_address(outfit, "garment.glb", "plain"),
            dressed=_address(outfit, "dressed.glb"),
            dressed_plain=_address(outfit, "dressed.glb", "plain"),
            picture=_address(outfit, "dressed.png"),
        )
        return json_answer(contract.Outfit(garments=garments, tucked=outfit.tucked, files=files))

    async def get_garment(self, request: web.Request) -> web.Response:
        return await self._file(request, "garment.glb", GLB)

    async def get_dressed(self, request: web.Request) -> web.Response:
        return await self._file(request, "dressed.glb", GLB)

    async def get_dressed_picture(self, request: web.Request) -> web.Response:
        return await self._file(request, "dressed.png", PNG)

    async def get_fit(self, request: web.Request) -> web.Response:
        visit, avatar_id = await self.visit_of(request), _id(request)
        await self.outfits.check(visit, avatar_id)
        if "product" not in request.query:
            raise Problem("invalid-request", "`product` is needed.")
        wanted = uuid_or_unknown(request.query["product"], "unknown-product")
        avatar, product, report = await self.outfits.fit(visit, avatar_id, wanted)
        language = language_for(request)
        sizes = [
            contract.SizeFit(
                label=size["label"],
                probability=size["probability"],
                words=size_words(size["zones"], language),
                garment=_address(self.outfits.outfit_of(avatar, product, size["label"]), "garment.glb"),
                zones=[_zone(zone, language) for zone in size["zones"]],
            )
            for size in report["sizes"]
        ]
        told = {name: report[name] for name in ("size", "probability", "neighbour", "neighbour_probability", "between")}
        return json_answer(
            contract.Fit(
                product=product.id,
                name=product.name,
                language=language,
                **told,
                decided_by=report["decided_by"],
                decided_by_words=zone_name(report["decided_by"], language),
                words=advice(report, language),
                label_size=report["label_size"],
                sizes=sizes,
                colours=report["colours"],
            )
        )

    async def _file(self, request: web.Request, name: str, media_type: str) -> web.Response:
        visit = await self.visit_of(request)
        outfit = await self._outfit(visit, request)
        variant = request.query.get("variant", "meshopt")
        if (name, variant) not in _NAMES:
            raise Problem("invalid-request", "`variant` is meshopt or plain.")
        wanted = request.query.get("v")
        if wanted not in (None, outfit.key):
            raise Problem("unknown-file", "The body or a garment is another by now.")
        tag = f'"{outfit.key}"'
        headers = {hdrs.CACHE_CONTROL: FOR_HER_ALONE if wanted else "private, no-cache", hdrs.ETAG: tag}
        headers[hdrs.VARY] = hdrs.AUTHORIZATION
        if not wanted:
            headers[hdrs.CONTENT_LOCATION] = _address(outfit, name, variant)
        if request.headers.get(hdrs.IF_NONE_MATCH) == tag:
            return web.Response(status=304, headers=headers)

        async def before_work() -> None:
            await self.limits.hit("dressing", str(visit.id))
            await self.limits.hit("dressing-shop", str(visit.tenant_id))

        _, content = await self.outfits.file(visit, outfit, _NAMES[name, variant], before_work=before_work)
        return web.Response(body=content, headers=headers, content_type=media_type)

    async def _outfit(self, visit: Visit, request: web.Request) -> Outfit:
        avatar_id = _id(request)
        await self.outfits.check(visit, avatar_id)  # whose avatar it is comes before how the rest is written
        tucked = request.query.get("tucked", "false")
        if tucked not in ("true", "false"):
            raise Problem("invalid-request", "`tucked` is true or false.")
        try:
            return await self.outfits.outfit(visit, avatar_id, wishes_in(request.query), tucked=tucked == "true")
        except UnknownSize as error:
            raise Problem("unknown-size", str(error), members={"sizes": list(error.sizes)}) from None

    def operations(self) -> list[Operation]:
        """All of the above, described."""
        worn = {
            "wear": "`<product>:<size>,…`, at most four; without a size the one that fits best. A size may have a "
            "comma, as `37,5` has. Needed.",
            "tucked": "`true`: tops go into bottoms.",
        }
        version = {"v": "The key, as in `outfit`; with it the answer may be kept for ever."}
        variant = {"variant": "`meshopt` (the default) or `plain`."}
        headers = {"Content-Location": "Without `v`, the address that has it."}
        made = (*_ASKED, "garment-unwearable", "unknown-file")
        files = (
            ("garment.glb", self.get_garment, "The garments alone, on the body's skeleton", GLB),
            ("dressed.glb", self.get_dressed, "Body and garments in one", GLB),
            ("dressed.png", self.get_dressed_picture, "A picture of the dressed body", PNG),
        )
        return [
            of_a_visit(
                "GET",
                "/{avatar}/outfit",
                self.get_outfit,
                "What is worn in which size, and where its files are",
                Answer(200, "The lowest layer first.", contract.Outfit),
                _ASKED,
                query=worn,
            ),
            *(
                of_a_visit(
                    "GET",
                    f"/{{avatar}}/{name}",
                    handler,
                    says,
                    Answer(200, "The file.", media_type=media_type, headers=headers),
                    made,
                    query={**worn, **version, **(variant if media_type == GLB else {})},
                )
                for name, handler, says, media_type in files
            ),
            of_a_visit(
                "GET",
                "/{avatar}/fit",
                self.get_fit,
                "Which size of a garment fits",
                Answer(200, "Every size, with words for it.", contract.Fit),
                (*(code for code in _ASKED if code != "unknown-size"), "garment-unwearable"),
                query={"product": "The garment. Needed.", "lang": "Its language; without it the browser's."},
            ),
        ]


def wishes_in(query: Mapping[str, str]) -> Sequence[Wish]:
    """What `wear` asks for. Raises Problem `wear-invalid`, `unknown-product`."""
    text = query.get("wear", "")
    if not text or text.endswith(",") or len(text) > MAX_WEAR_CHARACTERS:
        raise Problem("wear-invalid", "`wear` is <product>:<size>,<product>:<size>, …")
    wishes = []
    for part in _NEXT.split(text):
        product, colon, size = part.partition(":")
        if colon and not size:
            raise Problem("wear-invalid", "A size is empty.")
        try:
            wishes.append(Wish(UUID(product), size or None))
        except ValueError:
            raise Problem("wear-invalid", "A product is no id.") from None
    return wishes


def _address(outfit: Outfit, name: str, variant: str = "meshopt") -> str:
    """Where a file of an outfit is for ever."""
    wear = ",".join(f"{piece.product.id}:{quote(piece.size, safe='')}" for piece in outfit.pieces)
    parts = [f"wear={wear}"]
    if outfit.tucked:
        parts.append("tucked=true")
    if variant != "meshopt":
        parts.append(f"variant={variant}")
    return f"/v1/avatars/{outfit.avatar.id}/{name}?{'&'.join(parts)}&v={outfit.key}"


def _zone(zone: Mapping[str, Any], language: str) -> contract.Zone:
    least, _, most = zone["band"]
    return contract.Zone(
        zone=zone["zone"],
        name=zone_name(zone["zone"], language),
        garment_cm=zone["garment_cm"],
        body_cm=zone["body_cm"],
        ease_cm=zone["ease_cm"],
        sigma_cm=zone["sigma_cm"],
        ease_least_cm=least,
        ease_most_cm=most,
        verdict=zone["verdict"],
        words=zone_words(zone, language),
    )


def _id(request: web.Request) -> UUID:
    return uuid_or_unknown(request.match_info["avatar"], "unknown-avatar")
