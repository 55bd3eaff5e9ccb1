"""Lost packets are sent again while that helps, and not when it fills a full path."""

from rtc.resend import LONG_RTT_S, REPEAT_S, SHARE, TOO_OLD_S, TWIN_SHARE, ResendBudget


class Clock:
    now = 100.0


def stream(packets: int = 100) -> tuple[ResendBudget, Clock]:
    clock = Clock()
    budget = ResendBudget()
    for sequence in range(packets):
        clock.now += 0.002
        budget.sent(sequence, 1000, clock.now)
    return budget, clock


def test_a_lost_packet_is_sent_again_once_a_round_trip() -> None:
    budget, clock = stream()
    assert budget.admit(99, clock.now, rtt_s=0.1)
    assert not budget.admit(99, clock.now, rtt_s=0.1)
    clock.now += 0.11
    assert budget.admit(99, clock.now, rtt_s=0.1)


def test_a_path_that_has_just_become_long_is_known_by_how_late_it_asks() -> None:
    budget, clock = stream()
    clock.now += 0.4
    assert budget.admit(99, clock.now, rtt_s=0.01)
    clock.now += 0.15
    assert not budget.admit(99, clock.now, rtt_s=0.01), "the answer is still on its way"
    clock.now += 0.1
    assert budget.admit(99, clock.now, rtt_s=0.01)


def test_on_a_long_way_a_few_repeats_go_twice() -> None:
    budget, _ = stream()
    assert not budget.admit_twin(1000, rtt_s=LONG_RTT_S / 2)
    assert not budget.admit_twin(1000, rtt_s=None)
    twins = [budget.admit_twin(1000, rtt_s=2 * LONG_RTT_S) for _ in range(100)]
    assert 0 < sum(twins) <= TWIN_SHARE * 100


def test_a_key_frame_that_was_asked_for_finds_the_share_whole() -> None:
    budget, clock = stream()
    clock.now += 0.01
    assert any(not budget.admit(sequence, clock.now, rtt_s=0.01) for sequence in range(100)), "the share is used up"
    budget.begin_anew()
    assert budget.admit(99, clock.now, rtt_s=0.01)


def test_without_a_known_round_trip_there_is_a_pause_all_the_same() -> None:
    budget, clock = stream()
    assert budget.admit(99, clock.now, rtt_s=None)
    clock.now += REPEAT_S / 2
    assert not budget.admit(99, clock.now, rtt_s=None)


def test_a_picture_too_old_to_be_shown_is_not_sent_again() -> None:
    budget, clock = stream()
    clock.now += TOO_OLD_S
    assert not budget.admit(5, clock.now, rtt_s=0.02)


def test_what_was_never_sent_or_is_overwritten_is_not_sent_again() -> None:
    budget, clock = stream(600)
    assert not budget.admit(60_000, clock.now, rtt_s=0.02)
    assert not budget.admit(10, clock.now, rtt_s=0.02)


def test_all_repeats_together_stay_within_a_share_of_what_is_sent() -> None:
    budget, clock = stream()
    asked = repeated = 0
    for round_ in range(20):
        clock.now += 0.035
        budget.sent(1000 + round_, 1000, clock.now)
        for sequence in range(100):
            asked += 1
            repeated += budget.admit(sequence, clock.now, rtt_s=0.02)
    assert asked == 2000
    assert 0 < repeated <= SHARE * 120 + 2
