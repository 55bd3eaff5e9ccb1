"""Cut a mesh by planes and lay a tape around what is cut.

A tape spans hollows, so a girth is the perimeter of the section's convex hull. It comes from Cauchy's formula, the
integral of the support function over all directions, which needs no sorting of points into loops and is exact for a
polygon but for the sampling of directions (here under 0.01 %).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_DIRECTIONS = 180
_ANGLES = np.arange(_DIRECTIONS) * (2 * np.pi / _DIRECTIONS)
_FAN = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)])

Points = NDArray[np.float64]
Indices = NDArray[np.int64]


def edges_of(triangles: Indices) -> Indices:
    """The distinct edges (E, 2) of triangles (F, 3)."""
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    low, high = pairs.min(1), pairs.max(1)
    width = int(high.max(initial=0)) + 1
    return np.stack(np.divmod(np.unique(low * width + high), width), 1)


def crossings(vertices: Points, edges: Indices, point: Points, normal: Points) -> Points:
    """Where the edges (E, 2) cross the plane through `point`: (N, 3)."""
    side = (vertices - point) @ normal
    first, second = side[edges[:, 0]], side[edges[:, 1]]
    cut = edges[(first < 0) != (second < 0)]
    share = (side[cut[:, 0]] / (side[cut[:, 0]] - side[cut[:, 1]]))[:, None]
    points: Points = vertices[cut[:, 0]] * (1 - share) + vertices[cut[:, 1]] * share
    return points


def hull_perimeter(points: Points) -> float:
    """Perimeter of the convex hull of points (N, 2); 0 for none."""
    if len(points) == 0:
        return 0.0
    return float((points @ _FAN).max(0).mean() * 2 * np.pi)


def plane_girth(vertices: Points, edges: Indices, point: Points, normal: Points) -> float:
    """Girth of the section by the plane through `point`, in the unit of the vertices."""
    normal = normal / np.linalg.norm(normal)
    across = np.linalg.svd(normal[None])[2][1:]
    return hull_perimeter(crossings(vertices, edges, point, normal) @ across.T)


def level_girths(vertices: Points, edges: Indices, levels: Points) -> Points:
    """Girths (L,) of the horizontal sections at heights `levels` (L,); 0 where nothing is cut."""
    first, second = vertices[edges[:, 0]], vertices[edges[:, 1]]
    rise = second[:, 1] - first[:, 1]
    crossed = (first[:, 1] < levels[:, None]) != (second[:, 1] < levels[:, None])
    level, edge = np.nonzero(crossed)
    if len(level) == 0:
        return np.zeros(len(levels))
    share = ((levels[level] - first[edge, 1]) / rise[edge])[:, None]
    flat = first[edge][:, [0, 2]] * (1 - share) + second[edge][:, [0, 2]] * share
    present, starts = np.unique(level, return_index=True)
    reach = np.maximum.reduceat(flat @ _FAN, starts, axis=0)
    girths = np.zeros(len(levels))
    girths[present] = reach.mean(1) * 2 * np.pi
    return girths
