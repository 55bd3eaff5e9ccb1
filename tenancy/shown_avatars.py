"""Avatars as a media process sees them: whether a visit has one, which file it is now, and when that changes.

It reads and never writes, and knows no key of any photo.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from uuid import UUID

from tenancy.avatar_news import AvatarNews
from tenancy.database import Database
from tenancy.errors import AvatarNotReady, TenancyError, UnknownAvatar, UnknownFile
from tenancy.files import Files

LOOK_AGAIN_S = 5.0  # news may be missed while the database is away


@dataclass(frozen=True)
class ShownAvatar:
    """One that can be shown; digest: of its plain GLB as it is now."""

    id: UUID
    digest: str


class ShownAvatars:
    """news.always() runs beside."""

    def __init__(self, database: Database, files: Files) -> None:
        self._database = database
        self._files = files
        self.news = AvatarNews(database)

    async def find(self, tenant_id: UUID, visit_id: UUID, avatar_id: UUID | None) -> ShownAvatar:
        """One of the visit's, or None for its newest that is complete. Raises UnknownAvatar, AvatarNotReady."""
        async with self._database.tenant(tenant_id) as connection:
            rows = await connection.fetch(
                """
                SELECT id, plain_digest FROM avatars WHERE visit_id = $1 AND ($2::uuid IS NULL OR id = $2)
                 ORDER BY plain_digest IS NULL, created_at DESC LIMIT 1
                """,
                visit_id,
                avatar_id,
            )
        if not rows:
            raise UnknownAvatar
        if rows[0]["plain_digest"] is None:
            raise AvatarNotReady("there is no body yet")
        return ShownAvatar(rows[0]["id"], rows[0]["plain_digest"])

    async def read(self, tenant_id: UUID, shown: ShownAvatar) -> bytes:
        """Its plain GLB. Raises UnknownAvatar when it was erased or changed meanwhile."""
        try:
            return await self._files.get(tenant_id, shown.digest)
        except UnknownFile:
            raise UnknownAvatar("it was erased or changed meanwhile") from None

    async def until_changed(self, tenant_id: UUID, visit_id: UUID, shown: ShownAvatar) -> None:
        """Returns when it is gone, or has another file."""
        with self.news.follow(shown.id) as changed:
            while True:
                changed.clear()
                try:
                    if await self.find(tenant_id, visit_id, shown.id) != shown:
                        return
                except (UnknownAvatar, AvatarNotReady):
                    return
                except TenancyError:
                    pass  # the database is away: what is shown stays for a while
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_AGAIN_S):
                        await changed.wait()
