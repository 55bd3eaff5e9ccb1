"""From a cut piece of the body's surface to a hung garment with the girths of its chart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar.garments.cloth import Cloth, Fabric
from avatar.garments.drape import Base, girths, rounded
from avatar.garments.grade import place_of, stretched
from avatar.garments.pattern import Piece
from avatar.section import edges_of

Float = NDArray[np.float64]
_LEVEL = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


@dataclass(frozen=True)
class Girths:
    """What a garment is to measure, metres: on the trunk by height; on arms and legs by share of their bones."""

    trunk: Mapping[float, float]
    arm: Mapping[float, float]
    leg: Mapping[float, float]


def laid_out(piece: Piece, base: Base, wanted: Girths, *, skirt: bool, gap_m: float = 0.006, rounds: int = 60) -> Float:
    """The piece (N, 3) as a smooth surface about the body, wide as wanted, before it falls."""
    points = rounded(piece, base.skin, gap_m=gap_m, rounds=rounds)
    place = place_of(piece.values, points)
    limb = place.arm if skirt else np.maximum(place.arm, place.leg * (points[:, 1] < base.joint("left_hip")[1] - 0.08))
    trunk_faces = piece.faces[(limb[piece.faces] < 0.5).all(1)]
    heights = np.array(list(wanted.trunk))
    found = girths(points, edges_of(trunk_faces), points[:, 1], _LEVEL, heights)
    trunk = _factors(wanted.trunk, found)
    arm = _limb_factors(points, piece, base, wanted.arm, "arm")
    leg = _limb_factors(points, piece, base, wanted.leg, "leg")
    return stretched(points, place, base, trunk=trunk, arm=arm, leg=leg, skirt=skirt)


def _factors(wanted: Mapping[float, float], found: Float) -> dict[float, float]:
    """Factors of girth by level; a level the piece does not reach is left out."""
    return {level: girth / now for (level, girth), now in zip(wanted.items(), found, strict=True) if now > 0.05}


def _limb_factors(
    points: Float, piece: Piece, base: Base, wanted: Mapping[float, float], limb: str
) -> dict[float, float]:
    if not wanted:
        return {}
    bones = ("shoulder", "elbow", "wrist") if limb == "arm" else ("hip", "knee", "ankle")
    a, b, c = (base.joint(f"left_{bone}") for bone in bones)
    first, second = np.linalg.norm(b - a), np.linalg.norm(c - b)
    mine = (piece.values[limb] > 0.5) & (points[:, 0] > 0)
    edges = edges_of(piece.faces[mine[piece.faces].all(1)])
    factors = {}
    for share, girth in wanted.items():
        axis = (b - a) if share <= 1 else (c - b)
        across = np.linalg.svd((axis / np.linalg.norm(axis))[None])[2][1:]
        along = share * first if share <= 1 else first + (share - 1) * second
        now = girths(points, edges, piece.values[f"along_{limb}"], across, np.array([along]))[0]
        if now > 0.05:
            factors[share] = girth / now
    return factors


def hung(
    piece: Piece,
    laid: Float,
    base: Base,
    fabric: Fabric,
    *,
    steps: int,
    held: Float | None = None,
    gravity: float = 0.15,
) -> Float:
    """The laid piece after it has fallen onto the body."""
    cloth = Cloth(len(laid), piece.faces)
    contact = base.skin.contact(laid)
    start = laid + contact.normal * (fabric.gap_m - contact.height)[:, None].clip(0)
    return cloth.settle(
        start, cloth.lengths(laid), base.skin, fabric, steps=steps, rounds=8, gravity=gravity, held=held
    )


def fading(distance: Float, whole_m: float, none_m: float) -> Float:
    """1 up to `whole_m`, 0 from `none_m` on."""
    return np.interp(distance, [whole_m, none_m], [1.0, 0.0])
