"""What PostgreSQL says of changes, heard on a connection of its own, and the proof that it is still heard.

Triggers of the tables notify the channel `vitrine_changes` with the shop's id and the table, in the transaction of the
change. Every `echo_every_s` the feed notifies a channel that it alone listens to. PostgreSQL delivers in the order of
commits, so an echo proves that every change before it was heard: from then on the cache may answer for one second. A
connection that is lost, cut off silently, or led through a pooler that drops LISTEN brings no echo, and the cache is
silent with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from tenancy.cache import FOLLOWS_FROM, Cache

CHANNEL = "vitrine_changes"
VISIBLE_WITHIN_S = 1.0
_KNOWN_CHANGES = frozenset(change for changes in FOLLOWS_FROM.values() for change in changes)
log = logging.getLogger("vitrine.cache")

_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class ChangeFeed:
    """Keeps one cache true. `dsn` must lead to PostgreSQL itself or to a pooler in session mode."""

    def __init__(self, dsn: str, cache: Cache, *, echo_every_s: float = 0.3, retry_s: float = 0.5) -> None:
        self._dsn = dsn
        self._cache = cache
        self._echo_every_s = echo_every_s
        self._retry_s = retry_s
        self._own = f"vitrine_echo_{uuid4().hex}"
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen; returns at once."""
        self._task = asyncio.create_task(self._listen_always(), name="change feed")

    async def stop(self) -> None:
        """Let go of the connection."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._cache.clear()

    async def _listen_always(self) -> None:
        heard = True
        while True:
            try:
                await self._listen()
            except _AWAY as error:
                if heard:
                    log.warning("changes-not-heard: %s", type(error).__name__)
                heard = self._cache.fresh
            finally:
                self._cache.clear()
            await asyncio.sleep(self._retry_s)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(
            self._dsn, timeout=5, server_settings={"application_name": "vitrine changes"}
        )
        try:
            await connection.add_listener(CHANNEL, self._on_change)
            await connection.add_listener(self._own, self._on_echo)
            while True:
                sent = time.monotonic()
                await connection.execute("SELECT pg_notify($1, $2)", self._own, repr(sent), timeout=VISIBLE_WITHIN_S)
                await asyncio.sleep(self._echo_every_s)
        finally:
            connection.terminate()

    def _on_change(self, _connection: Any, _process: int, _channel: str, told: object) -> None:
        tenant_id, _, change = str(told).partition(" ")
        try:
            self._cache.drop(UUID(tenant_id), change if change in _KNOWN_CHANGES else None)
        except ValueError:
            self._cache.clear()  # somebody else speaks on this channel; better to forget than to guess

    def _on_echo(self, _connection: Any, _process: int, _channel: str, sent: object) -> None:
        self._cache.fresh_until = float(str(sent)) + VISIBLE_WITHIN_S
