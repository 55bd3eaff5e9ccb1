"""From RTP packets to whole frames, at once, and with a deadline for what never comes.

A frame is complete when the packets from its first to the one with the marker bit are there (RFC 7741 part 4.1 for
VP8, RFC 6184 part 5.1 for H.264), so it is released without waiting for the next frame's first packet. A hole is
asked for again and again. When its deadline has passed a key frame is asked for too, and what is whole first decides:
the hole is filled after all, and nothing is lost, or the stream jumps to the key frame.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from aiortc.rtp import RtpPacket

CAPACITY = 1024  # packets held at most: a 1 MB key frame, far beyond any the encoder may send
NACK_ATTEMPTS = 5
LONG_ANSWER_S, FEW_HOLES, DOUBLE_AFTER_S = 0.1, 12, 0.02  # asked for twice in a row
NACK_PACKETS = 128  # missing packets tracked at most; beyond it the sender has forgotten them anyway
FIRST_RTT_S = 0.05
MIN_DEADLINE_S = 0.06
MAX_DEADLINE_S = 0.5
DEADLINE_ANSWERS = 2.0
ANSWER_VALID_S = 5.0
TOO_SOON = 0.7  # of the answer time that is known
RISING, FALLING = 0.5, 0.1  # weight of a new answer time: late is learned quickly, early slowly
# Nothing but packets from before the place reached, so many and for so long: that place was wrong.
ASTRAY_PACKETS = 8
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
    """A packet that is missing: since when, and when it was first and last asked for; attempts: how often, where twice
    in a row counts once. doubled: whether the last time was twice."""

    since: float
    first_asked: float = -1.0
    asked: float = -1.0
    attempts: int = 0
    doubled: bool = False


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
        self._overdue = False  # a hole has passed its deadline
        self._asked_key = -1.0
        self._answer_s = 0.0
        self._answered_at = -ANSWER_VALID_S
        self._given_up: dict[int, Hole] = {}
        self._only_late = 0
        self._in_place_at = 0.0
        self._now = 0.0

    @property
    def answer_s(self) -> float:
        """How long a repeat takes to come: what the last ones took, or else the round trip."""
        return max(self.rtt_s, self._answer_s) if self._now - self._answered_at < ANSWER_VALID_S else self.rtt_s

    @property
    def deadline_s(self) -> float:
        """How long a hole may stay open: the time in which a request, and one more if that is lost, is answered.

        Asking for a key frame costs a round trip too, so asking earlier would not show a picture sooner.
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
        if self._is_astray(number):
            self._restart(number)
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
        if self._highest - self._next >= CAPACITY:
            self._resume_at(self._highest + 1)
        return self._release()

    def wish(self, now: float) -> Wish:
        """What to ask the sender for at this moment."""
        self._overdue = any(now - hole.since > self.deadline_s for hole in self._holes.values())
        key_frame = False
        if (
            (self._awaiting_key or self._overdue)
            and self._next is not None
            and now - self._asked_key > self._key_interval_s
        ):
            self._asked_key, key_frame = now, True
        nack, needed_from = [], self._needed_from()
        interval_s = self._nack_interval_s
        # Where an answer takes long, a request or an answer that is lost too costs as long again.
        twice = self.answer_s >= LONG_ANSWER_S and len(self._holes) <= FEW_HOLES
        for number, hole in self._holes.items():
            if number < needed_from:
                continue
            if hole.attempts < NACK_ATTEMPTS and now - hole.asked >= interval_s:
                hole.first_asked = hole.first_asked if hole.attempts else now
                hole.asked, hole.attempts, hole.doubled = now, hole.attempts + 1, False
                nack.append(number & 0xFFFF)
            elif twice and hole.attempts and not hole.doubled and now - hole.asked >= DOUBLE_AFTER_S:
                hole.doubled = True
                nack.append(number & 0xFFFF)
        return Wish(tuple(nack), key_frame)

    def _needed_from(self) -> int:
        """The first packet that is worth asking for: none before a key frame that has begun to come."""
        assert self._next is not None or not self._holes
        begun = (n for n, packet in self._packets.items() if packet.opens_key) if self._overdue else ()
        return max(begun, default=self._next or 0)

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
        the first, and no less than since the last (Karn 1987). What comes sooner after the second than any answer
        can is the first one's.
        """
        if hole is None or not hole.attempts:
            return
        took, at_least = self._now - hole.first_asked, self._now - hole.asked
        known = self._answer_s
        self._answered_at = self._now
        if hole.attempts == 1 or (hole.attempts == 2 and at_least < TOO_SOON * known):
            sample = took
        elif at_least > known:
            sample = at_least
        else:
            return
        weight = RISING if sample > known else FALLING
        self._answer_s = sample if not known else known + weight * (sample - known)

    def _release(self) -> list[EncodedFrame]:
        frames = []
        while (run := self._next_frame()) is not None:
            key = run[0].opens_key
            if self._awaiting_key and not key:
                self.counters.skipped_packets += len(run)
                continue
            self._awaiting_key = False
            self.counters.frames += 1
            frames.append(EncodedFrame(b"".join(p.data for p in run), run[0].timestamp, key))
        return frames

    def _next_frame(self) -> list[Packet] | None:
        """The next frame's packets, removed from the buffer, if all are there."""
        assert self._next is not None
        run = self._whole_frame(self._next)
        if run is None and self._holes and (self._overdue or self._awaiting_key):
            keys = [n for n, packet in self._packets.items() if packet.opens_key and n > min(self._holes)]
            for number in sorted(keys, reverse=True):
                if (run := self._whole_frame(number)) is not None:
                    self._resume_at(number)
                    break
        if run is not None:
            for released in range(self._next, self._next + len(run)):
                del self._packets[released]
            self._next += len(run)
        return run

    def _whole_frame(self, number: int) -> list[Packet] | None:
        """The packets of the frame that begins there, if all are there.

        A sender that sets no marker bit still closes a frame by opening one with another timestamp.
        """
        run: list[Packet] = []
        while (packet := self._packets.get(number)) is not None:
            if run and packet.timestamp != run[0].timestamp:
                return run
            run.append(packet)
            if packet.marker:
                return run
            number += 1
        return None

    def _resume_at(self, resume: int) -> None:
        """Give up what is before, and what is missing of it."""
        self.counters.jumps += 1
        self._awaiting_key, self._overdue = True, False
        for number in [n for n in self._packets if n < resume]:
            del self._packets[number]
            self.counters.skipped_packets += 1
        for number in [n for n in self._holes if n < resume]:
            self._given_up[number] = self._holes.pop(number)
        while len(self._given_up) > GIVEN_UP_KEPT:
            del self._given_up[next(iter(self._given_up))]
        self._next = resume

    def _is_astray(self, number: int) -> bool:
        """Whether one packet that lied, or a sender that went back, has led to where the stream is not.

        Late repeats come among new packets; this is when only late ones come, for longer than any hole stays open.
        """
        assert self._next is not None
        if number >= self._next:
            self._only_late, self._in_place_at = 0, self._now
            return False
        self._only_late += 1
        return self._only_late > ASTRAY_PACKETS and self._now - self._in_place_at > MAX_DEADLINE_S

    def _restart(self, number: int) -> None:
        """The sender began anew somewhere else: forget everything."""
        self._only_late, self._in_place_at = 0, self._now
        self._packets.clear()
        self._holes.clear()
        self._given_up.clear()
        self._next = self._highest = number
        self._awaiting_key, self._overdue = True, False


def _signed16(difference: int) -> int:
    """The shortest way round the 16-bit circle of sequence numbers."""
    return ((difference + 0x8000) & 0xFFFF) - 0x8000
