"""The ledger of usage: append-only, and the same event told twice is there once.

A try-on is one event under its session's id, written when it ends, with the seconds it lasted. Storage is written as
bytes that came or went, so the sum at any time, and with it the GB-days of any period, follows from the ledger alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg

from tenancy.database import Database
from tenancy.events import tell_of_try_on
from tenancy.tallies import Tally, add

log = logging.getLogger("vitrine.ledger")

MAX_WAITING = 20_000  # try-ons: days of a busy process, a few megabytes
_RETRY_S = 3.0


@dataclass(frozen=True)
class TryOn:
    """A try-on that ended. `session_id` makes it one, however often it is told. `tallies`: what it adds to the shop's
    sums of the day."""

    tenant_id: UUID
    session_id: str
    started_at: datetime
    seconds: float
    products: Sequence[UUID]
    tallies: Mapping[Tally, int] = field(default_factory=dict)


async def note_try_on(connection: asyncpg.Connection, try_on: TryOn) -> bool:
    """Write a try-on, which runs no more; False if it was there already."""
    done = await connection.execute(
        """
        INSERT INTO usage_events (tenant_id, kind, event_id, at, quantity, products)
        VALUES ($1, 'try-on', $2, $3, $4, $5) ON CONFLICT DO NOTHING
        """,
        try_on.tenant_id,
        try_on.session_id,
        try_on.started_at,
        try_on.seconds,
        list(try_on.products),
    )
    await connection.execute("DELETE FROM live_try_ons WHERE session_id = $1", try_on.session_id)
    if done != "INSERT 0 1":
        return False
    await add(connection, try_on.tenant_id, try_on.started_at.date(), try_on.tallies)
    await tell_of_try_on(
        connection, try_on.tenant_id, try_on.session_id, seconds=try_on.seconds, products=list(try_on.products)
    )
    return True


async def note_avatar(connection: asyncpg.Connection, tenant_id: UUID, avatar_id: UUID, at: datetime) -> None:
    """Write an avatar that was made, in the transaction that stores it. Made again, it is there once."""
    await connection.execute(
        """
        INSERT INTO usage_events (tenant_id, kind, event_id, at, quantity) VALUES ($1, 'avatar', $2, $3, 1)
        ON CONFLICT DO NOTHING
        """,
        tenant_id,
        str(avatar_id),
        at,
    )


async def note_storage(
    connection: asyncpg.Connection, tenant_id: UUID, product_id: UUID, version: int, size_bytes: int
) -> None:
    """A version of a product brought this many bytes."""
    await _insert_storage(connection, tenant_id, f"{product_id}/{version}", float(size_bytes))


async def note_storage_freed(connection: asyncpg.Connection, tenant_id: UUID, product_id: UUID) -> None:
    """A product went, and all its versions with it."""
    held = await connection.fetchval(
        """
        SELECT COALESCE(sum(quantity), 0) FROM usage_events
         WHERE kind = 'storage' AND event_id LIKE $1 || '/%'
        """,
        str(product_id),
    )
    if held:
        await _insert_storage(connection, tenant_id, f"{product_id}/removed", -held)


async def _insert_storage(connection: asyncpg.Connection, tenant_id: UUID, event_id: str, size: float) -> None:
    await connection.execute(
        """
        INSERT INTO usage_events (tenant_id, kind, event_id, at, quantity) VALUES ($1, 'storage', $2, now(), $3)
        ON CONFLICT DO NOTHING
        """,
        tenant_id,
        event_id,
        size,
    )


class Recorder:
    """Brings try-ons into the ledger from a process that must not wait for the database.

    While PostgreSQL is away they wait here, the oldest given up (and counted) beyond `MAX_WAITING`.
    """

    def __init__(
        self,
        database: Database,
        *,
        most: int = MAX_WAITING,
        retry_s: float = _RETRY_S,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._waiting: deque[TryOn] = deque()
        self._most = most
        self._retry_s = retry_s
        self._on_lost = on_lost
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many have not reached the ledger."""
        return len(self._waiting)

    def record(self, try_on: TryOn) -> None:
        """Returns at once; on the event loop."""
        if len(self._waiting) >= self._most:
            self._waiting.popleft()
            self._on_lost()
            log.error("try-on-not-recorded")
        self._waiting.append(try_on)
        if self._task is None:
            self._task = asyncio.create_task(self._write())
        self._wake.set()

    async def stop(self, within_s: float = 3.0) -> None:
        """Write what waits, but not longer than this."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(within_s):
                while self._waiting:
                    await self._write_first()
        if self._waiting:
            log.error("try-ons-not-recorded: %d", len(self._waiting))
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                try:
                    await self._write_first()
                except Exception as error:  # whatever the database has: the ledger can wait, the try-on cannot
                    log.warning("ledger-away: %s", type(error).__name__)
                    await asyncio.sleep(self._retry_s)

    async def _write_first(self) -> None:
        """Write the oldest. It leaves the line only when written; written twice, it is there once."""
        first = self._waiting[0]
        async with self._database.tenant(first.tenant_id) as connection:
            with contextlib.suppress(asyncpg.ForeignKeyViolationError):  # a shop that was closed meanwhile
                await note_try_on(connection, first)
        if self._waiting and self._waiting[0] is first:
            self._waiting.popleft()
