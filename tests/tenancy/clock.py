"""A clock that a test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """Begins in the past, for what the tables guard by their own clock lies in the past as well."""

    def __init__(self) -> None:
        self.at = datetime(2020, 1, 6, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **time: float) -> None:
        self.at += timedelta(**time)
