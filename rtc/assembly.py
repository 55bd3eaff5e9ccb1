"""From RTP packets to whole frames, at once, and with a deadline for what never comes.

A frame is complete when the packets from its first to the one with the marker bit are there (RFC 7741 part 4.1 for
VP8, RFC 6184 part 5.1 for H.264), so it is released without waiting for the next frame's first packet. A hole is
asked for again and again until its deadline; then the stream jumps to the next key frame.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from aiortc.rtp import RtpPacket

CAPACITY = 1024  # packets held at most: a 1 MB key frame, far beyond any the encoder may send
NACK_ATTEMPTS = 5
NACK_PACKETS = 128  # missing packets tracked at most; beyond it the sender has forgotten them anyway
FIRST_RTT_S = 0.05
MIN_DEADLINE_S = 0.06
MAX_DEADLINE_S = 0.5
DEADLINE_ANSWERS = 2.0
ANSWER_VALID_S = 5.0
RISING, FALLING = 0.5, 0.1  # weight of a new answer time: late is learned quickly, early slowly
GIVEN_UP_KEPT = 256  # holes remembered after their deadline, for what their late answers tell


@dataclass(frozen=True)
class EncodedFrame:
    """One whole encoded picture: `data` for the decoder, RTP `timestamp` at 90 kHz."""

    data: bytes
    timestamp: int
    key: bool


class Packet(NamedTuple):
    """A depayloaded packet, as long as its frame is not whole. opens_key: it is the first one of a key frame."""

    timestamp: int
    marker: bool
    data: bytes
    opens_key: bool


@dataclass
class Hole:
    """A packet that is missing: since when, and when it was first and last asked for."""

    since: float
    first_asked: float = -1.0
    asked: float = -1.0
    attempts: int = 0


@dataclass(frozen=True)
class Wish:
    """What the receiver should tell the sender now."""

    nack: tuple[int, ...] = ()
    key_frame: bool = False


@dataclass
class Counters:
    """What became of the packets and frames of one stream."""

    frames: int = 0
    recovered_packets: int = 0
    late_packets: int = 0
    jumps: int = 0
    skipped_packets: int = 0


@dataclass
class FrameAssembler:
    """Orders one stream's packets and releases its frames.

    opens_key_frame: tells of a packet and its depayloaded bytes whether it is the first one of a key frame.
    rtt_s: the path's round trip as far as the sender's reports tell.
    Times are seconds of any monotonic clock, handed in by the caller. Sequence numbers are unwrapped to integers
    that only grow, so no comparison needs modular arithmetic.
    """

    opens_key_frame: Callable[[RtpPacket, bytes], bool]
    rtt_s: float = FIRST_RTT_S
    jitter_s: float = 0.0
    counters: Counters = field(default_factory=Counters)

    def __post_init__(self) -> None:
        self._packets: dict[int, Packet] = {}
        self._holes: dict[int, Hole] = {}
        self._next: int | None = None  # the first packet not yet released
        self._highest = 0
        self._awaiting_key = True
        self._asked_key = -1.0
        self._answer_s = 0.0
        self._answered_at = -ANSWER_VALID_S
        self._given_up: dict[int, Hole] = {}
        self._now = 0.0

    @property
    def answer_s(self) -> float:
        """How long a repeat takes to come: what the last ones took, or else the round trip."""
        return max(self.rtt_s, self._answer_s) if self._now - self._answered_at < ANSWER_VALID_S else self.rtt_s

    @property
    def deadline_s(self) -> float:
        """How long a hole may stay open: the time in which a request, and one more if that is lost, is answered.

        Asking for a key frame instead costs a round trip too, so giving up earlier would not show a picture sooner.
        """
        return min(max(MIN_DEADLINE_S, DEADLINE_ANSWERS * self.answer_s + self.jitter_s), MAX_DEADLINE_S)

    @property
    def has_holes(self) -> bool:
        return bool(self._holes) or self._awaiting_key

    def add(self, packet: RtpPacket, payload: bytes, now: float) -> list[EncodedFrame]:
        """Take one packet with its depayloaded bytes; return the frames that are now whole, in order."""
        if self._next is None:
            self._next = self._highest = packet.sequence_number
        number = self._highest + _signed16(packet.sequence_number - self._highest)
        if abs(number - self._highest) > CAPACITY:
            self._restart(number)
        self._now = now
        if number < self._next or number in self._packets:
            self.counters.late_packets += 1
            self._learn(self._given_up.pop(number, None))
            return []
        key = self.opens_key_frame(packet, payload)
        self._packets[number] = Packet(packet.timestamp, bool(packet.marker), payload, key)
        if (hole := self._holes.pop(number, None)) is not None:
            self.counters.recovered_packets += 1
            self._learn(hole)
        for missing in range(max(self._highest + 1, number - NACK_PACKETS), number):
            self._holes[missing] = Hole(since=now)
        self._highest = max(self._highest, number)
        return self._release()

    def wish(self, now: float) -> Wish:
        """What to ask the sender for at this moment; closes holes whose deadline has passed."""
        if self._holes and now - min(hole.since for hole in self._holes.values()) > self.deadline_s:
            self._jump()
        key_frame = False
        if self._awaiting_key and self._next is not None and now - self._asked_key > self._key_interval_s:
            self._asked_key, key_frame = now, True
        nack = []
        for number, hole in self._holes.items():
            if hole.attempts < NACK_ATTEMPTS and now - hole.asked >= self._nack_interval_s:
                hole.first_asked = hole.first_asked if hole.attempts else now
                hole.asked, hole.attempts = now, hole.attempts + 1
                nack.append(number & 0xFFFF)
        return Wish(tuple(nack), key_frame)

    def want_key_frame(self) -> None:
        """The decoder lost its way: nothing but a key frame helps."""
        self._awaiting_key = True
        self._asked_key = -1.0

    @property
    def _nack_interval_s(self) -> float:
        return min(max(0.015, 1.1 * self.answer_s + 0.25 * self.jitter_s), MAX_DEADLINE_S)

    @property
    def _key_interval_s(self) -> float:
        return max(0.15, 2 * self.answer_s)

    def _learn(self, hole: Hole | None) -> None:
        """A packet came that had been missing: what that tells about the time an answer takes.

        After a second request nobody knows which of the two was answered; only that it took no longer than since
        the first, and no less than since the last (Karn 1987).
        """
        if hole is None or not hole.attempts:
            return
        took, at_least = self._now - hole.first_asked, self._now - hole.asked
        known = self._answer_s
        if hole.attempts > 1 and at_least <= known:
            return
        sample = took if hole.attempts == 1 else at_least
        weight = RISING if sample > known else FALLING
        self._answer_s = sample if not known else known + weight * (sample - known)
        self._answered_at = self._now

    def _release(self) -> list[EncodedFrame]:
        frames = []
        while (run := self._whole_frame()) is not None:
            assert self._next is not None
            key = run[0].opens_key
            self._next += len(run)
            if self._awaiting_key and not key:
                self.counters.skipped_packets += len(run)
                continue
            self._awaiting_key = False
            self.counters.frames += 1
            frames.append(EncodedFrame(b"".join(p.data for p in run), run[0].timestamp, key))
        return frames

    def _whole_frame(self) -> list[Packet] | None:
        """The next frame's packets, removed from the buffer, if all are there.

        A sender that sets no marker bit still closes a frame by opening one with another timestamp.
        """
        assert self._next is not None
        first = self._packets.get(self._next)
        if first is None:
            return None
        run: list[Packet] = []
        number = self._next
        while (packet := self._packets.get(number)) is not None:
            if packet.timestamp != first.timestamp:
                break
            run.append(packet)
            number += 1
            if packet.marker:
                break
        else:
            return None
        for released in range(self._next, number):
            del self._packets[released]
        return run

    def _jump(self) -> None:
        """Give up what is missing: go on from the next key frame, held already or to come."""
        assert self._next is not None
        self.counters.jumps += 1
        self._awaiting_key = True
        first_hole = min(self._holes)
        keys = (n for n, packet in self._packets.items() if n > first_hole and packet.opens_key)
        resume = min(keys, default=self._highest + 1)
        for number in [n for n in self._packets if n < resume]:
            del self._packets[number]
            self.counters.skipped_packets += 1
        for number in [n for n in self._holes if n < resume]:
            self._given_up[number] = self._holes.pop(number)
        while len(self._given_up) > GIVEN_UP_KEPT:
            del self._given_up[next(iter(self._given_up))]
        self._next = resume

    def _restart(self, number: int) -> None:
        """The sender began anew far away: forget everything."""
        self._packets.clear()
        self._holes.clear()
        self._given_up.clear()
        self._next = self._highest = number
        self._awaiting_key = True


def _signed16(difference: int) -> int:
    """The shortest way round the 16-bit circle of sequence numbers."""
    return ((difference + 0x8000) & 0xFFFF) - 0x8000
