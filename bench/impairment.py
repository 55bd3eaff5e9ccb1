"""A bad network as a sequence of decisions: what becomes of each datagram on its way.

The same seed gives the same decisions for the same sequence of sizes and times. The model follows netem's words:
loss (single or in bursts, Gilbert 1960), delay, jitter, reordering, and a rate cap with a queue that overflows.
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Impairment:
    """One direction of a path. `loss` and `reorder` are fractions; `burst` is the mean number of datagrams lost in
    a row; a datagram that would wait longer than `queue_ms` at the rate cap is dropped."""

    loss: float = 0.0
    burst: float = 1.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    reorder: float = 0.0
    rate_bps: float | None = None
    queue_ms: float = 300.0


CLEAN = Impairment()


class Path:
    """One direction with its memory: the burst it is in, its queue, and the last datagram's arrival."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._losing = False
        self._sent_until = 0.0
        self._last_arrival = 0.0
        self.impairment = CLEAN
        self.passed = self.passed_bytes = 0
        self.dropped = 0

    def arrival(self, size: int, now: float) -> float | None:
        """When a datagram of `size` bytes that leaves at `now` (seconds) arrives, or None where it is lost."""
        how = self.impairment
        if self._lost(how):
            self.dropped += 1
            return None
        leaves = now
        if how.rate_bps:
            waits_until = max(now, self._sent_until)
            if waits_until - now > how.queue_ms / 1e3:
                self.dropped += 1
                return None
            leaves = self._sent_until = waits_until + size * 8 / how.rate_bps
        arrives = leaves + how.delay_ms / 1e3 + self._random.random() * how.jitter_ms / 1e3
        if how.reorder and self._random.random() < how.reorder:
            arrives += 0.010 + self._random.random() * 0.010
        else:
            arrives = self._last_arrival = max(arrives, self._last_arrival + 1e-6)
        self.passed += 1
        self.passed_bytes += size
        return arrives

    def _lost(self, how: Impairment) -> bool:
        if how.loss <= 0:
            self._losing = False
            return False
        if how.burst <= 1:
            return self._random.random() < how.loss
        leave = 1 / how.burst
        enter = how.loss * leave / (1 - how.loss)
        self._losing = self._random.random() >= leave if self._losing else self._random.random() < enter
        return self._losing
