"""The clock of this room; whoever needs time takes it as `now`, so that a test can turn it."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)
