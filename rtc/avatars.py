"""Where a media node finds a shopper's avatar, and the figures that it makes of it.

A figure is in memory only while a session has use for it: an avatar that is erased leaves nothing here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from render.figure import Figure, ProductError, load_figure
from rtc.claims import Visitor
from rtc.offers import Unavailable

PATIENCE_S = 4.0  # with whatever the source stands on
SIZING_S = 20.0  # with whoever finds out which size fits, whose process may have to start
DRESSING_S = 60.0  # until a service that dresses avatars has done it
log = logging.getLogger("vitrine.avatars")


class UnknownAvatar(Exception):
    """The visit has no such avatar, or none at all; another visit may."""

    code = "unknown-avatar"


class AvatarNotReady(Exception):
    """The avatar is still being made, or could not be."""

    code = "avatar-not-ready"


class CannotWear(Exception):
    """What is to be worn does not go on a body: `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Garment:
    """A product on a body; size None for the one that fits best."""

    product: str
    size: str | None = None


@dataclass(frozen=True)
class AvatarFile:
    """A visit's avatar in what it wears, in the version that it has now. tucked: tops go into bottoms."""

    avatar: str
    wear: tuple[Garment, ...]
    version: str
    tucked: bool = False


class AvatarSource(Protocol):
    """Where avatars come from; filled in by the composition root. Other exceptions mean that it is away."""

    async def find(
        self, visitor: Visitor, avatar: str | None, wear: Sequence[Garment], *, tucked: bool = False
    ) -> AvatarFile:
        """One of the visit's avatars; None for its newest complete one. Raises UnknownAvatar, AvatarNotReady,
        UnknownProduct, CannotWear."""

    async def read(self, visitor: Visitor, file: AvatarFile) -> bytes:
        """The plain GLB of that version, dressed by whoever does that, which may take seconds. Raises as `find`."""

    async def until_changed(self, visitor: Visitor, file: AvatarFile) -> None:
        """Returns when the avatar is gone, or is of another version."""


class Figures:
    """Makes figures of avatars, one at a time for a whole node: live frames come first."""

    def __init__(self, source: AvatarSource) -> None:
        self.source = source
        self._one_at_a_time = asyncio.Semaphore(1)

    async def find(
        self, visitor: Visitor, avatar: str | None, wear: Sequence[Garment], *, tucked: bool = False
    ) -> AvatarFile:
        """As the source; raises Unavailable when it does not answer."""
        try:
            async with asyncio.timeout(SIZING_S if wear else PATIENCE_S):
                return await self.source.find(visitor, avatar, wear, tucked=tucked)
        except Exception as error:
            raise _told(error) from error

    async def load(self, visitor: Visitor, file: AvatarFile) -> Figure:
        """The figure. Raises as `AvatarSource.read`, and Unavailable."""
        try:
            async with asyncio.timeout(DRESSING_S if file.wear else PATIENCE_S):
                glb = await self.source.read(visitor, file)
            async with self._one_at_a_time:
                return await asyncio.to_thread(load_figure, glb)
        except Exception as error:
            raise _told(error) from error


def _told(error: Exception) -> Exception:
    """The error as a shopper hears it: those with a code as they are."""
    if getattr(error, "code", None) is not None and not isinstance(error, ProductError):
        return error
    # Of a body nothing but the kind of error goes into a log.
    log.warning("avatar-not-loaded: %s", type(error).__name__)
    return Unavailable("avatars do not answer")
