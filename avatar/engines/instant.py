"""A body in a moment: picked and blended from a hundred that were made before.

Fifty women and fifty men, spread over stature and girth, are made once when a worker starts. What is told of a person
(stature, perhaps weight) and what is read off the outline in one pass (the trunk's breadth, and from the side its
depth, at five levels between shoulders and hips) is held against theirs, and the nearest are mixed by their likeness.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avatar.body_model import JOINT_NAMES, BodyArrays, Sex, load_arrays
from avatar.engines.engine import Scene
from avatar.measure import Tape
from avatar.reshape import Tailor
from avatar.sighting import HIPS, SHOULDERS, Sighting, View

Float = NDArray[np.float64]
BODIES = 50  # a sex
LEVELS = np.linspace(0.45, 1.05, 5)  # from shoulders (0) to hips (1), below where the arms join the trunk
_DRAWN = 200
_HEIGHT_SIGMA_CM, _MASS_SIGMA_KG = 6.0, 2.5
_SIZE_SIGMA = {"front": 0.008, "side": 0.010}  # of stature
_TRUNK = ("pelvis", "spine1", "spine2", "spine3", "left_hip", "right_hip")


@dataclass(frozen=True)
class Crowd:
    """betas (N, K), height_cm (N,), mass_kg (N,); sizes by view (N, 5): the trunk's breadth or depth over stature."""

    betas: Float
    height_cm: Float
    mass_kg: Float
    sizes: dict[View, Float]


class Instant:
    """Blends bodies."""

    spread = 2.0  # of the one-photo errors: median over all measures, `python -m bench.bodies_instant`

    def __init__(self, models: Path) -> None:
        self._models = models
        self._crowds: dict[Sex, Crowd] = {sex: crowd(load_arrays(models, sex)) for sex in ("female", "male")}

    def shape(self, scene: Scene, sex: Sex) -> Float:
        """Betas (K,) of our model of that sex."""
        if sex not in self._crowds:
            self._crowds[sex] = crowd(load_arrays(self._models, sex))
        people = self._crowds[sex]
        scene.on_share(0.5)
        apart = ((people.height_cm - scene.height_cm) / _HEIGHT_SIGMA_CM) ** 2
        if scene.weight_kg is not None:
            apart = apart + ((people.mass_kg - scene.weight_kg) / _MASS_SIGMA_KG) ** 2
        for view, seen in scene.sightings.items():
            read = trunk_sizes(seen)
            known = np.isfinite(read)
            strays = (people.sizes[view][:, known] - read[known]) / _SIZE_SIGMA[view]
            apart = apart + (strays**2).sum(1)
        return _blend(people.betas, apart)

    def close(self) -> None:
        """The bodies are small."""


def _blend(betas: Float, apart: Float) -> Float:
    """The mean of bodies (N, K), each by its likeness; the scale is such that some four of them count."""
    nearest = np.sort(apart)
    scale = max(float(nearest[4] - nearest[0]), 1.0)
    weight = np.exp(-(apart - nearest[0]) / scale)
    return np.asarray(weight @ betas / weight.sum(), np.float64)


def crowd(arrays: BodyArrays) -> Crowd:
    """Fifty bodies of one model, as unlike each other in stature and mass as chance offers; the same each time."""
    tape = Tape(arrays)
    tailor = Tailor(arrays, tape)
    skin = np.unique(arrays.faces)
    drawn = np.random.default_rng(50).normal(size=(_DRAWN, arrays.betas)).clip(-3, 3)
    height = np.ptp(arrays.template[skin, 1] + drawn @ arrays.shapedirs[skin, 1].T, axis=1) * 100
    mass = np.array([tape.mass_kg(tailor.vertices(betas)) for betas in drawn])
    chosen = _far_apart(np.stack([height / height.std(), np.log(mass) / np.log(mass).std()], 1), BODIES)
    bodies = [tailor.vertices(betas).astype(np.float64) for betas in drawn[chosen]]
    sizes = [_own_sizes(arrays, body) for body in bodies]
    return Crowd(
        drawn[chosen],
        height[chosen],
        mass[chosen],
        {view: np.stack([size[view] for size in sizes]) for view in ("front", "side")},
    )


def _far_apart(points: Float, count: int) -> NDArray[np.int64]:
    """Indices of points (N, D), the first near the middle, each next one farthest from those chosen before."""
    chosen = [int(((points - points.mean(0)) ** 2).sum(1).argmin())]
    apart = np.full(len(points), np.inf)
    while len(chosen) < count:
        apart = np.minimum(apart, ((points - points[chosen[-1]]) ** 2).sum(1))
        chosen.append(int(apart.argmax()))
    return np.array(chosen)


def _own_sizes(arrays: BodyArrays, body: Float) -> dict[View, Float]:
    """Breadth and depth (5,) of a body's trunk at the levels, over its stature."""
    joints = arrays.joint_regressor @ body
    shoulder, hip = (
        np.mean([joints[JOINT_NAMES.index(f"{side}_{name}"), 1] for side in ("left", "right")])
        for name in ("shoulder", "hip")
    )
    part = arrays.weights.argmax(1)
    skin = np.unique(arrays.faces)
    trunk = body[skin[np.isin(part[skin], [JOINT_NAMES.index(name) for name in _TRUNK])]]
    stature = np.ptp(body[skin, 1])
    band = 0.012 * stature
    sizes: dict[View, Float] = {}
    for view, axis in (("front", 0), ("side", 2)):
        read = []
        for level in shoulder + LEVELS * (hip - shoulder):
            near = trunk[np.abs(trunk[:, 1] - level) < band, axis]
            read.append(np.ptp(near) / stature if len(near) > 1 else np.nan)
        sizes[view] = np.array(read)  # type: ignore[index]
    return sizes


def trunk_sizes(seen: Sighting) -> Float:
    """Breadth (5,) of the outline's run about the trunk's middle at the levels, over the person's height; NaN unseen.

    Arms beside the trunk are runs of their own, since photos with arms against the body are refused.
    """
    shoulder, hip = (seen.landmarks[list(pair)].mean(0) for pair in (SHOULDERS, HIPS))
    read = []
    for share in LEVELS:
        x, y = np.rint(shoulder + share * (hip - shoulder)).astype(int)
        height, width = seen.mask.shape
        if not (0 <= y < height and 0 <= x < width and seen.mask[y, x] > 0.5):
            read.append(np.nan)
            continue
        row = seen.mask[y] > 0.5
        left, right = np.flatnonzero(~row[:x]), np.flatnonzero(~row[x:])
        edges = (left[-1] if len(left) else -1, x + right[0] if len(right) else width)
        read.append((edges[1] - edges[0] - 1) / seen.tall_px)
    return np.array(read)
