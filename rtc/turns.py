"""Tells those who wait where they stand, as soon as it changes: one look at the line for all who wait at this web
process, each second and whenever a node says that a place is free."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from rtc.claims import Visitor
from rtc.offers import UnknownTicket
from rtc.queue import CHANGED, Line, Place, Queue, Waiting
from rtc.tasks import end

LOOK_S = 1.0
STAY_S = 4.0
GATHER_S = 0.03
OUTAGE_S = 0.5
log = logging.getLogger("vitrine.turns")


@dataclass
class _Follower:
    """A shopper who listens, and what she has not been told yet."""

    shopper: Waiting
    news: Place | None = None
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, place: Place) -> None:
        self.news = place
        self.heard.set()


class Turns:
    """The waiting shoppers of one web process. see: reads the line as it stands."""

    def __init__(self, redis: Redis, see: Callable[[], Awaitable[Line]]) -> None:
        self._redis = redis
        self._see = see
        self._queue = Queue(redis)
        self._followers: dict[str, _Follower] = {}
        self._watch: asyncio.Task[None] | None = None

    async def follow(self, ticket: str, visitor: Visitor) -> AsyncGenerator[Place, None]:
        """Her place now and at each change; ends after the one that says it is her turn. Raises UnknownTicket.

        While this runs she keeps her place, even if Valkey loses it. Whoever follows the same ticket later takes over.
        """
        line = await self._see()
        shopper = next((s for s in line.order if s.ticket == ticket and s.tenant == visitor.tenant), None)
        if shopper is None or shopper.visit != visitor.visit:
            raise UnknownTicket
        follower = self._followers[ticket] = _Follower(shopper)
        if self._watch is None:
            self._watch = asyncio.create_task(self._watch_line())
        try:
            if (place := line.place_of(ticket)) is not None:
                if place.turn:
                    await self._queue.call(shopper, time.time())
                yield place
                if place.turn:
                    return
            told = place
            while self._followers.get(ticket) is follower:
                await follower.heard.wait()
                follower.heard.clear()
                if follower.news is None or follower.news == told:
                    continue
                yield follower.news
                told = follower.news
                if told.turn:
                    return
        finally:
            if self._followers.get(ticket) is follower:
                del self._followers[ticket]

    async def aclose(self) -> None:
        """Stop looking."""
        if self._watch is not None:
            await end([self._watch])

    async def _watch_line(self) -> None:
        stayed_at = 0.0
        while self._followers:
            try:
                async with self._redis.pubsub() as said:
                    await said.subscribe(CHANGED)
                    while self._followers:
                        now = time.time()
                        if now - stayed_at >= STAY_S:
                            await self._stay(now)
                            stayed_at = now
                        await self._look(now)
                        await _wait_for_news(said)
            except (RedisError, OSError):  # they keep the place they were told last, and it heals by itself
                log.warning("line-not-seen", exc_info=True)
                stayed_at = 0.0
                await asyncio.sleep(OUTAGE_S)
        self._watch = None

    async def _stay(self, now: float) -> None:
        await self._queue.stay([follower.shopper for follower in self._followers.values()], now)

    async def _look(self, now: float) -> None:
        line = await self._see()
        for ticket, follower in list(self._followers.items()):
            place = line.place_of(ticket)
            if place is None:  # Valkey was emptied, or it heals: the next look finds her
                await self._queue.stay([follower.shopper], now)
                continue
            if place.turn:
                await self._queue.call(follower.shopper, now)
            follower.tell(place)


async def _wait_for_news(said: PubSub) -> None:
    """Return when a node has said something, or after a second. What was said meanwhile is one piece of news."""
    with contextlib.suppress(TimeoutError):
        message = await said.get_message(ignore_subscribe_messages=True, timeout=LOOK_S)
        if message is not None:
            await asyncio.sleep(GATHER_S)
        while message is not None:
            message = await said.get_message(ignore_subscribe_messages=True, timeout=0.0)
