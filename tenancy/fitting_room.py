"""Everything of this room that avatars need, put together over one database."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from tenancy.avatar_news import AvatarNews
from tenancy.avatar_queue import CHANNEL, AvatarQueue
from tenancy.avatar_work import AvatarSweeper, AvatarWork
from tenancy.avatars import Avatars
from tenancy.database import Database
from tenancy.errors import Unavailable
from tenancy.files import Files
from tenancy.photo_keys import KeyService
from tenancy.photos import Photos
from tenancy.receipts import Signer

EXPECTED = "vitrine_avatars_expected"
SEEN_EVERY_S, SWEEP_EVERY_S = 5.0, 10.0
_LISTEN_ANEW_AFTER = 12  # rounds: a connection that was lost is told by nothing

log = logging.getLogger("vitrine.avatars")


@dataclass(frozen=True)
class FittingRoom:
    """The shopper's side, the worker's side, and the sweeper."""

    database: Database
    files: Files
    queue: AvatarQueue
    photos: Photos
    avatars: Avatars
    sweeper: AvatarSweeper
    news: AvatarNews

    @classmethod
    def over(
        cls, database: Database, files: Files, keys: KeyService, *, secret: str, longest_wait_s: float = 300.0
    ) -> Self:
        """keys: wraps those of photos. secret: the installation's own, for receipts."""
        signer, queue = Signer(secret), AvatarQueue(database)
        photos = Photos(database, files, keys, signer)
        avatars = Avatars(database, queue, photos, files, signer, longest_wait_s=longest_wait_s)
        return cls(database, files, queue, photos, avatars, AvatarSweeper(avatars, queue, photos), AvatarNews(database))

    async def expect(self) -> None:
        """Somebody is about to want an avatar: workers that rest get ready."""
        with contextlib.suppress(Unavailable):
            async with self.database.jobs() as connection:
                await connection.execute("SELECT pg_notify($1, '')", EXPECTED)

    async def attend(
        self, worker_id: UUID, device: str, wake: Callable[[], None], get_ready: Callable[[], None]
    ) -> None:
        """Until cancelled: says that a worker is there, wakes it when the line changes, and gets it ready."""
        try:
            while True:
                with contextlib.suppress(Unavailable):
                    async with (
                        self.database.listening(CHANNEL, lambda _payload: wake()),
                        self.database.listening(EXPECTED, lambda _payload: get_ready()),
                    ):
                        for _ in range(_LISTEN_ANEW_AFTER):
                            await self.queue.seen(worker_id, device)
                            await asyncio.sleep(SEEN_EVERY_S)
                await asyncio.sleep(1)
        finally:
            with contextlib.suppress(Unavailable):
                await self.queue.gone(worker_id)

    async def sweep_always(self, tell: Callable[[int], None]) -> None:
        """Until cancelled. `tell` is told each time how many photos are past their deadline."""
        while True:
            try:
                await self.sweeper.sweep()
                tell(await self.photos.past_deadline())
            except Exception as error:  # an outage, or one row that is not as it should be: the others go on
                log.warning("sweep-failed: %s", type(error).__name__)
            await asyncio.sleep(SWEEP_EVERY_S)

    def work(self, worker_id: UUID) -> AvatarWork:
        """What one worker does with the line."""
        return AvatarWork(self.database, self.queue, self.photos, self.files, worker_id=worker_id)
