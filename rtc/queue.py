"""The line of shoppers for whom no node has room yet: fair between shops, with an honest estimate.

Tickets live in one Valkey hash: ticket -> [shop, visit, joined at, last seen, called at]. A shopper who stops asking,
or does not come when she is called, loses her place.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from rtc.claims import Visitor, text

KEY = "queue"
DURATION_KEY = "queue:duration"
CHANGED = "queue:changed"  # the channel on which it is said that a place may be free
FORGOTTEN_S = 15.0
CALLED_S = 8.0  # for a shopper who was told that it is her turn to come
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
    visit: str = ""
    called_at: float | None = None


@dataclass(frozen=True)
class Place:
    """Where somebody stands: 1 is next. turn: she may come now."""

    position: int
    eta_seconds: int
    turn: bool


@dataclass(frozen=True)
class Line:
    """Everybody who waits, in the order of admission; how many may come now; and what an estimate needs."""

    order: tuple[Waiting, ...]
    free: int
    capacity: int
    mean_duration_s: float

    def place_of(self, ticket: str) -> Place | None:
        """Where a ticket stands, if it is in the line."""
        position = next((i + 1 for i, shopper in enumerate(self.order) if shopper.ticket == ticket), None)
        if position is None:
            return None
        behind = position - self.free
        if behind <= 0:
            return Place(position, 0, turn=True)
        return Place(position, estimate_s(behind, self.capacity, self.mean_duration_s), turn=False)

    def ticket_of(self, visitor: Visitor) -> str | None:
        """The place that a visit has already: it has one and no more."""
        found = (s.ticket for s in self.order if (s.tenant, s.visit) == (visitor.tenant, visitor.visit))
        return next(found, None)


def fair_order(waiting: Iterable[Waiting], running: Mapping[str, int]) -> list[Waiting]:
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

    async def stand(self, ticket: str, visitor: Visitor, now: float) -> list[Waiting]:
        """Join or stay in the line; returns everybody who still waits."""
        known = await self._redis.hget(KEY, ticket)
        joined_at = now
        if known is not None:
            tenant, _, known_joined_at, *_ = json.loads(known)
            if tenant == visitor.tenant:
                joined_at = known_joined_at
        row = [visitor.tenant, visitor.visit, joined_at, now, None]
        await self._redis.hset(KEY, ticket, json.dumps(row))
        return await self.waiting(now)

    async def call(self, shopper: Waiting, now: float) -> None:
        """It is her turn: others come in her place if she does not."""
        row = [shopper.tenant, shopper.visit, shopper.joined_at, now, now]
        await self._redis.hset(KEY, shopper.ticket, json.dumps(row))

    async def stay(self, shoppers: Iterable[Waiting], now: float) -> None:
        """They are still there, even if Valkey has forgotten them."""
        rows: dict[Any, Any] = {
            s.ticket: json.dumps([s.tenant, s.visit, s.joined_at, now, s.called_at]) for s in shoppers
        }
        if rows:
            await self._redis.hset(KEY, mapping=rows)

    async def leave(self, ticket: str) -> None:
        """The shopper got in or went away."""
        await self._redis.hdel(KEY, ticket)

    async def waiting(self, now: float) -> list[Waiting]:
        """Everybody who asked lately; those who did not are struck off."""
        rows, gone = [], []
        for ticket, value in (await self._redis.hgetall(KEY)).items():
            tenant, visit, joined_at, seen_at, called_at = json.loads(value)
            if now - seen_at > FORGOTTEN_S or (called_at is not None and now - called_at > CALLED_S):
                gone.append(ticket)
            else:
                rows.append(Waiting(text(ticket), tenant, joined_at, visit, called_at))
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

    async def tell_changed(self) -> None:
        """A place may be free, or somebody may have moved up."""
        await self._redis.publish(CHANGED, b"")
