"""Try-ons that run, as far as their media process last said: what is booked of one whose process died.

A media process says every few seconds how long each of its try-ons has lasted. When one ends, its line goes in the
transaction that books it. A line that nobody renews any more is booked as it stands, under the session's id, so it is
in the ledger once whoever books it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from tenancy.database import Database
from tenancy.ledger import TryOn, note_try_on

BEAT_EVERY_S = 10.0
SILENT_S = 60.0
LOOK_EVERY_S = 15.0
log = logging.getLogger("vitrine.ledger")

Line = tuple[UUID, str]


class Heartbeats:
    """Of one media process. `running`: its try-ons, each as if it ended now."""

    def __init__(
        self, database: Database, running: Callable[[], Iterable[TryOn]], *, every_s: float = BEAT_EVERY_S
    ) -> None:
        self._database = database
        self._running = running
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Returns at once."""
        self._task = asyncio.create_task(self._always(), name="heartbeats")

    async def stop(self) -> None:
        """No more of them."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def beat(self) -> None:
        """Write how far each try-on is, one transaction for each shop."""
        of_shop: dict[UUID, list[TryOn]] = {}
        for try_on in self._running():
            of_shop.setdefault(try_on.tenant_id, []).append(try_on)
        for tenant_id, running in of_shop.items():
            await self._beat_of(tenant_id, running)

    async def _beat_of(self, tenant_id: UUID, running: Sequence[TryOn]) -> None:
        async with self._database.tenant(tenant_id) as connection:
            await connection.executemany(
                """
                INSERT INTO live_try_ons (tenant_id, session_id, started_at, seconds, products, beat_at)
                SELECT $1, $2, $3, $4, $5, now() FROM shops
                ON CONFLICT (tenant_id, session_id)
                DO UPDATE SET seconds = excluded.seconds, products = excluded.products, beat_at = excluded.beat_at
                """,
                [(tenant_id, t.session_id, t.started_at, t.seconds, list(t.products)) for t in running],
            )

    async def _always(self) -> None:
        while True:
            try:
                await self.beat()
            except Exception as error:  # whatever the database has: the try-on goes on
                log.warning("heartbeat-missed: %s", type(error).__name__)
            await asyncio.sleep(self._every_s)


class Undertaker:
    """Books what was left behind. One for each web process; they do not get in each other's way.

    A line counts as left behind when this process has seen it unchanged for `silent_s` while the database answered all
    the time: after an outage everybody gets the time to say that she is still there.
    """

    def __init__(
        self,
        database: Database,
        *,
        silent_s: float = SILENT_S,
        look_every_s: float = LOOK_EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._silent_s = silent_s
        self._look_every_s = look_every_s
        self._clock = clock
        self._seen: dict[Line, tuple[datetime, float]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Returns at once."""
        self._task = asyncio.create_task(self._always(), name="undertaker")

    async def stop(self) -> None:
        """No more of it."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def look(self) -> int:
        """Look once; returns how many were booked."""
        now = self._clock()
        lines = await self._lines()
        seen = self._seen
        # The first time it was seen at this beat.
        self._seen = {line: seen[line] if seen.get(line, (None,))[0] == beat else (beat, now) for line, beat in lines}
        left = [line for line, (_, since) in self._seen.items() if now - since >= self._silent_s]
        return sum([await self._book(line, self._seen[line][0]) for line in left])

    async def _lines(self) -> list[tuple[Line, datetime]]:
        async with self._database.system() as connection:
            rows = await connection.fetch(
                "SELECT tenant_id, session_id, beat_at FROM live_try_ons WHERE beat_at < now() - interval '20 seconds'"
                " ORDER BY beat_at LIMIT 5000"
            )
        return [((row["tenant_id"], row["session_id"]), row["beat_at"]) for row in rows]

    async def _book(self, line: Line, beat_at: datetime) -> bool:
        tenant_id, session_id = line
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow(
                "SELECT * FROM live_try_ons WHERE session_id = $1 AND beat_at = $2 FOR UPDATE SKIP LOCKED",
                session_id,
                beat_at,
            )
            if row is None:  # it lives, or another is at it
                return False
            left = TryOn(tenant_id, session_id, row["started_at"], row["seconds"], row["products"])
            booked = await note_try_on(connection, left)
            await connection.execute("DELETE FROM live_try_ons WHERE session_id = $1", session_id)
        if booked:
            log.warning("try-on-booked-for-a-dead-process")
        return booked

    async def _always(self) -> None:
        while True:
            try:
                await self.look()
            except Exception as error:  # away: who seems silent may only have been unable to speak
                self._seen.clear()
                log.warning("undertaker-away: %s", type(error).__name__)
            await asyncio.sleep(self._look_every_s)
