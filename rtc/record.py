"""What is kept of a try-on when it has ended: that it was, for how long, and what was worn. No picture, no measure."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from rtc.claims import Visitor


@dataclass(frozen=True)
class EndedTryOn:
    """A try-on in which at least one picture came back. `started_at`, `seconds`: from the first picture to the last."""

    session_id: str
    visitor: Visitor
    started_at: datetime
    seconds: float
    products: tuple[str, ...]


class TryOnRecord:
    """Follows one session; costs a clock reading a frame."""

    def __init__(self, session_id: str, visitor: Visitor) -> None:
        self._session_id = session_id
        self._visitor = visitor
        self._started_at: datetime | None = None
        self._first = self._last = 0.0
        self._products: dict[str, None] = {}

    def frame(self) -> None:
        """A picture went back."""
        self._last = time.monotonic()
        if self._started_at is None:
            self._started_at, self._first = datetime.now(UTC), self._last

    def worn(self, products: tuple[str, ...]) -> None:
        """The shopper put these on."""
        self._products |= dict.fromkeys(products)

    def end(self) -> EndedTryOn | None:
        """What is kept, or None if no picture ever came back: such a try-on was none."""
        if self._started_at is None:
            return None
        lasted = self._last - self._first
        return EndedTryOn(self._session_id, self._visitor, self._started_at, lasted, tuple(self._products))
