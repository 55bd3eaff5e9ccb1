"""Packets leave at once, unless there are so many that they would drown a narrow path."""

from rtc.pacing import BURST_S, CROWDED_S, PACE, Pacer

RATE = 480_000


def leave(pacer: Pacer[str], until: float, start: float = 0.0) -> list[tuple[float, str]]:
    """What leaves and when, looking every millisecond."""
    left = []
    for tick in range(round((until - start) * 1000)):
        now = start + tick / 1000
        while (item := pacer.take(now)) is not None:
            left.append((now, item))
    return left


def test_an_ordinary_frame_leaves_at_once() -> None:
    pacer: Pacer[str] = Pacer(RATE)
    for frame in range(48):
        now = frame / 24
        for packet in range(2):  # 24 frames of 2400 bytes are 460 kb/s
            pacer.add(f"{frame}.{packet}", 1200)
        assert [pacer.take(now), pacer.take(now)] == [f"{frame}.0", f"{frame}.1"]
        assert pacer.wait_s(now) is None


def test_a_key_frame_leaves_in_order_at_the_pace_and_not_faster() -> None:
    pacer: Pacer[str] = Pacer(RATE)
    for packet in range(13):
        pacer.add(str(packet), 1200)
    left = leave(pacer, 1.0)
    assert [item for _, item in left] == [str(packet) for packet in range(13)]
    at_once = sum(at == 0.0 for at, _ in left)
    assert at_once * 1200 * 8 <= BURST_S * PACE * RATE + 1200 * 8
    assert left[-1][0] >= (13 * 1200 * 8) / (PACE * RATE) - BURST_S - 1200 * 8 / (PACE * RATE)


def test_repeats_overtake_what_is_new() -> None:
    pacer: Pacer[str] = Pacer(RATE)
    for _ in range(10):
        pacer.add("new", 1200)
    pacer.add("again", 1200, repeat=True)
    assert pacer.take(0.0) == "again"


def test_repeats_that_a_key_frame_makes_vain_are_dropped_alone() -> None:
    pacer: Pacer[str] = Pacer(RATE)
    for _ in range(100):
        pacer.add("again", 1200, repeat=True)
    pacer.add("new", 1200)
    assert pacer.crowded
    pacer.drop_repeats()
    assert not pacer.crowded
    assert [item for _, item in leave(pacer, 1.0)] == ["new"]


def test_a_long_line_asks_for_no_more_pictures() -> None:
    pacer: Pacer[str] = Pacer(RATE)
    pacer.add("a", int(0.9 * CROWDED_S * PACE * RATE / 8))
    assert not pacer.crowded
    pacer.add("b", 2000)
    assert pacer.crowded
    leave(pacer, 2.0)
    assert not pacer.crowded


def test_the_wait_is_told_so_that_nobody_has_to_look_in_vain() -> None:
    pacer: Pacer[str] = Pacer(RATE)
    for _ in range(20):
        pacer.add("x", 1200)
    while pacer.take(0.0):
        pass
    wait = pacer.wait_s(0.0)
    assert wait is not None
    assert 0 < wait < 0.02
    assert pacer.take(wait * 0.9) is None
    assert pacer.take(wait * 1.01) == "x"
