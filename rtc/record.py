"""What is kept of a try-on when it has ended: that it was, for how long, what was worn, and how well its pictures came.

No picture and no measure of a face; what the shopper saw becomes sums of the day, which name nobody.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rtc.claims import Visitor
from rtc.control import Stats

MOST_READINGS = 720  # an hour of them
STEADY_FRAMES = 5  # a hint is one when its cause has lasted, as it is shown
WELL = "found"
_DWELL_SMOOTHING = 0.1


@dataclass
class Seen:
    """What the shopper's browser measured, a reading every few seconds, and which hints she was given, how often.

    delays_ms: how old a picture was when it came to be shown: there and back over the network, the server's work, and
    the browser's buffer; the camera's and the screen's own share is not in it.
    """

    delays_ms: list[float] = field(default_factory=list)
    rtts_ms: list[float] = field(default_factory=list)
    fps: list[float] = field(default_factory=list)
    freezes: int = 0
    hints: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class EndedTryOn:
    """A try-on in which at least one picture came back. `started_at`, `seconds`: from the first picture to the last."""

    session_id: str
    visitor: Visitor
    started_at: datetime
    seconds: float
    products: tuple[str, ...]
    seen: Seen = field(default_factory=Seen)


class TryOnRecord:
    """Follows one session; costs a clock reading a frame."""

    def __init__(self, session_id: str, visitor: Visitor) -> None:
        self._session_id = session_id
        self._visitor = visitor
        self._started_at: datetime | None = None
        self._first = self._last = 0.0
        self._products: dict[str, None] = {}
        self._seen = Seen()
        self._dwell_ms: float | None = None
        self._state, self._lasted, self._told = WELL, 0, WELL

    def frame(self, state: str = WELL, dwell_ms: float = 0.0) -> None:
        """A picture went back that showed this state of the face, so long after it had come."""
        before = dwell_ms if self._dwell_ms is None else self._dwell_ms
        self._dwell_ms = before + _DWELL_SMOOTHING * (dwell_ms - before)
        self._state, self._lasted = state, self._lasted + 1 if state == self._state else 1
        if self._lasted == STEADY_FRAMES and state != self._told:
            self._told = state
            if state != WELL:
                self._seen.hints[state] += 1
        self._last = time.monotonic()
        if self._started_at is None:
            self._started_at, self._first = datetime.now(UTC), self._last

    def worn(self, products: tuple[str, ...]) -> None:
        """The shopper put these on."""
        self._products |= dict.fromkeys(products)

    def reading(self, stats: Stats) -> None:
        """What the browser measured since the last one."""
        seen = self._seen
        if len(seen.fps) >= MOST_READINGS or len(seen.rtts_ms) >= MOST_READINGS:
            return
        if stats.fps is not None:
            seen.fps.append(stats.fps)
        if stats.rtt_ms is not None:
            seen.rtts_ms.append(stats.rtt_ms)
            if stats.jitter_buffer_ms is not None and self._dwell_ms is not None:
                seen.delays_ms.append(stats.rtt_ms + stats.jitter_buffer_ms + self._dwell_ms)
        seen.freezes += min(stats.freezes or 0, 100)

    def end(self) -> EndedTryOn | None:
        """What is kept, or None if no picture ever came back: such a try-on was none."""
        if self._started_at is None:
            return None
        lasted = self._last - self._first
        worn = tuple(self._products)
        return EndedTryOn(self._session_id, self._visitor, self._started_at, lasted, worn, self._seen)
