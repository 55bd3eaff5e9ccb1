"""Whole frames at once, holes with a deadline, jumps to key frames."""

import numpy as np
from aiortc.rtp import RtpPacket

from rtc.assembly import (
    CAPACITY,
    FEW_HOLES,
    GIVEN_UP_KEPT,
    MAX_DEADLINE_S,
    MIN_DEADLINE_S,
    EncodedFrame,
    FrameAssembler,
)

KEY, DELTA = b"K", b"D"


def starts_key(_packet: RtpPacket, data: bytes) -> bool:
    return data.startswith(KEY)


def packets(first: int, frame: int, count: int, *, key: bool = False) -> list[tuple[RtpPacket, bytes]]:
    """One frame as RTP packets; its payload says which frame it is."""
    made = []
    for index in range(count):
        packet = RtpPacket(
            sequence_number=(first + index) & 0xFFFF, timestamp=frame * 3750, marker=int(index == count - 1)
        )
        made.append((packet, (KEY if key and not index else DELTA) + b"%d.%d" % (frame, index)))
    return made


def feed(assembler: FrameAssembler, sent: list[tuple[RtpPacket, bytes]], now: float = 0.0) -> list[EncodedFrame]:
    return [frame for packet, payload in sent for frame in assembler.add(packet, payload, now)]


def test_a_frame_is_released_by_its_last_packet_without_waiting_for_the_next() -> None:
    assembler = FrameAssembler(starts_key)
    sent = packets(100, 1, 5, key=True)
    assert feed(assembler, sent[:4]) == []
    released = feed(assembler, sent[4:])
    assert [f.timestamp for f in released] == [3750]
    assert released[0].data == b"K1.0D1.1D1.2D1.3D1.4"


def test_packets_out_of_order_give_the_same_frame() -> None:
    assembler = FrameAssembler(starts_key)
    feed(assembler, packets(0, 0, 1, key=True))
    sent = packets(1, 1, 4)
    released = feed(assembler, [sent[0], sent[3], sent[2], sent[1]])
    assert [f.data for f in released] == [b"D1.0D1.1D1.2D1.3"]


def test_a_sender_without_marker_bits_is_released_by_the_next_timestamp() -> None:
    assembler = FrameAssembler(starts_key)
    first = packets(0, 0, 2, key=True)
    first[-1][0].marker = 0
    assert feed(assembler, first) == []
    assert [f.timestamp for f in feed(assembler, packets(2, 1, 2))] == [0, 3750]


def test_sequence_numbers_wrap() -> None:
    assembler = FrameAssembler(starts_key)
    released = feed(assembler, packets(65534, 0, 1, key=True) + packets(65535, 1, 3) + packets(2, 2, 2))
    assert [f.timestamp for f in released] == [0, 3750, 7500]


def test_a_missing_packet_is_asked_for_until_it_comes() -> None:
    assembler = FrameAssembler(starts_key, rtt_s=0.02)
    feed(assembler, packets(0, 0, 1, key=True))
    sent = packets(1, 1, 3)
    feed(assembler, [sent[0], sent[2]], now=1.0)
    assert assembler.wish(1.0).nack == (2,)
    assert assembler.wish(1.001).nack == ()
    assert assembler.wish(1.03).nack == (2,)
    assert [f.data for f in feed(assembler, [sent[1]], now=1.04)] == [b"D1.0D1.1D1.2"]
    assert assembler.wish(1.2) == assembler.wish(5.0)
    assert assembler.counters.recovered_packets == 1


def asked(assembler: FrameAssembler, ticks: int) -> list[int]:
    """When something was asked for, in ticks of 1/128 of a second."""
    return [tick for tick in range(ticks) if assembler.wish(tick / 128).nack]


def test_on_a_long_path_a_missing_packet_is_asked_for_twice_in_a_row() -> None:
    assembler = FrameAssembler(starts_key, rtt_s=0.2)
    feed(assembler, packets(0, 0, 1, key=True) + packets(2, 2, 1))
    assert asked(assembler, 50) == [0, 3, 29, 32]


def test_on_a_short_path_or_with_much_missing_it_is_asked_for_once() -> None:
    near, lossy = FrameAssembler(starts_key, rtt_s=0.08), FrameAssembler(starts_key, rtt_s=0.2)
    feed(near, packets(0, 0, 1, key=True) + packets(2, 2, 1))
    feed(lossy, packets(0, 0, 1, key=True) + packets(2 + FEW_HOLES, 2, 1))
    assert asked(near, 20) == [0, 12]
    assert asked(lossy, 20) == [0]


def test_a_hole_past_its_deadline_costs_one_jump_and_asks_for_a_key_frame_at_once() -> None:
    assembler = FrameAssembler(starts_key, rtt_s=0.01)
    feed(assembler, packets(0, 0, 1, key=True))
    sent = packets(1, 1, 3)
    feed(assembler, [sent[0], sent[2], *packets(4, 2, 2)], now=1.0)
    assert not assembler.wish(1.05).key_frame
    assert assembler.wish(1.061).key_frame
    assert not assembler.wish(1.062).key_frame, "once, not at every look"
    assert feed(assembler, packets(6, 3, 2), now=1.08) == [], "nothing is decoded on missing references"
    released = feed(assembler, packets(8, 4, 2, key=True) + packets(10, 5, 1), now=1.1)
    assert [f.timestamp for f in released] == [4 * 3750, 5 * 3750]
    assert assembler.counters.jumps == 1


def test_a_key_frame_already_held_is_jumped_to() -> None:
    assembler = FrameAssembler(starts_key, rtt_s=0.01)
    feed(assembler, packets(0, 0, 1, key=True))
    feed(assembler, packets(2, 1, 2) + packets(4, 2, 3, key=True) + packets(7, 3, 1), now=1.0)
    assembler.wish(1.1)
    assert [f.timestamp for f in feed(assembler, packets(8, 4, 1), now=1.11)] == [7500, 11250, 15000]


def test_a_key_frame_is_asked_for_again_when_it_does_not_come() -> None:
    assembler = FrameAssembler(starts_key, rtt_s=0.05)
    feed(assembler, packets(0, 0, 2))
    asked = [t for t in range(1000) if assembler.wish(t / 1000).key_frame]
    assert 4 <= len(asked) <= 8


def test_a_sender_that_begins_anew_is_followed() -> None:
    assembler = FrameAssembler(starts_key)
    feed(assembler, packets(0, 0, 1, key=True))
    released = feed(assembler, packets(30_000, 9, 2, key=True))
    assert [f.timestamp for f in released] == [9 * 3750]


def test_one_packet_that_lies_about_its_place_costs_a_moment() -> None:
    assembler = FrameAssembler(starts_key, rtt_s=0.01)
    feed(assembler, packets(0, 0, 1, key=True))
    feed(assembler, packets(900, 99, 1), now=0.01)
    shown = [0.0]
    for number in range(1, 40):
        now = number / 24
        asked = assembler.wish(now).key_frame
        if feed(assembler, packets(number, number, 1, key=asked), now):
            shown.append(now)
    assert max(np.diff(shown)) < 0.8
    assert len(shown) > 20


def test_late_repeats_among_new_packets_do_not_lead_astray() -> None:
    assembler = FrameAssembler(starts_key, rtt_s=0.01)
    feed(assembler, packets(0, 0, 1, key=True) + packets(50, 1, 1))
    assembler.wish(0.1)
    shown = feed(assembler, packets(51, 2, 1, key=True), 0.11)
    for number in range(1, 40):
        shown += feed(assembler, packets(number, 0, 1), number / 10)
        if number % 3 == 0:
            shown += feed(assembler, packets(51 + number // 3, 2 + number, 1), number / 10)
    assert len(shown) == 1 + 39 // 3


def test_the_deadline_follows_the_time_that_answers_take() -> None:
    assembler = FrameAssembler(starts_key, rtt_s=0.0)
    feed(assembler, packets(0, 0, 1, key=True))
    assert assembler.deadline_s == MIN_DEADLINE_S
    now = 0.0
    for number in range(1, 40, 3):
        now += 0.2
        sent = packets(number, number, 3)
        feed(assembler, [sent[0], sent[2]], now)
        assert assembler.wish(now).nack == (number + 1,)
        late = now + 0.11 if number > 1 else now + 0.05
        feed(assembler, [sent[1]], late)
    assert 2 * 0.1 < assembler.deadline_s < 2 * 0.12


def test_a_hole_stays_open_for_half_a_second_at_most_however_long_the_path() -> None:
    assembler = FrameAssembler(starts_key, rtt_s=3.0, jitter_s=1.0)
    feed(assembler, packets(0, 0, 1, key=True) + packets(50, 1, 1), now=100.0)
    assert not assembler.wish(100.0 + MAX_DEADLINE_S - 0.01).key_frame
    assert assembler.wish(100.0 + MAX_DEADLINE_S + 0.01).key_frame


def test_an_answer_that_comes_too_late_makes_the_next_deadline_longer() -> None:
    assembler = FrameAssembler(starts_key, rtt_s=0.0)
    feed(assembler, packets(0, 0, 1, key=True))
    sent = packets(1, 1, 3)
    feed(assembler, [sent[0], sent[2]], 1.0)
    assembler.wish(1.0)
    assert assembler.wish(1.07).key_frame, "given up"
    feed(assembler, [sent[1]], 1.15)
    assert assembler.deadline_s > 0.15
    feed(assembler, packets(4, 2, 1), 9.0)
    assert assembler.deadline_s == MIN_DEADLINE_S, "and that is forgotten in time"


def test_the_middle_of_a_key_frame_is_not_taken_for_its_beginning() -> None:
    assembler = FrameAssembler(starts_key, rtt_s=0.0)
    feed(assembler, packets(0, 0, 1, key=True))
    key = packets(3, 2, 4, key=True)
    feed(assembler, [*packets(1, 1, 1), *key[1:]], 1.0)
    assembler.wish(1.0)
    assert assembler.wish(1.07).key_frame
    assert feed(assembler, packets(7, 3, 1), 1.08) == []


def test_memory_is_bounded_when_frames_never_end() -> None:
    assembler = FrameAssembler(starts_key)
    for number in range(20_000):
        packet = RtpPacket(sequence_number=(2 * number) & 0xFFFF, timestamp=0, marker=0)
        assembler.add(packet, DELTA, number / 1000)
        assembler.wish(number / 1000)
    assert len(assembler._packets) <= CAPACITY
    assert len(assembler._holes) <= CAPACITY
    assert len(assembler._given_up) <= GIVEN_UP_KEPT
