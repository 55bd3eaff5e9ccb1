"""Rate limits by address, key and shop, counted in Valkey for all processes together (moving window).

While Valkey is away each process counts on its own, in memory, and says so (`vitrine_limit_fallbacks_total`): then
a limit is as many times higher as there are web processes, and nobody is locked out by an outage.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import redis.exceptions
import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import MovingWindowRateLimiter
from prometheus_client import Counter
from redis.asyncio import Redis

from web.middleware import route_name
from web.problem import Handler, Problem

log = structlog.get_logger("limits")

REFUSED = Counter("vitrine_limited_total", "Requests refused for coming too often.", ["limit"])
FALLBACKS = Counter("vitrine_limit_fallbacks_total", "Limits counted by one process alone, Valkey being away.")
_AWAY = (redis.exceptions.RedisError, OSError, TimeoutError)
_STAY_AWAY_S = 5.0
_PAGES_FILES = ("/static/app/", "/static/dashboard/")

# What one address, key or shop may do. Generous: a busy shop's office shares an address, and so does a school.
DEFAULTS: Mapping[str, str] = {
    "any": "6000/minute",  # by address: whatever is asked, but for health and files of the pages
    "shop": "12000/minute",  # by shop: all that its shoppers, people and servers ask
    "visitor": "600/minute",  # by visit: every call with its token
    "sign-up": "20/hour",  # by address
    "login": "60/10minute",  # by address; each call that takes a password, a code or a mailed token
    "login-account": "20/10minute",  # by shop and address, known or not
    "visit": "300/minute",  # by address: visits opened
    "visit-shop": "6000/minute",  # by shop
    "try-on": "120/minute",  # by address: offers and candidates are few
    "domain": "60/hour",  # by shop: looks into a domain's DNS
    "avatar": "60/hour",  # by address: photos and archives are large, and each is seconds of work
    "avatar-shop": "1200/hour",  # by shop
    "avatar-correction": "120/hour",  # by visit
    "dressing": "300/hour",  # by visit: each is seconds of work; what was made before is not counted
    "dressing-shop": "6000/hour",  # by shop
    "event": "120/10minute",  # by visit: snapshots and add-to-carts that its page tells of
    "my-data": "120/10minute",  # by address: a shopper's own data, and receipts to check
    "upload": "240/hour",  # by shop: each is seconds of work
    "key": "1200/minute",  # by secret key or login
}


class Limits:
    """Counts. `trusted_hops`: proxies of ours in front, each of which adds one address to `X-Forwarded-For`."""

    def __init__(self, valkey: Redis | None, rates: Mapping[str, str] = DEFAULTS, *, trusted_hops: int = 0) -> None:
        self._rates: dict[str, RateLimitItem] = {name: parse(rate) for name, rate in {**DEFAULTS, **rates}.items()}
        own: Storage = MemoryStorage()
        self._own = MovingWindowRateLimiter(own)
        self._shared: MovingWindowRateLimiter | None = None
        if valkey is not None:
            pool: Any = valkey.connection_pool
            storage = RedisStorage("async+redis://", connection_pool=pool, implementation="redispy", key_prefix="limit")
            self._shared = MovingWindowRateLimiter(storage)
        self._away_until = 0.0
        self._trusted_hops = trusted_hops

    async def hit(self, name: str, *whose: str) -> None:
        """Count one; raises Problem `rate-limited` when that was one too many."""
        rate = self._rates[name]
        if wait := await self._count(rate, name, whose):
            REFUSED.labels(name).inc()
            raise Problem("rate-limited", headers={"Retry-After": str(wait)})

    async def hit_account(self, slug: str, email: str) -> None:
        """Count a try at an account, known or not; the address itself is not kept."""
        email = email.strip().lower()
        digest = hashlib.sha256(f"{slug}\0{email}".encode("utf-8", "surrogatepass")).hexdigest()
        await self.hit("login-account", slug.strip().lower()[:63], digest[:32])

    async def _count(self, rate: RateLimitItem, name: str, whose: Sequence[str]) -> int:
        """0 if it may go on, else the seconds after which to come again."""
        if self._shared is not None and time.monotonic() >= self._away_until:
            try:
                return await _hit(self._shared, rate, name, *whose)
            except _AWAY as error:
                self._away_until = time.monotonic() + _STAY_AWAY_S
                log.warning("limits-counted-alone", error=type(error).__name__)
        if self._shared is not None:
            FALLBACKS.inc()
        return await _hit(self._own, rate, name, *whose)

    def address(self, request: web.Request) -> str:
        """Whose request it is by network: an IPv4 address, or an IPv6 customer's /64."""
        address = request.remote or ""
        if self._trusted_hops:
            forwarded = ",".join(request.headers.getall(hdrs.X_FORWARDED_FOR, [])).split(",")
            if len(forwarded) >= self._trusted_hops:
                address = forwarded[-self._trusted_hops].strip()
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return "unknown"
        if found.version == 6:
            return str(ipaddress.ip_network((found, 64), strict=False))
        return str(found)


def count_addresses(limits: Limits, uncounted: Collection[str]) -> Middleware:
    """A middleware that counts every request by its address, before anything is done for it, but for the routes
    named (what watches us must not be turned away) and the pages' own files."""

    @web.middleware
    async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
        route = route_name(request)
        if route not in uncounted and not route.startswith(_PAGES_FILES):
            await limits.hit("any", limits.address(request))
        return await handler(request)

    return counted


async def _hit(limiter: MovingWindowRateLimiter, rate: RateLimitItem, *whose: str) -> int:
    if await limiter.hit(rate, *whose):
        return 0
    stats = await limiter.get_window_stats(rate, *whose)
    return max(1, math.ceil(stats.reset_time - time.time()))
