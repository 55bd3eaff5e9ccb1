"""How much of the sky a standing figure's surface sees, and how much of it the floor at its feet.

That is what soft studio light looks like: dark under the chin, between the legs and inside a skirt, and a shadow that
is deepest where a foot touches the floor. Found once for a figure, by looking at its points from many directions.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

CELL_M: Final = 0.02  # of the depth pictures; vertices lie closer than this
NEAR_M: Final = (0.025, 0.09)  # what is this far in front of a point begins to hide it, and hides it wholly
DIRECTIONS: Final = 40
LOWEST: Final = -0.25  # height of the lowest direction: a bright floor lights from below, a little
FLOOR_M: Final = 1.8  # side of the floor's square, the figure's origin in its middle
FLOOR_CELLS: Final = 72


def sky(points: Float, normals: Float) -> NDArray[np.float32]:
    """(N,) 0..1: the light that reaches each point, of a sky that is brighter above.

    points (N, 3) metres, y up, dense enough to stand for the surface; normals (N, 3).
    """
    reached, possible = np.zeros(len(points)), np.full(len(points), 1e-6)
    for direction in _directions(DIRECTIONS, LOWEST):
        across, along = _basis(direction)
        cells = np.floor(points @ np.stack([across, along], 1) / CELL_M).astype(np.int64)
        cells -= cells.min(0)
        wide = int(cells[:, 0].max()) + 1
        place = cells[:, 1] * wide + cells[:, 0]
        height = points @ direction
        highest = np.full((int(cells[:, 1].max()) + 1) * wide, -np.inf)
        np.maximum.at(highest, place, height)
        picture = highest.reshape(-1, wide).astype(np.float32)
        # A sparse cell looks through to what is behind it: it takes what most of its neighbours have.
        picture = np.maximum(picture, cv2.medianBlur(np.maximum(picture, -9.0), 3))
        in_front = picture.ravel()[place] - height
        shown = 1.0 - np.clip((in_front - NEAR_M[0]) / (NEAR_M[1] - NEAR_M[0]), 0.0, 1.0)
        brightness = 0.55 + 0.45 * direction[1]
        weight = np.maximum(normals @ direction, 0.0) * brightness
        reached += weight * shown
        possible += weight
    return np.asarray(reached / possible, np.float32)


def floor_shadow(points: Float) -> NDArray[np.float32]:
    """(FLOOR_CELLS, FLOOR_CELLS) 0..1 dark: what a figure on the floor y = 0 keeps from it. Rows run to the front."""
    dark = np.zeros((FLOOR_CELLS, FLOOR_CELLS), np.float32)
    total = 0.0
    cell = FLOOR_M / FLOOR_CELLS
    for direction in _directions(72, 0.12):
        hit = points[:, [0, 2]] - points[:, 1:2] * (direction[[0, 2]] / direction[1])
        cells = np.floor(hit / cell + FLOOR_CELLS / 2).astype(np.int64)
        inside = ((cells >= 0) & (cells < FLOOR_CELLS)).all(1)
        mask = np.zeros((FLOOR_CELLS, FLOOR_CELLS), np.float32)
        mask[cells[inside, 1], cells[inside, 0]] = 1.0
        dark += float(direction[1]) * cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
        total += float(direction[1])
    # Far from the feet it is too faint to be seen as more than the square's own edge.
    away = (np.arange(FLOOR_CELLS) + 0.5) / FLOOR_CELLS * 2.0 - 1.0
    reach = np.clip(1.0 - np.hypot(away[None], away[:, None]), 0.0, 1.0)
    near, wide = cv2.GaussianBlur(dark / total, (0, 0), 0.9), cv2.GaussianBlur(dark / total, (0, 0), 4.0)
    share = np.clip((near - 0.10) / 0.15, 0.0, 1.0)
    return np.asarray((wide + (near - wide) * share) * np.clip(1.6 * reach, 0.0, 1.0) ** 1.5, np.float32)


def _directions(count: int, lowest: float) -> Float:
    """Unit vectors (count, 3), even over the sphere above a height (Fibonacci spiral)."""
    k = np.arange(count) + 0.5
    y = 1.0 - (1.0 - lowest) * k / count
    turn = np.pi * (1.0 + 5.0**0.5) * k
    ring = np.sqrt(1.0 - y * y)
    return np.stack([ring * np.cos(turn), y, ring * np.sin(turn)], 1)


def _basis(direction: Float) -> tuple[Float, Float]:
    helper = np.array([1.0, 0.0, 0.0]) if abs(direction[0]) < 0.8 else np.array([0.0, 0.0, 1.0])
    across = np.cross(direction, helper)
    across /= np.linalg.norm(across)
    return across, np.cross(direction, across)
