"""What a measuring peer sends: a real moving face at a steady rate, each frame with its number burned in.

`LiveTrack` hands pictures to aiortc's own encoder, as an application does. `AheadTrack` hands over frames that were
encoded before the run, so that a peer that only makes load costs the machine next to nothing.
"""

from __future__ import annotations

import asyncio
import fractions
import time
from collections.abc import Sequence
from dataclasses import dataclass

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import VIDEO_TIME_BASE, MediaStreamError
from av.stream import Stream
from numpy.typing import NDArray

from bench.frames import MODULUS, burn
from tests.camera import LOOP_SECONDS, FaceCamera

_CLOCK_RATE = 90_000


@dataclass(frozen=True)
class Film:
    """A loop of pictures: I420, (height * 3 / 2, width) uint8 each."""

    width: int
    height: int
    fps: int
    frames: tuple[NDArray[np.uint8], ...]

    def numbered(self, number: int) -> NDArray[np.uint8]:
        """A copy of the picture that is due at `number`, with the number burned in."""
        yuv = self.frames[number % len(self.frames)].copy()
        burn(yuv[: self.height], number)
        return yuv


def film(width: int, height: int, fps: int, seconds: float = LOOP_SECONDS) -> Film:
    """Compose the fake camera's loop once; some 10 ms of work a VGA frame."""
    camera = FaceCamera(width, height, fps)
    return Film(width, height, fps, tuple(camera.yuv(i) for i in range(round(seconds * fps))))


def encode_ahead(source: Film, frames: int, bit_rate: int) -> list[bytes]:
    """`frames` numbered frames as VP8 with the settings of aiortc's encoder at `bit_rate`; the first is a key frame."""
    codec = av.CodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt = source.width, source.height, "yuv420p"
    codec.bit_rate, codec.gop_size, codec.qmin, codec.qmax = bit_rate, 3000, 2, 56
    codec.thread_count = 1
    codec.framerate = fractions.Fraction(source.fps)
    codec.time_base = fractions.Fraction(1, source.fps)
    codec.options = {
        "bufsize": str(bit_rate),
        "minrate": str(bit_rate),
        "maxrate": str(bit_rate),
        "cpu-used": "-6",
        "deadline": "realtime",
        "lag-in-frames": "0",
        "noise-sensitivity": "4",
        "overshoot-pct": "15",
        "undershoot-pct": "100",
        "static-thresh": "1",
    }
    packets = []
    for number in range(frames):
        frame = av.VideoFrame.from_ndarray(source.numbered(number), format="yuv420p")
        frame.pts, frame.time_base = number, codec.time_base
        packets.append(b"".join(bytes(p) for p in codec.encode(frame)))
    return packets


class _Paced(MediaStreamTrack):
    """Wakes at each frame's due time; a frame that is late by more than a period is skipped, as a camera does."""

    kind = "video"

    def __init__(self, fps: int) -> None:
        super().__init__()
        self._fps = fps
        self._start: float | None = None
        self._next = 0
        self.sent: dict[int, float] = {}
        self.skipped = 0

    async def _due(self, *, may_skip: bool) -> int:
        if self.readyState != "live":
            raise MediaStreamError
        now = time.monotonic()
        if self._start is None:
            self._start = now
        wait = self._start + self._next / self._fps - now
        if wait > 0:
            await asyncio.sleep(wait)
        elif may_skip and -wait > 1 / self._fps:
            late = int(-wait * self._fps)
            self._next += late
            self.skipped += late
        number = self._next
        self._next += 1
        return number

    def _pts(self, number: int) -> int:
        return number * _CLOCK_RATE // self._fps


class LiveTrack(_Paced):
    """Raw pictures; the time a number was sent is the moment before its encoding."""

    def __init__(self, source: Film) -> None:
        super().__init__(source.fps)
        self._source = source

    async def recv(self) -> av.VideoFrame:
        """The next picture, at its time."""
        number = await self._due(may_skip=True)
        frame = av.VideoFrame.from_ndarray(self._source.numbered(number), format="yuv420p")
        frame.pts, frame.time_base = self._pts(number), VIDEO_TIME_BASE
        self.sent[number % MODULUS] = time.monotonic()
        return frame


class AheadTrack(_Paced):
    """Frames encoded before the run, begun again from the key frame after the last. It cannot answer a PLI."""

    def __init__(self, packets: Sequence[bytes], fps: int) -> None:
        super().__init__(fps)
        self._packets = packets

    async def recv(self) -> av.Packet[Stream]:
        """The next encoded frame, at its time."""
        index = await self._due(may_skip=False)
        packet = av.Packet(self._packets[index % len(self._packets)])
        packet.pts, packet.time_base = self._pts(index), VIDEO_TIME_BASE
        self.sent[index % len(self._packets) % MODULUS] = time.monotonic()
        return packet
