"""One stream over a bad network in virtual time: real senders and receivers, no sockets, no codecs, no machine noise.

A run of a minute takes a second or two, and is the same each time.
"""

import asyncio
import contextlib
import random
import selectors
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiortc.clock
import pytest
from aiortc import RTCRtpReceiver
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.jitterbuffer import JitterFrame
from aiortc.mediastreams import VideoStreamTrack
from aiortc.rtcrtpparameters import (
    RTCRtcpParameters,
    RTCRtpCodecParameters,
    RTCRtpDecodingParameters,
    RTCRtpHeaderExtensionParameters,
    RTCRtpReceiveParameters,
    RTCRtpRtxParameters,
    RTCRtpSendParameters,
)
from aiortc.rtp import HeaderExtensionsMap, RtcpPacket, RtpPacket, is_rtcp

from bench.impairment import CLEAN, Impairment, Path
from bench.latency import Arrival, Summary, summarise
from bench.release import MarkerJitterBuffer
from rtc.assembly import EncodedFrame
from rtc.bitrate import BitrateControl
from rtc.receive import VideoReceiver
from rtc.send import VideoSender

T = TypeVar("T")
FPS = 24
HEADERS_BYTES = 60  # of each datagram: IP, UDP, RTP with extensions, and the tag of its encryption
VP8 = RTCRtpCodecParameters("video/VP8", 90_000, payloadType=96)
RTX = RTCRtpCodecParameters("video/rtx", 90_000, payloadType=97, parameters={"apt": 96})
EXTENSIONS = [
    RTCRtpHeaderExtensionParameters(1, "urn:ietf:params:rtp-hdrext:sdes:mid"),
    RTCRtpHeaderExtensionParameters(2, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"),
]


class _Selector(selectors.DefaultSelector):
    """Nobody waits: where the loop would sleep, the clock jumps."""

    def __init__(self, clock: "Clock") -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> Any:
        if timeout:
            self._clock.now += timeout
        return super().select(0)


class Clock:
    """Seconds that pass only when everybody waits."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@contextlib.contextmanager
def _virtual_time() -> Iterator[Clock]:
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "monotonic", clock)
        patch.setattr(time, "time", clock)
        patch.setattr(aiortc.clock, "current_ntp_time", lambda: int(clock.now * (1 << 32)))
        yield clock


def in_virtual_time(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run to its end what uses asyncio's time, time.monotonic and time.time only."""
    with (
        _virtual_time() as clock,
        asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(_Selector(clock))) as runner,
    ):
        return runner.run(work())


class Wire:
    """What one end takes for its DTLS transport: packets come out of the other end later, or never."""

    _stats_id = "wire"
    state = "connected"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.other: Wire
        self.ends: list[Any] = []
        self._extensions = HeaderExtensionsMap()
        self._extensions.configure(RTCRtpReceiveParameters(headerExtensions=EXTENSIONS))
        self._tasks: set[asyncio.Task[None]] = set()

    async def _send_rtp(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        due = self.path.arrival(len(data) + HEADERS_BYTES, loop.time())
        if due is not None:
            loop.call_at(due, self.other._arrive, data)

    def _arrive(self, data: bytes) -> None:
        task = asyncio.ensure_future(self._hand_over(data))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hand_over(self, data: bytes) -> None:
        if is_rtcp(data):
            for packet in RtcpPacket.parse(data):
                for end in self.ends:
                    await end._handle_rtcp_packet(packet)
            return
        rtp = RtpPacket.parse(data, self._extensions)
        for end in self.ends:
            if hasattr(end, "_handle_rtp_packet"):
                await end._handle_rtp_packet(rtp, arrival_time_ms=int(time.time() * 1000))

    def _register_rtp_sender(self, sender: Any, _parameters: Any) -> None:
        self.ends.append(sender)

    def _register_rtp_receiver(self, receiver: Any, _parameters: Any) -> None:
        self.ends.append(receiver)

    def _unregister_rtp_sender(self, sender: Any) -> None:
        self.ends.remove(sender)

    _unregister_rtp_receiver = _unregister_rtp_sender


@dataclass
class Seen:
    """What went in and what came out: numbers and times, and the sender's rate and size at each frame."""

    sent: dict[int, float] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    rates: list[tuple[float, int, float]] = field(default_factory=list)
    skipped: int = 0
    keys: int = 0
    began: float = 0.0
    dropped: int = 0
    jumps: int = 0

    def rate_at(self, moment: float) -> int:
        """The rate of the first picture from that moment on."""
        return next(bps for at, bps, _ in self.rates if at >= self.began + moment)

    def during(self, start: float, end: float) -> Summary:
        """What was seen between two moments, in seconds since the start."""
        return summarise(self.sent, self.arrivals, self.began + start, self.began + end)


class Camera:
    """Frames of the size that the rate asks for, as libvpx makes them: some larger, some smaller, key frames up to
    `key_size` times the mean. The first byte tells key from delta, as VP8's does; then come the frame's number and
    its reference's."""

    def __init__(self, sender: VideoSender, control: BitrateControl, seen: Seen, *, key_size: float = 6.0) -> None:
        self._sender, self._control, self._seen, self._key_size = sender, control, seen, key_size
        self._random = random.Random(5)
        self._reference = 0
        self.key_wanted = True

    def want_key_frame(self) -> None:
        self.key_wanted = True

    async def film(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        for number in range(1, int(seconds * FPS)):
            await asyncio.sleep(max(0.0, start + number / FPS - loop.time()))
            self._seen.sent[number] = loop.time()
            self._seen.rates.append((loop.time(), self._control.target_bps, self._control.scale))
            if self._sender.crowded():
                self._seen.skipped += 1
                continue
            key, self.key_wanted = self.key_wanted, False
            self._seen.keys += key
            mean = self._control.target_bps / 8 / FPS
            size = int(mean * (self._key_size if key else self._random.uniform(0.7, 1.3)))
            head = bytes([not key]) + number.to_bytes(4, "big") + self._reference.to_bytes(4, "big")
            self._reference = number
            payloads = list(Vp8Encoder._packetize(head + bytes(max(0, size - len(head))), number & 0x7FFF))
            self._sender.set_rate(self._control.target_bps)
            self._sender.send_frame(payloads, number * 90_000 // FPS)


class Screen:
    """Shows what can be decoded: a key frame, or what leans on the frame shown last."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._last = -1

    def show(self, data: bytes) -> None:
        number, reference = int.from_bytes(data[1:5], "big"), int.from_bytes(data[5:9], "big")
        if not data[0] or reference == self._last:
            self._last = number
            self._seen.arrivals.append(Arrival(number, time.monotonic()))


class StockReceiver(RTCRtpReceiver):
    """aiortc's own receiver with bench.release's buffer, asking again and again as bench.peer does; no decoder."""

    def __init__(self, wire: Wire, sender: VideoSender, screen: Screen, *, ask_again_s: float) -> None:
        super().__init__("video", wire)  # type: ignore[arg-type]
        self._screen, self._ask_again_s = screen, ask_again_s
        own: Any = self
        own._RTCRtpReceiver__jitter_buffer = MarkerJitterBuffer(capacity=512, is_video=True)
        own._RTCRtpReceiver__codecs = {96: VP8, 97: RTX}
        own._RTCRtpReceiver__rtx_ssrc = {sender._rtx_ssrc: sender._ssrc}
        self._set_rtcp_ssrc(77)
        self._missing: set[int] = own._RTCRtpReceiver__nack_generator.missing
        self._encoded: Any = own._RTCRtpReceiver__decoder_queue
        own._RTCRtpReceiver__decoder_thread = True  # so that frames are put there
        wire.ends.append(self)
        self.duties = [asyncio.ensure_future(own._run_rtcp())]
        if ask_again_s:
            self.duties.append(asyncio.ensure_future(self._ask_again(sender._ssrc)))

    async def _handle_rtp_packet(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        await super()._handle_rtp_packet(packet, arrival_time_ms)
        while not self._encoded.empty():
            _codec, frame = self._encoded.get()
            assert isinstance(frame, JitterFrame)
            self._screen.show(frame.data)

    async def _ask_again(self, ssrc: int) -> None:
        waits: dict[int, tuple[float, float]] = {}
        first = self._ask_again_s
        while True:
            await asyncio.sleep(first / 2)
            now = time.monotonic()
            waits = {sequence: waits.get(sequence, (now + first, first)) for sequence in self._missing}
            due = sorted(sequence for sequence, (at, _) in waits.items() if at <= now)
            waits |= {sequence: (now + 2 * waits[sequence][1], 2 * waits[sequence][1]) for sequence in due}
            if due:
                await self._send_rtcp_nack(ssrc, due)


@dataclass(frozen=True)
class Weather:
    """From `at` seconds on, both ways of the stream: its packets' and its feedback's."""

    at: float
    there: Impairment = CLEAN
    back: Impairment = CLEAN


async def stream(
    weathers: Sequence[Weather], *, seconds: float, receiver: str = "own", seed: int = 1, first_bps: int | None = None
) -> Seen:
    """One stream through changing weather. receiver: `own`, rtc's, which is how browsers behave, or `stock`."""
    random.seed(seed)  # the spread of the reports
    there, back = Path(seed), Path(seed + 1)
    near, far = Wire(there), Wire(back)
    near.other, far.other = far, near
    seen, sender = Seen(), VideoSender(near)  # type: ignore[arg-type]
    control = BitrateControl()
    if first_bps:
        control.target_bps = first_bps
    camera, screen = Camera(sender, control, seen), Screen(seen)
    sender.on_key_frame_request = camera.want_key_frame
    sender.on_bandwidth = lambda bps: control.heard_estimate(bps, time.monotonic())
    sender.on_report = lambda _rtt, lost: control.heard_loss(lost, time.monotonic())
    await sender.send(
        RTCRtpSendParameters(
            codecs=[VP8, RTX], headerExtensions=EXTENSIONS, muxId="0", rtcp=RTCRtcpParameters(cname="x", ssrc=1)
        )
    )
    if receiver == "stock":
        stock = StockReceiver(far, sender, screen, ask_again_s=0.05)
        duties = stock.duties
    else:

        def show(_codec: object, frame: EncodedFrame) -> None:
            own.rtt_s = sender.rtt_s  # as a session tells its receiver
            screen.show(frame.data)

        own = VideoReceiver(far, VideoStreamTrack(), show)  # type: ignore[arg-type]
        own._set_rtcp_ssrc(77)
        await own.receive(
            RTCRtpReceiveParameters(
                codecs=[VP8, RTX],
                encodings=[RTCRtpDecodingParameters(sender._ssrc, 96, RTCRtpRtxParameters(sender._rtx_ssrc))],
            )
        )
        duties = []
    start = time.monotonic()
    loop = asyncio.get_running_loop()
    for weather in weathers:

        def change(weather: Weather = weather) -> None:
            there.impairment, back.impairment = weather.there, weather.back

        loop.call_at(start + weather.at, change)
    await camera.film(seconds)
    for duty in duties:
        duty.cancel()
    if receiver != "stock":
        assert own.assembler is not None
        seen.jumps = own.assembler.counters.jumps
        await own.stop()
    await sender.stop()
    seen.began = start
    seen.dropped = there.dropped
    return seen
