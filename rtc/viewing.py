"""Which picture a session returns: its shopper's own, or her avatar's, turned by her finger.

Messages only say what is wanted; one task at a time finds, loads and shows it, and the newest wish wins. A turn costs
nothing but the number that the next frame reads.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from render.figure import Figure
from render.mirror import Scene, Showing
from rtc import control
from rtc.avatars import AvatarFile, Figures, Garment, UnknownAvatar
from rtc.claims import Visitor
from rtc.offers import Unavailable
from rtc.worker import FrameStream

LOADS_APART_S = 0.4  # however often the shopper changes her mind
LOOK_AGAIN_S = 1.0  # when it cannot be found out whether the avatar is still there
log = logging.getLogger("vitrine.viewing")


@dataclass(frozen=True)
class _Wish:
    """avatar None: the newest complete one."""

    avatar: str | None
    wear: tuple[Garment, ...]
    tucked: bool = False


@dataclass(frozen=True)
class _Held:
    """A figure that this session has, and the file of which it was made."""

    file: AvatarFile
    figure: Figure


class Viewing:
    """One session's. say: to its shopper. spawn: runs something beside."""

    def __init__(
        self,
        figures: Figures | None,
        visitor: Visitor,
        stream: FrameStream,
        *,
        say: Callable[[control.Reply], None],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._figures = figures
        self._visitor = visitor
        self._stream = stream
        self._say = say
        self._spawn = spawn
        self._wish: _Wish | None = None
        self._scene: Scene = "studio"
        self._yaw_deg = 0.0
        self._held: _Held | None = None
        self._loading: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()
        self._loaded_at = float("-inf")

    def ask(self, view: control.View) -> None:
        """What the shopper wants to see from now on."""
        if self._figures is None:
            if view.mode == "avatar":
                self._say(control.error("avatar-not-available"))
            return
        if view.mode == "live":
            self._go_live()
            return
        before = self._wish or _Wish(None, ())
        wear = before.wear if view.wear is None else tuple(Garment(one.product, one.size) for one in view.wear)
        tucked = before.tucked if view.tucked is None else view.tucked
        wish = _Wish(view.avatar or before.avatar, wear, tucked)
        self._scene = view.scene or self._scene
        if view.yaw is not None:
            self._yaw_deg = view.yaw
        if wish == self._wish:
            self._show_as_wished(asked=view.avatar is not None or view.wear is not None)
            return
        self._wish = wish
        self._wanted.set()
        if self._loading is None:
            self._loading = self._spawn(self._fulfil(self._figures))

    @property
    def avatar(self) -> str | None:
        """Whose figure the session has."""
        return self._held.file.avatar if self._held is not None else None

    def end(self) -> None:
        """The session is over: nothing of the avatar stays."""
        self._wish = None
        self._forget()
        if self._loading is not None:
            self._loading.cancel()

    def _go_live(self) -> None:
        self._wish = None
        self._stream.showing = None
        self._say({"type": "view", "mode": "live"})

    def _show_as_wished(self, asked: bool) -> None:
        """asked: who asks for a body gets an answer, even if it is the one that she sees."""
        showing = self._stream.showing
        if isinstance(showing, Showing):
            news = showing.scene != self._scene
            showing.scene = self._scene
            showing.yaw_deg = self._yaw_deg
            if news or (asked and self._loading is None):  # what is loaded is told when it is shown
                self._tell()

    async def _fulfil(self, figures: Figures) -> None:
        """Load what is wished for, until nothing else is."""
        try:
            while self._wanted.is_set():
                await asyncio.sleep(self._loaded_at + LOADS_APART_S - time.monotonic())
                self._wanted.clear()
                wish = self._wish
                if wish is not None:
                    self._loaded_at = time.monotonic()
                    await self._load(figures, wish)
        finally:
            self._loading = None

    async def _load(self, figures: Figures, wish: _Wish) -> None:
        try:
            file = await figures.find(self._visitor, wish.avatar, wish.wear, tucked=wish.tucked)
            held = self._held
            if held is None or held.file != file:
                self._say({"type": "view", "mode": "avatar", "state": "preparing", "avatar": file.avatar})
                held = _Held(file, await figures.load(self._visitor, file))
        except Exception as error:
            self._refuse(wish, error)
            return
        if wish != self._wish and not (self._wish is None and self._held is held):
            return  # something else is wanted by now
        self._hold(figures, held)
        if self._wish is not None:
            self._stream.showing = Showing(held.figure, self._scene, self._yaw_deg)
            self._tell()

    def _refuse(self, wish: _Wish, error: Exception) -> None:
        """What is shown stays, unless it is no more."""
        code = getattr(error, "code", None)
        if code is None:
            log.warning("avatar-not-shown: %s", type(error).__name__)
        if wish != self._wish:
            return
        self._say(control.error(code or Unavailable.code))
        shown = self._held if self._stream.showing is not None else None
        self._wish = None if shown is None else _Wish(shown.file.avatar, shown.file.wear, shown.file.tucked)

    def _hold(self, figures: Figures, held: _Held) -> None:
        if self._held is held:
            return
        self._held = held
        if self._watch is not None:
            self._watch.cancel()
        self._watch = self._spawn(self._watch_over(figures, held.file))

    async def _watch_over(self, figures: Figures, file: AvatarFile) -> None:
        """When the avatar is erased it is seen no more; when it has changed, it is seen as it is now."""
        looked = True  # it may have changed while it was loaded
        while True:
            try:
                if not looked:
                    await figures.source.until_changed(self._visitor, file)
                looked = True
                found = await figures.find(self._visitor, file.avatar, file.wear, tucked=file.tucked)
            except UnknownAvatar as gone:
                self._watch = None
                self._lose(gone.code)
                return
            except Exception as error:  # away, or being made anew: what is shown stays, and is looked after again
                log.info("avatar-not-looked-after: %s", type(error).__name__)
                await asyncio.sleep(LOOK_AGAIN_S)
                continue
            if found == file:
                looked = False
                continue
            if self._wish is not None:
                self._wanted.set()
                self._loading = self._loading or self._spawn(self._fulfil(figures))
            return

    def _lose(self, code: str) -> None:
        shown = self._stream.showing is not None
        self._wish = None
        self._forget()
        if shown:
            self._say({"type": "view", "mode": "live", "code": code})

    def _forget(self) -> None:
        self._stream.showing = self._held = None
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _tell(self) -> None:
        """What the next frames show."""
        if self._held is not None:
            file = self._held.file
            wear = [{"product": one.product, "size": one.size} for one in file.wear]
            self._say(
                {
                    "type": "view",
                    "mode": "avatar",
                    "state": "shown",
                    "avatar": file.avatar,
                    "wear": wear,
                    "tucked": file.tucked,
                    "scene": self._scene,
                }
            )
