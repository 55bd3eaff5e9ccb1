"""Which lost packets are worth sending again.

A path that drops because it is full is not helped by more packets: a browser asks for every hole again and again, and
a sender that always obeys fills the path with old pictures. So a packet is repeated at most once a round trip, not when
its picture is too old to be shown, and all repeats together stay within a share of what is sent.
"""

REPEAT_S = 0.03
TOO_OLD_S = 1.5
SHARE = 0.35  # of the bytes sent lately
WINDOW_S = 0.5
HISTORY = 512


class ResendBudget:
    """Decides on each request of one stream. Times are seconds of any monotonic clock, handed in."""

    def __init__(self) -> None:
        # One row a sequence number modulo HISTORY: which packet, when it was sent, when repeated, its size.
        self._rows: list[tuple[int, float, float, int]] = [(-1, 0.0, 0.0, 0)] * HISTORY
        self._sent = 0.0
        self._repeated = 0.0
        self._updated = 0.0

    def sent(self, sequence: int, size: int, now: float) -> None:
        """A new packet of `size` bytes went out."""
        self._decay(now)
        self._rows[sequence % HISTORY] = (sequence, now, float("-inf"), size)
        self._sent += size

    def admit(self, sequence: int, now: float, rtt_s: float | None) -> bool:
        """Whether to send this packet again now; counts it if so."""
        self._decay(now)
        known, sent_at, repeated_at, size = self._rows[sequence % HISTORY]
        if known != sequence or now - sent_at > TOO_OLD_S:
            return False
        if now - repeated_at < max(rtt_s or 0.0, REPEAT_S):
            return False
        # A short stream may always repeat one packet.
        if self._repeated + size > max(SHARE * self._sent, 2 * size):
            return False
        self._rows[sequence % HISTORY] = (sequence, sent_at, now, size)
        self._repeated += size
        return True

    def _decay(self, now: float) -> None:
        """Forget slowly: both sums lose their weight within WINDOW_S."""
        keep = 0.5 ** ((now - self._updated) / WINDOW_S)
        self._sent, self._repeated, self._updated = self._sent * keep, self._repeated * keep, now
