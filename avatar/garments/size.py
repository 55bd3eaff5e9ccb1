"""A garment in one of its sizes: the surface its cloth would have if nothing pulled at it, on the base body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar.body_arrays import BodyArrays
from avatar.errors import GarmentInvalid
from avatar.garments.drape import Base
from avatar.garments.garment import Garment
from avatar.garments.grade import Place, lengthened, limb_levels, stretched
from avatar.measure import Tape

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Levels:
    """Heights (m, from the pelvis joint) of a body at which a trunk is measured."""

    bust: float
    waist: float
    hip: float


def levels_of(arrays: BodyArrays, tape: Tape) -> Levels:
    """The levels of a model's average body."""
    read = tape.measure(arrays.template)
    floor = float(arrays.template[np.unique(arrays.faces), 1].min())
    bust = float(np.mean([arrays.template[arrays.landmarks[f"bust_{side}"], 1].mean() for side in ("left", "right")]))
    return Levels(bust, floor + read["waist_height"] / 100, floor + read["hip_height"] / 100)


def sized(garment: Garment, size: str | None, points: Float, place: Place, *, base: Base, levels: Levels) -> Float:
    """Cloth points (N, 3) of the garment as they would be in a size. Raises GarmentInvalid for an unknown size."""
    chart = garment.chart
    if chart is None or size is None or size == chart.modelled:
        if chart is None and size is not None:
            raise GarmentInvalid("garment-size-unknown", "the garment has no size chart")
        return points
    if size not in chart.sizes:
        raise GarmentInvalid("garment-size-unknown", f"sizes are {', '.join(chart.sizes)}")
    row, modelled = chart.sizes[size], chart.sizes[chart.modelled]
    trunk_place = points[place.arm < 0.5]
    top, bottom = float(trunk_place[:, 1].max()), float(trunk_place[:, 1].min())
    heights = {"chest": levels.bust, "waist": min(levels.waist, top), "hip": levels.hip, "hem": bottom}
    trunk = {height: row[name] / modelled[name] for name, height in heights.items() if name in row}
    if "shoulder" in row:
        # Between chest and neck a size grows as its shoulders do.
        trunk[base.joint("left_shoulder")[1]] = row["shoulder"] / modelled["shoulder"]
    arm, leg = limb_levels(row, modelled)
    moved = stretched(points, place, base, trunk=trunk, arm=arm, leg=leg, skirt=garment.kind != "bottom")
    if "sleeve" in row:
        moved = moved + _longer_sleeves(place, base, (row["sleeve"] - modelled["sleeve"]) / 100)
    if "length" in row:
        upper = min(levels.bust, top - 0.02)
        moved = lengthened(moved, upper, bottom, (row["length"] - modelled["length"]) / 100)
    if "inside_leg" in row:
        moved = lengthened(moved, levels.hip - 0.06, bottom, (row["inside_leg"] - modelled["inside_leg"]) / 100)
    return moved


def _longer_sleeves(place: Place, base: Base, extra_m: float) -> Float:
    longest = max(float(place.along_arm[place.arm > 0.5].max(initial=0.0)), 1e-6)
    share = place.arm.clip(0, 1) * (place.along_arm / longest).clip(0, 1)
    axis = np.zeros((len(share), 3))
    for sign, side in ((1.0, "left"), (-1.0, "right")):
        bone = base.joint(f"{side}_elbow") - base.joint(f"{side}_shoulder")
        axis[place.side == sign] = bone / np.linalg.norm(bone)
    return np.asarray(share[:, None] * extra_m * axis)
