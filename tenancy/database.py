"""The one way to the tables: a transaction for one shop, or, in a few named places, a look across shops.

The shop is set for the transaction and never for the connection, so a pooled connection cannot carry one shop's
scope into another's request. Outside such a transaction no row is visible at all.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self
from uuid import UUID

import asyncpg

from tenancy.cache import Cache
from tenancy.change_feed import ChangeFeed
from tenancy.errors import NotIsolated, NotMigrated, Unavailable
from tenancy.isolation import findings
from tenancy.roles import refuse_unsafe_role
from tenancy.schema import current_revision, migrate, newest_revision

__all__ = ["Database", "migrate"]

_COMMAND_SECONDS = 5.0
_LOST = (asyncpg.PostgresConnectionError, asyncpg.exceptions.OperatorInterventionError)


class Database:
    """A pool of connections as the role `vitrine_app`, and what was read through it lately (`cache`)."""

    def __init__(self, pool: asyncpg.Pool, cache: Cache, feed: ChangeFeed | None) -> None:
        """Takes a pool that `connect` has checked."""
        self._pool = pool
        self._feed = feed
        self.cache = cache

    @classmethod
    async def connect(cls, app_dsn: str, *, most: int = 10, cache: Cache | None = None) -> Self:
        """Open the pool (at most `most` connections) and check that this database keeps shops apart.

        `cache`: kept true over one connection more; without it every read is a query. Raises UnsafeRole, NotMigrated
        or NotIsolated, each with what to change.
        """
        pool = await asyncpg.create_pool(
            app_dsn,
            min_size=1,
            max_size=most,
            command_timeout=_COMMAND_SECONDS,
            init=_prepare,
            server_settings={
                "application_name": "vitrine",
                # A process that is frozen in the middle of a transaction must not hold its rows for longer than
                # others wait for them.
                "idle_in_transaction_session_timeout": f"{_COMMAND_SECONDS - 1:g}s",
            },
        )
        try:
            async with pool.acquire() as connection:
                await refuse_unsafe_role(connection)
                at = await current_revision(connection)
                if at is None or at < newest_revision():
                    raise NotMigrated(f"the tables are at {at or 'nothing'}, this program needs {newest_revision()}")
                if wrong := await findings(connection):
                    raise NotIsolated("; ".join(wrong))
        except BaseException:
            await pool.close()
            raise
        feed = None if cache is None else ChangeFeed(app_dsn, cache)
        if feed is not None:
            feed.start()
        return cls(pool, Cache() if cache is None else cache, feed)

    @asynccontextmanager
    async def tenant(self, tenant_id: UUID) -> AsyncIterator[asyncpg.Connection]:
        """A transaction in which the rows of `tenant_id` are there and no others.

        Commits at the end, rolls back if the block raises. Keep it short: no uploads, no waiting for others.
        """
        async with self._transaction() as connection:
            await connection.execute("SELECT set_config('app.tenant_id', $1, true)", str(tenant_id))
            yield connection

    @asynccontextmanager
    async def system(self) -> AsyncIterator[asyncpg.Connection]:
        """A read-only transaction across shops that sees what `vitrine_system` was granted: the columns that lead
        from a key or an address to its shop.

        The only such place. Its callers are listed in a test.
        """
        async with self._transaction(readonly=True) as connection:
            await connection.execute("SET LOCAL ROLE vitrine_system")
            yield connection

    @asynccontextmanager
    async def jobs(self) -> AsyncIterator[asyncpg.Connection]:
        """A transaction that sees the queue of jobs, which belongs to no shop, and no shop's rows."""
        async with self._transaction() as connection:
            yield connection

    @asynccontextmanager
    async def listening(self, channel: str, heard: Callable[[str], None]) -> AsyncIterator[None]:
        """While entered, `heard` is called with what is notified on `channel`.

        For doing at once what is looked for now and then anyway: a lost connection ends it without a word.
        """

        def relay(_connection: object, _pid: int, _channel: str, payload: str) -> None:
            heard(payload)

        try:
            connection = await self._pool.acquire(timeout=_COMMAND_SECONDS)
        except (OSError, TimeoutError, asyncpg.InterfaceError, *_LOST) as error:
            raise Unavailable from error
        try:
            await connection.add_listener(channel, relay)
            yield
        finally:
            if not connection.is_closed():
                await connection.remove_listener(channel, relay)
            await self._pool.release(connection)

    @asynccontextmanager
    async def _transaction(self, *, readonly: bool = False) -> AsyncIterator[asyncpg.Connection]:
        """A transaction on a connection of the pool. Raises Unavailable when the database is away or goes away."""
        try:
            connection = await self._pool.acquire(timeout=_COMMAND_SECONDS)
        except (OSError, TimeoutError, asyncpg.InterfaceError, *_LOST) as error:
            raise Unavailable from error
        try:
            async with connection.transaction(readonly=readonly):
                yield connection
        except (asyncpg.InterfaceError, *_LOST) as error:
            if isinstance(error, asyncpg.InterfaceError) and not connection.is_closed():
                raise
            raise Unavailable from error
        finally:
            await self._pool.release(connection)

    async def ping(self) -> None:
        """One round trip, for readiness. Raises what asyncpg raises when the database is away."""
        await self._pool.fetchval("SELECT 1")

    async def close(self) -> None:
        """Wait for running transactions and close every connection."""
        if self._feed is not None:
            await self._feed.stop()
        await self._pool.close()


async def _prepare(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
