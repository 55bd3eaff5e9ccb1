"""No SCTP packet keeps the reader busy for long."""

import struct

import pytest
from aiortc.rtcsctptransport import (
    Chunk,
    DataChunk,
    HeartbeatChunk,
    InitChunk,
    ReconfigChunk,
    SackChunk,
    parse_packet,
    serialize_packet,
)

from rtc.sctp_check import may_be_read


def packet(chunk: Chunk) -> bytes:
    return serialize_packet(5000, 5000, 7, chunk)


def with_params(chunk: HeartbeatChunk | InitChunk | ReconfigChunk, *params: tuple[int, bytes]) -> bytes:
    chunk.params = list(params)
    return packet(chunk)


def with_gaps(*gaps: tuple[int, int]) -> bytes:
    sack = SackChunk()
    sack.cumulative_tsn, sack.advertised_rwnd, sack.gaps = 1, 1000, list(gaps)
    return packet(sack)


def data() -> bytes:
    chunk = DataChunk()
    chunk.tsn, chunk.stream_id, chunk.stream_seq, chunk.protocol, chunk.user_data = 1, 0, 0, 51, b"\0\0\0\0hello"
    return packet(chunk)


@pytest.mark.parametrize(
    "whole",
    [
        data(),
        with_params(HeartbeatChunk(), (1, b"abcd")),
        with_params(InitChunk(), (0xC000, b""), (0x8008, b"\x82\xc0")),
        with_params(ReconfigChunk(), (13, bytes(14))),
        with_gaps((2, 3), (5, 9)),
    ],
)
def test_what_the_library_writes_may_be_read(whole: bytes) -> None:
    assert may_be_read(whole)
    assert len(parse_packet(whole)[3]) == 1


@pytest.mark.parametrize("chunk", [HeartbeatChunk(), InitChunk(), ReconfigChunk()])
@pytest.mark.parametrize("length", [0, 3])
def test_a_parameter_that_ends_before_it_begins_may_not(
    chunk: HeartbeatChunk | InitChunk | ReconfigChunk, length: int
) -> None:
    spoiled = with_params(chunk, (9, b"abcd")).replace(struct.pack("!HH", 9, 8), struct.pack("!HH", 9, length))
    assert not may_be_read(spoiled)


def test_gaps_that_name_a_million_packets_may_not() -> None:
    assert not may_be_read(with_gaps(*[(1, 0xFFFF)] * 20))


def test_any_bytes_at_all_are_judged() -> None:
    for length in range(40):
        for fill in (0, 1, 3, 130, 255):
            may_be_read(bytes([fill]) * length)
