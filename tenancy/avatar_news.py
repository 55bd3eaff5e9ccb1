"""Who follows an avatar is woken when it changes: one listening connection for a whole process."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator
from uuid import UUID

from tenancy.avatars import CHANNEL
from tenancy.database import Database
from tenancy.errors import Unavailable

_LISTEN_ANEW_S = 60.0  # a connection that was lost is told by nothing
_AFTER_TROUBLE_S = 2.0


class AvatarNews:
    """`always` runs beside those who follow."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._following: dict[str, set[asyncio.Event]] = defaultdict(set)

    async def always(self) -> None:
        """Until cancelled."""
        while True:
            try:
                async with self._database.listening(CHANNEL, self._heard):
                    await asyncio.sleep(_LISTEN_ANEW_S)
            except Unavailable:
                await asyncio.sleep(_AFTER_TROUBLE_S)

    @contextlib.contextmanager
    def follow(self, avatar_id: UUID) -> Iterator[asyncio.Event]:
        """An event that is set whenever the avatar changed; clear it before looking. News may be missed while the
        database is away, so look now and then without them too."""
        changed = asyncio.Event()
        self._following[str(avatar_id)].add(changed)
        try:
            yield changed
        finally:
            left = self._following[str(avatar_id)]
            left.discard(changed)
            if not left:
                del self._following[str(avatar_id)]

    def _heard(self, avatar_id: str) -> None:
        for changed in self._following.get(avatar_id, ()):
            changed.set()
