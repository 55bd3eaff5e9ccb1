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
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

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

    async def read(self, what: str, tenant_id: UUID, key: Hashable, load: Callable[[], Awaitable[T]]) -> T:
        """Something of a shop: from here, or by `load`, whose errors are passed on and not kept."""
        return await self._through((what, tenant_id, key), load, lambda _value: tenant_id)

    async def find(self, what: str, key: Hashable, load: Callable[[], Awaitable[T]], of: Callable[[T], UUID]) -> T:
        """What leads to a shop; `of` tells which one it turned out to be."""
        return await self._through((what, key), load, of)

    def change_of(self, tenant_id: UUID) -> int:
        """Grows with every change of the shop that was heard, for those who keep something of their own."""
        return max(self._changed_at.get(tenant_id, 0), self._all_changed_at)

    def keep(self, what: str, tenant_id: UUID, key: Hashable, value: object, *, since: int) -> None:
        """Keep what was just written, so that the first read of it costs nothing. `since`: `change_of` before it was
        written; if the shop changed meanwhile, it is not kept."""
        if self.fresh and self.change_of(tenant_id) <= since:
            self._put((what, tenant_id, key), value, tenant_id)

    def drop(self, tenant_id: UUID) -> None:
        """The shop changed: nothing that was read before may be kept, nor what is being read now."""
        self._changes += 1
        if len(self._changed_at) >= _MOST_SHOPS_REMEMBERED:
            self._changed_at.clear()
            self._all_changed_at = self._changes
        self._changed_at[tenant_id] = self._changes
        self._flights.clear()
        for slot in self._of_shop.pop(tenant_id, ()):
            self._entries.pop(slot, None)

    def clear(self) -> None:
        """Changes may have been missed: forget everything, and answer nothing until the feed is heard again."""
        self._changes += 1
        self._all_changed_at = self._changes
        self._changed_at.clear()
        self._flights.clear()
        self._entries.clear()
        self._of_shop.clear()
        self.fresh_until = float("-inf")

    async def _through(self, slot: Slot, load: Callable[[], Awaitable[T]], of: Callable[[T], UUID]) -> T:
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
            flight = asyncio.create_task(self._load(slot, load, of, self._changes))
            self._flights[slot] = flight
            flight.add_done_callback(lambda done: self._landed(slot, done))
        loaded: T = await asyncio.shield(flight)  # the one who asked first may hang up; the others still wait
        return loaded

    async def _load(self, slot: Slot, load: Callable[[], Awaitable[T]], of: Callable[[T], UUID], since: int) -> T:
        value = await load()
        tenant_id = of(value)
        if self.fresh and self.change_of(tenant_id) <= since:
            self._put(slot, value, tenant_id)
        return value

    def _landed(self, slot: Slot, flight: asyncio.Task[Any]) -> None:
        if self._flights.get(slot) is flight:
            del self._flights[slot]
        if not flight.cancelled():
            flight.exception()  # seen, even if everybody who waited has hung up

    def _put(self, slot: Slot, value: object, tenant_id: UUID) -> None:
        self._entries[slot] = _Entry(value, tenant_id, self._now() + self._lasting_s)
        self._entries.move_to_end(slot)
        self._of_shop.setdefault(tenant_id, set()).add(slot)
        while len(self._entries) > self._most:
            oldest, entry = self._entries.popitem(last=False)
            slots = self._of_shop.get(entry.tenant_id, set())
            slots.discard(oldest)
            if not slots:
                self._of_shop.pop(entry.tenant_id, None)
