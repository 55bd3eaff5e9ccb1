"""The owner's calls about domains of the shop's own, and which hosts are answered at all."""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import Field

from tenancy.domains import Domain, Domains
from tenancy.errors import InvalidDomain, UnknownDomain
from tenancy.owners import Owners
from web.access import Access, owners_call
from web.contract import Answered, Given
from web.openapi import Answer, Operation
from web.problem import Handler, Problem
from web.requests import json_answer, read_json

_HOST = "/v1/domains/{host}"
# What is asked by machines that know an address and no name.
_FOR_MACHINES = frozenset({"/healthz", "/readyz", "/metrics"})
# What a shopper's page at a domain of the shop's own is made of; people who keep the shop come to our own host.
_FOR_SHOPPERS = ("/s/", "/static/", "/v1/")
_STRANGE_FOR_S, _MOST_STRANGERS = 1.0, 1000


class DomainAsked(Given):
    """A host at which the shop's page is to be."""

    host: Annotated[str, Field(min_length=1, max_length=253)]


class DomainShown(Answered):
    """`record` and `proof`: the TXT record that proves that the domain is the shop's."""

    host: str
    record: str
    proof: str
    verified_at: datetime | None


class DomainsShown(Answered):
    """The oldest first. Each must lead to this installation: by a CNAME to `target`, and with a certificate there."""

    target: str | None
    domains: list[DomainShown]


@dataclass(frozen=True)
class ShopDomains:
    """The handlers. `own_host`: the installation's own, if it is known."""

    owners: Owners
    access: Access
    own_host: str | None

    async def list_domains(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "shop:write")
        found = [_shown(domain) for domain in await self.owners.domains.of_shop(who.shop.id)]
        return json_answer(DomainsShown(target=self.own_host, domains=found))

    async def add_domain(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "shop:write")
        given = await read_json(request, DomainAsked)
        if given.host.strip().lower().rstrip(".") == self.own_host:
            raise InvalidDomain("this is the address of the installation itself")
        return json_answer(_shown(await self.owners.domains.add(who.shop.id, given.host, by=who.name)), status=201)

    async def verify_domain(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "shop:write")
        await self.access.limits.hit("domain", str(who.shop.id))
        domain = await self.owners.domains.verify(who.shop.id, request.match_info["host"], by=who.name)
        return json_answer(_shown(domain))

    async def remove_domain(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "shop:write")
        await self.owners.domains.remove(who.shop.id, request.match_info["host"], by=who.name)
        return web.Response(status=204)

    def operations(self) -> list[Operation]:
        """All of the above, described."""
        shown, all_of_them = Answer(200, "As it is now.", DomainShown), Answer(200, "All of them.", DomainsShown)
        added = Answer(201, "Asked for, to be proven.", DomainShown)
        unproven = ("domain-taken", "domain-unproven", "unknown-domain")
        given_up = Answer(204, "Given up.")
        return [
            owners_call("GET /v1/domains", self.list_domains, "The shop's own domains", all_of_them),
            owners_call(
                "POST /v1/domains",
                self.add_domain,
                "Ask for a domain",
                added,
                ["domain-invalid"],
                takes=DomainAsked,
            ),
            owners_call(f"POST {_HOST}/verification", self.verify_domain, "Look into a domain's DNS", shown, unproven),
            owners_call(f"DELETE {_HOST}", self.remove_domain, "Give a domain up", given_up, ["unknown-domain"]),
        ]


def allowed_hosts(domains: Domains, public_url: str | None) -> Any:
    """Answers under the installation's own host, and under a shop's domain what its shoppers need; no other host.

    Without a stated address the own host is not known, and every host counts as it.
    """
    own = urlsplit(public_url or "").hostname
    strangers: dict[str, float] = {}  # hosts that were nobody's a moment ago: scanners ask many times

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = (urlsplit(f"//{request.host}").hostname or "").lower()
        if own is None or host in (own, "localhost") or request.path in _FOR_MACHINES or _is_address(host):
            return await handler(request)
        if strangers.get(host, 0.0) > time.monotonic():
            raise Problem("unknown-host")
        try:
            shop = await domains.shop_for_host(host)
        except UnknownDomain:
            if len(strangers) >= _MOST_STRANGERS:
                strangers.clear()
            strangers[host] = time.monotonic() + _STRANGE_FOR_S
            raise Problem("unknown-host") from None
        path = request.path
        slug = path.split("/")[2] if path.startswith("/s/") else shop.slug
        if slug != shop.slug or not (path == "/" or path.startswith(_FOR_SHOPPERS)):
            raise Problem("not-found")
        return await handler(request)

    return middleware


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _shown(domain: Domain) -> DomainShown:
    return DomainShown(host=domain.host, record=domain.record, proof=domain.proof, verified_at=domain.verified_at)
