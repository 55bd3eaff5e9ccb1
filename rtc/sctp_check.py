"""Whether an SCTP packet may be shown to aiortc's reader.

That reader (1.16) takes a parameter of length zero for a place to stay at, for ever and with growing memory, and walks
over every number that a SACK's gap blocks name. One such packet of one shopper would stop a media process and with it
everybody else's picture.
"""

from itertools import pairwise

COMMON_HEADER = 12
CHUNK_HEADER = 4
SACK = 3
# Where parameters begin, by chunk type (RFC 9260 part 3.3, RFC 6525); INIT and its answer have five fields first.
PARAMETERS_AT = {1: 20, 2: 20, 4: 4, 5: 4, 6: 4, 9: 4, 130: 4}
MAX_GAPS = 4096  # numbers that all of a SACK's blocks may name: far more than are ever under way


def may_be_read(packet: bytes) -> bool:
    """Whether reading this packet ends soon. What is merely wrong is for the reader to refuse."""
    position = COMMON_HEADER
    while position <= len(packet) - CHUNK_HEADER:
        kind, length = packet[position], int.from_bytes(packet[position + 2 : position + 4], "big")
        if length < CHUNK_HEADER:
            return True  # refused there
        chunk = packet[position : position + length]
        if kind in PARAMETERS_AT and not _parameters_end(chunk[PARAMETERS_AT[kind] :]):
            return False
        if kind == SACK and _named_by_gaps(chunk) > MAX_GAPS:
            return False
        position += length + -length % 4
    return True


def _parameters_end(body: bytes) -> bool:
    position = 0
    while position <= len(body) - 4:
        length = int.from_bytes(body[position + 2 : position + 4], "big")
        if length < 4:
            return False
        position += length + -length % 4
    return True


def _named_by_gaps(chunk: bytes) -> int:
    blocks = int.from_bytes(chunk[12:14], "big")
    edges = [int.from_bytes(chunk[at : at + 2], "big") for at in range(16, min(len(chunk), 16 + 4 * blocks), 2)]
    return sum(max(0, last - first + 1) for first, last in list(pairwise(edges))[::2])
