"""Whether an SCTP packet may be shown to aiortc's reader.

That reader (1.16) takes a parameter of length zero for a place to stay at, for ever and with growing memory, and walks
over every number that a SACK's gap blocks name. One such packet of one shopper would stop a media process and with it
everybody else's picture. It also keeps whatever comes out of order, in pieces, or on streams of its own, tells of a
window and does not hold anybody to it, and queues answers for a far end that takes none.
"""

from collections.abc import Iterator
from itertools import pairwise

from aiortc import RTCSctpTransport

COMMON_HEADER = 12
CHUNK_HEADER = 4
DATA_HEADER = 16
DATA, SACK = 0, 3
# Where parameters begin, by chunk type (RFC 9260 part 3.3, RFC 6525); INIT and its answer have five fields first.
PARAMETERS_AT = {1: 20, 2: 20, 4: 4, 5: 4, 6: 4, 9: 4, 130: 4}
# Of one shopper: a channel has one stream in each direction, and a message of 4 kB comes in four pieces.
MAX_STREAMS = 32
MAX_PIECES = 64  # of messages of one stream that are not whole yet
MAX_AHEAD = 512  # places between the last packet received in order and the furthest
MAX_UNSENT = 512  # messages that wait for the far end to take those before
MAX_GAPS = 4096  # numbers that all of a SACK's blocks may name: far more than are ever under way


def may_be_read(packet: bytes) -> bool:
    """Whether reading this packet ends soon. What is merely wrong is for the reader to refuse."""
    for kind, chunk in _chunks(packet):
        if kind in PARAMETERS_AT and not _parameters_end(chunk[PARAMETERS_AT[kind] :]):
            return False
        if kind == SACK and _named_by_gaps(chunk) > MAX_GAPS:
            return False
    return True


def has_room(sctp: RTCSctpTransport, packet: bytes) -> bool:
    """Whether the association holds so little that it may take this packet's messages, if there are any in it.

    A packet refused is not acknowledged, so a far end that means well sends it again.
    """
    places = [
        (int.from_bytes(chunk[4:8], "big"), int.from_bytes(chunk[8:10], "big"))
        for kind, chunk in _chunks(packet)
        if kind == DATA and len(chunk) >= DATA_HEADER
    ]
    if not places:
        return True
    if len(sctp._outbound_queue) + len(sctp._data_channel_queue) > MAX_UNSENT:
        return False
    return all(_fits(sctp, number, stream) for number, stream in places)


def _fits(sctp: RTCSctpTransport, number: int, stream: int) -> bool:
    held = sctp._inbound_streams.get(stream)
    last = sctp._last_received_tsn
    ahead = ((number - last) & 0xFFFFFFFF) if last is not None else 0
    behind = ahead >= 1 << 31  # sent once more: read, and answered that it is here
    return (
        stream < MAX_STREAMS and (held is None or len(held.reassembly) < MAX_PIECES) and (behind or ahead <= MAX_AHEAD)
    )


def _chunks(packet: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and bytes of each chunk, up to one that is shorter than itself, at which the reader stops too."""
    position = COMMON_HEADER
    while position <= len(packet) - CHUNK_HEADER:
        kind, length = packet[position], int.from_bytes(packet[position + 2 : position + 4], "big")
        if length < CHUNK_HEADER:
            return
        yield kind, packet[position : position + length]
        position += length + -length % 4


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
