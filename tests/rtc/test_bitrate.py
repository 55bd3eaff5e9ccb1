"""The picture's rate follows the network: down at once, up slowly, and its size after it."""

from itertools import pairwise

from rtc.bitrate import FIRST_BPS, MAX_BPS, MIN_BPS, BitrateControl


def test_a_worse_path_is_obeyed_at_once() -> None:
    control = BitrateControl()
    control.heard_estimate(300_000, now=1.0)
    assert 250_000 < control.target_bps < 300_000


def test_a_better_path_is_climbed_in_small_steps() -> None:
    control = BitrateControl()
    control.heard_estimate(5_000_000, now=0.0)
    assert control.target_bps == FIRST_BPS
    seen = [control.target_bps]
    for second in range(1, 30):
        control.heard_estimate(5_000_000, now=float(second))
        seen.append(control.target_bps)
    assert all(later <= 1.51 * earlier for earlier, later in pairwise(seen))
    assert seen[-1] == MAX_BPS


def test_a_few_lost_packets_stop_the_climb_and_many_lower_the_rate() -> None:
    control = BitrateControl()
    control.heard_estimate(2_000_000, now=0.0)
    control.heard_loss(0.04, now=1.0)
    assert control.target_bps == FIRST_BPS
    control.heard_loss(0.4, now=2.0)
    assert control.target_bps == int(FIRST_BPS * 0.7)


def test_the_rate_has_a_floor_and_a_ceiling() -> None:
    control = BitrateControl()
    control.heard_estimate(1, now=0.0)
    assert control.target_bps == MIN_BPS


def test_a_starved_picture_gets_smaller_and_grows_again_when_the_path_has_recovered() -> None:
    control = BitrateControl()
    seen = []
    for second in range(8):
        control.heard_estimate(100_000, now=float(second))
        seen.append(control.scale)
    assert seen == [1.0, 1.0, 1.0, 0.75, 0.75, 0.75, 0.75, 0.5]
    scales = []
    for second in range(8, 68):
        control.heard_estimate(1_000_000, now=float(second))
        scales.append(control.scale)
    assert scales == sorted(scales)
    assert scales[-1] == 1.0
    assert scales[0] == 0.5


def test_a_short_dip_does_not_change_the_size() -> None:
    control = BitrateControl()
    for tenth in range(100):
        control.heard_estimate(150_000 if 20 <= tenth < 30 else 900_000, now=tenth / 10)
    assert control.scale == 1.0


def test_a_falling_estimate_is_undercut_for_a_moment_so_that_the_queue_empties() -> None:
    control = BitrateControl()
    for second in range(12):
        control.heard_estimate(1_300_000, now=float(second))
    assert control.target_bps > 1_000_000
    control.heard_estimate(800_000, now=11.3)
    assert control.target_bps < 0.5 * 800_000
    for tenth in range(1, 5):
        control.heard_estimate(450_000, now=11.3 + tenth / 10)
    assert control.target_bps < 0.5 * 450_000
    control.heard_estimate(450_000, now=13.0)
    assert 0.85 * 450_000 < control.target_bps < 450_000


def test_an_estimate_that_wavers_a_little_is_not_undercut() -> None:
    control = BitrateControl()
    for tenth in range(100):
        control.heard_estimate(800_000 + 15_000 * (tenth % 3), now=tenth / 10)
    assert control.target_bps > 0.85 * 800_000
