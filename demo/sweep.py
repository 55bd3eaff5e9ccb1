"""Solids made by moving a cross-section along a curve: rims, wires, temples, barrels."""

from __future__ import annotations

import numpy as np

from demo.curves import frames, transported_frames
from demo.mesh import Floats, Ints, Surface, outward


def ellipse(width: float, height: float, sides: int) -> Floats:
    """A (sides, 2) counter-clockwise section."""
    angle = np.arange(sides) * 2 * np.pi / sides
    return np.column_stack([width / 2 * np.cos(angle), height / 2 * np.sin(angle)])


def rounded_rectangle(width: float, height: float, radius: float, arc: int = 4) -> Floats:
    """A (4·arc, 2) counter-clockwise section with rounded corners."""
    radius = min(radius, width / 2 * 0.97, height / 2 * 0.97)
    corners = []
    for quarter, (sx, sy) in enumerate([(1, 1), (-1, 1), (-1, -1), (1, -1)]):
        angle = np.pi / 2 * (quarter + np.linspace(0, 1, arc))
        centre = np.array([sx * (width / 2 - radius), sy * (height / 2 - radius)])
        corners.append(centre + radius * np.column_stack([np.cos(angle), np.sin(angle)]))
    return np.concatenate(corners)


def grid_faces(rows: int, columns: int, *, wrap_rows: bool = False, wrap_columns: bool = False) -> Ints:
    """Triangles of a rows × columns grid of points numbered row by row, optionally closed around."""
    r = np.arange(rows if wrap_rows else rows - 1)
    c = np.arange(columns if wrap_columns else columns - 1)
    r, c = (a.reshape(-1) for a in np.meshgrid(r, c, indexing="ij"))
    r1, c1 = (r + 1) % rows, (c + 1) % columns
    a, b, d, e = r * columns + c, r * columns + c1, r1 * columns + c1, r1 * columns + c
    return np.concatenate([np.column_stack([a, b, d]), np.column_stack([a, d, e])])


def _capped(points: Floats, faces: Ints) -> tuple[Floats, Ints]:
    """Closes both ends of an open tube of (K, S, 3) points with a fan around the section's middle."""
    stations, sides = points.shape[:2]
    flat = points.reshape(-1, 3)
    middle = np.stack([points[0].mean(axis=0), points[-1].mean(axis=0)])
    ring = np.arange(sides)
    following = np.roll(ring, -1)
    last = (stations - 1) * sides
    start = np.column_stack([np.full(sides, len(flat)), following, ring])
    end = np.column_stack([np.full(sides, len(flat) + 1), last + ring, last + following])
    return np.concatenate([flat, middle]), np.concatenate([faces, start, end])


def sweep(path: Floats, sections: Floats, reference: Floats | None = None, *, closed: bool = False) -> Surface:
    """A closed solid along a (K, 3) path.

    sections: (S, 2), or (K, S, 2) when the section changes; the first axis lies along `reference` across the path
    (see `frames`), or wherever the least turning puts it when there is none.
    """
    sections = np.broadcast_to(sections, (len(path), *np.shape(sections)[-2:]))
    if reference is None:
        first, second = transported_frames(path)
    else:
        first, second = frames(path, reference, closed=closed)
    points = path[:, None] + sections[..., :1] * first[:, None] + sections[..., 1:] * second[:, None]
    faces = grid_faces(*points.shape[:2], wrap_rows=closed, wrap_columns=True)
    if closed:
        return outward(Surface(points.reshape(-1, 3), faces))
    return outward(Surface(*_capped(points, faces)))


def rounded_stations(start: float, end: float, step: float, rounding: tuple[float, float]) -> Floats:
    """Distances from `start` to `end` about `step` apart, closer together where the ends are rounded."""
    first, last = rounding
    middle = np.linspace(start + first, end - last, max(3, int((end - start - first - last) / step) + 1))
    turn = 1 - np.cos(np.linspace(0, np.pi / 2, 6)[:-1])
    head = start + first * turn if first > 0 else np.empty(0)
    tail = (end - last * turn)[::-1] if last > 0 else np.empty(0)
    return np.concatenate([head, middle, tail])


def rounded_ends(stations: Floats, start: float, end: float) -> Floats:
    """Scale factors that round off a solid's ends over `start` and `end` mm (0 leaves that end square)."""
    total = stations[-1]
    scale = np.ones_like(stations)
    for distance, reach in ((stations, start), (total - stations, end)):
        if reach > 0:
            inside = np.clip(distance / reach, 0.0, 1.0)
            scale *= np.sqrt(np.maximum(1 - (1 - inside) ** 2, 1e-3))
    return scale


def wire(path: Floats, diameter: float, sides: int = 8, *, rounded: bool = True) -> Surface:
    """A round wire along a (K, 3) path."""
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    scale = rounded_ends(lengths, diameter / 2, diameter / 2) if rounded else np.ones(len(path))
    return sweep(path, ellipse(diameter, diameter, sides)[None] * scale[:, None, None])


def cylinder(start: Floats, end: Floats, diameter: float, sides: int = 14, bevel: float = 0.15) -> Surface:
    """A short turned piece (barrel, screw, rivet) with bevelled ends."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    axis = (end - start) / np.linalg.norm(end - start)
    path = np.stack([start, start + axis * bevel, end - axis * bevel, end])
    scale = np.array([1 - 2 * bevel / diameter, 1.0, 1.0, 1 - 2 * bevel / diameter])
    return sweep(path, ellipse(diameter, diameter, sides)[None] * scale[:, None, None])
