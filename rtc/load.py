"""Measures a media node's load for its admission, and shows both in `/metrics`."""

from __future__ import annotations

import time
from dataclasses import dataclass

from prometheus_client import Counter, Gauge

from rtc.admission import Admission, Load
from rtc.worker import FrameCounts, FrameWorker

LAG_SHARE = 0.9
CAPACITY = Gauge(
    "vitrine_capacity", "Try-ons that the node takes, by its measured load.", ["node"], multiprocess_mode="livesum"
)
STEPS_DOWN = Gauge(
    "vitrine_steps_down",
    "How far running try-ons have given way to load: 0 not at all, then frame rate, then detail.",
    ["node"],
    multiprocess_mode="livemax",
)
FPS_LIMIT = Gauge(
    "vitrine_fps_limit", "Frames a second that a try-on gets at most; 0 for all.", ["node"], multiprocess_mode="livemax"
)
DETAIL = Gauge("vitrine_detail", "Sharpness at which products are drawn.", ["node"], multiprocess_mode="livemin")
CORE = Gauge("vitrine_core_busy", "CPU over what the process may use.", ["node"], multiprocess_mode="livemax")
FRAME_CPU_MS = Gauge(
    "vitrine_frame_cpu_ms", "CPU for each frame that came in, lately.", ["node"], multiprocess_mode="livemax"
)
THINNED = Counter("vitrine_frames_thinned", "Frames left out to make way for other try-ons.", ["node"])
ADMISSIONS = Counter("vitrine_admissions", "Offers that the node was asked to take.", ["node", "answer"])


@dataclass(frozen=True)
class _Reading:
    """Counters at one moment; CPU and times in seconds."""

    at: float
    busy_s: float
    worker_cpu_s: float
    cpu_s: float
    counts: FrameCounts


class LoadMeter:
    """Reads the counters of a node's worker and of its process. cores: what the process may fill."""

    def __init__(self, node: str, worker: FrameWorker, counts: FrameCounts, *, cores: float) -> None:
        self._node = node
        self._worker = worker
        self._counts = counts
        self._cores = cores
        self._lags_ms: list[float] = []
        self._last = self._read()

    def heard_lag(self, lag_ms: float) -> None:
        """How late the event loop has just woken up."""
        self._lags_ms.append(lag_ms)

    def read(self, sessions: int, flowing: int) -> Load:
        """The load since the last call."""
        before, now = self._last, self._read()
        self._last = now
        seconds = max(now.at - before.at, 1e-3)
        counts = now.counts.since(before.counts)
        cpu = now.cpu_s - before.cpu_s
        beside = max(0.0, cpu - (now.worker_cpu_s - before.worker_cpu_s))
        lags, self._lags_ms = sorted(self._lags_ms), []
        load = Load(
            sessions=sessions,
            flowing=flowing,
            busy=(now.busy_s - before.busy_s) / seconds,
            core=cpu / seconds / self._cores,
            lag_ms=lags[int(LAG_SHARE * (len(lags) - 1))] if lags else 0.0,
            frames_in=counts.decoded / seconds,
            decode_ms=counts.decode_s / max(counts.decoded, 1) * 1000,
            work_ms=counts.work_s / max(counts.worked, 1) * 1000,
            other_ms=beside / max(counts.decoded, 1) * 1000,
        )
        THINNED.labels(self._node).inc(counts.thinned)
        CORE.labels(self._node).set(load.core)
        if counts.decoded:
            FRAME_CPU_MS.labels(self._node).set(cpu / counts.decoded * 1000)
        return load

    def show(self, admission: Admission, sessions: int) -> None:
        """What the admission made of it."""
        CAPACITY.labels(self._node).set(admission.capacity(sessions))
        STEPS_DOWN.labels(self._node).set(admission.steps_down)
        FPS_LIMIT.labels(self._node).set(admission.level.fps or 0)
        DETAIL.labels(self._node).set(admission.level.detail)

    def _read(self) -> _Reading:
        return _Reading(
            time.perf_counter(),
            self._worker.busy_s,
            self._worker.cpu_s,
            time.process_time(),
            self._counts.copy(),
        )
