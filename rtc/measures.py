"""What a media node tells Prometheus about its frames, its loop and its sessions."""

import asyncio
import time
from collections import Counter as Numbers
from collections.abc import Callable

from prometheus_client import Counter, Gauge, Histogram

from render.pipeline import FaceState
from rtc.control import Stats
from rtc.losses import BROWSER, Losses
from rtc.offers import NodeState
from rtc.session import Session
from rtc.tally import Tally
from rtc.worker import FinishedFrame

MS_BUCKETS = (0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 50, 75, 100, 200, 500, 1000)
LOOP_PROBE_S, IDLE_PROBE_S = 0.1, 1.0  # an idle process that woke ten times a second would take a part of others' cores
MOST_FREEZES = 100  # that one report is believed

STAGE_MS = Histogram(
    "vitrine_stage_ms", "Milliseconds a frame spends in a stage.", ["node", "stage"], buckets=MS_BUCKETS
)
DWELL_MS = Histogram(
    "vitrine_dwell_ms",
    "Milliseconds from a frame's last packet in to its first packet out.",
    ["node"],
    buckets=MS_BUCKETS,
)
LOOP_LAG_MS = Histogram(
    "vitrine_loop_lag_ms",
    "How late the event loop wakes up.",
    ["node"],
    buckets=sorted({*MS_BUCKETS, 4, 6}),  # about the 5 ms beyond which browsers take us for a slow network
)
FRAMES = Counter("vitrine_frames", "Frames sent back.", ["node", "face"])
SESSIONS_ENDED = Counter("vitrine_sessions_ended", "Try-ons that ended.", ["node", "reason"])
SESSIONS = Gauge("vitrine_sessions", "Live try-ons.", ["node"], multiprocess_mode="livesum")
BUSY = Gauge("vitrine_worker_busy", "Part of the frame worker's time in use.", ["node"], multiprocess_mode="livemax")
BROWSER_FPS = Histogram(
    "vitrine_browser_fps",
    "Frames a second that the shopper saw.",
    ["node"],
    buckets=(1, 5, 10, 15, 20, 24, 30, 60),
)
BROWSER_RTT_MS = Histogram("vitrine_browser_rtt_ms", "Round trip seen by the browser.", ["node"], buckets=MS_BUCKETS)
BROWSER_BUFFER_MS = Histogram(
    "vitrine_browser_buffer_ms", "Time a picture waits in the browser's buffer.", ["node"], buckets=MS_BUCKETS
)
BROWSER_KBPS = Histogram(
    "vitrine_browser_kbps",
    "Bit rate that came to the browser.",
    ["node"],
    buckets=(50, 100, 150, 250, 400, 600, 800, 1000, 1500, 2500),
)
BROWSER_LOST = Counter("vitrine_browser_lost", "Packets lost and frames dropped before the browser.", ["node", "what"])
STAGES = ("decode", "track", "pose", "render", "blend", "encode")


def dwell_ms(finished: FinishedFrame) -> float:
    """From a frame's last packet in to its first packet out."""
    return finished.waited_ms + sum(finished.stage_ms.get(stage, 0.0) for stage in ("decode", "effect", "encode"))


class Measures:
    """One node's instruments."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._stages = {stage: Tally(STAGE_MS.labels(node, stage)) for stage in STAGES}
        self._dwell = Tally(DWELL_MS.labels(node))
        self._lag = Tally(LOOP_LAG_MS.labels(node))
        self._frames = {state: FRAMES.labels(node, state) for state in FaceState}
        self._seen: Numbers[FaceState] = Numbers()
        self.losses = Losses(node)

    def record_frame(self, finished: FinishedFrame) -> None:
        """A frame went back to its shopper; Prometheus is told by `tell`."""
        for stage, tally in self._stages.items():
            if stage in finished.stage_ms:
                tally.observe(finished.stage_ms[stage])
        self._dwell.observe(dwell_ms(finished))
        self._seen[finished.outcome.state] += 1

    def tell(self) -> None:
        """What frames and the loop have shown since the last call."""
        for tally in (*self._stages.values(), self._dwell, self._lag):
            tally.tell()
        for state, frames in self._seen.items():
            self._frames[state].inc(frames)
        self._seen.clear()

    def record_end(self, reason: str, session: Session) -> None:
        """A session ended."""
        self.tell()
        SESSIONS_ENDED.labels(self._node, reason).inc()
        self.losses.end(session)

    def record_browser(self, stats: Stats) -> None:
        """What a shopper's browser saw."""
        if stats.fps is not None:
            BROWSER_FPS.labels(self._node).observe(stats.fps)
        if stats.rtt_ms is not None:
            BROWSER_RTT_MS.labels(self._node).observe(stats.rtt_ms)
        if stats.jitter_buffer_ms is not None:
            BROWSER_BUFFER_MS.labels(self._node).observe(stats.jitter_buffer_ms)
        if stats.bitrate_bps is not None:
            BROWSER_KBPS.labels(self._node).observe(stats.bitrate_bps / 1000)
        if stats.packets_lost is not None and stats.packets_lost > 0:
            BROWSER_LOST.labels(self._node, "packets").inc(stats.packets_lost)
        if stats.frames_dropped:
            BROWSER_LOST.labels(self._node, "frames").inc(stats.frames_dropped)
        if stats.freezes or stats.freeze_ms:
            times = min(stats.freezes or 0, MOST_FREEZES)
            self.losses.freeze(BROWSER, (stats.freeze_ms or 0.0) / 1000, times)

    def record_node(self, state: NodeState) -> None:
        """The node's load now."""
        self.tell()
        SESSIONS.labels(self._node).set(state.sessions)
        BUSY.labels(self._node).set(state.busy)

    async def watch_loop(self, heard: Callable[[float], None], *, is_busy: Callable[[], bool]) -> None:
        """Measure how late the loop wakes up, in ms; arrival times of packets are as wrong as that."""
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle

        def woken(due: float) -> None:
            nonlocal timer
            now = time.perf_counter()
            late_ms = max(0.0, now - due) * 1000
            self._lag.observe(late_ms)
            heard(late_ms)
            wait_s = LOOP_PROBE_S if is_busy() else IDLE_PROBE_S
            timer = loop.call_later(wait_s, woken, now + wait_s)

        timer = loop.call_later(LOOP_PROBE_S, woken, time.perf_counter() + LOOP_PROBE_S)
        try:
            await loop.create_future()  # until the watch is called off
        finally:
            timer.cancel()
