"""Portraits drawn by a process of their own, which keeps its GL context while it is wanted.

A web process has no time to draw and needs no Mesa in its memory. The files are those that the dressing wrote of what
was taken in.
"""

from __future__ import annotations

import asyncio
import os
import struct
import sys
from collections.abc import Callable
from typing import BinaryIO, Final

from render.glb import ProductError

NICENESS: Final = 5  # who stands before the mirror comes first
WITHIN_S: Final = 60.0
WARM_FOR_S: Final = 120.0
MOST_WAITING: Final = 12
MEMORY_MB: Final = 4096
MOST_BYTES: Final = 64 << 20
_ORDER: Final = struct.Struct(">I?")  # bytes of the GLB; whether it is a garment alone
_ANSWER: Final = struct.Struct(">I?")  # bytes that follow; whether they are a picture, else why there is none
_KEPT: Final = frozenset({"PATH", "PYTHONPATH", "LANG", "LC_ALL", "TMPDIR", "LP_NUM_THREADS", "LD_LIBRARY_PATH"})


class PortraitBusy(Exception):
    """Nothing is wrong with the file: too many wait, or the process was ended over it by time or memory."""


class PortraitDesk:
    """Has portraits drawn, one after the other. `before_exec` binds the process to this one's life."""

    def __init__(self, *, before_exec: Callable[[], None] | None = None, warm_for_s: float = WARM_FOR_S) -> None:
        self._before_exec = before_exec
        self._warm_for_s = warm_for_s
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._child: asyncio.subprocess.Process | None = None
        self._resting: asyncio.Task[None] | None = None

    async def draw(self, glb: bytes, *, alone: bool = False) -> bytes:
        """The PNG. Raises ProductError as `render.portrait.portrait` does, and PortraitBusy."""
        if self._waiting >= MOST_WAITING:
            raise PortraitBusy("Many pictures are being drawn. Try again in a moment.")
        self._waiting += 1
        try:
            return await self._drawn(glb, alone)
        finally:
            self._waiting -= 1

    async def _drawn(self, glb: bytes, alone: bool) -> bytes:
        async with self._turn:
            if self._resting is not None:
                self._resting.cancel()
            try:
                async with asyncio.timeout(WITHIN_S):
                    drawn, content = await self._asked(glb, alone)
            except BaseException as error:
                await self._stop()
                if isinstance(error, TimeoutError | OSError | EOFError):
                    raise PortraitBusy("The picture could not be drawn just now. Try again in a moment.") from None
                raise
            self._resting = asyncio.create_task(self._rest())
        if not drawn:
            code, _, why = content.decode().partition("\n")
            raise ProductError(code, why)
        return content

    async def close(self) -> None:
        """End the process; harmless if there is none."""
        if self._resting is not None:
            self._resting.cancel()
        async with self._turn:
            await self._stop()

    async def _asked(self, glb: bytes, alone: bool) -> tuple[bool, bytes]:
        if self._child is None or self._child.returncode is not None:
            self._child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "render.portrait_child"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={key: os.environ[key] for key in _KEPT & os.environ.keys()} | {"OPENBLAS_NUM_THREADS": "1"},
                preexec_fn=self._before_exec,
            )
        assert self._child.stdin
        assert self._child.stdout
        self._child.stdin.write(_ORDER.pack(len(glb), alone) + glb)
        await self._child.stdin.drain()
        length, drawn = _ANSWER.unpack(await self._child.stdout.readexactly(_ANSWER.size))
        if length > MOST_BYTES:
            raise EOFError
        return drawn, await self._child.stdout.readexactly(length)

    async def _rest(self) -> None:
        await asyncio.sleep(self._warm_for_s)
        async with self._turn:
            await self._stop()

    async def _stop(self) -> None:
        child, self._child = self._child, None
        if child is not None and child.returncode is None:
            child.kill()
            await child.wait()


def serve(orders: BinaryIO, answers: BinaryIO) -> None:
    """Draw until the pipe ends."""
    from render.portrait import portrait  # noqa: PLC0415  the parent never needs it
    from render.scene import SceneRenderer  # noqa: PLC0415

    renderer = SceneRenderer()
    try:
        while len(start := orders.read(_ORDER.size)) == _ORDER.size:
            length, alone = _ORDER.unpack(start)
            try:
                drawn, content = True, portrait(renderer, orders.read(length), alone=alone)
            except ProductError as error:
                drawn, content = False, f"{error.code}\n{error.detail}".encode()
            answers.write(_ANSWER.pack(len(content), drawn) + content)
            answers.flush()
    finally:
        renderer.close()


def _child() -> None:
    import resource  # noqa: PLC0415

    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MB << 20, MEMORY_MB << 20))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print never goes between the answers
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    _child()
