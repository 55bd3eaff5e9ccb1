"""The line of shoppers for whom no node has room yet: fair between shops, with an honest estimate.

Tickets live in one Valkey hash: ticket -> [shop, joined at, last seen]. A shopper who stops asking loses her place.
"""

import json
import math
from collections import defaultdict
from dataclasses import dataclass

from redis.asyncio import Redis

from rtc.claims import text

KEY = "queue"
DURATION_KEY = "queue:duration"
FORGOTTEN_S = 15.0
RETRY_S = 3
FIRST_DURATION_S = 90.0  # how long a try-on lasts until we have seen some
DURATION_SMOOTHING = 0.1
MAX_WAITING = 2000


@dataclass(frozen=True)
class Waiting:
    """One shopper in the line."""

    ticket: str
    tenant: str
    joined_at: float


def fair_order(waiting: list[Waiting], running: dict[str, int]) -> list[Waiting]:
    """The order of admission: each place goes to the shop with the fewest running and earlier-placed shoppers.

    Within a shop, first come first served. running: live sessions by shop.
    """
    by_shop: dict[str, list[Waiting]] = defaultdict(list)
    for shopper in sorted(waiting, key=lambda w: w.joined_at):
        by_shop[shopper.tenant].append(shopper)
    ranked = [
        (running.get(shop, 0) + place, shopper.joined_at, shopper.ticket, shopper)
        for shop, shoppers in by_shop.items()
        for place, shopper in enumerate(shoppers)
    ]
    return [shopper for *_, shopper in sorted(ranked, key=lambda row: row[:3])]


def estimate_s(position: int, capacity: int, mean_duration_s: float) -> int:
    """Seconds until place `position` (1 is next) is free, when `capacity` sessions end at random.

    With exponential durations a place is freed every mean/capacity seconds on average.
    """
    return max(RETRY_S, math.ceil(position * mean_duration_s / max(capacity, 1)))


class Queue:
    """The line, shared by all web processes."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def stand(self, ticket: str, tenant: str, now: float) -> list[Waiting]:
        """Join or stay in the line; returns everybody who still waits."""
        known = await self._redis.hget(KEY, ticket)
        joined_at = now
        if known is not None:
            owner, joined_at, _ = json.loads(known)
            if owner != tenant:
                joined_at = now
        await self._redis.hset(KEY, ticket, json.dumps([tenant, joined_at, now]))
        return await self.waiting(now)

    async def leave(self, ticket: str) -> None:
        """The shopper got in or went away."""
        await self._redis.hdel(KEY, ticket)

    async def waiting(self, now: float) -> list[Waiting]:
        """Everybody who asked lately; those who did not are struck off."""
        rows, gone = [], []
        for ticket, value in (await self._redis.hgetall(KEY)).items():
            tenant, joined_at, seen_at = json.loads(value)
            if now - seen_at > FORGOTTEN_S:
                gone.append(ticket)
            else:
                rows.append(Waiting(text(ticket), tenant, joined_at))
        if gone:
            await self._redis.hdel(KEY, *gone)
        return sorted(rows, key=lambda row: row.joined_at)[:MAX_WAITING]

    async def learn_duration(self, seconds: float) -> None:
        """A try-on ended after this long."""
        mean = await self.mean_duration_s()
        await self._redis.set(DURATION_KEY, mean + DURATION_SMOOTHING * (seconds - mean))

    async def mean_duration_s(self) -> float:
        """How long a try-on lasts, lately."""
        found = await self._redis.get(DURATION_KEY)
        return FIRST_DURATION_S if found is None else float(found)
