"""Snapshots that shoppers took, in memory and for two minutes, or until what they show is erased."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass

from rtc.avatars import Figures, UnknownAvatar
from rtc.claims import Visitor
from rtc.tasks import end

KEPT_S = 120.0
MOST = 64
MOST_OF_ONE = 8  # of a visit: who takes many loses her own, and nobody else's
LOOK_AGAIN_S = 1.0  # when it cannot be found out whether an avatar is still there
log = logging.getLogger("vitrine.snapshots")


@dataclass(frozen=True)
class _Kept:
    """avatar: the one that is seen on it, None for the shopper herself."""

    jpeg: bytes
    taken_at: float
    visitor: Visitor
    avatar: str | None


class Snapshots:
    """Those of one node; their names begin with its own, which is how the web finds them.

    figures: where it is heard that an avatar was erased.
    """

    def __init__(self, node: str, figures: Figures | None = None) -> None:
        self._node = node
        self._figures = figures
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._watches: dict[tuple[Visitor, str], asyncio.Task[None]] = {}

    def keep(self, jpeg: bytes, visitor: Visitor, avatar: str | None = None) -> str:
        """Keep one; returns the path under which the web serves it."""
        name = f"{self._node}~{secrets.token_urlsafe(16)}"
        self._kept[name] = _Kept(jpeg, time.monotonic(), visitor, avatar)
        for older in self._of(visitor, None)[:-MOST_OF_ONE]:
            del self._kept[older]
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
        if avatar is not None and self._figures is not None and (visitor, avatar) not in self._watches:
            watch = asyncio.create_task(self._watch_over(self._figures, visitor, avatar))
            self._watches[visitor, avatar] = watch
            watch.add_done_callback(lambda _: self._watches.pop((visitor, avatar), None))
        return f"/v1/snapshots/{name}.jpg"

    def find(self, name: str) -> bytes | None:
        """The JPEG, if it is there still."""
        found = self._kept.get(name)
        return None if found is None or time.monotonic() - found.taken_at > KEPT_S else found.jpeg

    def forget(self, visitor: Visitor, avatar: str | None = None) -> None:
        """Let go of all that a visit took, or of those of one avatar of its."""
        for name in self._of(visitor, avatar):
            del self._kept[name]

    def forget_old(self) -> None:
        """Let go of those whose time is over."""
        now = time.monotonic()
        for name in [name for name, kept in self._kept.items() if now - kept.taken_at > KEPT_S]:
            del self._kept[name]

    async def close(self) -> None:
        """Nobody is watched over any more."""
        await end(self._watches.values())

    def _of(self, visitor: Visitor, avatar: str | None) -> list[str]:
        return [name for name, kept in self._kept.items() if kept.visitor == visitor and avatar in (None, kept.avatar)]

    async def _watch_over(self, figures: Figures, visitor: Visitor, avatar: str) -> None:
        """Forget an avatar's snapshots when it is erased; for as long as there are some."""
        while self._of(visitor, avatar):
            try:
                file = await figures.find(visitor, avatar, ())
                async with asyncio.timeout(KEPT_S):
                    await figures.source.until_changed(visitor, file)
            except UnknownAvatar:
                self.forget(visitor, avatar)
            except TimeoutError:
                pass
            except Exception as error:
                log.info("avatar-not-looked-after: %s", type(error).__name__)
                await asyncio.sleep(LOOK_AGAIN_S)
