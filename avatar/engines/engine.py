"""What an engine is given and gives back, and the one that was configured.

`instant`; `hmr2:/folder`, `mhr:/folder`: regressors whose weights the operator brings; `command:/program words`: a
program in an environment of its own. Our own fit needs no engine. The photos have passed `avatar.checks` before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from avatar.adopt import Adopter
from avatar.body_model import Sex, load_arrays
from avatar.errors import EngineUnavailable
from avatar.photo import Photo
from avatar.sighting import Sighting, View

Float = NDArray[np.float64]
NO_ENGINE = "own"


@dataclass(frozen=True)
class Scene:
    """Photos and the person found in each, what she stated, and whom to tell the share (0..1) of the engine's work."""

    photos: Mapping[View, Photo]
    sightings: Mapping[View, Sighting]
    height_cm: float
    weight_kg: float | None
    on_share: Callable[[float], None]


class Engine(Protocol):
    """spread: how many times wider its errors are than those stated for our own fit of a front photo."""

    spread: float

    def shape(self, scene: Scene, sex: Sex) -> Float:
        """Betas (K,) of our model of that sex. Raises EngineFailed."""

    def close(self) -> None:
        """Free what it holds."""


class MeshSource(Protocol):
    """An engine that knows meshes of its own."""

    def points(self, scene: Scene) -> Float:
        """Vertices (N, 3) of the person standing, y up, facing z, in any unit. Raises EngineFailed."""

    def close(self) -> None:
        """Free what it holds."""


class Adopting:
    """An engine of a mesh source: our body is laid onto its mesh, so that one tape measures them all."""

    def __init__(self, source: MeshSource, models: Path, spread: float = 1.5) -> None:
        self.spread = spread
        self._source, self._models = source, models
        self._adopters: dict[Sex, Adopter] = {}
        self._seen: tuple[Scene, Float] | None = None

    def shape(self, scene: Scene, sex: Sex) -> Float:
        """Betas (K,) of our model of that sex; the source is asked once a scene. Raises EngineFailed."""
        if self._seen is None or self._seen[0] is not scene:
            self._seen = (scene, self._source.points(scene))
        if sex not in self._adopters:
            self._adopters[sex] = Adopter(load_arrays(self._models, sex))
        return self._adopters[sex].adopt(self._seen[1], scene.height_cm).betas

    def close(self) -> None:
        """Forget the last person and free the source."""
        self._seen = None
        self._source.close()


def engine_from(wanted: str, models: Path, *, seconds: float) -> Engine | None:
    """The engine of a setting's words, None for our own fit. `seconds`: what a command may take.

    Raises EngineUnavailable.
    """
    kind, _, rest = wanted.partition(":")
    if wanted == NO_ENGINE:
        return None
    if wanted == "instant":
        from avatar.engines.instant import Instant  # noqa: PLC0415  each engine's libraries when it is asked for

        return Instant(models)
    if kind == "hmr2" and rest:
        from avatar.engines.hmr2 import Hmr2  # noqa: PLC0415

        return Adopting(Hmr2(Path(rest)), models)
    if kind == "mhr" and rest:
        from avatar.engines.mhr import Mhr  # noqa: PLC0415

        return Adopting(Mhr(Path(rest)), models)
    if kind == "command" and rest:
        from avatar.engines.command import Command  # noqa: PLC0415

        return Adopting(Command(rest, within_s=seconds), models)
    raise EngineUnavailable(f"{wanted!r} is no engine: own, instant, hmr2:/folder, mhr:/folder or command:/program")
