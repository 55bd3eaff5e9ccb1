"""The frame worker: one thread of a media process that turns encoded frames into encoded frames.

Decode, try-on and encode run here one after the other, so a frame never waits for a thread switch, and the event loop
never for a frame. Streams take turns. Of a stream's waiting frames all are decoded, since each leans on the one
before, and only the newest is worked on.
"""

import asyncio
import contextlib
import io
import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import av
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from PIL import Image

from render.pipeline import FaceState, Outcome
from rtc.assembly import EncodedFrame
from rtc.bitrate import BitrateControl
from rtc.camera_clock import CameraClock
from rtc.codecs import CannotDecode, VideoDecoder
from rtc.encode import VideoEncoder, make_encoder
from rtc.pace import Pace

FRESH_S = 0.025  # a frame that has waited longer gives way to a newer one
# On a long path a repaired hole lets go of more pictures, and all of them are older than what they wait here: they may
# wait for this part of a round trip.
FRESH_SHARE, MOST_FRESH_S = 0.5, 0.1
MAX_WAITING = 30  # encoded frames; beyond a second's worth the stream starts again at a key frame


class Effect(Protocol):
    """What is done to each picture; lives on the worker's thread."""

    worn: Sequence[Any]
    detail: float
    showing: Any

    def process(self, frame: av.VideoFrame) -> Outcome: ...

    def close(self) -> None: ...


@dataclass
class FrameCounts:
    """What a worker did with frames so far; times in seconds. Written on its thread alone, read anywhere.

    rested: frames for which nothing was found or drawn anew. They are cheap for the moment only, and are not in
    `worked`, which tells what a session may cost.
    """

    decoded: int = 0
    decode_s: float = 0.0
    worked: int = 0
    work_s: float = 0.0
    thinned: int = 0
    rested: int = 0
    rest_s: float = 0.0

    def copy(self) -> Self:
        """As it is now."""
        return replace(self)

    def since(self, before: "FrameCounts") -> "FrameCounts":
        """What was added since `before`."""
        return FrameCounts(
            self.decoded - before.decoded,
            self.decode_s - before.decode_s,
            self.worked - before.worked,
            self.work_s - before.work_s,
            self.thinned - before.thinned,
            self.rested - before.rested,
            self.rest_s - before.rest_s,
        )


@dataclass(frozen=True)
class FinishedFrame:
    """A frame on its way back: RTP payloads, the camera's RTP timestamp, what was seen and what it cost."""

    payloads: list[bytes]
    timestamp: int
    outcome: Outcome
    width: int
    height: int
    waited_ms: float
    stage_ms: dict[str, float]


class FrameStream:
    """One session's frames between the event loop and the worker.

    on_finished, on_lost and on_snapshot are called on the event loop: with each finished frame, when only a key frame
    helps, and with the JPEG that was asked for by `snapshot_wanted` and the avatar's showing on it. path_is_full is
    asked on the worker's thread: whether a picture had better not be encoded. The session sets them. pace and detail
    are what a loaded node leaves of a picture. counts: shared by all streams of a worker.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        make_effect: Callable[[], Effect],
        counts: FrameCounts | None = None,
    ) -> None:
        self.loop = loop
        self.on_finished: Callable[[FinishedFrame], None] = lambda _finished: None
        self.on_lost: Callable[[], None] = lambda: None
        self.on_snapshot: Callable[[bytes, Any], None] = lambda _jpeg, _showing: None
        self.snapshot_wanted = False
        self.effect: Effect | None = None
        self.encoder: VideoEncoder | None = None
        self.send_codec: RTCRtpCodecParameters | None = None
        self.path_is_full: Callable[[], bool] = lambda: False
        self.bitrate = BitrateControl()
        self.worn: Sequence[Any] = ()
        self.showing: Any = None  # an avatar in the picture's place
        self.pace = Pace()
        self.detail = 1.0
        self.fresh_s = FRESH_S
        self.counts = counts or FrameCounts()
        self.key_frame_wanted = True
        self.dropped: Counter[str] = Counter()  # by cause
        self._make_effect = make_effect
        self._waiting: deque[tuple[RTCRtpCodecParameters, EncodedFrame, float]] = deque()
        self._decoder: VideoDecoder | None = None
        self._decoder_codec: str | None = None
        self._clock = CameraClock()
        self._scheduled = False
        self.closed = False

    def heard_round_trip(self, seconds: float) -> None:
        """How long the way there and back is; on the event loop."""
        self.fresh_s = min(max(FRESH_S, FRESH_SHARE * seconds), MOST_FRESH_S)

    def push(self, codec: RTCRtpCodecParameters, encoded: EncodedFrame) -> bool:
        """Add a frame, on the event loop; False when the backlog was thrown away instead."""
        if len(self._waiting) >= MAX_WAITING:
            self.dropped["backlog"] += len(self._waiting) + 1
            self._waiting.clear()
            return False
        self._waiting.append((codec, encoded, time.perf_counter()))
        return True

    def work(self, on_error: Callable[[BaseException], None]) -> FinishedFrame | None:
        """Decode what waits, work on the newest; on the worker's thread. Raises CannotDecode.

        Frames that a repaired hole let go all at once are worked on one by one, as long as they are fresh: without
        that, each lost packet would cost the shopper as many pictures as fit into a round trip.

        If the effect fails it is reported, and the picture goes on as it came.
        """
        frame, arrived = None, 0.0
        started = time.perf_counter()
        while True:
            try:
                codec, encoded, arrived_at = self._waiting.popleft()
            except IndexError:
                break
            if self._decoder is None or self._decoder_codec != codec.name:
                self._decoder, self._decoder_codec = VideoDecoder(codec), codec.name
            newer = self._decoder.decode(encoded)
            self.counts.decoded += 1
            if newer is not None:
                self.dropped["newer-frame"] += frame is not None
                frame, arrived = newer, arrived_at
                if time.perf_counter() - arrived_at < self.fresh_s:
                    break
        decoded = time.perf_counter()
        self.counts.decode_s += decoded - started
        if frame is None:
            return None
        timestamp = int(frame.pts or 0)
        frame.pts = self._clock.time(timestamp)
        if not self.pace.wants(frame.pts):
            self.counts.thinned += 1
            return None
        if frame.format.name != "yuv420p":
            frame = frame.reformat(format="yuv420p")
        try:
            outcome = self._apply(frame)
        except Exception as error:
            on_error(error)
            outcome = Outcome(FaceState.LOST, None, False, {})
        processed = time.perf_counter()
        if self.snapshot_wanted:
            self.snapshot_wanted = False
            showing = self.effect.showing if self.effect else None
            self.loop.call_soon_threadsafe(self.on_snapshot, encode_jpeg(frame), showing)
        payloads = self._encode(frame) if self._may_send() else []
        encoded_at = time.perf_counter()
        if outcome.resting:
            self.counts.rested += 1
            self.counts.rest_s += encoded_at - decoded
        else:
            self.counts.worked += 1
            self.counts.work_s += encoded_at - decoded
        stage_ms = outcome.stage_ms | {
            "decode": (decoded - started) * 1000,
            "effect": (processed - decoded) * 1000,
            "encode": (encoded_at - processed) * 1000,
        }
        return FinishedFrame(
            payloads=payloads,
            timestamp=timestamp,
            outcome=outcome,
            width=frame.width,
            height=frame.height,
            waited_ms=(started - arrived) * 1000,
            stage_ms=stage_ms,
        )

    def _may_send(self) -> bool:
        if self.send_codec is None:  # a plain WHIP client only sends
            return False
        full = self.path_is_full()
        self.dropped["path-full"] += full
        return not full

    def _apply(self, frame: av.VideoFrame) -> Outcome:
        if self.effect is None:
            self.effect = self._make_effect()
        self.effect.worn = self.worn
        self.effect.detail = self.detail
        self.effect.showing = self.showing
        return self.effect.process(frame)

    def _encode(self, frame: av.VideoFrame) -> list[bytes]:
        if self.encoder is None:
            assert self.send_codec is not None
            self.encoder = make_encoder(self.send_codec)
        key, self.key_frame_wanted = self.key_frame_wanted, False
        if self.bitrate.scale < 1.0:
            frame = _scaled(frame, self.bitrate.scale)
        return self.encoder.encode(frame, bitrate=self.bitrate.target_bps, key=key)

    def close(self) -> None:
        """Free what the worker's thread holds; on the worker's thread."""
        if self.effect is not None:
            self.effect.close()
            self.effect = None
        self.encoder = None
        self._decoder = None
        self._waiting.clear()


def _scaled(frame: av.VideoFrame, scale: float) -> av.VideoFrame:
    """A smaller picture with even sides, for a path that cannot carry the whole."""
    width, height = (max(16, round(side * scale / 2) * 2) for side in (frame.width, frame.height))
    small = frame.reformat(width=width, height=height)
    small.pts = frame.pts
    return small


def encode_jpeg(frame: av.VideoFrame) -> bytes:
    """A picture for keeping, in memory."""
    sink = io.BytesIO()
    Image.fromarray(frame.to_ndarray(format="rgb24")).save(sink, "JPEG", quality=92)
    return sink.getvalue()


class FrameWorker:
    """The thread. Tasks are streams with waiting frames, or plain calls that must run where the GL context lives.

    busy_s, cpu_s: how long it has worked so far, and the CPU time that took.
    """

    def __init__(self, on_error: Callable[[BaseException], None]) -> None:
        self._tasks: queue.SimpleQueue[FrameStream | Callable[[], None] | None] = queue.SimpleQueue()
        self._on_error = on_error
        self.busy_s = self.cpu_s = 0.0
        self._thread = threading.Thread(target=self._run, name="frame-worker", daemon=True)
        self._thread.start()

    def wake(self, stream: FrameStream) -> None:
        """There is a frame waiting in this stream; called on the event loop."""
        if not stream._scheduled:
            stream._scheduled = True
            self._tasks.put(stream)

    def call(self, task: Callable[[], None]) -> None:
        """Run something on the worker's thread, after what is already queued."""
        self._tasks.put(task)

    def stop(self) -> None:
        """Finish what is queued and end the thread."""
        self._tasks.put(None)
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            started = time.perf_counter()
            try:
                if isinstance(task, FrameStream):
                    self._serve(task)
                else:
                    task()
            except Exception as error:
                self._on_error(error)
            self.busy_s += time.perf_counter() - started
            self.cpu_s = time.thread_time()

    def _serve(self, stream: FrameStream) -> None:
        stream._scheduled = False
        if stream.closed:
            stream.close()
            return
        with contextlib.suppress(RuntimeError):  # the loop is gone: the process is stopping
            try:
                finished = stream.work(self._on_error)
            except CannotDecode:
                stream.dropped["undecodable"] += 1
                stream.loop.call_soon_threadsafe(stream.on_lost)
                return
            if finished is not None:
                stream.loop.call_soon_threadsafe(stream.on_finished, finished)
            if stream._waiting:
                self.wake(stream)
