"""Finds how an uploaded hat stands: the opening is below, the crown closes above it, a visor points to the front."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.upright_glasses import Points, Upright, principal_axes, real_size, turns

USUAL_CIRCUMFERENCE_MM = 575.0
CIRCUMFERENCES_MM = (480.0, 700.0)
SECTORS = 36


@dataclass(frozen=True)
class Opening:
    """The ring a head goes through: centre x and z, height, mean radius, aspect of its two half-axes (z over x)."""

    centre: tuple[float, float]
    height: float
    radius: float
    aspect: float


def stand_hat(points: Points) -> Upright | None:
    """points: (n, 3) spread evenly over the surface, file units. None if they do not look like a hat."""
    best: tuple[float, NDArray[np.float64], Opening] | None = None
    for base in (np.eye(3), principal_axes(points)):
        for turn in turns():
            # Only which way is up matters here; the front is found afterwards.
            if turn[2, 2] < 0.5 and turn[0, 0] < 0.5 and turn[1, 1] < 0.5:
                continue
            rotation = turn @ base
            placed = points @ rotation.T
            opening = find_opening(placed)
            if opening is None:
                continue
            low, high = float(placed[:, 1].min()), float(placed[:, 1].max())
            score = _closed_above(placed, opening) - 0.6 * (opening.height - low) / (high - low)
            score += 0.1 * float(rotation[1, 1]) + 0.02 * float(rotation[2, 2])
            if best is None or score > best[0] + 1e-9:
                best = score, rotation, opening
        if best is not None:
            break
    if best is None:
        return None
    score, rotation, opening = best
    turn, certain_front = _front(points @ rotation.T, opening)
    rotation = turn @ rotation
    again = find_opening(points @ rotation.T) or opening
    scale, unit = real_size(2 * np.pi * again.radius, CIRCUMFERENCES_MM, USUAL_CIRCUMFERENCE_MM)
    origin = np.array([again.centre[0], again.height, again.centre[1]])
    return Upright(rotation, origin, scale, unit, certain_front, score)


def find_opening(p: Points) -> Opening | None:
    """The lowest level at which the surface rings an empty middle; None if there is none below the hat's middle."""
    low, high = float(p[:, 1].min()), float(p[:, 1].max())
    step = (high - low) / 40
    if step <= 0:
        return None
    found: Opening | None = None
    for level in range(24):
        bottom = low + level * step
        slab = p[(p[:, 1] >= bottom) & (p[:, 1] < bottom + 3 * step)]
        ring = _ring(slab)
        if ring is None:
            if found is not None:
                return found
            continue
        centre, radius, aspect = ring
        # A drooping brim rings an empty middle too: climb while the ring still narrows, up to the crown.
        if found is not None and radius > 0.985 * found.radius:
            return found
        under = p[p[:, 1] < bottom + step]
        inside = np.hypot(under[:, 0] - centre[0], under[:, 2] - centre[1]) < 0.5 * radius
        if inside.mean() > 0.02:
            return None
        wall = np.hypot(slab[:, 0] - centre[0], slab[:, 2] - centre[1]) < 1.12 * radius
        found = Opening(centre, float(slab[wall, 1].min()), radius, aspect)
    return found


def _ring(slab: Points) -> tuple[tuple[float, float], float, float] | None:
    if len(slab) < 2 * SECTORS:
        return None
    centre = (slab[:, [0, 2]].min(0) + slab[:, [0, 2]].max(0)) / 2
    inner = np.full(SECTORS, np.nan)
    for _ in range(4):
        offset = slab[:, [0, 2]] - centre
        distance = np.hypot(offset[:, 0], offset[:, 1])
        sector = ((np.arctan2(offset[:, 0], offset[:, 1]) / (2 * np.pi) + 0.5) * SECTORS).astype(int) % SECTORS
        inner = np.full(SECTORS, np.inf)
        np.minimum.at(inner, sector, distance)
        seen = np.isfinite(inner)
        if seen.mean() < 0.95:
            return None
        angle = (np.arange(SECTORS) + 0.5) / SECTORS * 2 * np.pi - np.pi
        rim = centre + np.stack([np.sin(angle), np.cos(angle)], 1) * np.where(seen, inner, 0.0)[:, None]
        across = seen & np.roll(seen, SECTORS // 2)
        # The middle of opposite points: a bow or a strap on one side does not pull it.
        centre = np.median((rim + np.roll(rim, SECTORS // 2, axis=0))[across] / 2, axis=0)
    radius = float(np.median(inner[seen]))
    if radius <= 0 or float(np.std(inner[seen])) > 0.14 * radius:
        return None
    known = np.where(seen, inner, radius)
    aspect = float(known[[0, 17, 18, 35]].mean() / max(float(known[[8, 9, 26, 27]].mean()), 1e-9))
    return (float(centre[0]), float(centre[1])), radius, aspect


def _closed_above(p: Points, opening: Opening) -> float:
    """Share of the opening's middle that is roofed by the crown."""
    x, z = p[:, 0] - opening.centre[0], p[:, 2] - opening.centre[1]
    distance = np.hypot(x, z)
    roof = (distance < 0.7 * opening.radius) & (p[:, 1] > opening.height + 0.25 * opening.radius)
    if roof.sum() < 10:
        return 0.0
    cells = np.floor(np.stack([x[roof], z[roof]], 1) / (0.2 * opening.radius))
    return float(min(len(np.unique(cells, axis=0)) / 36.0, 1.0))


def _front(p: Points, opening: Opening) -> tuple[NDArray[np.float64], bool]:
    """A rotation about the vertical that brings the visor to +z, and whether there was one."""
    lower = p[p[:, 1] < opening.height + 0.5 * opening.radius]
    x, z = lower[:, 0] - opening.centre[0], lower[:, 2] - opening.centre[1]
    distance, angle = np.hypot(x, z), np.arctan2(x, z)
    sector = ((angle / (2 * np.pi) + 0.5) * SECTORS).astype(int) % SECTORS
    reach = np.zeros(SECTORS)
    np.maximum.at(reach, sector, distance)
    middle = (np.arange(SECTORS) + 0.5) / SECTORS * 2 * np.pi - np.pi
    beyond = np.maximum(reach - 1.15 * opening.radius, 0.0)
    pull = np.array([(beyond * np.sin(middle)).sum(), (beyond * np.cos(middle)).sum()])
    if np.hypot(*pull) > 0.35 * max(float(beyond.sum()), 1e-9) and beyond.max() > 0.15 * opening.radius:
        turn = float(np.arctan2(pull[0], pull[1]))
        # A visor a hair off an axis of the file is on that axis.
        nearest = np.round(turn / (np.pi / 2)) * np.pi / 2
        return _about_y(-nearest if abs(turn - nearest) < 0.12 else -turn), True
    if opening.aspect < 0.92:  # longer across than along: heads are not
        return _about_y(np.pi / 2), False
    return np.eye(3), False


def _about_y(angle: float) -> NDArray[np.float64]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def measure_hat(p: Points) -> dict[str, float]:
    """Circumference of the opening and the brim's reach beyond it, mm, of points in the canonical frame."""
    opening = find_opening(p)
    radius = opening.radius if opening is not None else USUAL_CIRCUMFERENCE_MM / (2 * np.pi)
    lower = p[p[:, 1] < 0.5 * radius]
    brim = max(float(np.percentile(np.hypot(lower[:, 0], lower[:, 2]), 99.5)) - radius, 0.0)
    return {"head_circumference_mm": round(2 * np.pi * radius, 1), "brim_mm": round(brim, 1)}
