"""Measuring peers in a process of their own: real aiortc clients that send a face and time its way back.

`python -m bench.peer '<Orders as JSON>'` connects `peers` sessions to one server, prints `{"event":"flowing"}` when
every one of them gets its own pictures back, measures until its standard input closes, and prints what each peer
sent and saw as one JSON line. Times are CLOCK_MONOTONIC seconds, which all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field

import aiohttp
import av
import numpy as np
import psutil
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from numpy.typing import NDArray

from bench.frames import read
from bench.release import release_on_marker
from bench.signalling import Door, EchoDoor, Refused, RelayedDoor, ShopDoor
from bench.source import AheadTrack, Film, LiveTrack, encode_ahead, film

HEARTBEAT_SECONDS = 2.0
FLOWING_FRAMES = 12


@dataclass(frozen=True)
class Orders:
    """What one peer process is to do.

    `source` is `live` (aiortc encodes while measuring) or `ahead` (encoded before). `release` is how the client
    itself releases frames: `instant` on the marker bit, so that only the server's hold is seen, or `stock`.
    `relay` is the URL of a bench.relay that media is to pass through. `nack_again_ms`, if not 0, has missing packets
    asked for again and again, as browsers do and aiortc does not. `codec`, if not empty, is the only one offered.
    """

    server: str
    url: str
    peers: int = 1
    source: str = "live"
    release: str = "instant"
    width: int = 640
    height: int = 480
    fps: int = 24
    bit_rate: int = 1_000_000
    frames_ahead: int = 960
    key: str = "pk_demo"
    wear: tuple[str, ...] = ("glasses",)
    relay: str = ""
    nack_again_ms: int = 0
    codec: str = ""


@dataclass
class Record:
    """One peer's raw figures: number -> time sent, and (number or None, time) of every frame that came back."""

    sent: dict[int, float] = field(default_factory=dict)
    arrivals: list[tuple[int | None, float]] = field(default_factory=list)
    skipped: int = 0
    sizes: list[tuple[int, int]] = field(default_factory=list)
    sized_at: list[float] = field(default_factory=list)
    messages: list[dict[str, object]] = field(default_factory=list)


class Peer:
    """One shopper."""

    def __init__(self, orders: Orders, door: Door, track: LiveTrack | AheadTrack) -> None:
        self._orders, self._door, self._track = orders, door, track
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._reader: asyncio.Task[None] | None = None
        self._heart: asyncio.Task[None] | None = None
        self._nacks: asyncio.Task[None] | None = None
        self.record = Record(sent=track.sent)
        self.flowing = asyncio.Event()

    async def connect(self) -> None:
        """Offer, answer, and start reading."""
        pc = self._connection
        pc.addTrack(self._track)
        if self._orders.codec:
            offered = RTCRtpSender.getCapabilities("video").codecs
            pc.getTransceivers()[0].setCodecPreferences([c for c in offered if c.name in (self._orders.codec, "rtx")])
        channel = pc.createDataChannel("control")
        if self._orders.release == "instant":
            release_on_marker(pc.getTransceivers()[0].receiver)

        @pc.on("track")
        def on_track(track: MediaStreamTrack) -> None:
            self._reader = asyncio.ensure_future(self._read(track))

        @channel.on("open")
        def on_open() -> None:
            if self._door.products:
                channel.send(json.dumps({"type": "wear", "products": list(self._door.products)}))
            self._heart = asyncio.ensure_future(self._beat(channel))

        @channel.on("message")
        def on_message(message: str | bytes) -> None:
            if isinstance(message, str) and '"pong"' not in message:
                self.record.messages.append(json.loads(message))

        await pc.setLocalDescription(await pc.createOffer())
        answer = await self._door.answer(pc.localDescription.sdp)
        await pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        if self._orders.nack_again_ms:
            self._nacks = asyncio.ensure_future(self._ask_again(pc.getTransceivers()[0].receiver))

    async def close(self) -> None:
        """Hang up."""
        self.record.skipped = self._track.skipped
        for task in (self._reader, self._heart, self._nacks):
            if task is not None:
                task.cancel()
        await self._door.leave()
        await self._connection.close()

    async def _beat(self, channel: RTCDataChannel) -> None:
        while channel.readyState == "open":
            channel.send(json.dumps({"type": "ping", "t": time.monotonic()}))
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _ask_again(self, receiver: RTCRtpReceiver) -> None:
        missing: set[int] = receiver._RTCRtpReceiver__nack_generator.missing  # type: ignore[attr-defined]
        streams: dict[int, object] = receiver._RTCRtpReceiver__remote_streams  # type: ignore[attr-defined]
        first = self._orders.nack_again_ms / 1e3
        waits: dict[int, tuple[float, float]] = {}  # sequence number -> when to ask again, and how long after that
        while True:
            await asyncio.sleep(first / 2)
            now = time.monotonic()
            waits = {sequence: waits.get(sequence, (now + first, first)) for sequence in missing}
            due = sorted(sequence for sequence, (at, _) in waits.items() if at <= now)
            # Twice as long each time: on a full link, asking again and again only fills it further.
            waits |= {sequence: (now + 2 * waits[sequence][1], 2 * waits[sequence][1]) for sequence in due}
            if due and streams:
                await receiver._send_rtcp_nack(next(iter(streams)), due)

    async def _read(self, track: MediaStreamTrack) -> None:
        readable = 0
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            now = time.monotonic()
            assert isinstance(frame, av.VideoFrame)
            plane = frame.planes[0]
            luma = memoryview(plane)
            number = read(_view(luma, frame.width, frame.height, plane.line_size))
            self.record.arrivals.append((number, now))
            size = (frame.width, frame.height)
            if not self.record.sizes or self.record.sizes[-1] != size:
                self.record.sizes.append(size)
                self.record.sized_at.append(now)
            readable += number is not None
            if readable == FLOWING_FRAMES:
                self.flowing.set()


async def run(orders: Orders, source: Film) -> None:
    """Carry out the orders."""
    packets = encode_ahead(source, orders.frames_ahead, orders.bit_rate) if orders.source == "ahead" else []
    async with aiohttp.ClientSession() as http:
        peers = []
        for _ in range(orders.peers):
            door: Door = (
                EchoDoor(http, orders.url)
                if orders.server == "echo"
                else ShopDoor(http, orders.url, key=orders.key, wear=orders.wear)
            )
            if orders.relay:
                door = RelayedDoor(http, orders.relay, door)
            track = AheadTrack(packets, orders.fps) if packets else LiveTrack(source)
            peers.append(Peer(orders, door, track))
        try:
            for peer in peers:
                await peer.connect()
                # Peers whose frames fall due together would measure each other.
                await asyncio.sleep(0.37 / orders.fps)
            await asyncio.wait_for(asyncio.gather(*(p.flowing.wait() for p in peers)), 30)
            _say({"event": "flowing"})
            before, began = psutil.Process().cpu_times(), time.monotonic()
            await asyncio.to_thread(sys.stdin.read)
            after, watched = psutil.Process().cpu_times(), time.monotonic() - began
        finally:
            await asyncio.gather(*(p.close() for p in peers), return_exceptions=True)
        cpu = after.user + after.system - before.user - before.system
        records = [asdict(p.record) for p in peers]
        _say({"event": "done", "cpu_seconds": cpu, "watched_seconds": watched, "records": records})


def _view(luma: memoryview, width: int, height: int, stride: int) -> NDArray[np.uint8]:
    return np.frombuffer(luma, np.uint8).reshape(-1, stride)[:height, :width]


def _say(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Read the orders and go."""
    given = json.loads(sys.argv[1])
    given["wear"] = tuple(given.get("wear", ("glasses",)))
    orders = Orders(**given)
    try:
        asyncio.run(run(orders, film(orders.width, orders.height, orders.fps)))
    except Refused as refused:
        sys.exit(f"a peer was not let in: {refused}")


if __name__ == "__main__":
    main()
