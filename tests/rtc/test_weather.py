"""What a shopper sees of a stream that passes through bad weather, in virtual time."""

import pytest

from bench.impairment import CLEAN, Impairment
from tests.rtc.weather import FPS, Seen, Weather, in_virtual_time, stream

BEGIN, END = 8.0, 20.0


def through(there: Impairment, back: Impairment = CLEAN, *, receiver: str = "own", seed: int = 1) -> Seen:
    """Good weather, bad weather from BEGIN to END, good weather for 12 seconds more."""
    weathers = [Weather(BEGIN, there, back), Weather(END)]
    return in_virtual_time(lambda: stream(weathers, seconds=END + 12, receiver=receiver, seed=seed))


@pytest.mark.parametrize("receiver", ["own", "stock"])
def test_good_weather_shows_every_picture_at_once(receiver: str) -> None:
    seen = through(CLEAN, receiver=receiver).during(2, 30)
    assert seen.fps == pytest.approx(FPS, abs=0.2)
    assert seen.p95_ms < 2, "nothing waits for the pace"


@pytest.mark.parametrize("receiver", ["own", "stock"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_link_that_becomes_narrow_costs_a_moment_and_then_quality(receiver: str, seed: int) -> None:
    seen = through(Impairment(rate_bps=500_000), receiver=receiver, seed=seed)
    narrow = seen.during(BEGIN, END)
    assert narrow.freeze_longest_ms < 700
    assert seen.during(BEGIN + 2, END).fps > 0.9 * FPS
    assert seen.during(BEGIN + 2, END).p95_ms < 150
    assert seen.rate_at(BEGIN) > 800_000
    assert 200_000 < seen.rate_at(END - 1) < 500_000
    assert seen.rate_at(END + 11.5) > seen.rate_at(END - 1), "and up again, as the far end's estimate rises"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_five_in_a_hundred_lost_on_a_long_path_is_hardly_seen(seed: int) -> None:
    far = Impairment(delay_ms=40)
    seen = through(Impairment(loss=0.05, delay_ms=40), far, seed=seed)
    lossy = seen.during(BEGIN, END)
    assert lossy.freeze_longest_ms < 500
    assert lossy.freeze_p95_ms < 250
    assert lossy.fps > 0.9 * FPS
    assert seen.during(END + 1, END + 12).freeze_longest_ms < 200
    assert seen.jumps <= 5, "most holes are filled before their deadline"


@pytest.mark.parametrize("back", [0.0, 0.05])
@pytest.mark.parametrize("seed", [1, 2, 6])
def test_on_a_very_long_path_a_lost_repeat_is_not_the_end_of_the_picture(seed: int, back: float) -> None:
    seen = through(Impairment(loss=0.05, delay_ms=100), Impairment(loss=back, delay_ms=100), seed=seed)
    lossy = seen.during(BEGIN, END)
    assert lossy.freeze_longest_ms < 700, "three ways there and back, and the first hole comes before they are known"
    assert lossy.fps > 0.85 * FPS


@pytest.mark.parametrize(("receiver", "longest_ms"), [("own", 1000), ("stock", 2000)])
def test_a_link_that_falls_to_a_third_at_once_does_not_end_the_picture(receiver: str, longest_ms: float) -> None:
    narrow = through(Impairment(rate_bps=300_000), receiver=receiver).during(BEGIN, END)
    assert narrow.freeze_longest_ms < longest_ms
    assert narrow.fps > 0.6 * FPS


@pytest.mark.parametrize(
    "how", [Impairment(loss=0.05, burst=4), Impairment(reorder=0.02)], ids=["bursts", "reordering"]
)
def test_other_trouble_is_survived_too(how: Impairment) -> None:
    seen = through(how).during(BEGIN, END)
    assert seen.freeze_longest_ms < 500
    assert seen.fps > 0.9 * FPS


@pytest.mark.long
def test_latency_after_ten_minutes_is_latency_at_the_start() -> None:
    weathers = [Weather(5.0, Impairment(loss=0.02, delay_ms=20, jitter_ms=10), Impairment(delay_ms=20))]
    seen = in_virtual_time(lambda: stream(weathers, seconds=600))
    first, last = seen.during(10, 60), seen.during(540, 595)
    assert last.p50_ms == pytest.approx(first.p50_ms, abs=5)
    assert last.p95_ms < first.p95_ms + 60
