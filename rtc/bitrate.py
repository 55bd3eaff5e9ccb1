"""How many bits a second the returned picture may cost: down at once, up slowly, never nervous.

Two voices are heard: the browser's estimate of the path (REMB) and the loss it reports (RFC 8888's older kin, the
receiver report). Below what a full-size picture needs, the picture is made smaller instead of coarser.
"""

from dataclasses import dataclass

FIRST_BPS = 800_000
MIN_BPS = 120_000
MAX_BPS = 1_500_000
RISE_PER_S = 0.5  # the estimate itself climbs carefully; this only keeps one bold estimate from a burst
HEADROOM = 0.92  # of the estimate: retransmissions and headers want their share
# An estimate that falls means that a queue has grown before a narrow link, the longer the deeper the fall. For it to
# empty, less than the link carries has to be sent for a while.
PEAK_S = 1.0
DRAIN_BELOW = 0.95  # of the highest estimate of the last PEAK_S
DRAIN_LEAST = 0.3
DRAIN_S = 0.5
LOSS_TOLERATED = 0.02
LOSS_HEAVY = 0.10
HEAVY_LOSS_CUT = 0.75  # of the rate, for each lost part: half the packets lost cut it by three eighths
# Bits a pixel a frame at 24 frames a second under which a face turns to blocks: a smaller picture looks better.
SHRINK_BELOW_BPS = (250_000, 150_000)
SHRINK_AFTER_S = 2.5  # estimates begin low and dip; a size that flickers is worse than blocks
GROW_MARGIN = 1.4
GROW_AFTER_S = 4.0
SCALES = (1.0, 0.75, 0.5)


@dataclass
class BitrateControl:
    """The target of one stream; times are monotonic seconds handed in by the caller."""

    target_bps: int = FIRST_BPS
    scale: float = 1.0

    def __post_init__(self) -> None:
        self._ceiling = self._steady_bps = float(FIRST_BPS)
        self._peak_bps, self._peak_at = 0, float("-inf")
        self._drain_share, self._drain_until = 1.0, float("-inf")
        self._changed_at: float | None = None
        self._scaled_at = 0.0
        self._starved_since: float | None = None

    def heard_estimate(self, bits_per_second: int, now: float) -> None:
        """The far end's estimate of what the path carries."""
        if bits_per_second >= self._peak_bps or now - self._peak_at > PEAK_S:
            self._peak_bps, self._peak_at = bits_per_second, now
        left = bits_per_second / max(self._peak_bps, 1)
        if left < DRAIN_BELOW:
            self._drain_share, self._drain_until = max(left * left, DRAIN_LEAST), now + DRAIN_S
        self._ceiling = min(max(bits_per_second * HEADROOM, MIN_BPS), MAX_BPS)
        self._move(self._ceiling, now)

    def heard_loss(self, fraction: float, now: float) -> None:
        """The part of our packets that did not arrive since the last report, 0 to 1."""
        if fraction > LOSS_HEAVY:
            self._move(self._steady_bps * (1 - HEAVY_LOSS_CUT * fraction), now)
        elif fraction > LOSS_TOLERATED:
            self._changed_at = now  # no rise while packets are lost, and no fall for a few
        else:
            self._move(self._ceiling, now)

    def _move(self, wanted: float, now: float) -> None:
        """Fall to what is wanted at once, rise towards it no faster than RISE_PER_S."""
        elapsed = 0.0 if self._changed_at is None else min(now - self._changed_at, 2.0)
        if wanted > self._steady_bps:
            wanted = min(wanted, self._steady_bps * (1 + RISE_PER_S * elapsed))
        self._changed_at = now
        self._steady_bps = min(max(wanted, MIN_BPS), MAX_BPS)
        draining = now < self._drain_until
        self.target_bps = int(max(self._steady_bps * (self._drain_share if draining else 1.0), MIN_BPS))
        self._rescale(now)

    def _rescale(self, now: float) -> None:
        level = SCALES.index(self.scale)
        starved = level < len(SHRINK_BELOW_BPS) and self.target_bps < SHRINK_BELOW_BPS[level]
        if not starved:
            self._starved_since = None
        elif self._starved_since is None:
            self._starved_since = now
        if self._starved_since is not None and now - self._starved_since > SHRINK_AFTER_S:
            self.scale, self._scaled_at, self._starved_since = SCALES[level + 1], now, None
        elif (
            level > 0
            and self.target_bps > GROW_MARGIN * SHRINK_BELOW_BPS[level - 1]
            and now - self._scaled_at > GROW_AFTER_S
        ):
            self.scale, self._scaled_at = SCALES[level - 1], now
