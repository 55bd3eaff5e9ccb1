"""What frame numbers and two clocks say: latency, frame rate, losses, freezes and drift of a returned stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Arrival:
    """A frame that came back: the number read from it (None where unreadable) and the monotonic time in seconds."""

    number: int | None
    at: float


@dataclass(frozen=True)
class Summary:
    """One peer's stream over a window. Latencies and freezes in milliseconds.

    `lost` counts numbers sent in the window that never came back, `repeated` frames whose number had come back
    before. A freeze is the time between two frames that each show something new. `drift_ms` is the median latency
    of the window's last fifth less that of its first.
    """

    frames: int
    fps: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    lost: int
    repeated: int
    unreadable: int
    freeze_longest_ms: float
    freeze_p95_ms: float
    drift_ms: float


def summarise(sent: Mapping[int, float], arrivals: Sequence[Arrival], start: float, end: float) -> Summary:
    """Judge the frames that arrived between `start` and `end` (monotonic seconds).

    `sent` gives the time at which the frame of a number left the camera. Numbers repeat after 65536 frames, which
    is 45 minutes at 24 a second; the caller keeps windows shorter.
    """
    window = [a for a in arrivals if start <= a.at < end]
    fresh: list[Arrival] = []
    latencies: list[float] = []
    seen: set[int] = set()
    repeated = unreadable = 0
    for arrival in window:
        if arrival.number is None or arrival.number not in sent:
            unreadable += 1
        elif arrival.number in seen:
            repeated += 1
        else:
            seen.add(arrival.number)
            fresh.append(arrival)
            latencies.append((arrival.at - sent[arrival.number]) * 1e3)
    returned = {a.number for a in arrivals}
    # The last half second is left out: those frames may still be on their way.
    lost = sum(1 for number, at in sent.items() if start <= at < end - 0.5 and number not in returned)
    if not latencies:
        nothing = float("nan")
        freeze = (end - start) * 1e3
        return Summary(0, 0.0, nothing, nothing, nothing, lost, repeated, unreadable, freeze, freeze, nothing)
    p50, p95, p99 = np.percentile(latencies, [50, 95, 99])
    times = np.array([start, *(a.at for a in fresh), end])
    gaps = np.diff(times) * 1e3
    fifth = max(1, len(latencies) // 5)
    return Summary(
        frames=len(fresh),
        fps=len(fresh) / (end - start),
        p50_ms=float(p50),
        p95_ms=float(p95),
        p99_ms=float(p99),
        lost=lost,
        repeated=repeated,
        unreadable=unreadable,
        freeze_longest_ms=float(gaps.max()),
        freeze_p95_ms=float(np.percentile(gaps[1:-1], 95)) if len(gaps) > 2 else float(gaps.max()),
        drift_ms=float(np.median(latencies[-fifth:]) - np.median(latencies[:fifth])),
    )


def recovery_s(
    sent: Mapping[int, float], arrivals: Sequence[Arrival], start: float, end: float, *, limit_ms: float
) -> float:
    """Seconds after `start` at which the stream is as quick as `limit_ms` and stays so until `end`.

    Zero for a stream that is never slower, infinite for one that never comes back. One frame in twenty may be late.
    """
    timed = [
        (a.at, (a.at - sent[a.number]) * 1e3)
        for a in arrivals
        if a.number is not None and a.number in sent and start <= a.at < end
    ]
    if not timed:
        return float("inf")
    late = np.array([latency > limit_ms for _, latency in timed])
    # The share of late frames from each one to the end.
    share = np.cumsum(late[::-1])[::-1] / np.arange(len(late), 0, -1)
    good = np.flatnonzero((share <= 0.05) & ~late)
    if not len(good):
        return float("inf")
    return 0.0 if good[0] == 0 else timed[good[0]][0] - start
