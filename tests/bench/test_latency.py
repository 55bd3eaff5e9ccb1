"""What is said about a stream follows from when its frames left and came back."""

from __future__ import annotations

import pytest

from bench.latency import Arrival, summarise

PERIOD = 1 / 24


def steady(frames: int, delay: float) -> tuple[dict[int, float], list[Arrival]]:
    """A stream in which every frame comes back after `delay` seconds."""
    sent = {n: n * PERIOD for n in range(frames)}
    return sent, [Arrival(n, at + delay) for n, at in sent.items()]


def test_a_steady_stream_has_its_delay_as_latency_and_no_drift() -> None:
    sent, arrivals = steady(240, 0.020)
    found = summarise(sent, arrivals, 1.0, 9.0)
    assert found.p50_ms == pytest.approx(20)
    assert found.p95_ms == pytest.approx(20)
    assert found.fps == pytest.approx(24, abs=0.2)
    assert found.drift_ms == pytest.approx(0, abs=1e-6)
    assert (found.lost, found.repeated, found.unreadable) == (0, 0, 0)


def test_a_hole_is_a_freeze_and_its_frames_are_lost() -> None:
    sent, arrivals = steady(240, 0.020)
    found = summarise(sent, [a for a in arrivals if a.number not in range(100, 112)], 1.0, 9.0)
    assert found.lost == 12
    assert found.freeze_longest_ms == pytest.approx(13 * PERIOD * 1e3)


def test_a_stream_that_stops_before_the_end_is_frozen_until_the_end() -> None:
    sent, arrivals = steady(240, 0.020)
    found = summarise(sent, [a for a in arrivals if a.at < 5.0], 1.0, 9.0)
    assert found.freeze_longest_ms == pytest.approx(4000, abs=50)


def test_a_picture_shown_again_ends_no_freeze() -> None:
    sent, arrivals = steady(240, 0.020)
    stuck = [Arrival(99, a.at) if 100 <= (a.number or 0) < 124 else a for a in arrivals]
    found = summarise(sent, stuck, 1.0, 9.0)
    assert found.repeated == 24
    assert found.freeze_longest_ms == pytest.approx(25 * PERIOD * 1e3)


def test_latency_that_grows_shows_as_drift() -> None:
    sent = {n: n * PERIOD for n in range(240)}
    found = summarise(sent, [Arrival(n, at * 1.05) for n, at in sent.items()], 0.0, 10.5)
    assert found.drift_ms == pytest.approx(400, rel=0.05)


def test_nothing_that_comes_back_is_one_long_freeze() -> None:
    sent, _ = steady(240, 0.0)
    found = summarise(sent, [], 1.0, 9.0)
    assert found.frames == 0
    assert found.freeze_longest_ms == pytest.approx(8000)
