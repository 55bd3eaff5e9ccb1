"""What is to leave the house, mails and webhooks: written in the transaction of the deed, carried afterwards.

So nothing is sent for a deed that was taken back, and nothing is lost when a process ends between the two. Several
processes may carry at once: whoever takes a parcel moves its due time out of the others' sight first, and one that
dies with it is followed by another. A parcel can therefore arrive twice, under the same id; it cannot arrive never.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Literal, Protocol, cast
from uuid import UUID, uuid4

import asyncpg

from tenancy.clock import utc_now
from tenancy.database import Database

log = logging.getLogger("vitrine.outbox")

Kind = Literal["mail", "webhook"]
_TAKEN = timedelta(minutes=2)  # for an attempt; longer than any carrier waits
_AWAY_S = 5.0
_MOST_DUE, _OF_A_SHOP = 64, 2


@dataclass(frozen=True)
class Parcel:
    """`attempts`: with this one. `webhook_id` is None for a mail."""

    tenant_id: UUID
    id: UUID
    kind: Kind
    webhook_id: UUID | None
    subject: str
    content: bytes
    attempts: int
    created_at: datetime


class Undelivered(Exception):
    """It did not arrive. `says` may be shown to the shop; `final`: it never will."""

    def __init__(self, says: str, *, final: bool = False) -> None:
        super().__init__(says)
        self.says = says
        self.final = final


class Carrier(Protocol):
    """Brings one parcel to where it goes; returns what it was told there. Raises Undelivered."""

    async def __call__(self, parcel: Parcel) -> str: ...


@dataclass(frozen=True)
class Route:
    """How a kind of parcel travels. `waits`: before the second attempt, the third, and so on; after the last one it
    is dead. `kept`: whether a parcel stays to be looked at once it was delivered or is dead."""

    carrier: Carrier
    waits: Sequence[timedelta]
    kept: bool
    at_once: int = 8


async def put(
    connection: asyncpg.Connection,
    tenant_id: UUID,
    kind: Kind,
    content: bytes,
    *,
    subject: str = "",
    webhook_id: UUID | None = None,
    now: datetime | None = None,
) -> UUID:
    """Lay a parcel into the outbox of the transaction at hand."""
    parcel, at = uuid4(), now or utc_now()
    await connection.execute(
        """
        INSERT INTO outbox (tenant_id, id, kind, webhook_id, subject, content, created_at, due_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
        """,
        tenant_id,
        parcel,
        kind,
        webhook_id,
        subject,
        content,
        at,
    )
    return parcel


@dataclass(frozen=True)
class _UnderWay:
    tenant_id: UUID
    kind: Kind
    task: asyncio.Task[None]


class Outbox:
    """Carries what is due. `start` does so until `stop`; `round` does so once, for tests and before an end.

    on_dead: told the kind of every parcel that is given up.
    """

    def __init__(
        self,
        database: Database,
        routes: Mapping[Kind, Route],
        *,
        every_s: float = 1.0,
        now: Callable[[], datetime] = utc_now,
        on_dead: Callable[[str], None] = lambda kind: None,
    ) -> None:
        self._database = database
        self._routes = routes
        self._every_s = every_s
        self._now = now
        self._on_dead = on_dead
        self._running: dict[UUID, _UnderWay] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look; returns at once."""
        self._task = asyncio.create_task(self._look())

    async def stop(self, within_s: float = 3.0) -> None:
        """End. What is under way has a moment to arrive; what does not is tried again by whoever looks next."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        under_way = [one.task for one in self._running.values()]
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=within_s)
            for task in late:
                task.cancel()

    async def round(self) -> None:
        """Everything that is due, until it was carried or is to be tried later."""
        while await self._begin_due():
            await asyncio.wait([one.task for one in self._running.values()])

    async def _look(self) -> None:
        while True:
            try:
                await self._begin_due()
                await asyncio.sleep(self._every_s)
            except Exception as error:  # whatever the database has: what waits in it can wait
                log.warning("outbox-away: %s", type(error).__name__)
                await asyncio.sleep(_AWAY_S)

    async def _begin_due(self) -> int:
        """Start carrying as much as each route does at once, two of a shop at most: a shop whose server never
        answers does not hold up the others. Returns how many are under way."""
        async with self._database.system() as connection:
            rows = await connection.fetch(
                """
                SELECT tenant_id, id, kind FROM (
                    SELECT tenant_id, id, kind, due_at,
                           row_number() OVER (PARTITION BY tenant_id, kind ORDER BY due_at, id) AS place
                      FROM outbox WHERE state = 'waiting' AND due_at <= $1) due
                 WHERE place <= $2 ORDER BY place, due_at LIMIT $3
                """,
                self._now(),
                _OF_A_SHOP,
                _MOST_DUE,
            )
        for row in rows:
            tenant_id, kind = row["tenant_id"], cast(Kind, row["kind"])
            if row["id"] not in self._running and self._has_room(tenant_id, kind):
                task = asyncio.create_task(self._carry(tenant_id, row["id"]))
                self._running[row["id"]] = _UnderWay(tenant_id, kind, task)
                task.add_done_callback(partial(self._forget, row["id"]))
        return len(self._running)

    def _forget(self, parcel: UUID, _task: asyncio.Task[None]) -> None:
        del self._running[parcel]

    def _has_room(self, tenant_id: UUID, kind: Kind) -> bool:
        same = [one for one in self._running.values() if one.kind == kind]
        if kind not in self._routes or len(same) >= self._routes[kind].at_once:
            return False
        return sum(one.tenant_id == tenant_id for one in same) < _OF_A_SHOP

    async def _carry(self, tenant_id: UUID, parcel_id: UUID) -> None:
        parcel = await self._take(tenant_id, parcel_id)
        if parcel is None:
            return
        route = self._routes[parcel.kind]
        try:
            answer = await route.carrier(parcel)
        except Undelivered as error:
            gone = error.final or parcel.attempts > len(route.waits)
            await self._put_back(parcel, route, error.says, None if gone else route.waits[parcel.attempts - 1])
        except Exception as error:  # a carrier fails in more ways than it knows, and each is worth another try
            log.exception("carrier-failed: %s", type(error).__name__)
            gone = parcel.attempts > len(route.waits)
            await self._put_back(parcel, route, "failed", None if gone else route.waits[parcel.attempts - 1])
        else:
            await self._finish(parcel, route, "delivered", answer)

    async def _take(self, tenant_id: UUID, parcel_id: UUID) -> Parcel | None:
        """The parcel, out of the others' sight for a while; None if somebody else was quicker."""
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow(
                """
                UPDATE outbox SET attempts = attempts + 1, due_at = $3
                 WHERE id = (SELECT id FROM outbox WHERE id = $1 AND state = 'waiting' AND due_at <= $2
                                FOR UPDATE SKIP LOCKED)
                RETURNING tenant_id, id, kind, webhook_id, subject, content, attempts, created_at
                """,
                parcel_id,
                self._now(),
                self._now() + _TAKEN,
            )
        return None if row is None else Parcel(**row)

    async def _put_back(self, parcel: Parcel, route: Route, says: str, wait: timedelta | None) -> None:
        """`wait`: until the next attempt; None if there is none."""
        if wait is None:
            log.error("given-up: %s", parcel.kind)
            self._on_dead(parcel.kind)
            await self._finish(parcel, route, "dead", says)
            return
        log.warning("not-delivered: %s", parcel.kind)
        async with self._database.tenant(parcel.tenant_id) as connection:
            await connection.execute(
                "UPDATE outbox SET due_at = $2, answer = $3 WHERE id = $1", parcel.id, self._now() + wait, says[:200]
            )

    async def _finish(self, parcel: Parcel, route: Route, state: str, says: str) -> None:
        async with self._database.tenant(parcel.tenant_id) as connection:
            if route.kept:
                statement = "UPDATE outbox SET state = $2, answer = $3 WHERE id = $1"
                await connection.execute(statement, parcel.id, state, says[:200])
            else:
                await connection.execute("DELETE FROM outbox WHERE id = $1", parcel.id)
