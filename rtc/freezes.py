"""When a moving picture stands still, by the definition that browsers use.

A gap before a frame is a freeze if it is longer than three mean frame times, and than one and 150 ms (W3C webrtc-stats,
freezeCount).
"""

from collections import deque

MEAN_OF = 30  # gaps that the mean is taken of
TIMES = 3.0
PLUS_S = 0.15


class FreezeMeter:
    """Told of each frame; times are seconds of any monotonic clock."""

    def __init__(self) -> None:
        self._gaps: deque[float] = deque(maxlen=MEAN_OF)
        self._last: float | None = None

    def frame(self, now: float) -> float:
        """A new frame is there; returns how long the picture had stood still, 0 if it had not."""
        last, self._last = self._last, now
        if last is None:
            return 0.0
        gap = now - last
        mean = sum(self._gaps) / len(self._gaps) if self._gaps else gap
        self._gaps.append(gap)
        return gap if gap > max(TIMES * mean, mean + PLUS_S) else 0.0
