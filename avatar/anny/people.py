"""Sample adults from Anny's shape space with stature and body mass index drawn, not left to chance.

Anny's phenotypes are not centimetres and kilograms: `weight` and `muscle` interact, and a body mass index above 25 is
only found at low muscle. So each person is drawn with a stature and an index, and `height`, `weight` and if need be
`muscle` are solved for them on the mesh.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar.anny.shapes import RACES, ShapeSpace

DENSITY_KG_M3 = 985.0  # whole body, lungs half full; the figure SHAPY uses
_SOLVE_STEPS = 7  # halvings; what they leave of the index, some 0.3, is as random as the rest


@dataclass(frozen=True)
class Recipe:
    """How people are drawn. `local_sd`: spread of each local change of the shape space, in its own units (-1..1)."""

    stature_female_m: tuple[float, float]
    stature_male_m: tuple[float, float]
    bmi_median: float
    bmi_log_sd: float
    bmi_range: tuple[float, float]
    age_range: tuple[float, float]
    local_sd: NDArray[np.float64]
    local_clip: float = 1.0


@dataclass(frozen=True)
class People:
    """Vertices (N, V, 3) metres in the rest pose; female (N,) 0..1; stature (N,) m; mass (N,) kg."""

    vertices: NDArray[np.float32]
    female: NDArray[np.float64]
    stature_m: NDArray[np.float64]
    mass_kg: NDArray[np.float64]


def mesh_volume(vertices: NDArray[np.float32], triangles: NDArray[np.int64]) -> NDArray[np.float64]:
    """Volume (...,) in cubic metres of closed meshes (..., V, 3), by the divergence theorem."""
    x, y, z = (vertices[..., axis][..., triangles] for axis in range(3))
    signed = (
        x[..., 0] * (y[..., 1] * z[..., 2] - z[..., 1] * y[..., 2])
        + y[..., 0] * (z[..., 1] * x[..., 2] - x[..., 1] * z[..., 2])
        + z[..., 0] * (x[..., 1] * y[..., 2] - y[..., 1] * x[..., 2])
    )
    return np.asarray(signed.sum(-1, dtype=np.float64) / 6.0)


def draw(
    space: ShapeSpace,
    recipe: Recipe,
    female: NDArray[np.float64],
    *,
    triangles: NDArray[np.int64],
    skin_vertices: int,
    rng: np.random.Generator,
) -> People:
    """People of the given sexes (N,) 0..1. `triangles`, `skin_vertices`: the outer surface."""
    count = len(female)
    mean = np.where(female > 0.5, recipe.stature_female_m[0], recipe.stature_male_m[0])
    spread = np.where(female > 0.5, recipe.stature_female_m[1], recipe.stature_male_m[1])
    stature = mean + spread * rng.standard_normal(count).clip(-2.6, 2.6)
    bmi = np.exp(np.log(recipe.bmi_median) + recipe.bmi_log_sd * rng.standard_normal(count)).clip(*recipe.bmi_range)
    muscle = (0.47 - 0.1 * female + 0.1 * rng.standard_normal(count)).clip(0.05, 0.9)
    traits = {
        "gender": female,
        "age": rng.uniform(*recipe.age_range, count),
        "proportions": rng.normal(0.5, 0.2, count).clip(0, 1),
        "cupsize": rng.normal(0.5, 0.2, count).clip(0, 1),
        "firmness": rng.normal(0.5, 0.2, count).clip(0, 1),
    }
    races = rng.dirichlet(np.ones(len(RACES)), count) + 1e-3
    local = rng.standard_normal((count, len(recipe.local_sd))) * recipe.local_sd
    local = local.clip(-recipe.local_clip, recipe.local_clip)

    def shape(
        height: NDArray[np.float64], girth: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
        """Vertices, stature and mass; `girth` first raises the weight, from 1 on lowers muscle, from 2 on both."""
        heavy = -0.2 + 1.35 * girth.clip(0, 1) + 0.6 * (girth - 2).clip(0, None)
        strong = muscle * (1 - (girth - 1).clip(0, 1))
        solved = {"height": height, "weight": heavy, "muscle": strong}
        vertices = space.vertices(space.weights(traits | solved, races, local))
        tall = np.ptp(vertices[:, :skin_vertices, 1], axis=1).astype(np.float64)
        return vertices, tall, mesh_volume(vertices, triangles) * DENSITY_KG_M3

    height, girth = np.full(count, 0.4), np.full(count, 0.6)
    low, high = np.zeros(count), np.full(count, 3.0)
    for _ in range(_SOLVE_STEPS):
        _, tall, mass = shape(height, girth)
        height = height + (stature - tall) / 1.09  # Anny's height phenotype spans 1.09 m from 0 to 1
        heavier = mass / stature**2 < bmi
        low, high = np.where(heavier, girth, low), np.where(heavier, high, girth)
        girth = 0.5 * (low + high)
    vertices, tall, mass = shape(height, girth)
    return People(vertices, female, tall, mass)
