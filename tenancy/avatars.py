"""Shoppers' avatars: asked for, looked at, corrected, exported, brought along from another shop, and erased.

An avatar belongs to one visit, and ends with it. What is asked and the job that makes it are written together, so
neither is there without the other. The worker's side is `tenancy.avatar_work`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

import asyncpg

from tenancy.avatar_files import outfit_digests, remove_unused
from tenancy.avatar_queue import AvatarQueue, Kind, Place
from tenancy.clock import utc_now
from tenancy.consent import Purpose, record
from tenancy.database import Database
from tenancy.errors import AvatarActive, AvatarNotReady, AvatarRefused, AvatarsBusy, UnknownAvatar
from tenancy.files import Files
from tenancy.photos import Photos, SealedPhoto, View
from tenancy.receipts import Signer
from tenancy.stated import MEASURE_CM, Stated, check_skin, check_within
from tenancy.visits import Visit

CHANNEL = "vitrine_avatars"  # rings with an avatar's id whenever it changed
MOST_OF_A_VISIT = 5

Status = Literal["queued", "processing", "complete", "failed"]
_DIGESTS = {"body.glb": "body_digest", "plain.glb": "plain_digest", "thumbnail.png": "thumbnail_digest"}


@dataclass(frozen=True)
class Avatar:
    """One avatar as the shopper sees it. measures: value_cm and sigma_cm by name; files: their digests by name.

    failure_view: the photo that the failure is about, None if it is about none.
    """

    tenant_id: UUID
    id: UUID
    origin: str
    status: Status
    stage: str
    progress: float
    failure: str | None
    failure_view: View | None
    advice: str
    job_id: int
    stated: Stated
    skin: str
    corrections: Mapping[str, float]
    body: Mapping[str, Any] | None
    measures: Mapping[str, Mapping[str, float]]
    findings: Sequence[Mapping[str, str | None]]
    created_at: datetime
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def at_rest(self) -> bool:
        """Whether nothing is being done about it."""
        return self.status in ("complete", "failed")


class Avatars:
    """The shopper's side. `longest_wait_s`: a line longer than that takes nobody more."""

    def __init__(
        self,
        database: Database,
        queue: AvatarQueue,
        photos: Photos,
        files: Files,
        signer: Signer,
        *,
        longest_wait_s: float = 300.0,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.database = database
        self.photos = photos
        self._queue = queue
        self._files = files
        self._signer = signer
        self._longest_wait_s = longest_wait_s
        self._now = now

    async def ask(
        self,
        visit: Visit,
        stated: Stated,
        photos: Mapping[View, bytes],
        consent_version: str | None,
        *,
        language: str = "en",
        region: str | None = None,
    ) -> Avatar:
        """Have an avatar made of photos.

        Raises ConsentRequired, AvatarRefused, AvatarActive, AvatarsBusy.
        """
        stated.check()
        await self._refuse_when_busy("avatar")
        sealed: list[SealedPhoto] = []
        try:
            for view, photo in photos.items():
                sealed.append(await self.photos.seal(visit.tenant_id, view, photo))
            return await self._add(visit, stated, sealed, consent_version, language=language, region=region)
        except BaseException:
            await self.photos.discard(visit.tenant_id, sealed)
            raise

    async def adopt(
        self,
        visit: Visit,
        stated: Stated,
        body: Mapping[str, Any],
        measures: Mapping[str, Mapping[str, float]],
        consent_version: str | None,
        *,
        language: str = "en",
        region: str | None = None,
    ) -> Avatar:
        """Have an avatar made of the numbers that another shop exported; its files are made anew from them.

        Raises ConsentRequired, AvatarRefused, AvatarActive, AvatarsBusy.
        """
        stated.check()
        await self._refuse_when_busy("avatar-correction")
        return await self._add(
            visit, stated, (), consent_version, language=language, region=region, body=body, measures=measures
        )

    async def _add(
        self,
        visit: Visit,
        stated: Stated,
        photos: Sequence[SealedPhoto],
        consent_version: str | None,
        *,
        language: str,
        region: str | None,
        body: Mapping[str, Any] | None = None,
        measures: Mapping[str, Mapping[str, float]] | None = None,
    ) -> Avatar:
        avatar_id, now = uuid4(), self._now()
        purpose: Purpose = "photo" if photos else "import"
        kind: Kind = "avatar" if photos else "avatar-correction"
        async with self.database.tenant(visit.tenant_id) as connection:
            await record(
                connection,
                visit.tenant_id,
                visit.id,
                consent_version,
                at=now,
                region=region,
                language=language,
                purpose=purpose,
            )
            await _refuse_another(connection, visit)
            place = await self._queue.enqueue(connection, visit.tenant_id, avatar_id, kind)
            await connection.execute(
                """
                INSERT INTO avatars (tenant_id, id, visit_id, origin, status, job_id, turn, height_cm, weight_kg, sex,
                                     clothing, skin, body, measures, created_at, queued_at)
                VALUES ($1, $2, $3, $4, 'queued', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)
                """,
                visit.tenant_id,
                avatar_id,
                visit.id,
                "photos" if photos else "import",
                place.job_id,
                place.turn,
                stated.height_cm,
                stated.weight_kg,
                stated.sex,
                stated.clothing,
                stated.skin,
                body,
                measures or {},
                now,
            )
            await self.photos.keep(connection, visit.tenant_id, avatar_id, photos)
        return await self.get(visit, avatar_id)

    async def get(self, visit: Visit, avatar_id: UUID) -> Avatar:
        """One of the visit's avatars. Raises UnknownAvatar."""
        return await read_avatar(self.database, visit, avatar_id)

    async def every(self, visit: Visit) -> list[Avatar]:
        """All of the visit's avatars, the newest first."""
        async with self.database.tenant(visit.tenant_id) as connection:
            rows = await connection.fetch(
                "SELECT * FROM avatars WHERE visit_id = $1 ORDER BY created_at DESC", visit.id
            )
        return [_avatar(row) for row in rows]

    async def eta_s(self, avatar: Avatar) -> int | None:
        """Seconds until it is done, None if nothing is being done."""
        if avatar.at_rest:
            return None
        return math.ceil((await self._queue.line()).eta_s(avatar.job_id))

    async def correct(
        self, visit: Visit, avatar_id: UUID, corrections_cm: Mapping[str, float], *, skin: str | None = None
    ) -> Avatar:
        """Have the body follow measures that the shopper took herself, on top of earlier ones, or have another colour.

        If it fails, all of it is as before. Raises UnknownAvatar, AvatarActive, AvatarNotReady, AvatarRefused,
        AvatarsBusy.
        """
        for name, value in corrections_cm.items():
            check_within(name, value, MEASURE_CM)
        if skin is not None:
            check_skin(skin)
        await self._refuse_when_busy("avatar-correction")
        async with self.database.tenant(visit.tenant_id) as connection:
            avatar = await _read(connection, visit, avatar_id, lock=True)
            if not avatar.at_rest:
                raise AvatarActive("it is being made")
            if avatar.body is None:
                raise AvatarNotReady("there is no body to correct")
            if unknown := sorted(set(corrections_cm) - set(avatar.measures)):
                raise AvatarRefused(f"not a measure: {', '.join(unknown)}")
            place = await self._queue.enqueue(connection, visit.tenant_id, avatar_id, "avatar-correction")
            corrections = {**avatar.corrections, **corrections_cm}
            before = {"corrections": dict(avatar.corrections), "skin": avatar.skin}
            await _requeue(
                connection,
                avatar_id,
                place,
                self._now(),
                corrections=corrections,
                skin=skin or avatar.skin,
                before=before,
            )
        return await self.get(visit, avatar_id)

    async def file(self, visit: Visit, avatar_id: UUID, name: str, digest: str | None = None) -> tuple[str, bytes]:
        """A file and its digest: the one with `digest`, or the current one.

        Raises UnknownAvatar also when the avatar's file is another by now, AvatarNotReady.
        """
        avatar = await self.get(visit, avatar_id)
        current = avatar.files.get(name)
        if current is None:
            raise AvatarNotReady("it has no such file yet")
        if digest not in (None, current):
            raise UnknownAvatar("the avatar has changed")
        return current, await self._files.get(visit.tenant_id, current)

    async def remove(self, visit: Visit, avatar_id: UUID) -> list[str]:
        """Erase an avatar with all that is its; returns the signed receipts of the photos and of the erasure.

        Raises UnknownAvatar.
        """
        async with self.database.tenant(visit.tenant_id) as connection:
            await _read(connection, visit, avatar_id)
        return await self.erase(visit.tenant_id, avatar_id, "asked-for")

    async def erase(self, tenant_id: UUID, avatar_id: UUID, reason: str) -> list[str]:
        """`remove`, for whoever does it in the shopper's place; nothing if it is not there."""
        async with self.database.tenant(tenant_id) as connection:
            row = await connection.fetchrow("SELECT * FROM avatars WHERE id = $1 FOR UPDATE", avatar_id)
            if row is None:
                return []
            if row["status"] in ("queued", "processing"):
                await self._queue.drop(connection, row["job_id"])
                await connection.execute("UPDATE avatars SET status = 'failed' WHERE id = $1", avatar_id)
            await self.photos.destroy(connection, tenant_id, avatar_id, reason)
            # Whoever is dressing it just now finds another body, and keeps nothing.
            await connection.execute("UPDATE avatars SET body = NULL, measures = '{}' WHERE id = $1", avatar_id)
            digests = [*_avatar(row).files.values(), *await outfit_digests(connection, avatar_id)]
        await self.photos.clear(tenant_id, avatar_id)
        receipts = await self.photos.receipts(tenant_id, avatar_id)
        await remove_unused(self.database, self._files, tenant_id, digests, but=avatar_id)
        async with self.database.tenant(tenant_id) as connection:
            await connection.execute("DELETE FROM avatar_photos WHERE avatar_id = $1", avatar_id)
            await connection.execute("DELETE FROM avatars WHERE id = $1", avatar_id)
            await _ring(connection, avatar_id)
        facts = {
            "kind": "avatar-erased",
            "avatar": str(avatar_id),
            "shop": str(tenant_id),
            "erased_at": self._now().isoformat(),
            "reason": reason,
        }
        return [*receipts, self._signer.sign(facts)]

    async def _refuse_when_busy(self, kind: Kind) -> None:
        """Raises AvatarsBusy."""
        eta = (await self._queue.line()).eta_s(None, kind)
        if eta > self._longest_wait_s:
            raise AvatarsBusy(math.ceil(eta))


async def read_avatar(database: Database, visit: Visit, avatar_id: UUID) -> Avatar:
    """One of the visit's avatars. Raises UnknownAvatar."""
    async with database.tenant(visit.tenant_id) as connection:
        return await _read(connection, visit, avatar_id)


async def _read(connection: asyncpg.Connection, visit: Visit, avatar_id: UUID, *, lock: bool = False) -> Avatar:
    row = await connection.fetchrow(
        f"SELECT * FROM avatars WHERE id = $1 AND visit_id = $2{' FOR UPDATE' if lock else ''}",  # noqa: S608
        avatar_id,
        visit.id,
    )
    if row is None:
        raise UnknownAvatar
    return _avatar(row)


async def _refuse_another(connection: asyncpg.Connection, visit: Visit) -> None:
    """Raises AvatarActive while one is being made, and when the visit has had its number."""
    # Two requests of one visit at the same time: the second sees what the first wrote.
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", str(visit.id))
    states = await connection.fetch("SELECT status FROM avatars WHERE visit_id = $1", visit.id)
    if any(row["status"] in ("queued", "processing") for row in states):
        raise AvatarActive("one is being made")
    if len(states) >= MOST_OF_A_VISIT:
        raise AvatarActive(f"a visit has at most {MOST_OF_A_VISIT}; delete one first")


async def _requeue(
    connection: asyncpg.Connection,
    avatar_id: UUID,
    place: Place,
    now: datetime,
    *,
    corrections: Mapping[str, float],
    skin: str,
    before: Mapping[str, Any],
) -> None:
    await connection.execute(
        """
        UPDATE avatars SET status = 'queued', stage = '', progress = 0, failure = NULL, failure_view = NULL,
               advice = '', finished_at = NULL, job_id = $2, turn = $3, queued_at = $4, corrections = $5, skin = $6,
               before = $7, attempt = 0
         WHERE id = $1
        """,
        avatar_id,
        place.job_id,
        place.turn,
        now,
        dict(corrections),
        skin,
        before,
    )
    await _ring(connection, avatar_id)


async def _ring(connection: asyncpg.Connection, avatar_id: UUID) -> None:
    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, str(avatar_id))


def _avatar(row: asyncpg.Record) -> Avatar:
    return Avatar(
        tenant_id=row["tenant_id"],
        id=row["id"],
        origin=row["origin"],
        status=row["status"],
        stage=row["stage"],
        progress=round(row["progress"], 3),
        failure=row["failure"],
        failure_view=row["failure_view"],
        advice=row["advice"],
        job_id=row["job_id"],
        stated=Stated(row["height_cm"], row["weight_kg"], row["sex"], row["clothing"], row["skin"]),
        skin=row["skin"],
        corrections=row["corrections"],
        body=row["body"],
        measures=row["measures"],
        findings=row["findings"],
        created_at=row["created_at"],
        files={name: row[column] for name, column in _DIGESTS.items() if row[column]},
    )
