"""A picture that stands still is counted as browsers count it."""

from rtc.freezes import FreezeMeter


def stood_still(gaps: list[float]) -> list[float]:
    meter, now, seen = FreezeMeter(), 0.0, []
    meter.frame(now)
    for gap in gaps:
        now += gap
        if frozen := meter.frame(now):
            seen.append(round(frozen, 3))
    return seen


def test_an_even_or_a_slow_stream_does_not_freeze() -> None:
    assert stood_still([1 / 24] * 200) == []
    assert stood_still([1.0] * 20) == []
    assert stood_still([1 / 24, 0.12, 1 / 24, 0.15] * 20) == []


def test_a_gap_is_a_freeze_beyond_three_frames_and_150_ms_more_than_one() -> None:
    steady = [0.04] * 40
    assert stood_still([*steady, 0.18]) == []
    assert stood_still([*steady, 0.20]) == [0.2]
    slow = [0.2] * 40
    assert stood_still([*slow, 0.5]) == [], "three frames are 600 ms here"
    assert stood_still([*slow, 0.7, *slow, 2.0]) == [0.7, 2.0]
