"""A shopper's photos between the upload and the body: sealed, each with a key of its own, and soon destroyed.

A photo is AES-256-GCM under 32 random bytes, bound to its shop and its id. The sealed photo lies in the object store,
its key, wrapped by the key service, in the table. Destroying a photo forgets the key in the transaction that ends the
work, which makes every copy of the sealed photo noise; the object store is cleared right after, and again by the
sweeper until it has confirmed. A receipt, signed by the installation, says when.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID, uuid4

import asyncpg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tenancy.clock import utc_now
from tenancy.database import Database
from tenancy.errors import PhotoKeyLost, UnknownFile
from tenancy.files import Files
from tenancy.photo_keys import KeyService
from tenancy.receipts import Signer

View = Literal["front", "side"]
# By then a photo is destroyed even if nobody ever worked on it; what is in line longer was refused at the door.
KEPT_AT_MOST = timedelta(minutes=30)
GRACE = timedelta(minutes=1)
_MEDIA_TYPE = "application/octet-stream"
_KEY_BYTES, _NONCE_BYTES = 32, 12
_BATCH = 200


@dataclass(frozen=True)
class SealedPhoto:
    """A photo in the object store whose row is not written yet."""

    id: UUID
    view: View
    digest: str
    key_id: str
    wrapped_key: bytes


@dataclass(frozen=True)
class Due:
    """A photo that waits to be destroyed, or to be cleared from the object store."""

    tenant_id: UUID
    id: UUID
    destroyed: bool


class Photos:
    """Keeps, opens and destroys photos."""

    def __init__(
        self,
        database: Database,
        files: Files,
        keys: KeyService,
        signer: Signer,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._files = files
        self._keys = keys
        self._signer = signer
        self._now = now

    async def seal(self, tenant_id: UUID, view: View, photo: bytes) -> SealedPhoto:
        """Put a photo, sealed, into the object store. Until `keep` its key is nowhere but here."""
        photo_id, key, nonce = uuid4(), secrets.token_bytes(_KEY_BYTES), secrets.token_bytes(_NONCE_BYTES)
        place = _place(tenant_id, photo_id)
        sealed = nonce + await asyncio.to_thread(AESGCM(key).encrypt, nonce, photo, place)
        key_id, wrapped = await self._keys.wrap(key, place)
        digest = await self._files.put(tenant_id, sealed, _MEDIA_TYPE)
        return SealedPhoto(photo_id, view, digest, key_id, wrapped)

    async def discard(self, tenant_id: UUID, photos: Sequence[SealedPhoto]) -> None:
        """Clear away what was sealed for an avatar that did not come to be."""
        for photo in photos:
            await self._files.remove(tenant_id, photo.digest)

    async def keep(
        self, connection: asyncpg.Connection, tenant_id: UUID, avatar_id: UUID, photos: Sequence[SealedPhoto]
    ) -> None:
        """Write the photos' rows, in the transaction that asks for the avatar."""
        now = self._now()
        for photo in photos:
            await connection.execute(
                """
                INSERT INTO avatar_photos (tenant_id, id, avatar_id, view, digest, key_id, wrapped_key, received_at,
                                           due_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                """,
                tenant_id,
                photo.id,
                avatar_id,
                photo.view,
                photo.digest,
                photo.key_id,
                photo.wrapped_key,
                now,
                now + KEPT_AT_MOST,
            )

    async def open(self, tenant_id: UUID, avatar_id: UUID) -> dict[str, bytes]:
        """The photos of an avatar by view. Raises PhotoKeyLost for one that was destroyed or altered."""
        async with self._database.tenant(tenant_id) as connection:
            rows = await connection.fetch(
                "SELECT id, view, digest, key_id, wrapped_key FROM avatar_photos WHERE avatar_id = $1", avatar_id
            )
        return {row["view"]: await self._opened(tenant_id, row) for row in rows}

    async def _opened(self, tenant_id: UUID, row: asyncpg.Record) -> bytes:
        if row["wrapped_key"] is None:
            raise PhotoKeyLost("the photo was destroyed")
        place = _place(tenant_id, row["id"])
        key = await self._keys.unwrap(row["key_id"], row["wrapped_key"], place)
        try:
            sealed = await self._files.get(tenant_id, row["digest"])
            return await asyncio.to_thread(AESGCM(key).decrypt, sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place)
        except (InvalidTag, UnknownFile, ValueError):
            raise PhotoKeyLost("the sealed photo is gone or was altered") from None

    async def destroy(self, connection: asyncpg.Connection, tenant_id: UUID, avatar_id: UUID, reason: str) -> None:
        """Forget the keys of an avatar's photos, in the transaction that ends its work; `clear` comes after it."""
        rows = await connection.fetch(
            "SELECT id FROM avatar_photos WHERE avatar_id = $1 AND destroyed_at IS NULL FOR UPDATE", avatar_id
        )
        for row in rows:
            await self._destroy(connection, tenant_id, row["id"], reason)

    async def _destroy(self, connection: asyncpg.Connection, tenant_id: UUID, photo_id: UUID, reason: str) -> None:
        row = await connection.fetchrow(
            """
            SELECT avatar_id, view, digest, received_at FROM avatar_photos
             WHERE id = $1 AND destroyed_at IS NULL FOR UPDATE SKIP LOCKED
            """,
            photo_id,
        )
        if row is None:
            return
        now = self._now()
        facts = {
            "kind": "photo-destroyed",
            "photo": str(photo_id),
            "avatar": str(row["avatar_id"]),
            "shop": str(tenant_id),
            "view": row["view"],
            "sealed_sha256": row["digest"],
            "received_at": row["received_at"].isoformat(),
            "destroyed_at": now.isoformat(),
            "reason": reason,
        }
        await connection.execute(
            "UPDATE avatar_photos SET wrapped_key = NULL, destroyed_at = $2, receipt = $3 WHERE id = $1",
            photo_id,
            now,
            self._signer.sign(facts),
        )

    async def clear(self, tenant_id: UUID, avatar_id: UUID) -> None:
        """Clear the sealed photos of destroyed keys from the object store."""
        async with self._database.tenant(tenant_id) as connection:
            rows = await connection.fetch(
                """
                SELECT id, digest FROM avatar_photos
                 WHERE avatar_id = $1 AND destroyed_at IS NOT NULL AND removed_at IS NULL
                """,
                avatar_id,
            )
        for row in rows:
            await self._clear(tenant_id, row["id"], row["digest"])

    async def _clear(self, tenant_id: UUID, photo_id: UUID, digest: str) -> None:
        await self._files.remove(tenant_id, digest)
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute("UPDATE avatar_photos SET removed_at = $2 WHERE id = $1", photo_id, self._now())

    async def receipts(self, tenant_id: UUID, avatar_id: UUID) -> list[str]:
        """The signed receipts of an avatar's destroyed photos, the oldest first."""
        async with self._database.tenant(tenant_id) as connection:
            rows = await connection.fetch(
                """
                SELECT receipt FROM avatar_photos WHERE avatar_id = $1 AND receipt IS NOT NULL
                 ORDER BY destroyed_at, view
                """,
                avatar_id,
            )
        return [row["receipt"] for row in rows]

    async def sweep(self) -> int:
        """Destroy what is due in any shop, and clear what the object store still has; returns how many of both.

        Safe beside others that do the same. The key service changes its key when it is time.
        """
        due = await self._due()
        for photo in due:
            async with self._database.tenant(photo.tenant_id) as connection:
                if not photo.destroyed:
                    await self._destroy(connection, photo.tenant_id, photo.id, "took-too-long")
                digest = await connection.fetchval(
                    "SELECT digest FROM avatar_photos WHERE id = $1 AND destroyed_at IS NOT NULL", photo.id
                )
            if digest is not None:
                await self._clear(photo.tenant_id, photo.id, digest)
        await self._keys.rotate(await self._key_ids_in_use())
        return len(due)

    async def _due(self) -> list[Due]:
        async with self._database.system() as connection:
            rows = await connection.fetch(
                """
                SELECT tenant_id, id, destroyed_at IS NOT NULL AS destroyed FROM avatar_photos
                 WHERE removed_at IS NULL AND (destroyed_at IS NOT NULL OR due_at <= $1) LIMIT $2
                """,
                self._now(),
                _BATCH,
            )
        return [Due(**row) for row in rows]

    async def _key_ids_in_use(self) -> set[str]:
        async with self._database.system() as connection:
            rows = await connection.fetch("SELECT DISTINCT key_id FROM avatar_photos WHERE destroyed_at IS NULL")
        return {row["key_id"] for row in rows}

    async def past_deadline(self) -> int:
        """How many photos of all shops should have been gone for a minute and are not. Zero, or something is wrong."""
        async with self._database.system() as connection:
            found: int = await connection.fetchval(
                """
                SELECT count(*) FROM avatar_photos
                 WHERE removed_at IS NULL AND LEAST(due_at, destroyed_at) < $1
                """,
                self._now() - GRACE,
            )
        return found


def _place(tenant_id: UUID, photo_id: UUID) -> bytes:
    """What a sealed photo and its key are bound to: moved to another shop or another row neither opens."""
    return f"vitrine photo\0{tenant_id}\0{photo_id}".encode()
