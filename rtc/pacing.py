"""When a packet may leave: at once as a rule, spread out where a burst would drown a narrow path.

A key frame is several times as large as the frames around it, and what was lost is asked for in heaps. Sent in one
go, either fills the queue before a narrow link and is dropped there. So packets leave at no more than PACE times the
stream's rate, after a burst that is always free. Repeats go first: newer pictures are worth nothing without them.
"""

from collections import deque
from typing import Generic, TypeVar

PACE = 2.5  # times the rate: a key frame of six frames' size has left after two and a half frames' time
BURST_S = 0.04  # of sending at the pace that may leave at once: two ordinary frames
CROWDED_S = 0.08  # a backlog that takes longer than this to leave: the next picture is better not made

Item = TypeVar("Item")


class Pacer(Generic[Item]):
    """A stream's queue of packets on their way out. Times are seconds of any monotonic clock, handed in."""

    def __init__(self, rate_bps: float) -> None:
        self.rate_bps = rate_bps
        self._repeats: deque[tuple[Item, int]] = deque()
        self._fresh: deque[tuple[Item, int]] = deque()
        self._waiting_bytes = 0
        self._free_at = float("-inf")

    def add(self, item: Item, size: int, *, repeat: bool = False) -> None:
        """Queue a packet of `size` bytes."""
        (self._repeats if repeat else self._fresh).append((item, size))
        self._waiting_bytes += size

    def take(self, now: float) -> Item | None:
        """The packet that may leave now, if there is one."""
        queue = self._repeats or self._fresh
        if not queue or now < self._free_at:
            return None
        item, size = queue.popleft()
        self._waiting_bytes -= size
        self._free_at = max(self._free_at, now - BURST_S) + size * 8 / (PACE * self.rate_bps)
        return item

    def wait_s(self, now: float) -> float | None:
        """How long until the next packet may leave; None if none waits."""
        return max(0.0, self._free_at - now) if self._repeats or self._fresh else None

    @property
    def crowded(self) -> bool:
        """Whether so much waits that a new picture would come late."""
        return self._waiting_bytes * 8 / (PACE * self.rate_bps) > CROWDED_S

    def drop_repeats(self) -> None:
        """Forget the repeats that wait: a key frame is coming, and they are of pictures before it."""
        self._waiting_bytes -= sum(size for _, size in self._repeats)
        self._repeats.clear()

    def clear(self) -> None:
        """Forget what waits."""
        self._repeats.clear()
        self._fresh.clear()
        self._waiting_bytes = 0
