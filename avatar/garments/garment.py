"""A garment as arrays: what designs make, what intake reads, what is dressed onto bodies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar.body_arrays import Sex
from avatar.charts import BodyChart, GarmentChart, Kind
from avatar.garments.fabric import Material

Float = NDArray[np.float64]
Indices = NDArray[np.int64]
# What is worn over what: a top goes over a bottom unless it is tucked in, a jacket over both.
LAYER: dict[Kind, int] = {"bottom": 0, "skirt": 0, "dress": 1, "top": 1, "jacket": 2}


@dataclass(frozen=True)
class Part:
    """Triangles (F, 3) of one material."""

    name: str
    faces: Indices
    material: Material


@dataclass(frozen=True)
class Garment:
    """Modelled on the published base body of `base` in its A-pose; metres, origin at the pelvis joint.

    points (N, 3); uv (N, 2) for `Material.texture`, already divided by the tile; shade (N,) 0..1, light that reaches a
    point; main (N,): which points are cloth that hangs; the others (buttons, stitches) ride on it.
    """

    name: str
    kind: Kind
    base: Sex
    points: Float
    uv: Float
    shade: Float
    parts: Sequence[Part]
    main: NDArray[np.bool_]
    chart: GarmentChart | None
    body_chart: BodyChart | None = None

    @property
    def faces(self) -> Indices:
        """All triangles (F, 3)."""
        return np.concatenate([part.faces for part in self.parts])


def welded(points: Float, within_m: float = 2e-5) -> tuple[Indices, Indices]:
    """(place, first): for every point the number of its place, and for every place one of its points."""
    keys = np.round(points / within_m).astype(np.int64)
    _, first, place = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return place.reshape(-1), first
