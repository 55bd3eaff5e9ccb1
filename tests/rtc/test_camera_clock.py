"""A camera's time grows, whatever its timestamps do."""

import pytest

from rtc.camera_clock import LONGEST_STEP, STEP, CameraClock


def times(*timestamps: int) -> list[int]:
    clock = CameraClock()
    return [clock.time(timestamp) for timestamp in timestamps]


def test_a_camera_s_own_steps_are_kept() -> None:
    assert times(1000, 4000, 4900, 94_900) == [0, 3000, 3900, 93_900]


def test_timestamps_that_go_round_go_on() -> None:
    assert times((1 << 32) - 3000, 750, 4500) == [0, 3750, 7500]


@pytest.mark.parametrize("jump", [-90_000, 0, LONGEST_STEP + 1, 1 << 31])
def test_a_jump_is_taken_for_one_frame(jump: int) -> None:
    assert times(500_000, 503_000, (503_000 + jump) % (1 << 32))[-1] == 3000 + STEP
