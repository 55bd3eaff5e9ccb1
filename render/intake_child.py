"""The intake in a process of its own: what an upload may cost, and what becomes of one that costs more.

A file is hostile until proven otherwise. The child has limits on memory, processor time and files, steps back behind
live try-ons, inherits none of the parent's secrets, and can say no more to the parent than an answer of stated size.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import struct
import sys
from typing import Any, Final

from render.glb import ProductError
from render.taken import IntakeResult

NICENESS: Final = 10
MAX_ANSWER_BYTES: Final = 64 << 20
_LENGTHS: Final = struct.Struct("<III")
_TOO_LONG = ProductError("took-too-long", "The model takes too long to prepare. Simplify it and try again.")
_TOO_HEAVY = ProductError("too-heavy", "The model needs more memory or time than a product may. Simplify it.")
_UNREADABLE = ProductError("unreadable", "The model cannot be prepared. Export it anew with another program.")
_KEPT_ENVIRONMENT: Final = frozenset(
    {"PATH", "PYTHONPATH", "LANG", "LC_ALL", "TMPDIR", "LP_NUM_THREADS", "LD_LIBRARY_PATH"}
)


class IntakeDesk:
    """Takes uploads in, `at_once` at a time. Others wait their turn, `most_waiting` of them; who comes then is sent
    away with `intake-busy`."""

    def __init__(self, *, at_once: int, most_waiting: int = 32, timeout_s: float = 60.0, memory_mb: int = 3072) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._most_waiting = most_waiting
        self._timeout_s = timeout_s
        self._memory_mb = memory_mb
        self._waiting = 0

    async def take_in(self, glb: bytes, kind: str | None) -> IntakeResult:
        """As `intake_in_child`. Raises ProductError, `intake-busy` too."""
        if self._places.locked() and self._waiting >= self._most_waiting:
            raise ProductError("intake-busy", "Many models are being taken in. Try again in a minute.")
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            return await intake_in_child(glb, kind, timeout_s=self._timeout_s, memory_mb=self._memory_mb)
        finally:
            self._places.release()


async def intake_in_child(
    glb: bytes, kind: str | None, *, timeout_s: float = 60.0, memory_mb: int = 3072, name: str = ""
) -> IntakeResult:
    """`take_in` in a process of its own with limits. Raises ProductError: also `took-too-long`, `too-heavy`, and
    `unreadable` for what nobody foresaw."""
    header = json.dumps({"kind": kind, "name": name, "memory_mb": memory_mb, "cpu_s": int(timeout_s) + 1}).encode()
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "render.intake_child"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        # Nothing of the parent's environment but what finding Python and Mesa needs: no secrets in there.
        env={key: os.environ[key] for key in _KEPT_ENVIRONMENT & os.environ.keys()} | {"OPENBLAS_NUM_THREADS": "1"},
    )
    told = asyncio.create_task(_tell(child, len(header).to_bytes(4, "big") + header, glb))
    try:
        async with asyncio.timeout(timeout_s):
            answer = await _answer_of(child)
            await child.wait()
    except TimeoutError:
        raise _TOO_LONG from None
    finally:
        told.cancel()
        await asyncio.gather(told, return_exceptions=True)
        if child.returncode is None:
            child.kill()
            await _to_the_end(child)
    if child.returncode != 0:
        raise _fate(child.returncode)
    return _unpack(answer)


async def _tell(child: asyncio.subprocess.Process, header: bytes, glb: bytes) -> None:
    assert child.stdin
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may know enough before the end
        child.stdin.write(header)
        child.stdin.write(glb)
        await child.stdin.drain()
    child.stdin.close()


async def _answer_of(child: asyncio.subprocess.Process) -> bytes:
    """What it says, read no further than an answer may be long."""
    assert child.stdout
    answer = bytearray()
    while chunk := await child.stdout.read(1 << 20):
        answer += chunk
        if len(answer) > MAX_ANSWER_BYTES:
            raise _TOO_HEAVY
    return bytes(answer)


async def _to_the_end(child: asyncio.subprocess.Process) -> None:
    """Wait for a child that was killed. asyncio takes it for gone when its pipe is read to the end, so it is."""
    assert child.stdout
    while await child.stdout.read(1 << 20):
        pass
    await child.wait()


def _fate(status: int | None) -> ProductError:
    """Why a child said nothing. Killed means out of memory: nobody else kills it."""
    if status == -signal.SIGXCPU:
        return _TOO_LONG
    return _TOO_HEAVY if status in (-signal.SIGKILL, -signal.SIGABRT) else _UNREADABLE


def _unpack(answer: bytes) -> IntakeResult:
    try:
        about_bytes, glb_bytes, png_bytes = _LENGTHS.unpack_from(answer)
        glb_at = _LENGTHS.size + about_bytes
        png_at = glb_at + glb_bytes
        if len(answer) != png_at + png_bytes:
            raise _UNREADABLE
        about: dict[str, Any] = json.loads(answer[_LENGTHS.size : glb_at])
    except (struct.error, ValueError):
        raise _UNREADABLE from None
    if "code" in about:
        raise ProductError(about["code"], about["detail"])
    return IntakeResult(answer[glb_at:png_at], answer[png_at:], about["kind"], about["dimensions"], about["report"])


def _pack(about: dict[str, Any], glb: bytes = b"", png: bytes = b"") -> bytes:
    text = json.dumps(about).encode()
    return _LENGTHS.pack(len(text), len(glb), len(png)) + text + glb + png


def limit_resources(memory_mb: int, cpu_s: int) -> None:
    """Hold this process to so much address space and processor time; it cannot be taken back."""
    import resource  # noqa: PLC0415

    for what, most in (
        (resource.RLIMIT_AS, memory_mb << 20),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 64 << 20),
        (resource.RLIMIT_NOFILE, 256),
    ):
        # The soft limit of processor time comes first: its signal says what happened.
        resource.setrlimit(what, (most, most + 1 if what == resource.RLIMIT_CPU else most))


def _peak_mb() -> float:
    """The most address space this process had: where memory ends, libraries fail in ways of their own."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:  # noqa: PTH123  no more imports now
        return next((int(line.split()[1]) / 1024 for line in status if line.startswith("VmPeak")), 0.0)


def _child() -> None:
    """Read header and file from standard input, answer on standard output."""
    from render.intake import take_in  # noqa: PLC0415  the parent never needs it

    os.nice(NICENESS)
    raw = sys.stdin.buffer.read()
    length = int.from_bytes(raw[:4], "big")
    header = json.loads(raw[4 : 4 + length])
    limit_resources(header["memory_mb"], header["cpu_s"])
    try:
        result = take_in(raw[4 + length :], header["kind"], name=header["name"])
        about = {"kind": result.kind, "dimensions": result.dimensions, "report": result.report}
        answer = _pack(about, result.glb, result.thumbnail_png)
    except ProductError as error:
        answer = _pack({"code": error.code, "detail": error.detail})
    except Exception as error:  # what nobody foresaw is still the file's doing, and its owner deserves an answer
        full = isinstance(error, MemoryError) or _peak_mb() > 0.9 * header["memory_mb"]
        why = _TOO_HEAVY if full else _UNREADABLE
        answer = _pack({"code": why.code, "detail": why.detail})
    sys.stdout.buffer.write(answer)


if __name__ == "__main__":
    _child()
