"""Works on the imports of every shop, one after the other, those first that nobody has begun."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from tenancy.imports import Imports

LOOK_EVERY_S = 30.0  # for what another process left behind
log = logging.getLogger("vitrine.imports")


class ImportRunner:
    """One for each web process. What it was at when it ended is gone on with by the next that looks."""

    def __init__(self, imports: Imports, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._imports = imports
        self._look_every_s = look_every_s
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Returns at once."""
        self._task = asyncio.create_task(self._run(), name="imports")

    async def stop(self) -> None:
        """Leave the row that is being worked on; nothing of it is half there."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            self._imports.wake.clear()
            try:
                for tenant_id, import_id in await self._imports.due():
                    await self._imports.work(tenant_id, import_id)
            except Exception as error:  # the database or the store is away: the rows wait
                log.warning("imports-away: %s", type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._imports.wake.wait(), self._look_every_s)
