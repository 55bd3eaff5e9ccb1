"""A maker of bodies that a test holds up: it hands in a real body, but not before a file says so.

Its folder of models holds `made.pickle` (a `avatar.build.Built`). Each attempt leaves a file `begun-<process id>-<n>`
and then waits for `go`; with `crash` in the folder it ends the process instead, as a decoder might.
"""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from avatar.errors import EngineFailed, PhotoUnsuitable


class Latched:
    """Does as the files in its folder say."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._begun = 0

    def build(self, request: Any, on_stage: Callable[[str, float], None]) -> Any:
        self._begun += 1
        (self._folder / f"begun-{os.getpid()}-{self._begun}").write_bytes(request.front)
        if (self._folder / "crash").exists():
            os._exit(139)
        on_stage("looking", 0.0)
        while not (self._folder / "go").exists():
            time.sleep(0.02)
        on_stage("fitting", 0.3)
        if b"nobody" in request.front:
            raise PhotoUnsuitable("nobody", "We could not find anyone.", "front")
        if b"too slow" in request.front:
            raise EngineFailed("engine-too-slow", "the engine ended with -9")
        return pickle.loads((self._folder / "made.pickle").read_bytes())  # noqa: S301  the test's own

    def refit(
        self, betas: Any, measures: Any, corrections_cm: Mapping[str, float], *, sex: str, skin: str | None
    ) -> Any:
        return pickle.loads((self._folder / "made.pickle").read_bytes())  # noqa: S301  the test's own
