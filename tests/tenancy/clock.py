"""Clocks that a test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Self


class Clock:
    """Begins in the past unless told otherwise, for what the tables guard by their own clock lies in the past too."""

    def __init__(self, at: datetime = datetime(2020, 1, 6, 12, 0, tzinfo=UTC)) -> None:
        self.at = at

    @classmethod
    def now(cls) -> Self:
        """One that begins at the real time, which the tables' own clock shows."""
        return cls(datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **time: float) -> None:
        self.at += timedelta(**time)


class Seconds:
    """Counts as `time.monotonic` does."""

    def __init__(self, at: float = 0.0) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at
