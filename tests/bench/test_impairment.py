"""A path does to datagrams what its impairment says, the same each time."""

from __future__ import annotations

import itertools

import pytest

from bench.impairment import Impairment, Path


def arrivals(how: Impairment, count: int = 20_000, *, seed: int = 3, gap: float = 0.005) -> list[float | None]:
    """Where `count` datagrams of 1000 bytes end up that leave `gap` seconds apart."""
    path = Path(seed)
    path.impairment = how
    return [path.arrival(1000, n * gap) for n in range(count)]


def test_a_clean_path_delivers_at_once_and_in_order() -> None:
    assert arrivals(Impairment(), 100) == pytest.approx([n * 0.005 for n in range(100)], abs=1e-5)


@pytest.mark.parametrize("burst", [1, 4])
def test_loss_is_the_share_that_was_asked_for(burst: float) -> None:
    lost = [a is None for a in arrivals(Impairment(loss=0.05, burst=burst))]
    assert sum(lost) / len(lost) == pytest.approx(0.05, abs=0.012)


def test_losses_come_in_bursts_of_the_mean_length() -> None:
    lost = [a is None for a in arrivals(Impairment(loss=0.05, burst=4))]
    bursts = [len(list(run)) for gone, run in itertools.groupby(lost) if gone]
    assert sum(bursts) / len(bursts) == pytest.approx(4, rel=0.25)


def test_the_same_seed_makes_the_same_weather() -> None:
    how = Impairment(loss=0.1, jitter_ms=20)
    assert arrivals(how, 500) == arrivals(how, 500)
    assert arrivals(how, 500) != arrivals(how, 500, seed=4)


def test_jitter_delays_but_keeps_the_order() -> None:
    found = [a for a in arrivals(Impairment(delay_ms=10, jitter_ms=20), 1000) if a is not None]
    assert found == sorted(found)
    delays = [a - n * 0.005 for n, a in enumerate(found)]
    assert min(delays) >= 0.010
    assert max(delays) <= 0.0301


def test_reordering_lets_later_datagrams_overtake() -> None:
    found = [a for a in arrivals(Impairment(reorder=0.1), 1000) if a is not None]
    assert found != sorted(found)


def test_a_rate_cap_fills_a_queue_and_then_drops() -> None:
    # 1000 bytes every 5 ms are 1.6 Mb/s: a cap of 0.8 Mb/s lets half of them through, a full queue late.
    found = arrivals(Impairment(rate_bps=800_000, queue_ms=100), 1000)
    passed = [(n * 0.005, a) for n, a in enumerate(found) if a is not None]
    assert len(passed) / 1000 == pytest.approx(0.5, abs=0.03)
    assert max(a - left for left, a in passed) == pytest.approx(0.110, abs=0.002)
