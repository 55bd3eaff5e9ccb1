"""Malformed packets made of real ones: the structure stays as far as parsers need it to get deep into them.

Seeded, so that a run can be had again. Each mutation keeps most of a packet and spoils a little of it: a field at the
edge of its range, a length that lies, a part missing, doubled, or taken from another packet.
"""

import random
import struct

from google_crc32c import value as crc32c

EDGES = (0, 1, 2, 3, 4, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
MAX_BYTES = 1400
SCTP_ENDINGS = frozenset({6, 7, 8, 14})  # ABORT and the SHUTDOWNs: they end a channel because that is what they say
RTCP_TYPES = (200, 201, 202, 203, 204, 205, 206, 207)
STUN_COOKIE = b"\x21\x12\xa4\x42"


class Mutator:
    """Keeps samples by kind (rtp, rtcp, sctp, stun, dtls) and makes malformed ones of them."""

    def __init__(self, seed: int, *, keep: int = 60) -> None:
        self._random = random.Random(seed)
        self._keep = keep
        self.samples: dict[str, list[bytes]] = {}

    def learn(self, kind: str, packet: bytes) -> None:
        """Take note of a real packet; once there are many, a random one is replaced."""
        kept = self.samples.setdefault(kind, [])
        if len(kept) < self._keep:
            kept.append(packet)
        elif self._random.random() < 0.02:
            kept[self._random.randrange(self._keep)] = packet

    def make(self, kind: str) -> bytes:
        """A malformed packet of a kind of which a sample is known."""
        data = bytearray(self._random.choice(self.samples[kind]))
        for _ in range(self._random.choice((1, 1, 1, 2, 3, 6))):
            self._random.choice((self._flip, self._edge, self._cut, self._double, self._splice, self._pad))(kind, data)
        getattr(self, f"_dress_{kind}", lambda _data: None)(data)
        return bytes(data[:MAX_BYTES])

    def _place(self, data: bytearray, width: int = 1) -> int:
        """Somewhere in the packet; more often near its head, where the structure is."""
        reach = max(1, len(data) - width + 1)
        return self._random.randrange(min(reach, 48) if self._random.random() < 0.7 else reach)

    def _flip(self, _kind: str, data: bytearray) -> None:
        if data:
            data[self._place(data)] ^= 1 << self._random.randrange(8)

    def _edge(self, _kind: str, data: bytearray) -> None:
        width = self._random.choice((1, 2, 4))
        at = self._place(data, width)
        value = self._random.choice(EDGES) & ((1 << 8 * width) - 1)
        data[at : at + width] = value.to_bytes(width, "big")

    def _cut(self, _kind: str, data: bytearray) -> None:
        at = self._place(data)
        del data[at : self._random.choice((len(data), at + 1, at + 4))]

    def _double(self, _kind: str, data: bytearray) -> None:
        at, length = self._place(data), self._random.choice((1, 4, 8, 40))
        data[at:at] = data[at : at + length] * self._random.choice((1, 1, 8))

    def _splice(self, kind: str, data: bytearray) -> None:
        other = self._random.choice(self.samples[kind])
        at = self._place(data)
        data[at:] = other[at:] if self._random.random() < 0.5 else other[self._place(bytearray(other)) :]

    def _pad(self, _kind: str, data: bytearray) -> None:
        data += self._random.randbytes(self._random.choice((1, 3, 4, 16, 200)))

    # What has to be right for a parser to look at the rest

    def _dress_rtp(self, data: bytearray) -> None:
        if len(data) >= 2 and self._random.random() < 0.9:
            data[0] = 0x80 | data[0] & 0x3F

    def _dress_rtcp(self, data: bytearray) -> None:
        if len(data) >= 4 and self._random.random() < 0.9:
            data[0] = 0x80 | data[0] & 0x3F
            if not 192 <= data[1] <= 223 or self._random.random() < 0.2:
                data[1] = self._random.choice(RTCP_TYPES)
            if self._random.random() < 0.6:
                del data[len(data) - len(data) % 4 :]
                data[2:4] = struct.pack("!H", len(data) // 4 - 1)

    def _dress_sctp(self, data: bytearray) -> None:
        if len(data) < 16:
            return
        original = self._random.choice(self.samples["sctp"])
        data[:8] = original[:8]  # ports and tag: without them nothing is read
        if data[12] in SCTP_ENDINGS:
            data[12] = self._random.choice((0, 3, 4, 5, 9, 10, 11, 130, 192))
        if self._random.random() < 0.5:
            data[14:16] = struct.pack("!H", len(data) - 12)
        data[8:12] = struct.pack("<I", crc32c(bytes(data[:8]) + b"\0\0\0\0" + bytes(data[12:])))

    def _dress_stun(self, data: bytearray) -> None:
        if len(data) >= 20 and self._random.random() < 0.9:
            data[0] &= 0x03
            data[2:4] = struct.pack("!H", len(data) - 20)
            data[4:8] = STUN_COOKIE

    def _dress_dtls(self, data: bytearray) -> None:
        if data:
            data[0] = self._random.choice((20, 21, 22, 23, 25))
