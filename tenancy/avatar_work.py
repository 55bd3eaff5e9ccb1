"""The worker's side of avatars: take one, say how it goes, store what came of it, or why nothing did.

Every word of a worker is held against the job and the attempt that it has: one that was frozen while another took over
is told so (Superseded), and nothing it says is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import asyncpg

from tenancy.avatar_files import forget_outfits, remove_unused
from tenancy.avatar_queue import AvatarQueue, Kind, Leased
from tenancy.avatars import CHANNEL, Avatars
from tenancy.clock import utc_now
from tenancy.database import Database
from tenancy.errors import Superseded, Unavailable
from tenancy.files import Files
from tenancy.ledger import note_avatar
from tenancy.photos import KEPT_AT_MOST, Photos
from tenancy.stated import Stated

MOST_ATTEMPTS = 3
# A job of which the line knows nothing is put into it again after this, for whoever asked may be writing still.
LOST_AFTER = timedelta(seconds=30)
AFTER_A_CRASH = timedelta(seconds=1)
# How long an avatar outlives the visit whose token alone can read it.
AFTER_THE_VISIT = timedelta(minutes=5)
GAVE_UP = "Something went wrong on our side. Please try again."
TOO_LATE = "This took too long, and your photos were deleted. Please try again."
# What is left of an avatar of which nothing came: nothing, or the body that it had, with all that was said of it then.
_AS_BEFORE = """
    status = CASE WHEN body_digest IS NULL THEN 'failed' ELSE 'complete' END, stage = '',
    corrections = COALESCE(before -> 'corrections', corrections), skin = COALESCE(before ->> 'skin', skin),
    before = NULL
"""


@dataclass(frozen=True)
class Work:
    """One attempt at one job. `body` is None for an avatar that is to be made of photos."""

    tenant_id: UUID
    avatar_id: UUID
    job_id: int
    attempt: int
    stated: Stated
    corrections_cm: Mapping[str, float]
    body: Mapping[str, Any] | None
    measures: Mapping[str, Mapping[str, float]]


class Made(Protocol):
    """What came of it. body: what a later correction is fitted from; measures: value_cm and sigma_cm by name."""

    @property
    def body(self) -> Mapping[str, Any]: ...
    @property
    def measures(self) -> Mapping[str, Mapping[str, float]]: ...
    @property
    def findings(self) -> Sequence[Mapping[str, str | None]]: ...
    @property
    def body_glb(self) -> bytes: ...
    @property
    def plain_glb(self) -> bytes: ...
    @property
    def thumbnail_png(self) -> bytes: ...
    @property
    def skin(self) -> str | None:
        """#rrggbb of her skin in the photo, where that was asked for and could be seen."""


class AvatarWork:
    """What one worker does with the line. `worker_id` is its own."""

    def __init__(
        self,
        database: Database,
        queue: AvatarQueue,
        photos: Photos,
        files: Files,
        *,
        worker_id: UUID,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._queue = queue
        self._photos = photos
        self._files = files
        self._worker_id = worker_id
        self._now = now

    async def take(self) -> Work | None:
        """The next attempt, None if there is nothing to do. Ends on the way what cannot be done any more."""
        while (leased := await self._queue.take(self._worker_id)) is not None:
            try:
                work = await self._begin(leased)
            except (TimeoutError, Unavailable):  # somebody holds the avatar: its job is no use under our lease
                with suppress(TimeoutError, Unavailable):
                    async with self._database.jobs() as connection:
                        await self._queue.give_back(connection, leased.job_id, AFTER_A_CRASH)
                raise
            if work is not None:
                return work
        return None

    async def _begin(self, leased: Leased) -> Work | None:
        async with self._database.tenant(leased.tenant_id) as connection:
            row = await connection.fetchrow(
                """
                UPDATE avatars SET attempt = attempt + 1, status = 'processing', stage = '', progress = 0
                 WHERE id = $1 AND job_id = $2 AND status IN ('queued', 'processing') RETURNING *
                """,
                leased.avatar_id,
                leased.job_id,
            )
            if row is None:
                await self._queue.drop(connection, leased.job_id)
                return None
            await _ring(connection, leased.avatar_id)
        stated = Stated(row["height_cm"], row["weight_kg"], row["sex"], row["clothing"], row["skin"])
        work = Work(
            tenant_id=leased.tenant_id,
            avatar_id=leased.avatar_id,
            job_id=leased.job_id,
            attempt=row["attempt"],
            stated=stated,
            corrections_cm=row["corrections"],
            body=row["body"],
            measures=row["measures"],
        )
        if work.attempt > MOST_ATTEMPTS:
            with suppress(Superseded):
                await self.fail(work, "gave-up", GAVE_UP)
            return None
        return work

    async def photos(self, work: Work) -> dict[str, bytes]:
        """The photos by view. Raises PhotoKeyLost."""
        return await self._photos.open(work.tenant_id, work.avatar_id)

    async def progress(self, work: Work, stage: str, share: float) -> None:
        """Note how far it is, 0..1. Raises Superseded."""
        async with self._database.tenant(work.tenant_id) as connection:
            await self._say(connection, work, "stage = $4, progress = GREATEST(progress, $5)", stage, share)

    async def renew(self, work: Work) -> None:
        """Keep the job. Raises Superseded when it is no longer this worker's."""
        if not await self._queue.renew(self._worker_id, work.job_id):
            raise Superseded

    async def complete(self, work: Work, made: Made) -> None:
        """Store the result, forget the photos, bill it, end the job: all or nothing. Raises Superseded."""
        put = [
            await self._files.put(work.tenant_id, content, media_type)
            for content, media_type in (
                (made.body_glb, "model/gltf-binary"),
                (made.plain_glb, "model/gltf-binary"),
                (made.thumbnail_png, "image/png"),
            )
        ]
        try:
            async with self._database.tenant(work.tenant_id) as connection:
                before = await connection.fetchrow(
                    "SELECT body_digest, plain_digest, thumbnail_digest FROM avatars WHERE id = $1 FOR UPDATE",
                    work.avatar_id,
                )
                await self._say(
                    connection,
                    work,
                    """
                    status = 'complete', stage = '', progress = 1, finished_at = $4, body = $5, measures = $6,
                    findings = CASE WHEN origin = 'photos' AND body IS NULL THEN $7 ELSE findings END,
                    body_digest = $8, plain_digest = $9, thumbnail_digest = $10,
                    skin = CASE WHEN skin = 'photo' THEN $11 ELSE skin END, before = NULL
                    """,
                    self._now(),
                    made.body,
                    made.measures,
                    list(made.findings),
                    *put,
                    made.skin or "neutral",
                )
                worn = await forget_outfits(connection, work.avatar_id)
                if work.body is None:
                    await note_avatar(connection, work.tenant_id, work.avatar_id, self._now())
                await self._photos.destroy(connection, work.tenant_id, work.avatar_id, "complete")
                await self._queue.end(connection, work.job_id)
        except Superseded:
            await self._remove_unused(work, put)
            raise
        await self._photos.clear(work.tenant_id, work.avatar_id)
        stale = [*(digest for digest in before.values() if digest and digest not in put), *worn]
        await self._remove_unused(work, stale)

    async def _remove_unused(self, work: Work, digests: Sequence[str]) -> None:
        """Files that no avatar has any more. What this one has itself is no garbage either."""
        await remove_unused(self._database, self._files, work.tenant_id, digests)

    async def fail(self, work: Work, code: str, advice: str, view: str | None = None) -> None:
        """Say why nothing came of it, and of which photo; forget the photos, end the job. Raises Superseded.

        What a shopper can mend is an end like any other; what nobody foresaw stays in the line, held for the operator.
        """
        async with self._database.tenant(work.tenant_id) as connection:
            says = "failure = $4, advice = $5, finished_at = $6, failure_view = $7"
            await self._say(connection, work, f"{_AS_BEFORE}, {says}", code, advice, self._now(), view)
            await self._photos.destroy(connection, work.tenant_id, work.avatar_id, code)
            await self._queue.end(connection, work.job_id, held=code == "gave-up")
        await self._photos.clear(work.tenant_id, work.avatar_id)

    async def give_back(self, work: Work) -> None:
        """The attempt came to nothing through no fault of the photos: let another one be made. Raises Superseded."""
        async with self._database.tenant(work.tenant_id) as connection:
            await self._say(connection, work, "status = 'queued', stage = '', progress = 0")
            await self._queue.give_back(connection, work.job_id, AFTER_A_CRASH)

    async def _say(self, connection: asyncpg.Connection, work: Work, what: str, *values: object) -> None:
        done = await connection.execute(
            f"UPDATE avatars SET {what} WHERE id = $1 AND job_id = $2 AND attempt = $3 AND status = 'processing'",  # noqa: S608
            work.avatar_id,
            work.job_id,
            work.attempt,
            *values,
        )
        if done != "UPDATE 1":
            raise Superseded
        await _ring(connection, work.avatar_id)


class AvatarSweeper:
    """What nobody does if it is not looked for: photos whose time is over, jobs that were lost, visits that ended.

    Any number of processes may sweep side by side.
    """

    def __init__(
        self, avatars: Avatars, queue: AvatarQueue, photos: Photos, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = avatars.database
        self._avatars = avatars
        self._queue = queue
        self._photos = photos
        self._now = now

    async def sweep(self) -> None:
        """One round."""
        for tenant_id, avatar_id in await self._too_late():
            await self._fail_late(tenant_id, avatar_id)
        await self._photos.sweep()
        for tenant_id, avatar_id in await self._lost():
            await self._enqueue_again(tenant_id, avatar_id)
        for tenant_id, avatar_id in await self._of_visits_that_are_over():
            await self._avatars.erase(tenant_id, avatar_id, "visit-over")
        await self._queue.tidy()

    async def _too_late(self) -> list[tuple[UUID, UUID]]:
        async with self._database.system() as connection:
            rows = await connection.fetch(
                """
                SELECT tenant_id, id FROM avatars
                 WHERE status IN ('queued', 'processing') AND queued_at <= $1 LIMIT 200
                """,
                self._now() - KEPT_AT_MOST,
            )
        return [(row["tenant_id"], row["id"]) for row in rows]

    async def _fail_late(self, tenant_id: UUID, avatar_id: UUID) -> None:
        async with self._database.tenant(tenant_id) as connection:
            job_id = await connection.fetchval(
                f"""
                UPDATE avatars SET {_AS_BEFORE}, failure = 'took-too-long', advice = $2, finished_at = $3
                 WHERE id = $1 AND status IN ('queued', 'processing') RETURNING job_id
                """,  # noqa: S608
                avatar_id,
                TOO_LATE,
                self._now(),
            )
            if job_id is None:
                return
            await self._queue.drop(connection, job_id)
            await self._photos.destroy(connection, tenant_id, avatar_id, "took-too-long")
            await _ring(connection, avatar_id)
        await self._photos.clear(tenant_id, avatar_id)

    async def _lost(self) -> list[tuple[UUID, UUID]]:
        async with self._database.system() as connection:
            rows = await connection.fetch(
                """
                SELECT tenant_id, id FROM avatars a
                 WHERE status IN ('queued', 'processing') AND queued_at <= $1
                   AND NOT EXISTS (SELECT FROM jobs.pgqueuer j WHERE j.id = a.job_id AND j.status <> 'failed')
                 LIMIT 200
                """,
                self._now() - LOST_AFTER,
            )
        return [(row["tenant_id"], row["id"]) for row in rows]

    async def _enqueue_again(self, tenant_id: UUID, avatar_id: UUID) -> None:
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow(
                """
                SELECT body IS NOT NULL AS has_body FROM avatars
                 WHERE id = $1 AND status IN ('queued', 'processing') FOR UPDATE SKIP LOCKED
                """,
                avatar_id,
            )
            if row is None:
                return
            kind: Kind = "avatar-correction" if row["has_body"] else "avatar"
            place = await self._queue.enqueue(connection, tenant_id, avatar_id, kind)
            await connection.execute(
                "UPDATE avatars SET status = 'queued', job_id = $2, turn = $3 WHERE id = $1",
                avatar_id,
                place.job_id,
                place.turn,
            )

    async def _of_visits_that_are_over(self) -> list[tuple[UUID, UUID]]:
        async with self._database.system() as connection:
            rows = await connection.fetch(
                """
                SELECT a.tenant_id, a.id FROM avatars a
                  LEFT JOIN visits v ON v.tenant_id = a.tenant_id AND v.id = a.visit_id
                 WHERE v.id IS NULL OR v.expires_at <= $1 LIMIT 200
                """,
                self._now() - AFTER_THE_VISIT,
            )
        return [(row["tenant_id"], row["id"]) for row in rows]


async def _ring(connection: asyncpg.Connection, avatar_id: UUID) -> None:
    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, str(avatar_id))
