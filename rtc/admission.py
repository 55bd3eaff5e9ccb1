"""How much a media node takes on, and what gives way when it has too much: first pictures a second, then the
sharpness of the products, and only then are new shoppers asked to wait.

Pure: measurements and a clock go in, a level and a number of places come out.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Level:
    """How running sessions are served. fps: pictures a second at most, None for all that come. detail: the sharpness
    at which products are drawn, 1 being full."""

    fps: int | None
    detail: float


LEVELS = (Level(None, 1.0), Level(20, 1.0), Level(15, 1.0), Level(15, 0.75), Level(15, 0.5))

FULL = 0.85  # a worker that is busier lets frames wait for each other
CORE_FULL = 0.95
LAG_FULL_MS = 25.0
OWN_CORE = 0.5  # of its cores; below it a late event loop is others' doing, and giving way would not help it
EASY = 0.7  # a step back up must leave this much to spare
LAG_EASY_MS = 10.0
OVERLOAD_S = 2.0  # an overload has to last before a level is given up: a product's first frame takes long once
SETTLE_S = 3.0  # before the next step down, for the last one to show
EASE_S = 5.0  # and before a step up
MOST_EASE_S = 80.0
FOLLOWING = 0.25


@dataclass(frozen=True)
class Load:
    """What a node measured since the last look, about a second ago.

    sessions: all. flowing: those whose frames came throughout. busy: the part of the frame worker's time in use.
    core: CPU time used, over what the process may use. lag_ms: how late nine of ten wake-ups of the event loop are
    at most. frames_in: frames a second that came in, over all sessions. decode_ms: for each of those. work_ms: the
    rest of what the worker does, for each frame that it works on. other_ms: CPU beside the worker, for each frame
    that came in. The three are 0 where nothing was measured.
    """

    sessions: int
    flowing: int
    busy: float
    core: float
    lag_ms: float
    frames_in: float
    decode_ms: float
    work_ms: float
    other_ms: float


@dataclass(frozen=True)
class Cost:
    """What one session costs: its frames a second, and milliseconds as in `Load`."""

    fps: float = 24.0
    decode_ms: float = 1.5
    work_ms: float = 11.0
    other_ms: float = 2.5

    def worker(self, level: Level) -> float:
        """The part of the worker's time that one session takes at this level. A lower detail is taken to save
        nothing, so that it is to spare."""
        worked = self.fps if level.fps is None else min(self.fps, level.fps)
        return (self.fps * self.decode_ms + worked * self.work_ms) / 1000

    def core(self, level: Level) -> float:
        """The part of a core that one session takes at this level."""
        return self.worker(level) + self.fps * self.other_ms / 1000

    def towards(self, seen: Cost) -> Cost:
        """A step from what was known to what was just seen."""

        def between(known: float, new: float) -> float:
            return known + FOLLOWING * (new - known)

        return Cost(
            between(self.fps, seen.fps),
            between(self.decode_ms, seen.decode_ms),
            between(self.work_ms, seen.work_ms),
            between(self.other_ms, seen.other_ms),
        )


class Admission:
    """One node's policy.

    most: never more sessions than this. least: always as many as this, whatever the load. cores: what the process
    may fill.
    """

    def __init__(self, *, most: int | None = None, least: int = 1, cores: float = 1.0) -> None:
        self._most = most
        self._least = least if most is None else min(least, most)
        self._cores = cores
        self._index = 0
        self._sessions = 0
        self._overloaded_since: float | None = None
        self._easy_since: float | None = None
        self._stepped_at = float("-inf")
        self._ease_s = EASE_S
        self._rose_at = float("-inf")
        self._exhausted = False
        self.cost = Cost()

    @property
    def level(self) -> Level:
        """How running sessions are to be served now."""
        return LEVELS[self._index]

    @property
    def steps_down(self) -> int:
        """How many levels have been given up."""
        return self._index

    def capacity(self, sessions: int) -> int:
        """Sessions that the node takes in all, when it has so many now."""
        lowest = LEVELS[-1]
        measured = min(
            FULL / max(self.cost.worker(lowest), 1e-3), CORE_FULL * self._cores / max(self.cost.core(lowest), 1e-3)
        )
        places = min(int(measured), sessions) if self._exhausted else int(measured)
        return max(self._least, places if self._most is None else min(places, self._most))

    def look(self, load: Load, now: float) -> None:
        """Take note of a measurement, and step down or up. now: seconds of any clock that only goes forward."""
        self._learn(load)
        if load.sessions > self._sessions:
            self._make_way(load.sessions, now)
        self._sessions = load.sessions
        if load.sessions == 0:
            self._rest()
            return
        if self._is_over(load):
            self._easy_since = None
            self._overloaded_since = now if self._overloaded_since is None else self._overloaded_since
            if now - self._overloaded_since >= OVERLOAD_S and now - self._stepped_at >= SETTLE_S:
                self._step_down(now)
            return
        self._overloaded_since = None
        self._exhausted = False
        if self._index == 0 or not self._is_easy(load):
            self._easy_since = None
            return
        self._easy_since = now if self._easy_since is None else self._easy_since
        if now - self._easy_since >= self._ease_s:
            self._step_up(now)

    def _learn(self, load: Load) -> None:
        if load.flowing == 0 or load.work_ms == 0 or load.frames_in == 0:
            return
        seen = Cost(load.frames_in / load.flowing, load.decode_ms, load.work_ms, load.other_ms)
        self.cost = self.cost.towards(seen)

    def _rest(self) -> None:
        """Where nobody is served nobody gives way, whatever else the machine does."""
        self._index, self._exhausted = 0, False
        self._overloaded_since = self._easy_since = None

    def _make_way(self, sessions: int, now: float) -> None:
        """Those who came are served from the start at a level that holds them all, without an overload first."""
        while self._index < len(LEVELS) - 1 and self._expected(sessions, self.level) > FULL:
            self._index += 1
            self._stepped_at = now
            self._easy_since = None

    def _expected(self, sessions: int, level: Level) -> float:
        """How full the node would be: of its worker's time or of its cores, whichever is scarcer."""
        core = sessions * self.cost.core(level) / self._cores * FULL / CORE_FULL
        return max(sessions * self.cost.worker(level), core)

    def _is_over(self, load: Load) -> bool:
        return load.busy > FULL or load.core > CORE_FULL or (load.lag_ms > LAG_FULL_MS and load.core > OWN_CORE)

    def _is_easy(self, load: Load) -> bool:
        above = LEVELS[self._index - 1]
        in_time = load.lag_ms < LAG_EASY_MS or load.core < OWN_CORE
        return in_time and self._expected(load.sessions, above) < EASY

    def _step_down(self, now: float) -> None:
        if self._index == len(LEVELS) - 1:
            self._exhausted = True
            return
        if now - self._rose_at < 2 * EASE_S:  # the last step up was one too many: wait longer before the next
            self._ease_s = min(2 * self._ease_s, MOST_EASE_S)
        self._index += 1
        self._stepped_at = now

    def _step_up(self, now: float) -> None:
        if now - self._rose_at > 2 * MOST_EASE_S:
            self._ease_s = EASE_S
        self._index -= 1
        self._rose_at = self._stepped_at = now
        self._easy_since = None
