"""Finds how an uploaded pair of glasses stands: which way is up, which way is front, how large, where the bridge is.

Shops' files come in any unit, any axis convention, and with any origin. Glasses know their own frame: they mirror
about the middle, their front spans the middle and their temples do not, the bridge is in the upper half, temples bend
down at their ends.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Points = NDArray[np.float64]

LEAST_SYMMETRY = 0.07
USUAL_WIDTH_MM = 140.0
WIDTHS_MM = (112.0, 172.0)


@dataclass(frozen=True)
class Upright:
    """canonical = (rotation @ point - origin) * scale, in millimetres; origin is in the rotated frame, file units.

    certain_up: whether the shape itself told up from down. true_size: whether the file's size was a real one.
    """

    rotation: NDArray[np.float64]
    origin: NDArray[np.float64]
    scale: float
    unit: str
    certain_up: bool
    score: float


def turns() -> list[NDArray[np.float64]]:
    """The 24 rotations that map axes to axes; the identity first."""
    found = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1.0, -1.0), repeat=3):
            matrix = np.zeros((3, 3))
            matrix[range(3), order] = signs
            if np.linalg.det(matrix) > 0:
                found.append(matrix)
    return sorted(found, key=lambda matrix: -float(np.trace(matrix)))


def principal_axes(points: Points) -> NDArray[np.float64]:
    """(3, 3) rotation to the points' own axes, largest spread first."""
    _, _, rows = np.linalg.svd(points - points.mean(0), full_matrices=False)
    if np.linalg.det(rows) < 0:
        rows[2] *= -1
    return np.asarray(rows)


def _mirror_axes(points: Points) -> NDArray[np.float64]:
    """The points' own axes, turned about the flattest of them until they mirror best: unfolded glasses are about as
    deep as they are wide, and the spread alone cannot tell these two apart."""
    axes = principal_axes(points)
    few = (points - points.mean(0))[::5] @ axes.T

    def turned(angle: float) -> NDArray[np.float64]:
        c, s = np.cos(angle), np.sin(angle)
        return np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])

    def asymmetry(angle: float) -> float:
        p = few @ turned(angle).T
        return _asymmetry(p, float(p[:, 0].min() + p[:, 0].max()) / 2)

    coarse = min(np.radians(np.arange(0.0, 180.0, 5.0)), key=asymmetry)
    fine = min(coarse + np.radians(np.arange(-4.0, 4.5, 1.0)), key=asymmetry)
    return np.asarray(turned(float(fine)) @ axes)


def stand_glasses(points: Points, *, lens: Points | None = None) -> Upright | None:
    """points: (n, 3) spread evenly over the surface, file units. None if they do not look like glasses."""
    best = _best(points, np.eye(3))
    if best is None or best[0] < 0.9:
        turned = _best(points, _mirror_axes(points))
        if turned is not None and (best is None or turned[0] > best[0] + 0.3):
            best = turned
    if best is None:
        return None
    score, rotation, certain_up = best
    placed = points @ rotation.T
    width = float(np.ptp(placed[:, 0]))
    scale, unit = real_size(width, WIDTHS_MM, USUAL_WIDTH_MM)
    return Upright(
        rotation, _origin(placed, None if lens is None else lens @ rotation.T), scale, unit, certain_up, score
    )


def real_size(length: float, plausible_mm: tuple[float, float], usual_mm: float) -> tuple[float, str]:
    """Millimetres per file unit and the unit's name; `none` if no unit makes `length` plausible."""
    for unit, factor in (("m", 1000.0), ("mm", 1.0), ("cm", 10.0), ("in", 25.4)):
        if plausible_mm[0] <= length * factor <= plausible_mm[1]:
            return factor, unit
    return usual_mm / length, "none"


def _best(points: Points, base: NDArray[np.float64]) -> tuple[float, NDArray[np.float64], bool] | None:
    found: list[tuple[float, NDArray[np.float64], float]] = []
    for turn in turns():
        rotation = turn @ base
        scored = _score(points @ rotation.T)
        if scored is not None:
            score, up = scored
            # Between equals, the file's own axes win: glTF says y is up and z is front.
            score += 0.12 * float(rotation[1, 1]) + 0.06 * float(rotation[2, 2])
            found.append((score, rotation, up))
    if not found:
        return None
    score, rotation, up = max(found, key=lambda item: item[0])
    return score, rotation, abs(up) > 0.12


def _score(p: Points) -> tuple[float, float] | None:
    """(score, vote for up) of points placed as glasses would stand; None if they cannot stand so."""
    low, high = p.min(0), p.max(0)
    size = high - low
    if size[0] < 1.6 * size[1] or size[0] < 0.7 * size[2] or size.min() <= 0:
        return None
    middle = (low[0] + high[0]) / 2
    asymmetry = _asymmetry(p, middle) / size[0]
    if asymmetry > LEAST_SYMMETRY:
        return None
    x, y, z = p[:, 0] - middle, p[:, 1], p[:, 2]
    central = np.abs(x) < 0.2 * size[0]
    if central.sum() < 8:
        return None
    forward = float((z[central].mean() - low[2]) / size[2])
    if forward < 0.55:
        return None
    front = z > high[2] - max(0.22 * size[2], 0.1 * size[0])
    front_y = y[front & (np.abs(x) < 0.4 * size[0])]
    bottom, height = float(front_y.min()), max(float(np.ptp(front_y)), 1e-9)
    centre = bottom + height / 2
    up = 0.0
    bridge = y[front & (np.abs(x) < 0.05 * size[0])]
    if bridge.size:
        up += 1.2 * float((bridge.mean() - centre) / height)
    beam = y[(z > low[2] + 0.35 * size[2]) & (z < low[2] + 0.7 * size[2])]
    if beam.size and size[2] > 0.5 * size[0]:
        up += 0.6 * float((beam.mean() - centre) / height)
        tips = y[z < low[2] + 0.12 * size[2]]
        if tips.size:
            up += 0.4 * float(np.clip((beam.mean() - tips.mean()) / height, -1, 1))
    # Spread temples make the depth; a flat depth can only be the height of a front without temples.
    spread = 0.5 if size[2] > size[1] else 0.0
    return 2.0 * (forward - 0.5) + up + spread - 6.0 * asymmetry, up


def _asymmetry(p: Points, middle: float) -> float:
    mirrored = p * (-1.0, 1.0, 1.0) + (2 * middle, 0.0, 0.0)
    distance, _ = cKDTree(p).query(mirrored[::4])
    return float(np.percentile(distance, 85))


def _origin(p: Points, lens: Points | None) -> NDArray[np.float64]:
    """Middle of the bridge, at pupil height, on the lens plane."""
    low, high = p.min(0), p.max(0)
    size = high - low
    middle = (low[0] + high[0]) / 2
    if lens is not None and len(lens) > 20 and np.ptp(lens[:, 0]) > 0.5 * size[0]:
        box_y = (float(lens[:, 1].min()) + float(lens[:, 1].max())) / 2
        height, plane = float(np.ptp(lens[:, 1])), float(np.median(lens[:, 2]))
    else:
        front = p[(p[:, 2] > high[2] - 0.16 * size[0]) & (np.abs(p[:, 0] - middle) < 0.42 * size[0])]
        box_y = (float(front[:, 1].min()) + float(front[:, 1].max())) / 2
        height, plane = float(np.ptp(front[:, 1])), float(np.median(front[:, 2]))
    # Pupils sit a little above the lens's middle (opticians' fitting height, about 55 % of the box).
    return np.array([middle, box_y + 0.05 * height, plane])


def measure_glasses(p: Points, lens: Points | None) -> dict[str, float]:
    """The frame's dimensions in millimetres, of points in the canonical frame."""
    width, depth = float(np.ptp(p[:, 0])), float(-p[:, 2].min())
    rim = p[(np.abs(p[:, 2]) < 12.0) & (np.abs(p[:, 0]) < 0.47 * width)]
    glass = lens if lens is not None and len(lens) > 20 else None
    nose = rim if glass is None else glass
    below = nose[np.abs(nose[:, 1] + 3.0) < 4.0]
    gap = float(np.percentile(np.abs(below[:, 0]), 2)) * 2 if len(below) > 4 else 0.13 * width
    bridge = float(np.clip(gap, 8.0, 30.0))
    if glass is not None:
        lens_width = float(np.abs(glass[:, 0]).max()) - float(np.abs(glass[:, 0]).min())
        lens_height = float(np.ptp(glass[:, 1]))
    else:
        lens_width, lens_height = (width - bridge) / 2 - 8.0, float(np.ptp(rim[:, 1])) - 5.0
    return {
        "frame_width_mm": round(width, 1),
        "lens_width_mm": round(float(np.clip(lens_width, 20.0, 90.0)), 1),
        "bridge_mm": round(bridge, 1),
        "temple_mm": round(depth, 1),
        "lens_height_mm": round(float(np.clip(lens_height, 10.0, 90.0)), 1),
    }
