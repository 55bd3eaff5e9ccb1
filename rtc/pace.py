"""Lets through so many frames a second, evenly, by the camera's own clock."""

from __future__ import annotations

RTP_CLOCK_HZ = 90_000
TOLERANCE = 0.25  # of the interval: a camera's clock is not exact, and its every frame may be wanted
JUMP = 8  # intervals; beyond, it is another clock


class Pace:
    """limit: frames a second at most, None for all."""

    def __init__(self) -> None:
        self.limit: int | None = None
        self._due: float | None = None

    def wants(self, pts: int) -> bool:
        """Whether the frame of this time (90 kHz) is one of those. To be asked once for each frame, in order."""
        if self.limit is None:
            self._due = None
            return True
        interval = RTP_CLOCK_HZ / self.limit
        if self._due is None or abs(pts - self._due) > JUMP * interval:
            self._due = pts + interval
            return True
        if pts < self._due - TOLERANCE * interval:
            return False
        self._due = max(self._due + interval, pts + (0.5 - TOLERANCE) * interval)
        return True
