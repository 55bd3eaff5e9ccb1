"""The yardstick's buffer gives a frame out with its last packet, and is otherwise aiortc's."""

from __future__ import annotations

from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtp import RtpPacket

from bench.release import MarkerJitterBuffer


def packet(sequence: int, frame: int, *, last: bool = False) -> RtpPacket:
    """One packet of a frame, with a byte that says which."""
    made = RtpPacket(sequence_number=sequence, timestamp=frame * 3750, marker=int(last))
    made._data = bytes([sequence])
    return made


def released(buffer: JitterBuffer, packets: list[RtpPacket]) -> list[bytes | None]:
    """What each packet brings out."""
    frames = [buffer.add(p)[1] for p in packets]
    return [frame.data if frame else None for frame in frames]


STREAM = [packet(0, 0), packet(1, 0, last=True), packet(2, 1), packet(3, 1, last=True)]


def test_a_frame_comes_out_with_its_last_packet() -> None:
    assert released(MarkerJitterBuffer(16, is_video=True), STREAM) == [None, b"\0\1", None, b"\2\3"]


def test_the_stock_buffer_waits_for_the_next_frame() -> None:
    assert released(JitterBuffer(16, is_video=True), STREAM) == [None, None, b"\0\1", None]


def test_packets_out_of_order_are_put_in_order() -> None:
    shuffled = [STREAM[0], STREAM[2], STREAM[1], STREAM[3]]
    assert released(MarkerJitterBuffer(16, is_video=True), shuffled) == [None, None, b"\0\1", b"\2\3"]


def test_a_frame_without_marker_is_released_by_the_next() -> None:
    unmarked = [packet(0, 0), packet(1, 0), packet(2, 1), packet(3, 1, last=True)]
    assert released(MarkerJitterBuffer(16, is_video=True), unmarked) == [None, None, b"\0\1", b"\2\3"]
