"""What a media node tells Prometheus about its frames, its loop and its sessions."""

import asyncio
import time
from collections.abc import Callable

from prometheus_client import Counter, Gauge, Histogram

from rtc.assembly import FrameAssembler
from rtc.control import Stats
from rtc.offers import NodeState
from rtc.worker import FinishedFrame

MS_BUCKETS = (0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 50, 75, 100, 200, 500, 1000)
LOOP_PROBE_S = 0.05

STAGE_MS = Histogram(
    "vitrine_stage_ms", "Milliseconds a frame spends in a stage.", ["node", "stage"], buckets=MS_BUCKETS
)
DWELL_MS = Histogram(
    "vitrine_dwell_ms",
    "Milliseconds from a frame's last packet in to its first packet out.",
    ["node"],
    buckets=MS_BUCKETS,
)
LOOP_LAG_MS = Histogram("vitrine_loop_lag_ms", "How late the event loop wakes up.", ["node"], buckets=MS_BUCKETS)
FRAMES = Counter("vitrine_frames", "Frames sent back.", ["node", "face"])
DROPPED = Counter("vitrine_frames_dropped", "Frames not worked on.", ["node", "cause"])
JUMPS = Counter("vitrine_stream_jumps", "Times a stream gave up a hole and jumped to a key frame.", ["node"])
PACKETS = Counter("vitrine_packets", "What became of video packets.", ["node", "fate"])
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
STAGES = ("decode", "track", "pose", "render", "blend", "encode")


def dwell_ms(finished: FinishedFrame) -> float:
    """From a frame's last packet in to its first packet out."""
    return finished.waited_ms + sum(finished.stage_ms.get(stage, 0.0) for stage in ("decode", "effect", "encode"))


class Measures:
    """One node's instruments."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._stages = {stage: STAGE_MS.labels(node, stage) for stage in STAGES}
        self._dwell = DWELL_MS.labels(node)

    def record_frame(self, finished: FinishedFrame) -> None:
        """A frame went back to its shopper."""
        for stage, instrument in self._stages.items():
            if stage in finished.stage_ms:
                instrument.observe(finished.stage_ms[stage])
        self._dwell.observe(dwell_ms(finished))
        FRAMES.labels(self._node, finished.outcome.state).inc()
        if finished.dropped:
            DROPPED.labels(self._node, "newer-frame").inc(finished.dropped)

    def record_end(self, reason: str, assembler: FrameAssembler | None) -> None:
        """A session ended; what became of its packets is added up now."""
        SESSIONS_ENDED.labels(self._node, reason).inc()
        if assembler is not None:
            counted = assembler.counters
            JUMPS.labels(self._node).inc(counted.jumps)
            PACKETS.labels(self._node, "recovered").inc(counted.recovered_packets)
            PACKETS.labels(self._node, "late").inc(counted.late_packets)
            PACKETS.labels(self._node, "skipped").inc(counted.skipped_packets)

    def record_browser(self, stats: Stats) -> None:
        """What a shopper's browser saw."""
        if stats.fps is not None:
            BROWSER_FPS.labels(self._node).observe(stats.fps)
        if stats.rtt_ms is not None:
            BROWSER_RTT_MS.labels(self._node).observe(stats.rtt_ms)

    def record_node(self, state: NodeState) -> None:
        """The node's load now."""
        SESSIONS.labels(self._node).set(state.sessions)
        BUSY.labels(self._node).set(state.busy)

    async def watch_loop(self, heard: Callable[[float], None]) -> None:
        """Measure how late the loop wakes up, in ms; arrival times of packets are as wrong as that."""
        lag = LOOP_LAG_MS.labels(self._node)
        while True:
            due = time.perf_counter() + LOOP_PROBE_S
            await asyncio.sleep(LOOP_PROBE_S)
            late_ms = max(0.0, time.perf_counter() - due) * 1000
            lag.observe(late_ms)
            heard(late_ms)
