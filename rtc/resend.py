"""Which lost packets are worth sending again.

A path that drops because it is full is not helped by more packets: a browser asks for every hole again and again, and
a sender that always obeys fills the path with old pictures. So a packet is repeated at most once a round trip, and all
repeats together stay within a share of what is sent. Where the round trip is long, a repeat that is lost too is half a
second: there each goes twice, as long as they are few.
"""

REPEAT_S = 0.03
# Browsers go on at a key frame long before; aiortc's receiver shows nothing until what is missing comes, and asks for
# it at longer and longer intervals.
TOO_OLD_S = 6.0
SHARE = 0.35  # of the bytes sent lately
LONG_RTT_S = 0.07
TWIN_SHARE = 0.2
ASKED_AFTER = 0.5  # of a packet's age when it is first asked for: part of that is the time until it was missed
WINDOW_S = 0.5
HISTORY = 512


class ResendBudget:
    """Decides on each request of one stream. Times are seconds of any monotonic clock, handed in."""

    def __init__(self) -> None:
        # One row a sequence number modulo HISTORY: which packet, when it was sent, when it may be repeated, its size.
        self._rows: list[tuple[int, float, float, int]] = [(-1, 0.0, 0.0, 0)] * HISTORY
        self._sent = 0.0
        self._repeated = 0.0
        self._updated = 0.0

    def sent(self, sequence: int, size: int, now: float) -> None:
        """A new packet of `size` bytes went out."""
        self._decay(now)
        self._rows[sequence % HISTORY] = (sequence, now, now, size)
        self._sent += size

    def begin_anew(self) -> None:
        """A key frame was asked for: what is lost of it shall not find the share used up by pictures before it."""
        self._repeated = 0.0

    def admit(self, sequence: int, now: float, rtt_s: float | None) -> bool:
        """Whether to send this packet again now; counts it if so."""
        self._decay(now)
        known, sent_at, may_at, size = self._rows[sequence % HISTORY]
        if known != sequence or now - sent_at > TOO_OLD_S:
            return False
        if now < may_at:
            return False
        # A short stream may always repeat one packet.
        if self._repeated + size > max(SHARE * self._sent, 2 * size):
            return False
        # The first request tells how long the way there and back is now, whatever the reports said a second ago.
        asked_after = ASKED_AFTER * (now - sent_at) if may_at == sent_at else 0.0
        pause = max(rtt_s or 0.0, asked_after, REPEAT_S)
        self._rows[sequence % HISTORY] = (sequence, sent_at, now + pause, size)
        self._repeated += size
        return True

    def admit_twin(self, size: int, rtt_s: float | None) -> bool:
        """Whether a packet just admitted is worth sending twice, as the far end could ask again only a long round trip
        later; counts it if so."""
        if (rtt_s or 0.0) < LONG_RTT_S or self._repeated + size > TWIN_SHARE * self._sent:
            return False
        self._repeated += size
        return True

    def _decay(self, now: float) -> None:
        """Forget slowly: both sums lose their weight within WINDOW_S."""
        keep = 0.5 ** ((now - self._updated) / WINDOW_S)
        self._sent, self._repeated, self._updated = self._sent * keep, self._repeated * keep, now
