"""Cloth that hangs as one tube about both legs: the lower part of skirts and dresses."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from avatar.garments.drape import Base
from avatar.garments.pattern import Piece
from avatar.section import hull_perimeter

Float = NDArray[np.float64]
Indices = NDArray[np.int64]
_DEPTH_M = 0.01  # of the trunk's middle before the pelvis joint


def hull_radius(base: Base, height: float, angles: Float) -> Float:
    """How far (N,) the hull of the body's section at a height reaches in each direction; arms left out.

    Angles from the front towards the body's left, about the trunk's middle.
    """
    at = base.vertices
    near = at[(np.abs(at[:, 1] - height) < 0.012) & (base.fields["arm"] < 0.3)][:, [0, 2]] - [0.0, _DEPTH_M]
    corners = near[ConvexHull(near).vertices]
    corners = np.concatenate([corners, -corners * [1, -1]])  # a body's two sides are alike to cloth
    corners = corners[ConvexHull(corners).vertices]
    after = np.roll(corners, -1, 0)
    direction = np.stack([np.sin(angles), np.cos(angles)], 1)
    side = after - corners
    # Where each ray crosses each side of the hull; it crosses one.
    determinant = direction[:, :1] * side[:, 1] - direction[:, 1:] * side[:, 0]
    reach = (corners[:, 0] * side[:, 1] - corners[:, 1] * side[:, 0]) / determinant
    place = (corners[:, 0] * direction[:, 1:] - corners[:, 1] * direction[:, :1]) / determinant
    good = (place >= -1e-9) & (place <= 1 + 1e-9) & (reach > 0)
    return np.asarray(np.where(good, reach, 0).max(1))


def ring(base: Base, height: float, angles: Float, girth_m: float, least: Float) -> tuple[Float, Float]:
    """A ring of cloth (N, 3) of that girth about the body's hull, nowhere nearer than `least` (N,); its radii (N,)."""
    radius = np.maximum(hull_radius(base, height, angles) + 0.005, least)
    flat = radius[:, None] * np.stack([np.sin(angles), np.cos(angles)], 1)
    # Cloth that is wider than the hull rounds it out.
    wide = girth_m / hull_perimeter(flat)
    if wide > 1:
        radius = radius * wide
        mean = radius.mean()
        radius = radius + (mean - radius) * min(0.5, 1.2 * (wide - 1))
        radius *= girth_m / hull_perimeter(radius[:, None] * np.stack([np.sin(angles), np.cos(angles)], 1))
    points = np.stack([radius * np.sin(angles), np.full(len(angles), height), radius * np.cos(angles) + _DEPTH_M], 1)
    return points, radius


def tube(
    base: Base, first: Float, heights: Float, girths_m: Mapping[float, float], *, waves: int, depth: float
) -> tuple[Float, Indices]:
    """Rings of cloth below a first one (N, 3), one at each height (R,): points ((R + 1) N, 3) and triangles.

    girths_m: by height, interpolated; waves: folds around, whose depth grows to `depth` of the radius at the hem.
    """
    angles = np.arctan2(first[:, 0], first[:, 2] - _DEPTH_M)
    turn = 1 if np.median(np.diff(np.unwrap(angles))) > 0 else -1
    count, order = len(first), sorted(girths_m)
    # Directions even out on the way down, so that no fold is finer than its neighbours.
    start = angles[0]
    even = start + turn * 2 * np.pi * np.arange(count) / count
    drift = np.angle(np.exp(1j * (angles - even)))
    rows, least = [first], np.hypot(first[:, 0], first[:, 2] - _DEPTH_M) * 0.98
    for number, height in enumerate(heights):
        down = (number + 1) / len(heights)
        now = even + drift * max(0.0, 1 - 4 * down)
        girth = float(np.interp(height, order, [girths_m[level] for level in order]))
        points, radius = ring(base, height, now, girth, least)
        fold = 1 + depth * down**1.5 * np.sin(waves * now + 0.9 * np.sin(3 * now))
        points[:, 0] *= fold
        points[:, 2] = (points[:, 2] - _DEPTH_M) * fold + _DEPTH_M
        rows.append(points)
        least = radius * 0.995
    here = np.arange(count)
    following = (here + turn) % count if turn > 0 else (here - 1) % count
    if turn < 0:
        following = (here + 1) % count
    faces = []
    for row in range(len(heights)):
        a, b = row * count + here, row * count + following
        c, d = a + count, b + count
        # Alternate the diagonal, so that cloth is as stiff one way as the other.
        odd = (here + row) % 2 == 0
        faces += [np.where(odd[:, None], np.stack([a, c, b], 1), np.stack([a, c, d], 1))]
        faces += [np.where(odd[:, None], np.stack([b, c, d], 1), np.stack([a, d, b], 1))]
    triangles = np.concatenate(faces)
    return np.concatenate(rows), triangles if turn > 0 else triangles[:, ::-1]


def tube_piece(points: Float, faces: Indices) -> Piece:
    """A tube as a piece that belongs to the trunk throughout."""
    zero = np.zeros(len(points))
    values = {"arm": zero, "along_arm": zero - 1, "leg": zero, "along_leg": zero - 1}
    return Piece(points, faces, values, np.zeros(len(faces), np.int64))


def grown(upper: Piece, laid: Float, loop: Indices, points: Float, faces: Indices) -> tuple[Piece, Float]:
    """A piece with a tube sewn to its lower border: the tube's first ring are the loop's own vertices."""
    count = len(loop)
    place = np.concatenate([loop, len(upper.points) + np.arange(len(points) - count)])
    more = tube_piece(points[count:], faces)
    values = {name: np.concatenate([upper.values[name], more.values[name]]) for name in upper.values}
    sewn = Piece(
        points=np.concatenate([upper.points, points[count:]]),
        faces=np.concatenate([upper.faces, place[faces]]),
        values=values,
        part=np.concatenate([upper.part, np.zeros(len(faces), np.int64)]),
    )
    return sewn, np.concatenate([laid, points[count:]])
