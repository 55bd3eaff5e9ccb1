"""Telling a webhook: signed as Standard Webhooks has it, to public addresses alone, without following anybody.

A shop names the address, so the server must not become its eyes in the operator's network. The name is resolved once,
every address it leads to is judged, and the connection goes to one of those very addresses: a name that answers
otherwise the second time is not asked a second time. Redirects are failures, and no body of an answer is read.
"""

from __future__ import annotations

import base64
import hmac
import ipaddress
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from tenancy.database import Database
from tenancy.outbox import Parcel, Route, Undelivered
from tenancy.seal import Seal
from tenancy.webhooks import secret_of

# Some two days in nine attempts, close together at first.
_WAITS = tuple(timedelta(minutes=minutes) for minutes in (0.2, 1, 5, 30, 120, 300, 720, 1440))
_SECONDS = 10.0
_GONE = 410
# IPv6 addresses that lead to an IPv4 one inside them, which is judged nowhere else.
_CARRIES_IPV4 = tuple(ipaddress.ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16"))
# Assigned to protocols; `is_global` lets a few of them pass.
_OF_PROTOCOLS = tuple(ipaddress.ip_network(net) for net in ("192.0.0.0/24", "192.88.99.0/24"))


class PrivateAddress(OSError):
    """The name leads, or may lead, into a network that is not the public one."""


def is_public(address: str) -> bool:
    """Whether an address is one that anybody could reach: none of a private, local, shared or reserved range."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return is_public(str(found.ipv4_mapped))
    if any(found in net for net in (*_CARRIES_IPV4, *_OF_PROTOCOLS)):
        return False
    return found.is_global and not found.is_multicast


class CheckedResolver(AbstractResolver):
    """Resolves a name and refuses it unless every address it leads to is `allowed`."""

    def __init__(self, allowed: Callable[[str], bool], inner: AbstractResolver | None = None) -> None:
        self._allowed = allowed
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises PrivateAddress."""
        found = await self._inner.resolve(host, port, family)
        if not found or not all(self._allowed(one["host"]) for one in found):
            raise PrivateAddress
        return found

    async def close(self) -> None:
        """Nothing is kept."""
        await self._inner.close()


def signature(secret: bytes, delivery: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature` (Standard Webhooks, symmetric, version 1)."""
    signed = hmac.digest(secret, f"{delivery}.{timestamp}.".encode() + body, "sha256")
    return "v1," + base64.b64encode(signed).decode()


class Deliverer:
    """The outbox's carrier of webhooks. `allowed`: which addresses may be reached."""

    def __init__(
        self,
        database: Database,
        seal: Seal,
        *,
        allowed: Callable[[str], bool] = is_public,
        resolver: AbstractResolver | None = None,
        timeout_s: float = _SECONDS,
    ) -> None:
        self._database = database
        self._seal = seal
        self._allowed = allowed
        self._resolver = CheckedResolver(allowed, resolver)
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)

    @property
    def route(self) -> Route:
        """How deliveries travel: kept to be looked at, given up after two days."""
        return Route(self, _WAITS, kept=True, at_once=16)

    async def __call__(self, parcel: Parcel) -> str:
        """Raises Undelivered, with what the shop may read."""
        async with self._database.tenant(parcel.tenant_id) as connection:
            row = await connection.fetchrow("SELECT url, secret, active FROM webhooks WHERE id = $1", parcel.webhook_id)
        if row is None or parcel.webhook_id is None or not row["active"]:
            raise Undelivered("switched off", final=True)
        secret = secret_of(self._seal, parcel.tenant_id, parcel.webhook_id, row["secret"])
        status = await self._post(row["url"], parcel, secret)
        if status == _GONE:
            async with self._database.tenant(parcel.tenant_id) as connection:
                await connection.execute("UPDATE webhooks SET active = false WHERE id = $1", parcel.webhook_id)
            raise Undelivered("answered 410: the webhook was switched off", final=True)
        if not 200 <= status < 300:
            raise Undelivered(f"answered {status}")
        return f"answered {status}"

    async def _post(self, url: str, parcel: Parcel, secret: bytes) -> int:
        host = urlsplit(url).hostname or ""
        if _is_literal(host) and not self._allowed(host):  # those are not resolved
            raise Undelivered("not a public address", final=True)
        at = int(time.time())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Vitrine-Webhooks/1",
            "webhook-id": str(parcel.id),
            "webhook-timestamp": str(at),
            "webhook-signature": signature(secret, str(parcel.id), at, parcel.content),
        }
        connector = aiohttp.TCPConnector(resolver=self._resolver, use_dns_cache=False, force_close=True)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=self._timeout, trust_env=False) as session,
                session.post(url, data=parcel.content, headers=headers, allow_redirects=False) as response,
            ):
                return response.status
        except TimeoutError:
            raise Undelivered(f"no answer within {self._timeout.total:g} s") from None
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, PrivateAddress):
                raise Undelivered("not a public address") from None
            raise Undelivered("no connection") from None
        except (aiohttp.ClientError, OSError, ValueError):
            raise Undelivered("no answer") from None


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
