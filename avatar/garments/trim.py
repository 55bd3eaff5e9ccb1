"""What makes cloth look sewn: rows of stitches, cords, turned hems, and darker hollows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from avatar.garments.cloth import smoothing

Float = NDArray[np.float64]
Indices = NDArray[np.int64]
_LIFT_M = 0.0009


def resampled(line: Float, spacing: float, *, closed: bool) -> Float:
    """Points (N, 3) every `spacing` metres along a polyline."""
    path = np.concatenate([line, line[:1]]) if closed else line
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    at = np.concatenate([[0.0], np.cumsum(steps)])
    count = max(2, int(at[-1] / spacing))
    wanted = np.linspace(0, at[-1], count, endpoint=not closed)
    return np.stack([np.interp(wanted, at, path[:, axis]) for axis in range(3)], 1)


def stitches(
    line: Float,
    normals: Float,
    *,
    closed: bool,
    length_m: float = 0.0042,
    gap_m: float = 0.0016,
    width_m: float = 0.0012,
) -> tuple[Float, Indices]:
    """A row of stitches as small quads over a line (N, 3) on cloth with normals (N, 3): points and triangles."""
    pitch = length_m + gap_m
    path = resampled(line, pitch, closed=closed)
    normal = normals[cKDTree(line).query(path)[1]]
    after = np.roll(path, -1, 0) if closed else np.concatenate([path[1:], 2 * path[-1:] - path[-2:-1]])
    along = (after - path) * (length_m / pitch)
    across = np.cross(along, normal)
    across *= 0.5 * width_m / np.linalg.norm(across, axis=1, keepdims=True).clip(1e-9)
    lifted = path + normal * _LIFT_M
    corners = np.stack([lifted - across, lifted + across, lifted + along + across, lifted + along - across], 1)
    start = 4 * np.arange(len(path))[:, None]
    faces = np.concatenate([start + np.array([0, 1, 2]), start + np.array([0, 2, 3])])
    return corners.reshape(-1, 3), faces


def cord(line: Float, radius_m: float, sides: int = 8) -> tuple[Float, Indices]:
    """A round cord along a line (N, 3): points and triangles."""
    path = resampled(line, radius_m * 2, closed=False)
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True).clip(1e-9)
    helper = np.where(np.abs(along[:, :1]) < 0.9, [[1.0, 0, 0]], [[0, 0, 1.0]])
    first = np.cross(along, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(along, first)
    angle = np.arange(sides) * 2 * np.pi / sides
    ring = first[:, None] * np.cos(angle)[:, None] + second[:, None] * np.sin(angle)[:, None]
    points = (path[:, None] + radius_m * ring).reshape(-1, 3)
    rows, around = np.arange(len(path) - 1)[:, None] * sides, np.arange(sides)
    a, b = rows + around, rows + (around + 1) % sides
    faces = np.concatenate([np.stack([a, b, b + sides], -1), np.stack([a, b + sides, a + sides], -1)]).reshape(-1, 3)
    caps = [np.array([[0, i + 1, i] for i in range(1, sides - 1)])]
    last = (len(path) - 1) * sides
    caps.append(np.array([[last, last + i, last + i + 1] for i in range(1, sides - 1)]))
    return points, np.concatenate([faces, *caps])


def part_lines(faces: Indices, part: Indices, first: int, second: int) -> list[Indices]:
    """The lines of vertices along which two parts of a surface meet, each an ordered run."""
    sides = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    owner = np.tile(part, 3)
    key = np.sort(sides, 1)
    order = np.lexsort((key[:, 1], key[:, 0]))
    key, owner = key[order], owner[order]
    twin = np.flatnonzero((key[1:] == key[:-1]).all(1))
    owners = np.sort(np.stack([owner[twin], owner[twin + 1]], 1), 1)
    meet = key[twin[(owners == np.sort([first, second])).all(1)]]
    return chained(meet)


def chained(pairs: Indices) -> list[Indices]:
    """Edges (E, 2) put end to end: runs of vertices, closed ones without the first repeated."""
    beside: dict[int, list[int]] = {}
    for a, b in pairs.tolist():
        beside.setdefault(a, []).append(b)
        beside.setdefault(b, []).append(a)
    runs = []
    starts = [vertex for vertex, others in beside.items() if len(others) == 1] + list(beside)
    for start in starts:
        if not beside.get(start):
            continue
        run = [start]
        while beside[run[-1]]:
            following = beside[run[-1]].pop()
            beside[following].remove(run[-1])
            if following == start:
                break
            run.append(following)
        runs.append(np.array(run))
    return runs


def turned_hem(
    points: Float, normals: Float, loop: Indices, *, depth_m: float, thickness_m: float
) -> tuple[Float, Indices]:
    """A border folded inside: new points (2 L, 3) to append, and triangles that start at the loop's own vertices.

    Indices of new points count from len(points).
    """
    border, facing = points[loop], normals[loop]
    for _ in range(12):
        facing = 0.5 * facing + 0.25 * (np.roll(facing, 1, 0) + np.roll(facing, -1, 0))
    facing = facing / np.linalg.norm(facing, axis=1, keepdims=True).clip(1e-9)
    tangent = np.roll(border, -2, 0) - np.roll(border, 2, 0)
    outward = np.cross(tangent, facing)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True).clip(1e-9)
    inner = border - facing * thickness_m
    deep = inner - outward * depth_m - facing * 0.3 * thickness_m
    count, start = len(loop), len(points)
    here, following = np.arange(count), (np.arange(count) + 1) % count
    a, b = loop, loop[following]
    c, d = start + here, start + following
    e, f = start + count + here, start + count + following
    faces = [np.stack(t, 1) for t in ((b, a, c), (b, c, d), (d, c, e), (d, e, f))]
    return np.concatenate([inner, deep]), np.concatenate(faces)


def hollows(points: Float, normals: Float, faces: Indices, strength: float = 55.0) -> Float:
    """How much light reaches each vertex (N,), 0.45..1: less where the surface is hollow within a few centimetres."""
    mean = smoothing(faces, len(points))
    shade = np.ones(len(points))
    smooth = points
    for rounds in (2, 6):
        for _ in range(rounds):
            smooth = mean @ smooth
        depth = np.einsum("nx,nx->n", smooth - points, normals)
        shade -= (depth * strength).clip(-0.12, 0.35)
    for _ in range(2):
        shade = 0.5 * shade + 0.5 * (mean @ shade)
    return shade.clip(0.45, 1.0)
