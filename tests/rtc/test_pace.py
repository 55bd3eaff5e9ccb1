"""Frames let through: so many a second, evenly, whatever the camera's own rate."""

import itertools

import pytest

from rtc.pace import Pace


def kept(camera_fps: int, limit: int | None, seconds: int = 10) -> list[float]:
    pace = Pace()
    pace.limit = limit
    times = [index / camera_fps for index in range(camera_fps * seconds)]
    return [time for time in times if pace.wants(round(time * 90_000))]


@pytest.mark.parametrize(("camera", "limit", "wanted"), [(24, 15, 15), (30, 15, 15), (30, 20, 20), (25, 20, 20)])
def test_a_fast_camera_is_thinned_to_the_limit_without_long_gaps(camera: int, limit: int, wanted: int) -> None:
    times = kept(camera, limit)
    assert len(times) / 10 == pytest.approx(wanted, abs=0.3)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert max(gaps) <= 2 / camera + 1e-6


@pytest.mark.parametrize("camera", [10, 14, 15])
def test_a_camera_that_is_no_faster_loses_nothing(camera: int) -> None:
    assert len(kept(camera, 15)) == camera * 10


def test_without_a_limit_every_frame_passes() -> None:
    assert len(kept(60, None)) == 600


def test_a_clock_that_jumps_does_not_stop_the_picture() -> None:
    pace = Pace()
    pace.limit = 15
    assert pace.wants(0)
    assert pace.wants(2**33)
    assert pace.wants(5)
