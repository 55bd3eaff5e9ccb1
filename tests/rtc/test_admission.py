"""Under load frame rate gives way first, then detail, then newcomers wait; when it falls all of it comes back."""

import itertools
from dataclasses import dataclass, replace

from rtc.admission import FULL, LEVELS, Admission, Level, Load


@dataclass
class Machine:
    """A node whose load follows from how many it serves and at which level, a second a tick."""

    admission: Admission
    work_ms: float = 11.0
    fps: float = 24.0
    sessions: int = 0
    beside: float = 0.0  # what else makes the worker busy
    lag_ms: float = 1.0
    core: float = 0.6
    now: float = 0.0

    def busy(self, level: Level) -> float:
        worked = self.fps if level.fps is None else min(self.fps, level.fps)
        rendering = self.work_ms * 0.25 * level.detail + self.work_ms * 0.75
        return self.beside + self.sessions * (self.fps * 1.5 + worked * rendering) / 1000

    def run(self, seconds: int) -> list[int]:
        """The levels it went through, by how many were given up."""
        seen = []
        for _ in range(seconds):
            self.now += 1
            level, flowing = self.admission.level, self.sessions
            load = Load(
                sessions=self.sessions,
                flowing=flowing,
                busy=min(1.0, self.busy(level)),
                core=self.core,
                lag_ms=self.lag_ms,
                frames_in=self.fps * self.sessions,
                decode_ms=1.5 if flowing else 0.0,
                work_ms=self.work_ms if flowing else 0.0,
                other_ms=1.0 if flowing else 0.0,
            )
            self.admission.look(load, self.now)
            seen.append(self.admission.steps_down)
        return seen


def test_an_idle_node_serves_everything_in_full() -> None:
    machine = Machine(Admission(), sessions=1)
    assert set(machine.run(30)) == {0}
    assert machine.admission.level == Level(None, 1.0)


def test_frame_rate_gives_way_before_detail_and_both_before_a_newcomer_waits() -> None:
    rates = [level.fps or 99 for level in LEVELS]
    details = [level.detail for level in LEVELS]
    assert rates == sorted(rates, reverse=True)
    assert details == sorted(details, reverse=True)
    first_detail = next(i for i, detail in enumerate(details) if detail < 1)
    assert rates[first_detail - 1] == rates[-1], "detail goes only when no more frame rate can"
    machine = Machine(Admission())
    machine.run(1)
    while machine.admission.capacity(machine.sessions) > machine.sessions:
        machine.sessions += 1
        machine.run(20)
    assert machine.admission.steps_down > 0
    assert machine.busy(machine.admission.level) <= FULL
    assert machine.busy(LEVELS[0]) > FULL, "more are served than would be at the full rate"


def test_newcomers_make_way_at_once_without_an_overload_first() -> None:
    machine = Machine(Admission(), sessions=1)
    machine.run(30)
    machine.sessions = 4
    assert machine.run(1) == [2]


def test_an_overload_that_passes_changes_nothing() -> None:
    machine = Machine(Admission(), sessions=1)
    machine.run(20)
    machine.beside = 0.8
    assert machine.run(2) == [0, 0]
    machine.beside = 0.0
    assert set(machine.run(20)) == {0}


def test_an_overload_that_lasts_goes_down_level_by_level_and_then_nobody_more_comes_in() -> None:
    machine = Machine(Admission(), sessions=1)
    machine.run(20)
    machine.beside = 0.8
    seen = machine.run(30)
    assert seen == sorted(seen)
    assert set(seen) == {0, 1, 2, 3, 4}
    assert machine.admission.capacity(1) == 1


def test_a_late_event_loop_counts_as_an_overload() -> None:
    machine = Machine(Admission(), sessions=1)
    machine.run(10)
    machine.lag_ms = 40.0
    assert machine.run(10)[-1] > 0


def test_a_loop_that_is_late_because_of_others_costs_nobody_a_picture() -> None:
    """Whose process itself does little: fewer pictures would make the loop no more punctual."""
    machine = Machine(Admission(), sessions=1, lag_ms=40.0, core=0.35)
    assert set(machine.run(60)) == {0}
    machine.beside = 0.8  # so starved that its pictures wait for each other
    assert machine.run(10)[-1] > 0
    machine.beside = 0.0
    assert machine.run(60)[-1] == 0, "and back, though the loop is as late as before"


def test_when_the_load_falls_everything_comes_back() -> None:
    machine = Machine(Admission(), sessions=1, beside=0.8)
    machine.run(40)
    machine.beside = 0.0
    seen = machine.run(60)
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] == 0
    assert machine.admission.capacity(1) > 1


def test_an_empty_node_has_nothing_given_way_on_a_machine_that_does_other_things() -> None:
    machine = Machine(Admission(), sessions=1, lag_ms=80.0)
    machine.run(40)
    assert machine.admission.capacity(1) == 1
    machine.sessions = 0
    assert machine.run(1) == [0]
    assert machine.admission.capacity(0) > 1


def test_a_step_up_that_proves_wrong_is_tried_ever_more_rarely() -> None:
    machine = Machine(Admission(), sessions=2)
    machine.run(10)
    machine.beside = 0.35  # unseen by what one session costs: too much at the full rate, little at the next
    early = machine.run(60)
    machine.run(200)
    late = machine.run(60)
    assert changes(early) > 4
    assert changes(late) <= 2


def changes(levels: list[int]) -> int:
    return sum(a != b for a, b in itertools.pairwise(levels))


def test_capacity_follows_what_a_session_costs() -> None:
    cheap, dear = Machine(Admission(), work_ms=5.0, sessions=1), Machine(Admission(), work_ms=40.0, sessions=1)
    cheap.run(60)
    dear.run(60)
    assert cheap.admission.capacity(1) > 6
    assert dear.admission.capacity(1) == 1


def test_a_setting_caps_it_and_one_is_always_taken() -> None:
    capped = Machine(Admission(most=2), work_ms=2.0, sessions=1)
    capped.run(60)
    assert capped.admission.capacity(1) == 2
    hopeless = Machine(Admission(), work_ms=500.0, sessions=1)
    hopeless.run(60)
    assert hopeless.admission.capacity(0) == 1
    assert Admission(most=3, least=3).capacity(0) == 3


def test_a_process_with_less_than_a_core_takes_fewer() -> None:
    whole, half = Machine(Admission(), sessions=1), Machine(Admission(cores=0.5), sessions=1)
    whole.run(60)
    half.run(60)
    assert half.admission.capacity(1) < whole.admission.capacity(1)


def test_without_measurements_nothing_is_learnt() -> None:
    admission = Admission()
    before = admission.cost
    nothing = Load(1, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    admission.look(nothing, 1.0)
    admission.look(replace(nothing, flowing=1), 2.0)
    assert admission.cost == before
