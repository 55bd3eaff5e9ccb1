"""Solids turned around an upright axis on the oval of a head: crowns, brims, bands."""

from __future__ import annotations

import numpy as np

from demo.curves import outline_normals
from demo.mesh import Floats, Surface, outward
from demo.sweep import grid_faces

HEAD_RATIO = 1.27  # a head is so much longer than wide (cephalic index about 79)
EGG = 0.05  # and wider behind the ears than at the forehead


def perimeter(loop: Floats) -> float:
    """Length of a closed (N, D) polygon."""
    return float(np.linalg.norm(np.roll(loop, -1, axis=0) - loop, axis=1).sum())


def head_oval(theta: Floats, circumference: float, grow: float = 0.0) -> Floats:
    """(N, 2) points (x, z) mm on a head's oval of that circumference, `grow` mm outside it.

    theta: radians, 0 at the front, growing towards the wearer's left (x > 0).
    """
    angle = np.linspace(0, 2 * np.pi, 1440, endpoint=False)
    loop = np.column_stack([np.sin(angle) * (1 - EGG * np.cos(angle)), HEAD_RATIO * np.cos(angle)])
    loop *= circumference / perimeter(loop)
    if grow:
        loop = loop - grow * outline_normals(loop)  # the loop runs clockwise in (x, z)
    turned = np.mod(theta, 2 * np.pi)
    closed = np.concatenate([loop, loop[:1]])
    stations = np.append(angle, 2 * np.pi)
    return np.column_stack([np.interp(turned, stations, axis) for axis in closed.T])


def turned(rows: Floats, uv: Floats | None = None) -> Surface:
    """A closed solid from (R, C, 3) rows of points whose last column repeats the first.

    The rows run from one pole (or edge) over the outside and back inside; when they end where they began the solid
    is a ring, otherwise both ends must be poles, where all points of the row coincide.
    """
    rows = np.concatenate([rows[:, :-1], rows[:, :1]], axis=1)  # cos 2π is not quite cos 0
    faces = grid_faces(*rows.shape[:2])
    return outward(Surface(rows.reshape(-1, 3), faces, None if uv is None else uv.reshape(-1, 2)))


def ring_band(
    theta: Floats, circumference: float, profile: Floats, *, tiles: float = 0.0, v_scale: float = 1.0
) -> Surface:
    """A closed band around the head.

    profile: (K, 2) closed section, (mm outside the head's oval, height y mm), not repeating its first point;
    tiles: texture repeats around, 0 for no texture coordinates; v_scale: repeats along the section.
    """
    closed = np.concatenate([profile, profile[:1]])
    rows, uvs = [], []
    travelled = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    for (grow, height), v in zip(closed, travelled / travelled[-1], strict=True):
        xz = head_oval(theta, circumference, grow)
        rows.append(np.column_stack([xz[:, 0], np.full(len(theta), height), xz[:, 1]]))
        uvs.append(np.column_stack([theta / (2 * np.pi) * tiles, np.full(len(theta), v * v_scale)]))
    return turned(np.stack(rows), np.stack(uvs) if tiles else None)


def around(count: int) -> Floats:
    """`count` + 1 angles once around, the last one repeating the first."""
    return np.linspace(0.0, 2 * np.pi, count + 1)
