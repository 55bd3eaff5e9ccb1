"""What was read of a shop, kept in this process until somebody changes the shop.

An entry is dropped when PostgreSQL says that its shop changed (`tenancy.change_feed`), and after `lasting_s` in any
case. Nothing is answered from here unless the feed proved within the last second that it is still heard: so an answer
is never older than that, whatever breaks, and while the feed is away every read goes to the database as if there were
no cache.

Every entry belongs to one shop. What finds a shop (a key's digest, a slug) is filed under itself; everything else
under the shop's id first.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

# What each sort of entry follows from: a change of the shop's that is none of these leaves it true. The names are those
# that PostgreSQL tells (migration 0006).
FOLLOWS_FROM: Mapping[str, frozenset[str]] = {
    "shop": frozenset({"shops", "shops removed"}),
    "settings": frozenset({"shops", "shops removed"}),
    "retention": frozenset({"shops", "shops removed"}),
    "shop-by-host": frozenset({"shops", "shops removed", "domains", "domains removed"}),
    "shop-by-slug": frozenset({"shops", "shops removed"}),
    "shop-by-key": frozenset({"shops", "shops removed", "api_keys", "api_keys removed"}),
    "key": frozenset({"api_keys", "api_keys removed"}),
    "catalog": frozenset({"products", "products removed"}),
    "product": frozenset({"products", "products removed"}),
    # A file's name is its hash: it can only go, with its product or as the shop's logo.
    "file": frozenset({"products removed", "shops", "shops removed"}),
    "visit": frozenset({"visits", "visits removed", "products removed", "shops removed"}),
    "cap": frozenset({"shops", "shops removed"}),
}
LASTING_S = 60.0
MOST_ENTRIES = 100_000
_MOST_SHOPS_REMEMBERED = 10_000

T = TypeVar("T")
Slot = tuple[Hashable, ...]


@dataclass(frozen=True)
class _Entry:
    value: Any
    tenant_id: UUID
    until: float


class Cache:
    """`on_read`: told of each read what it was for, and whether it was answered from here.

    All methods belong on the event loop. Until `fresh_until` is moved on, by the feed, nothing is kept or answered.
    """

    def __init__(
        self,
        *,
        lasting_s: float = LASTING_S,
        most: int = MOST_ENTRIES,
        now: Callable[[], float] = time.monotonic,
        on_read: Callable[[str, bool], None] = lambda _what, _here: None,
    ) -> None:
        self._lasting_s = lasting_s
        self._most = most
        self._now = now
        self._on_read = on_read
        self._entries: OrderedDict[Slot, _Entry] = OrderedDict()
        self._of_shop: dict[UUID, set[Slot]] = {}
        self._flights: dict[Slot, asyncio.Task[Any]] = {}
        self._changes = 0
        self._changed_at: dict[UUID, int] = {}
        self._all_changed_at = 0
        self.fresh_until = float("-inf")

    @property
    def fresh(self) -> bool:
        """Whether the feed was heard lately enough to answer from here."""
        return self._now() < self.fresh_until

    def __len__(self) -> int:
        return len(self._entries)

    async def read(
        self,
        what: str,
        tenant_id: UUID,
        key: Hashable,
        load: Callable[[], Awaitable[T]],
        *,
        lasting_s: float | None = None,
    ) -> T:
        """Something of a shop: from here, or by `load`, whose errors are passed on and not kept. `what` is one of
        `FOLLOWS_FROM`; `lasting_s`: less than the cache's own, for what no change tells of."""
        return await self._through((what, tenant_id, key), load, lambda _value: tenant_id, lasting_s)

    async def find(self, what: str, key: Hashable, load: Callable[[], Awaitable[T]], of: Callable[[T], UUID]) -> T:
        """What leads to a shop; `of` tells which one it turned out to be."""
        return await self._through((what, key), load, of, None)

    def change_of(self, tenant_id: UUID) -> int:
        """Grows with every change of the shop that was heard, for those who keep something of their own."""
        return max(self._changed_at.get(tenant_id, 0), self._all_changed_at)

    def keep(self, what: str, tenant_id: UUID, key: Hashable, value: object, *, since: int) -> None:
        """Keep what was just written, so that the first read of it costs nothing. `since`: `change_of` before it was
        written; if the shop changed meanwhile, it is not kept."""
        if self.fresh and self.change_of(tenant_id) <= since:
            self._put((what, tenant_id, key), value, tenant_id, None)

    def drop(self, tenant_id: UUID, change: str | None = None) -> None:
        """The shop changed: what follows from it and was read before is not kept, nor what is being read now.

        `change`: one of the names in `FOLLOWS_FROM`; None is any.
        """
        self._changes += 1
        if len(self._changed_at) >= _MOST_SHOPS_REMEMBERED:
            self._changed_at.clear()
            self._all_changed_at = self._changes
        self._changed_at[tenant_id] = self._changes
        self._flights.clear()
        slots = self._of_shop.get(tenant_id, set())
        for slot in [slot for slot in slots if change is None or change in FOLLOWS_FROM[str(slot[0])]]:
            self._entries.pop(slot, None)
            slots.discard(slot)
        if not slots:
            self._of_shop.pop(tenant_id, None)

    def clear(self) -> None:
        """Changes may have been missed: forget everything, and answer nothing until the feed is heard again."""
        self._changes += 1
        self._all_changed_at = self._changes
        self._changed_at.clear()
        self._flights.clear()
        self._entries.clear()
        self._of_shop.clear()
        self.fresh_until = float("-inf")

    async def _through(
        self, slot: Slot, load: Callable[[], Awaitable[T]], of: Callable[[T], UUID], lasting_s: float | None
    ) -> T:
        entry = self._entries.get(slot)
        here = entry is not None and self.fresh and self._now() < entry.until
        self._on_read(str(slot[0]), here)
        if entry is not None and here:
            self._entries.move_to_end(slot)
            value: T = entry.value
            return value
        if not self.fresh:
            return await load()
        flight = self._flights.get(slot)
        if flight is None:  # many shoppers may ask for the same thing in the moment after it changed
            flight = asyncio.create_task(self._load(slot, load, of, lasting_s, since=self._changes))
            self._flights[slot] = flight
            flight.add_done_callback(lambda done: self._landed(slot, done))
        loaded: T = await asyncio.shield(flight)  # the one who asked first may hang up; the others still wait
        return loaded

    async def _load(
        self,
        slot: Slot,
        load: Callable[[], Awaitable[T]],
        of: Callable[[T], UUID],
        lasting_s: float | None,
        *,
        since: int,
    ) -> T:
        value = await load()
        tenant_id = of(value)
        if self.fresh and self.change_of(tenant_id) <= since:
            self._put(slot, value, tenant_id, lasting_s)
        return value

    def _landed(self, slot: Slot, flight: asyncio.Task[Any]) -> None:
        if self._flights.get(slot) is flight:
            del self._flights[slot]
        if not flight.cancelled():
            flight.exception()  # seen, even if everybody who waited has hung up

    def _put(self, slot: Slot, value: object, tenant_id: UUID, lasting_s: float | None) -> None:
        lasting_s = self._lasting_s if lasting_s is None else lasting_s
        self._entries[slot] = _Entry(value, tenant_id, self._now() + lasting_s)
        self._entries.move_to_end(slot)
        self._of_shop.setdefault(tenant_id, set()).add(slot)
        while len(self._entries) > self._most:
            oldest, entry = self._entries.popitem(last=False)
            slots = self._of_shop.get(entry.tenant_id, set())
            slots.discard(oldest)
            if not slots:
                self._of_shop.pop(entry.tenant_id, None)
