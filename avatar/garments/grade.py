"""Garment girths by zone: where on a garment each dimension of its chart lies, and the same garment in another size.

Zones are tubes: the trunk about a vertical axis, each arm and leg about its bones. A size differs from the one that was
modelled by how far round and how long each tube is, interpolated between the levels a chart names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar.garments.drape import Base

Float = NDArray[np.float64]
UP = np.array([0.0, 1.0, 0.0])
# Where along a limb's first bone, or along both (1 is the end of the first), a girth is taken.
_ARM_LEVELS = {"upper_arm": 0.5, "cuff": 1.96}
_LEG_LEVELS = {"thigh": 0.25, "knee": 1.0, "leg_hem": 1.9}


@dataclass(frozen=True)
class Place:
    """Where points of a garment are on the body: fields (N,) as `Base` has them; side, +1 left or -1 right."""

    arm: Float
    along_arm: Float
    leg: Float
    along_leg: Float
    side: Float


def place_of(values: Mapping[str, Float], points: Float) -> Place:
    """The place of points whose fields were carried along from the body."""
    side = np.where(points[:, 0] >= 0, 1.0, -1.0)
    return Place(values["arm"], values["along_arm"], values["leg"], values["along_leg"], side)


def stretched(
    points: Float,
    place: Place,
    base: Base,
    *,
    trunk: Mapping[float, float],
    arm: Mapping[float, float],
    leg: Mapping[float, float],
    skirt: bool,
) -> Float:
    """Points with their tubes made wider: factors of girth by level (height m; share of the limb's bones).

    A tube with no level keeps its girth. `skirt`: what hangs below the crotch belongs to the trunk's tube.
    """
    moved = points
    limbs = place.arm if skirt else np.maximum(place.arm, _below_crotch(place, base, points))
    if trunk:
        factor = _interpolated(points[:, 1], trunk)
        centre = _axis(points, base)
        moved = centre + (moved - centre) * np.stack([factor, np.ones_like(factor), factor], 1)
        moved = points + (moved - points) * (1 - limbs.clip(0, 1))[:, None]
    for share, along, bones, levels in (
        (place.arm, place.along_arm, ("shoulder", "elbow", "wrist"), arm),
        (_below_crotch(place, base, points), place.along_leg, ("hip", "knee", "ankle"), leg),
    ):
        if levels and not (skirt and levels is leg):
            moved = moved + _limb(points, share, along, bones=bones, levels=levels, base=base, side=place.side)
    return moved


def _below_crotch(place: Place, base: Base, points: Float) -> Float:
    """How much points belong to a leg rather than to the seat: 0 at the hip joint, 1 some way below."""
    hip = base.joint("left_hip")[1]
    return np.asarray(place.leg.clip(0, 1) * np.interp(hip - points[:, 1], [0.02, 0.14], [0.0, 1.0]))


def _axis(points: Float, base: Base) -> Float:
    """The trunk's axis at the height of each point (N, 3)."""
    names = ("pelvis", "spine2", "spine3", "neck")
    heights = [base.joint(name)[1] for name in names]
    # Through the middle of the body, which lies before the spine.
    depth = [0.01, 0.02, 0.015, 0.0]
    return np.stack([np.zeros(len(points)), points[:, 1], np.interp(points[:, 1], heights, depth)], 1)


def _limb(
    points: Float,
    share: Float,
    along: Float,
    *,
    bones: tuple[str, str, str],
    levels: Mapping[float, float],
    base: Base,
    side: Float,
) -> Float:
    """How far (N, 3) to move points for the girth factors of one kind of limb."""
    change = np.zeros_like(points)
    for sign, name in ((1.0, "left"), (-1.0, "right")):
        a, b, c = (base.joint(f"{name}_{bone}") for bone in bones)
        first, second = np.linalg.norm(b - a), np.linalg.norm(c - b)
        place = np.where(along < first, along / first, 1 + (along - first) / second)
        lower = np.interp(place, [0.85, 1.15], [0.0, 1.0])[:, None]
        axis = (b - a) / first * (1 - lower) + (c - b) / second * lower
        axis /= np.linalg.norm(axis, axis=1, keepdims=True)
        start = a * (1 - lower) + b * lower
        arm = points - start
        square = arm - np.einsum("nx,nx->n", arm, axis)[:, None] * axis
        factor = _interpolated(place, levels) - 1
        change += np.where(side == sign, factor * share.clip(0, 1), 0.0)[:, None] * square
    return change


def _interpolated(at: Float, levels: Mapping[float, float]) -> Float:
    order = sorted(levels)
    return np.interp(at, order, [levels[level] for level in order])


def lengthened(points: Float, top: float, bottom: float, extra_m: float) -> Float:
    """Points with what lies between the heights `top` and `bottom` made longer; what lies lower moves down whole."""
    share = ((top - points[:, 1]) / max(top - bottom, 1e-6)).clip(0, 1)
    return np.asarray(points - share[:, None] * extra_m * UP)


def limb_levels(
    row: Mapping[str, float], modelled: Mapping[str, float]
) -> tuple[dict[float, float], dict[float, float]]:
    """Factors of girth by level of the arms and of the legs, from two rows of a chart."""

    def factors(levels: Mapping[str, float]) -> dict[float, float]:
        return {at: row[name] / modelled[name] for name, at in levels.items() if name in row}

    return factors(_ARM_LEVELS), factors(_LEG_LEVELS)
