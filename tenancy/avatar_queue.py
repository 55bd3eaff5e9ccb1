"""The line of the work on avatars: PgQueuer's tables and statements, below its worker.

PgQueuer's own worker picks a second job while one runs, and ends a job by its id alone: one that was frozen and
wakes up would end what another has taken over. Its statements are used one by one instead. A job is taken singly,
under a lease, and ended in the transaction that stores the result (docs/decisions/0006-jobs-on-pgqueuer.md).

Shops take turns (start-time fair queueing): a job's turn is one after the last of its own shop that waits, and never
before the turn that the line has come to. A shop with a hundred shoppers in line makes another one wait for one job.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Literal
from uuid import UUID

import asyncpg

from tenancy.database import Database

LEASE = timedelta(seconds=20)
RENEW_EVERY_S = 5.0
CHANNEL = "ch_pgqueuer"  # PgQueuer rings it when its table changes
WORKER_KNOWN = timedelta(seconds=15)

Kind = Literal["avatar", "avatar-correction"]
KINDS: tuple[Kind, ...] = ("avatar", "avatar-correction")
# A correction is a moment's work before the eyes of a shopper: it goes before every whole avatar.
_HEAD_START = {"avatar": 0, "avatar-correction": 1_000_000}
_FIRST_GUESS_S = {"avatar": 15.0, "avatar-correction": 2.0}
_LOG_KEPT = timedelta(days=7)
_TIMES_KNOWN_S, _LINE_KNOWN_S = 10.0, 0.5


@dataclass(frozen=True)
class Place:
    """Where a job stands: its id and its turn."""

    job_id: int
    turn: int


@dataclass(frozen=True)
class Leased:
    """A job that this worker has for as long as it renews the lease."""

    job_id: int
    kind: Kind
    tenant_id: UUID
    avatar_id: UUID
    row: Any  # as PgQueuer gave it


@dataclass(frozen=True)
class Waiting:
    """A job in line or at work. `since_s`: how long in that state."""

    job_id: int
    kind: Kind
    priority: int
    at_work: bool
    since_s: float


@dataclass(frozen=True)
class Line:
    """All jobs of all shops, how long one takes, and how many workers there are."""

    jobs: Sequence[Waiting]
    seconds: dict[Kind, float]
    workers: int

    def eta_s(self, job_id: int | None, kind: Kind = "avatar") -> float:
        """Seconds until a job is done; of `None`, a job of that kind that would join at the end."""
        mine = next((job for job in self.jobs if job.job_id == job_id), None)
        if mine is not None and mine.at_work:
            return self._left_s(mine)
        before = [job for job in self.jobs if job.at_work or mine is None or _order(job) < _order(mine)]
        own = self.seconds[mine.kind if mine else kind]
        return sum(self._left_s(job) for job in before) / max(1, self.workers) + own

    def _left_s(self, job: Waiting) -> float:
        """What is left of a job; one that takes longer than they use to is never quite done."""
        takes = self.seconds[job.kind]
        return max(0.1 * takes, takes - job.since_s) if job.at_work else takes


def _order(job: Waiting) -> tuple[int, int]:
    return (-job.priority, job.job_id)


class AvatarQueue:
    """Puts jobs into the line and takes them out."""

    def __init__(self, database: Database, *, lease: timedelta = LEASE) -> None:
        self._database = database
        self._lease = lease
        self._times: tuple[float, dict[Kind, float]] = (-math.inf, {})
        self._line: tuple[float, Line] | None = None

    async def enqueue(
        self, connection: asyncpg.Connection, tenant_id: UUID, avatar_id: UUID, kind: Kind = "avatar"
    ) -> Place:
        """Put a job into the line, in the shop's transaction that wants it done."""
        own_last = await connection.fetchval("SELECT max(turn) FROM avatars WHERE status IN ('queued', 'processing')")
        # Where the line has come to: the smallest turn in it, corrections' head start taken off.
        front = await connection.fetchval(
            """
            SELECT COALESCE(min(CASE entrypoint WHEN 'avatar' THEN 0 ELSE $1::int END - priority), 0)
              FROM jobs.pgqueuer WHERE status IN ('queued', 'picked')
            """,
            _HEAD_START["avatar-correction"],
        )
        turn = front if own_last is None else max(front, own_last + 1)
        payload = json.dumps({"tenant": str(tenant_id), "avatar": str(avatar_id)}).encode()
        ids = await _queries(connection).enqueue(kind, payload, _HEAD_START[kind] - turn)
        return Place(int(ids[0]), turn)

    async def take(self, worker_id: UUID) -> Leased | None:
        """The next job, or one whose worker let its lease run out. None if there is nothing to do."""
        async with self._database.jobs() as connection:
            found = await _queries(connection).dequeue(
                batch_size=1,
                entrypoints={kind: _unlimited() for kind in KINDS},
                queue_manager_id=worker_id,
                global_concurrency_limit=None,
                heartbeat_timeout=self._lease,
            )
        if not found:
            return None
        names = json.loads(found[0].payload)
        kind: Kind = found[0].entrypoint
        return Leased(int(found[0].id), kind, UUID(names["tenant"]), UUID(names["avatar"]), found[0])

    async def renew(self, worker_id: UUID, job_id: int) -> bool:
        """Keep a job for another lease; False if it is another worker's by now."""
        async with self._database.jobs() as connection:
            done = await connection.execute(
                """
                UPDATE jobs.pgqueuer SET heartbeat = now()
                 WHERE id = $1 AND queue_manager_id = $2 AND status = 'picked'
                """,
                job_id,
                worker_id,
            )
        return bool(done == "UPDATE 1")

    async def end(self, connection: asyncpg.Connection, job_id: int, *, held: bool = False) -> None:
        """Take a job out of the line, in the transaction that stores what came of it; `held`: keep it for the operator
        to look at."""
        await _queries(connection).log_jobs([(_IdOnly(job_id), "failed" if held else "successful", None)])

    async def drop(self, connection: asyncpg.Connection, job_id: int) -> None:
        """Take a job out of the line that nobody wants done any more."""
        await _queries(connection).log_jobs([(_IdOnly(job_id), "canceled", None)])

    async def give_back(self, connection: asyncpg.Connection, job_id: int, after: timedelta) -> None:
        """Put a job back into its place in the line, to be taken after a while."""
        await connection.execute(
            """
            UPDATE jobs.pgqueuer SET status = 'queued', queue_manager_id = NULL, attempts = attempts + 1,
                   execute_after = now() + $2, updated = now()
             WHERE id = $1
            """,
            job_id,
            after,
        )

    async def seen(self, worker_id: UUID, device: str) -> None:
        """A worker says that it is there."""
        async with self._database.jobs() as connection:
            await connection.execute(
                """
                INSERT INTO jobs.workers (id, device) VALUES ($1, $2)
                ON CONFLICT (id) DO UPDATE SET seen_at = now()
                """,
                worker_id,
                device,
            )

    async def gone(self, worker_id: UUID) -> None:
        """A worker says that it ends."""
        async with self._database.jobs() as connection:
            await connection.execute("DELETE FROM jobs.workers WHERE id = $1", worker_id)

    async def line(self) -> Line:
        """The line as it was within the last half second."""
        now = time.monotonic()
        if self._line is not None and now - self._line[0] < _LINE_KNOWN_S:
            return self._line[1]
        async with self._database.jobs() as connection:
            rows = await connection.fetch(
                """
                SELECT id AS job_id, entrypoint AS kind, priority, status = 'picked' AS at_work,
                       extract(epoch FROM now() - updated)::float8 AS since_s
                  FROM jobs.pgqueuer WHERE status IN ('queued', 'picked')
                """
            )
            workers = await connection.fetchval(
                "SELECT count(*) FROM jobs.workers WHERE seen_at > now() - $1::interval", WORKER_KNOWN
            )
            if now - self._times[0] >= _TIMES_KNOWN_S:
                self._times = (now, await _usual_seconds(connection))
        line = Line([Waiting(**row) for row in rows], self._times[1], workers)
        self._line = (now, line)
        return line

    async def tidy(self) -> None:
        """Drop what no estimate looks at any more."""
        async with self._database.jobs() as connection:
            await connection.execute("DELETE FROM jobs.pgqueuer_log WHERE created < now() - $1::interval", _LOG_KEPT)
            await connection.execute(
                "DELETE FROM jobs.workers WHERE seen_at < now() - $1::interval", timedelta(minutes=10)
            )


async def _usual_seconds(connection: asyncpg.Connection) -> dict[Kind, float]:
    """How long a job of each kind takes at work: the 70th percentile of the last fifty, so it seldom takes longer."""
    rows = await connection.fetch(
        """
        SELECT kind, percentile_cont(0.7) WITHIN GROUP (ORDER BY seconds) AS seconds FROM (
            SELECT done.entrypoint AS kind, extract(epoch FROM done.created - max(picked.created))::float8 AS seconds
              FROM (SELECT *, row_number() OVER (PARTITION BY entrypoint ORDER BY id DESC) AS place
                      FROM jobs.pgqueuer_log WHERE status = 'successful') done
              JOIN jobs.pgqueuer_log picked ON picked.job_id = done.job_id AND picked.status = 'picked'
             WHERE done.place <= 50 GROUP BY done.id, done.entrypoint, done.created) jobs
         GROUP BY kind
        """
    )
    return {**_FIRST_GUESS_S, **{row["kind"]: row["seconds"] for row in rows}}


@dataclass(frozen=True)
class _IdOnly:
    """What PgQueuer reads of a job that ends."""

    id: int


@cache
def _schema() -> Any:
    from pgqueuer.domain.settings import DBSettings  # noqa: PLC0415  half a second, for whoever queues

    return DBSettings(db_schema="jobs")


def _queries(connection: asyncpg.Connection) -> Any:
    """PgQueuer's statements over one connection, so that they are part of its transaction."""
    from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver  # noqa: PLC0415
    from pgqueuer.adapters.persistence import qb  # noqa: PLC0415
    from pgqueuer.adapters.persistence.queries import Queries  # noqa: PLC0415

    settings = _schema()
    driver = AsyncpgDriver(connection)
    return Queries(driver, qb.QueryBuilderEnvironment(settings), qb.QueryQueueBuilder(settings))


def _unlimited() -> Any:
    from pgqueuer.ports.repository import EntrypointExecutionParameter  # noqa: PLC0415

    return EntrypointExecutionParameter(concurrency_limit=0)
