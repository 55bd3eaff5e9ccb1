"""Which files are an avatar's, and which are nobody's any more: what is alike is stored once for a shop."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from tenancy.database import Database
from tenancy.files import Files


async def remove_unused(
    database: Database, files: Files, tenant_id: UUID, digests: Sequence[str], *, but: UUID | None = None
) -> None:
    """Clear files away that no avatar of the shop has, `but` one that is going: what is alike is stored once."""
    async with database.tenant(tenant_id) as connection:
        used = await used_by_avatars(connection, digests, but=but)
    for digest in set(digests) - used:
        await files.remove(tenant_id, digest)


async def used_by_avatars(
    connection: asyncpg.Connection, digests: Sequence[str], *, but: UUID | None = None
) -> set[str]:
    """Those of these files that some avatar of the shop has, itself or for what is worn on it; `but` one."""
    rows = await connection.fetch(
        """
        SELECT unnest(ARRAY[body_digest, plain_digest, thumbnail_digest]) AS digest FROM avatars
         WHERE id IS DISTINCT FROM $2
           AND (body_digest = ANY ($1) OR plain_digest = ANY ($1) OR thumbnail_digest = ANY ($1))
        UNION SELECT digest FROM avatar_outfits WHERE digest = ANY ($1) AND avatar_id IS DISTINCT FROM $2
        """,
        list(digests),
        but,
    )
    return {row["digest"] for row in rows}


async def forget_outfits(connection: asyncpg.Connection, avatar_id: UUID) -> list[str]:
    """No file of what was worn is the avatar's any more; their digests."""
    rows = await connection.fetch("DELETE FROM avatar_outfits WHERE avatar_id = $1 RETURNING digest", avatar_id)
    return [row["digest"] for row in rows]


async def outfit_digests(connection: asyncpg.Connection, avatar_id: UUID) -> list[str]:
    """Of the files of what was worn on it. Their rows stay until they are gone: who is stopped begins again."""
    rows = await connection.fetch("SELECT digest FROM avatar_outfits WHERE avatar_id = $1", avatar_id)
    return [row["digest"] for row in rows]
