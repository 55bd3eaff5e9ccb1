"""Addresses of a shop's own: asked for, proven by a record in the domain's DNS, and then led to that shop's page.

Anybody can ask for any domain, and asking takes it from nobody: only who can write into its DNS gets it.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from tenancy.audit import note
from tenancy.clock import utc_now
from tenancy.credentials import Credentials
from tenancy.database import Database
from tenancy.errors import InvalidDomain, TakenDomain, UnknownDomain, UnprovenDomain
from tenancy.shops import Shop

MOST_DOMAINS = 5
_LOOKUP_SECONDS = 5.0
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

Lookup = Callable[[str], Awaitable[list[str]]]  # a name's TXT records; none where there is no such name


@dataclass(frozen=True)
class Domain:
    """`record`: the name, and `proof`: the text that has to be in its DNS as TXT."""

    host: str
    token: str
    added_at: datetime
    verified_at: datetime | None

    @property
    def record(self) -> str:
        return f"_vitrine.{self.host}"

    @property
    def proof(self) -> str:
        return f"vitrine={self.token}"


class Domains:
    """Keeps and proves them."""

    def __init__(
        self,
        database: Database,
        credentials: Credentials,
        lookup: Lookup | None = None,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._credentials = credentials
        self._lookup = lookup or txt_records
        self._now = now

    async def of_shop(self, tenant_id: UUID) -> list[Domain]:
        """Every one, the oldest first."""
        async with self._database.tenant(tenant_id) as connection:
            rows = await connection.fetch(
                "SELECT host, token, added_at, verified_at FROM domains ORDER BY added_at, host"
            )
        return [Domain(**row) for row in rows]

    async def add(self, tenant_id: UUID, host: str, *, by: str) -> Domain:
        """Ask for one; again, it is the same. Raises InvalidDomain."""
        host = checked_host(host)
        async with self._database.tenant(tenant_id) as connection:
            held = await connection.fetchval("SELECT count(*) FROM domains WHERE host <> $1", host)
            if held >= MOST_DOMAINS:
                raise InvalidDomain(f"a shop has at most {MOST_DOMAINS} domains")
            done = await connection.execute(
                """
                INSERT INTO domains (tenant_id, host, token, added_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
                """,
                tenant_id,
                host,
                secrets.token_urlsafe(24),
                self._now(),
            )
            if done == "INSERT 0 1":
                await note(connection, tenant_id, by, "domain.added", host)
        return await self._one(tenant_id, host)

    async def verify(self, tenant_id: UUID, host: str, *, by: str) -> Domain:
        """Look into its DNS. From then on the shop's page is there, and that origin is one of the shop's own.

        Raises UnknownDomain, UnprovenDomain, TakenDomain.
        """
        domain = await self._one(tenant_id, host)
        if domain.verified_at is not None:
            return domain
        if domain.proof not in await self._lookup(domain.record):
            raise UnprovenDomain(f"there is no TXT record {domain.record} that says {domain.proof}")
        try:
            async with self._database.tenant(tenant_id) as connection:
                await connection.execute(
                    "UPDATE domains SET verified_at = $1 WHERE host = $2", self._now(), domain.host
                )
                await connection.execute(
                    """
                    UPDATE shops SET allowed_origins = array_append(array_remove(allowed_origins, $1), $1)
                    """,
                    f"https://{domain.host}",
                )
                await note(connection, tenant_id, by, "domain.verified", domain.host)
        except asyncpg.UniqueViolationError:
            raise TakenDomain(f"another shop has proven that {domain.host} is its own") from None
        self._database.cache.drop(tenant_id)
        return await self._one(tenant_id, domain.host)

    async def remove(self, tenant_id: UUID, host: str, *, by: str) -> None:
        """Raises UnknownDomain."""
        async with self._database.tenant(tenant_id) as connection:
            done = await connection.execute("DELETE FROM domains WHERE host = $1", host)
            if done != "DELETE 1":
                raise UnknownDomain
            await connection.execute(
                "UPDATE shops SET allowed_origins = array_remove(allowed_origins, $1)", f"https://{host}"
            )
            await note(connection, tenant_id, by, "domain.removed", host)
        self._database.cache.drop(tenant_id)

    async def shop_for_host(self, host: str) -> Shop:
        """The shop whose page is at a host. Raises UnknownDomain."""
        return await self._database.cache.find("shop-by-host", host, lambda: self._shop_at_host(host), lambda s: s.id)

    async def _shop_at_host(self, host: str) -> Shop:
        async with self._database.system() as connection:
            tenant_id = await connection.fetchval(
                "SELECT tenant_id FROM domains WHERE host = $1 AND verified_at IS NOT NULL", host.replace("\0", "")
            )
        if tenant_id is None:
            raise UnknownDomain
        return await self._credentials.shop_of_tenant(tenant_id)

    async def _one(self, tenant_id: UUID, host: str) -> Domain:
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow(
                "SELECT host, token, added_at, verified_at FROM domains WHERE host = $1", host.replace("\0", "")
            )
        if row is None:
            raise UnknownDomain
        return Domain(**row)


def checked_host(host: str) -> str:
    """A host as DNS has it, in lower case and ASCII. Raises InvalidDomain for what is no name."""
    try:
        plain = host.strip().rstrip(".").encode("idna").decode().lower()
    except UnicodeError:
        raise InvalidDomain("this is no domain") from None
    labels = plain.split(".")
    if len(plain) > 253 or len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidDomain("a domain is a name such as try-on.shop.example")
    try:
        ipaddress.ip_address(plain)
    except ValueError:
        if labels[-1].isdigit():
            raise InvalidDomain("a domain is a name, not a number") from None
        return plain
    raise InvalidDomain("a domain is a name, not an address")


async def txt_records(name: str, *, server: str | None = None, port: int = 53) -> list[str]:
    """The TXT records of a name, by the machine's resolver or by `server`; none when they cannot be had."""
    import dns.asyncresolver  # noqa: PLC0415  seldom needed, and slow to import
    import dns.exception  # noqa: PLC0415

    resolver = dns.asyncresolver.Resolver(configure=server is None)
    if server is not None:
        resolver.nameservers, resolver.port = [server], port
    try:
        answer = await resolver.resolve(name, "TXT", lifetime=_LOOKUP_SECONDS)
    except (dns.exception.DNSException, OSError):
        return []
    return [b"".join(record.strings).decode("ascii", "replace") for record in answer]
