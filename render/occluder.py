"""The head that hides what is behind it: MediaPipe's canonical face, and a skull, ears and neck grown behind it.

All in canonical head-frame millimetres (see headpose); the renderer scales by the person's own head. The figures of
the skull follow mean adult head length 195, breadth 154 and vertex height above the pupils 112 mm (ISO/TR 7250-2),
stretched to the canonical face, whose pupils are 63 mm apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from render.gltf import smooth_normals
from render.headpose import DATA, load_canonical_face
from render.simplify import simplify

# Height y, half-breadth, and the section's front and back end z, from the vertex down to the neck. The front stays
# behind the face below the brows, where the canonical face itself is the surface.
_SECTIONS = np.array(
    [
        [136.0, 6.0, -36.0, -52.0],
        [132.0, 30.0, -8.0, -76.0],
        [124.0, 48.0, 12.0, -100.0],
        [112.0, 61.0, 26.0, -118.0],
        [98.0, 69.5, 36.5, -130.0],
        [82.0, 75.0, 43.5, -137.0],
        [66.0, 77.0, 48.5, -141.0],
        [50.0, 77.5, 48.0, -142.0],
        [36.0, 77.0, 24.0, -141.0],
        [20.0, 75.5, 14.0, -137.0],
        [4.0, 74.0, 8.0, -130.0],
        [-14.0, 71.0, 2.0, -120.0],
        [-34.0, 66.0, -4.0, -110.0],
        [-56.0, 60.0, -8.0, -104.0],
        [-80.0, 56.0, -8.0, -102.0],
        [-110.0, 58.0, -6.0, -106.0],
    ]
)
# The top of each ear's root: where a temple rests and bends down.
EAR_TOP_MM = np.array([78.0, 27.0, -34.0])


@dataclass(frozen=True)
class Section:
    """A level cut through the head: an ellipse with its own front and back half. Canonical millimetres."""

    half_breadth: float
    front: float
    back: float

    @property
    def circumference(self) -> float:
        """Ramanujan's second approximation, of the ellipse with the mean half-length."""
        a, b = self.half_breadth, (self.front - self.back) / 2
        h = ((a - b) / (a + b)) ** 2
        return float(np.pi * (a + b) * (1 + 3 * h / (10 + np.sqrt(4 - 3 * h))))


def section(height: float) -> Section:
    """The cut at `height` (canonical y, mm), clamped to the head."""
    rising = _SECTIONS[::-1]
    breadth, front, back = (float(np.interp(height, rising[:, 0], rising[:, k])) for k in (1, 2, 3))
    return Section(breadth, front, back)


@cache
def head_mesh() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint32]]:
    """positions (n, 3) canonical mm, normals (n, 3), faces (m, 3) of the whole occluder."""
    pieces = [face_mesh(), _skull(), _ear(1.0), _ear(-1.0)]
    positions, normals, faces, start = [], [], [], 0
    for points, wound in pieces:
        triangles = _outward(points, wound)
        positions.append(points)
        normals.append(smooth_normals(points.astype(np.float32), triangles))
        faces.append(triangles + np.uint32(start))
        start += len(points)
    return (
        np.concatenate(positions).astype(np.float32),
        np.concatenate(normals).astype(np.float32),
        np.concatenate(faces).astype(np.uint32),
    )


@cache
def occluder_mesh(
    lowest_mm: float, rearmost_mm: float, error_mm: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint32]]:
    """The part of `head_mesh` above a height and before a depth, within `error_mm`, in as few triangles as that allows.

    The mouth's and the eyes' own relief hides nothing, and every triangle costs time in every frame.
    """
    positions, normals, faces = head_mesh()
    corners = positions[faces]
    kept = faces[(corners[:, :, 1].max(1) > lowest_mm) & (corners[:, :, 2].max(1) > rearmost_mm)]
    faces, used = simplify(positions, normals, None, kept, error_mm)
    return positions[used], normals[used], faces


def _outward(points: NDArray[np.float64], triangles: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Every triangle counter-clockwise as seen from outside the head."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    inwards = np.einsum("ij,ij->i", np.cross(b - a, c - a), (a + b + c) / 3 - (0.0, 20.0, -45.0)) < 0
    return np.asarray(np.where(inwards[:, None], triangles[:, ::-1], triangles))


def face_mesh() -> tuple[NDArray[np.float64], NDArray[np.uint32]]:
    """The canonical face alone: vertices (468, 3) in mm, triangles (898, 3) of either winding."""
    lines = (DATA / "canonical_face_model.obj").read_text().splitlines()
    corners = [[int(item.split("/")[0]) - 1 for item in line.split()[1:4]] for line in lines if line.startswith("f ")]
    return load_canonical_face(), np.array(corners, np.uint32)


def _skull(around: int = 28) -> tuple[NDArray[np.float64], NDArray[np.uint32]]:
    angles = np.linspace(0, 2 * np.pi, around, endpoint=False)
    rings = []
    for height, breadth, front, back in _SECTIONS:
        middle = -45.0 if front > -36.0 else (front + back) / 2
        reach = np.where(np.cos(angles) > 0, front - middle, middle - back)
        rings.append(
            np.stack([breadth * np.sin(angles), np.full(around, height), middle + reach * np.cos(angles)], axis=1)
        )
    points = np.concatenate([*rings, [[0.0, 138.0, -44.0]]])
    faces = []
    for ring in range(len(rings) - 1):
        for k in range(around):
            a, b = ring * around + k, ring * around + (k + 1) % around
            c, d = a + around, b + around
            faces += [(a, c, b), (b, c, d)]
    faces += [(len(points) - 1, k, (k + 1) % around) for k in range(around)]
    return points, np.array(faces, np.uint32)


def _ear(side: float) -> tuple[NDArray[np.float64], NDArray[np.uint32]]:
    """A shallow bowl that leans away from the head: root line at the face's edge, rim behind and outside of it."""
    heights = np.array([30.0, 27.0, 16.0, 2.0, -14.0, -26.0, -32.0])
    roots = np.array([-30.0, -29.0, -27.0, -26.0, -25.0, -24.0, -23.0])
    reach = np.array([6.0, 18.0, 25.0, 25.0, 20.0, 13.0, 5.0])
    columns = []
    for outward, backward in ((0.0, 0.0), (0.42, 0.55), (0.62, 1.0)):
        columns.append(np.stack([side * (75.0 + outward * reach), heights, roots - backward * reach], axis=1))
    points = np.concatenate(columns)
    n = len(heights)
    faces = []
    for column in range(2):
        for k in range(n - 1):
            a, b = column * n + k, column * n + k + 1
            c, d = a + n, b + n
            faces += [(a, b, c), (b, d, c)] if side > 0 else [(a, c, b), (b, c, d)]
    return points, np.array(faces, np.uint32)
