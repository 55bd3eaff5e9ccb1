"""The shopper's calls: catalog, consent, a visit, and the try-on with its candidates and its end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from aiohttp import hdrs, web

from rtc.claims import Claims, Visitor
from rtc.offers import MAX_FRAGMENT_BYTES, MAX_SDP_BYTES, TryOnOffer, UnknownSession
from rtc.placement import Placement
from rtc.turn import Relays, servers_for
from tenancy.consent import ConsentText, current_text
from tenancy.credentials import Credentials, Shop
from tenancy.errors import ConsentRequired
from tenancy.products import Products
from tenancy.shoppers import Shoppers
from tenancy.usage import Usage
from tenancy.visits import Visit, Visits
from web import contract
from web.files import catalog_item
from web.languages import language_for
from web.limits import Limits
from web.middleware import Readers, admit_origin
from web.openapi import Answer, Body, Credential, Operation
from web.problem import Problem
from web.regions import NOWHERE, Regions
from web.requests import bearer, read_json, read_limited, uuid_or_unknown

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
TICKET_HEADER = "Vitrine-Ticket"
REPLACES_HEADER = "Vitrine-Replaces"
MAX_TICKET_CHARACTERS = 64

_ORIGIN_AND_TOKEN = ("missing-credentials", "invalid-token", "token-expired", "origin-not-allowed", "unavailable")


@dataclass(frozen=True)
class Shopper:
    """The handlers of the shopper's side.

    ice_servers: as in the browser's RTCConfiguration. relays: those to which each shopper gets credentials.
    cdn_url: what goes before the paths of pictures, without a slash at its end.
    """

    credentials: Credentials
    visits: Visits
    products: Products
    placement: Placement
    claims: Claims
    usage: Usage
    shoppers: Shoppers
    limits: Limits
    ice_servers: Sequence[Mapping[str, Any]]
    relays: Relays | None
    public_origin: str | None
    cdn_url: str = ""
    regions: Regions = NOWHERE

    async def get_catalog(self, request: web.Request) -> web.Response:
        shop = await self.credentials.shop_for_publishable_key(bearer(request))
        await self.limits.hit("shop", str(shop.id))
        self._admit(request, shop)
        items = [catalog_item(shop, product, cdn_url=self.cdn_url) for product in await self.products.catalog(shop.id)]
        return _json(contract.Catalog(products=items))

    async def get_consent(self, request: web.Request) -> web.Response:
        return _json(_as_contract(current_text(language_for(request))))

    async def create_session(self, request: web.Request) -> web.Response:
        await self.limits.hit("visit", self.limits.address(request))
        given = await read_json(request, contract.SessionRequest)
        shop = await self.credentials.shop_for_publishable_key(given.key)
        self._admit(request, shop)
        await self.limits.hit("visit-shop", str(shop.id))
        await self.usage.refuse_beyond_cap(shop.id)
        agreed = given.consent.version if given.consent and given.consent.granted else None
        language = given.consent.language if given.consent else language_for(request)
        try:
            token, visit = await self.visits.open(
                shop, given.product, agreed, region=self.regions.of(request, shop), language=language
            )
        except ConsentRequired:
            members = _as_contract(current_text(language)).model_dump()
            raise Problem("consent-required", members=members) from None
        assert visit.agreed
        created = contract.SessionCreated(
            token=token,
            expires_at=visit.expires_at,
            ice_servers=self._servers(visit),
            receipt=self.shoppers.receipt_of_consent(shop, visit.agreed),
        )
        return _json(created, status=201)

    async def start_try_on(self, request: web.Request) -> web.Response:
        await self.limits.hit("try-on", self.limits.address(request))
        visit = await self.visit(request)
        if not await self.visits.has_camera(visit):
            raise Problem("consent-required", members=_as_contract(current_text(language_for(request))).model_dump())
        offer = await _read_text(request, SDP, MAX_SDP_BYTES, too_large="sdp-too-large", unreadable="sdp-invalid")
        ticket = request.headers.get(TICKET_HEADER)
        if ticket is not None and not 0 < len(ticket) <= MAX_TICKET_CHARACTERS:
            raise Problem("invalid-request", f"{TICKET_HEADER} is not a ticket of ours.")
        session = str(uuid4())
        tenant, worn = str(visit.tenant_id), await self._first_worn(visit)
        wanted = TryOnOffer(session, tenant, str(visit.id), offer, worn, _replaced(request))
        answer = await self.placement.open(wanted, ticket)
        await self.visits.renew(visit)
        headers = {hdrs.LOCATION: f"/v1/try-on/{session}", hdrs.ETAG: _entity_tag(session)}
        response = web.Response(text=answer.sdp, status=201, headers=headers, content_type=SDP)
        for link in ice_links(self._servers(visit)):
            response.headers.add(hdrs.LINK, link)
        return response

    async def trickle_candidates(self, request: web.Request) -> web.Response:
        visit, session = await self.visit(request), _session_id(request)
        _check_precondition(request, session)
        fragment = await _read_text(
            request, FRAGMENT, MAX_FRAGMENT_BYTES, too_large="payload-too-large", unreadable="sdp-invalid"
        )
        await self.placement.trickle(_visitor(visit), session, fragment)
        return web.Response(status=204)

    async def get_ice_servers(self, request: web.Request) -> web.Response:
        visit = await self.visit(request)
        return _json(contract.IceServers(ice_servers=self._servers(visit)))

    async def end_try_on(self, request: web.Request) -> web.Response:
        visit, session = await self.visit(request), _session_id(request)
        await self.placement.close(_visitor(visit), session)
        return web.Response(status=204)

    async def links(self, request: web.Request) -> list[str]:
        """The visit's ICE servers, for WHIP clients that ask by OPTIONS."""
        return ice_links(self._servers(await self.visit(request)))

    async def get_snapshot(self, request: web.Request) -> web.Response:
        try:
            jpeg = await self.placement.snapshot(request.match_info["snapshot"])
        except UnknownSession:
            raise Problem("not-found") from None
        return web.Response(body=jpeg, content_type="image/jpeg", headers={hdrs.CACHE_CONTROL: "private, no-store"})

    def operations(self) -> list[Operation]:
        """All of the above, described."""
        shop, anyone = Readers.SHOP, Readers.ANYONE
        key, token = Credential.PUBLISHABLE_KEY, Credential.VISIT_TOKEN
        return [
            Operation(
                "GET",
                "/v1/catalog",
                self.get_catalog,
                "What the shop has to try on",
                [Answer(200, "The shop's products.", contract.Catalog)],
                ["missing-credentials", "invalid-key", "origin-not-allowed", "unavailable"],
                credential=key,
                readers=shop,
            ),
            Operation(
                "GET",
                "/v1/consent",
                self.get_consent,
                "What a shopper agrees to before her camera opens",
                [Answer(200, "The current text.", contract.ConsentText)],
                readers=anyone,
                query={"lang": "Its language; without it the browser's."},
            ),
            Operation(
                "POST",
                "/v1/sessions",
                self.create_session,
                "Begin a shopper's visit",
                [Answer(201, "The visit's token.", contract.SessionCreated)],
                [
                    "cap-reached",
                    "consent-required",
                    "invalid-json",
                    "invalid-key",
                    "invalid-request",
                    "origin-not-allowed",
                    "payload-too-large",
                    "rate-limited",
                    "shop-closing",
                    "unavailable",
                    "unknown-product",
                    "unsupported-media-type",
                ],
                body=Body(contract.SessionRequest),
                readers=shop,
            ),
            Operation(
                "POST",
                "/v1/try-on",
                self.start_try_on,
                "Start the live try-on (RFC 9725, with a sendrecv video)",
                [
                    Answer(
                        201,
                        "The answer.",
                        media_type=SDP,
                        headers={"Location": "The try-on.", "ETag": "Its ICE session.", "Link": "ICE servers."},
                    )
                ],
                [
                    *_ORIGIN_AND_TOKEN,
                    "consent-required",
                    "invalid-request",
                    "no-media-node",
                    "queue",
                    "rate-limited",
                    "sdp-invalid",
                    "sdp-many-videos",
                    "sdp-no-codec",
                    "sdp-no-video",
                    "sdp-not-sendrecv",
                    "sdp-too-large",
                    "session-active",
                    "unknown-product",
                    "unsupported-media-type",
                ],
                body=Body(media_type=SDP),
                credential=token,
                headers={
                    TICKET_HEADER: "The `ticket` of the last `queue` answer, to keep one's place in line.",
                    REPLACES_HEADER: "The location of the visit's try-on that this one takes over from.",
                },
                readers=shop,
                links=self.links,
            ),
            Operation(
                "PATCH",
                "/v1/try-on/{session}",
                self.trickle_candidates,
                "Add ICE candidates (RFC 8840)",
                [Answer(204, "Taken.")],
                [
                    *_ORIGIN_AND_TOKEN,
                    "payload-too-large",
                    "ice-restart-not-supported",
                    "precondition-failed",
                    "precondition-required",
                    "sdp-fragment-invalid",
                    "sdp-invalid",
                    "unknown-session",
                    "unsupported-media-type",
                ],
                body=Body(media_type=FRAGMENT),
                credential=token,
                headers={"If-Match": "The ETag of the try-on."},
                readers=shop,
            ),
            Operation(
                "GET",
                "/v1/ice-servers",
                self.get_ice_servers,
                "Relays' credentials for the visit's next connection; they last for minutes",
                [Answer(200, "As in POST /v1/sessions.", contract.IceServers)],
                _ORIGIN_AND_TOKEN,
                credential=token,
                readers=shop,
            ),
            Operation(
                "DELETE",
                "/v1/try-on/{session}",
                self.end_try_on,
                "End the try-on",
                [Answer(204, "Ended.")],
                [*_ORIGIN_AND_TOKEN, "unknown-session"],
                credential=token,
                readers=shop,
            ),
            Operation(
                "GET",
                "/v1/snapshots/{snapshot:[A-Za-z0-9_.~-]{1,200}}.jpg",
                self.get_snapshot,
                "A snapshot, for two minutes after it was taken",
                [Answer(200, "The picture.", media_type="image/jpeg")],
                ["not-found", "unavailable"],
                readers=anyone,
            ),
        ]

    def _admit(self, request: web.Request, shop: Shop) -> None:
        admit_origin(request, shop.allowed_origins, public_origin=self.public_origin)

    async def visit(self, request: web.Request) -> Visit:
        """Whose request it is. Raises InvalidToken, TokenExpired, Problem."""
        visit = await self.visits.resolve(bearer(request))
        await self.limits.hit("visitor", str(visit.tenant_id), str(visit.id))
        await self.limits.hit("shop", str(visit.tenant_id))
        self._admit(request, await self.credentials.shop_of_tenant(visit.tenant_id))
        return visit

    async def region(self, request: web.Request, visit: Visit) -> str | None:
        """Where its shopper is, for the receipt of what she agrees to."""
        return self.regions.of(request, await self.credentials.shop_of_tenant(visit.tenant_id))

    def _servers(self, visit: Visit) -> list[dict[str, Any]]:
        return servers_for(self.ice_servers, self.relays, str(visit.id), time.time())

    async def _first_worn(self, visit: Visit) -> tuple[str, ...]:
        """What was worn when the last try-on of the visit ended, else what the visit began with."""
        outfit = await self.claims.outfit(_visitor(visit))
        if outfit is not None:
            return outfit
        return (str(visit.product_id),) if visit.product_id else ()


def ice_links(servers: Sequence[Mapping[str, Any]]) -> list[str]:
    """The servers as `Link` headers (RFC 9725, section 4.6)."""
    links = []
    for server in servers:
        urls = server["urls"]
        for url in [urls] if isinstance(urls, str) else urls:
            link = f'<{url}>; rel="ice-server"'
            if "username" in server:
                link += f'; username="{server["username"]}"; credential="{server["credential"]}"'
                link += '; credential-type="password"'
            links.append(link)
    return links


async def _read_text(request: web.Request, media_type: str, limit: int, *, too_large: str, unreadable: str) -> str:
    if request.content_type != media_type:
        raise Problem("unsupported-media-type", f"This address takes {media_type}.")
    body = await read_limited(request, limit, too_large=too_large)
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Problem(unreadable) from None


def _session_id(request: web.Request) -> str:
    return str(uuid_or_unknown(request.match_info["session"], "unknown-session"))


def _replaced(request: web.Request) -> str | None:
    """The try-on that gives way to this one, by its location. Only the visit's own can: the claim says which it is."""
    location = request.headers.get(REPLACES_HEADER)
    return None if location is None else location.rpartition("/")[2]


def _check_precondition(request: web.Request, session: str) -> None:
    """If-Match must name the ICE session (RFC 9725, section 4.3.1); `*` is for an ICE restart, told by its ufrag."""
    match = request.headers.get(hdrs.IF_MATCH)
    if match is None:
        raise Problem("precondition-required")
    if match not in ("*", _entity_tag(session)):
        raise Problem("precondition-failed")


def _entity_tag(session: str) -> str:
    """The ICE session of a try-on; it never changes, for ICE is not restarted."""
    return f'"{session}"'


def _visitor(visit: Visit) -> Visitor:
    return Visitor(str(visit.tenant_id), str(visit.id))


def _as_contract(text: ConsentText) -> contract.ConsentText:
    return contract.ConsentText(
        version=text.version, language=text.language, title=text.title, paragraphs=list(text.paragraphs)
    )


def _json(model: contract.Answered, *, status: int = 200) -> web.Response:
    headers = {hdrs.CACHE_CONTROL: "no-store"}
    return web.Response(text=model.model_dump_json(), status=status, headers=headers, content_type="application/json")
