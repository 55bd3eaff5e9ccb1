"""Which of the head's triangles can hide anything of a product, seen from about one direction.

From the front those are some dozen of several hundred: around the pads, and before the temples. All others would be
filled into the depth buffer for nothing. What counts is found once for each direction in steps of a few degrees, on the
safe side: whatever could hide something from anywhere within the step is kept.
"""

from __future__ import annotations

from collections import OrderedDict
from math import asin, atan2, ceil, cos, exp, floor, log, radians, sin, sqrt
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from render.gpu import Mesh, upload_plain
from render.headpose import HeadPose
from render.product import Wearable
from render.seat import Seat
from render.shadow import Shadow

STEP: Final = radians(6.0)
STEP_FAR: Final = 0.2  # of the distance's logarithm
NEAREST_MM: Final = 250.0  # nearer than that, and from far above or below, the whole head is drawn
STEEPEST: Final = radians(70.0)
# Half a step moves what lies 100 mm behind its hider by 5 mm; points of either lie SAMPLE_MM apart at most. A shadow is
# nearer to what hides it.
CELL_MM: Final = 4.0
MARGIN_CELLS, SHADOW_MARGIN_CELLS = 1, 0
SAMPLE_MM: Final = 4.0
# A hider may lie this much behind what it hides a few degrees further on.
SLACK_MM: Final = 1.5
TURNED_AWAY: Final = -0.15  # cosine between a triangle's normal and the view, from which on no part of a step sees it
SHADOW_ABOVE_MM: Final = 5.0  # the shadow is drawn above the skin (shadow.vert)
ERROR_MM: Final = 1.0
KEPT_VIEWS: Final = 96

Points = NDArray[np.float64]
View = tuple[int, int, int]


class Covered(NamedTuple):
    """points: (n, 3) head frame mm; above_mm: by how much it is drawn above where it lies."""

    points: Points
    above_mm: float
    margin_cells: int


class Head:
    """An occluder as what may hide something. shape: positions (n, 3) canonical mm, normals, faces (m, 3)."""

    def __init__(self, shape: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint32]]) -> None:
        self.shape, self.mesh = shape, upload_plain(*shape)
        corners = shape[0][shape[2]].astype(np.float64)
        self.skin, self.triangle_of = _all_over(corners)
        self.middles = corners.mean(1)
        a, b, c = corners.transpose(1, 0, 2)
        outward = np.cross(b - a, c - a)
        self.outward = outward / np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-9)

    def part(self, triangles: NDArray[np.bool_]) -> Mesh | None:
        """Some of its triangles (m,) in GL memory; None for none."""
        positions, normals, faces = self.shape
        used, renumbered = np.unique(faces[triangles], return_inverse=True)
        if not len(used):
            return None
        return upload_plain(positions[used], normals[used], renumbered.reshape(-1, 3).astype(np.uint32))


class Hiders:
    """The part of a head that matters for one seated product. covered: of `what_could_be_hidden`; for nothing, all of
    it matters. scale: this head over the canonical one."""

    def __init__(self, head: Head, scale: float, covered: tuple[Covered, ...]) -> None:
        self._head, self._scale, self._covered = head, scale, covered
        self._parts: OrderedDict[View, Mesh | None] = OrderedDict()

    def seen_from(self, pose: HeadPose) -> Mesh | None:
        """What has to be drawn of the head before the product; None if nothing has. A new direction
        takes two or three milliseconds to find out."""
        view = _view_of(-pose.translation_mm @ pose.rotation) if self._covered else None
        if view is None:
            return self._head.mesh
        if view not in self._parts:
            self._parts[view] = self._head.part(self.matter(_camera_of(view)))
            if len(self._parts) > KEPT_VIEWS:
                _delete(self._parts.popitem(last=False)[1])
        self._parts.move_to_end(view)
        return self._parts[view]

    def matter(self, camera_mm: Points) -> NDArray[np.bool_]:
        """(m,) which triangles can hide something. camera_mm: (3,) head frame."""
        far = float(np.linalg.norm(camera_mm))
        ahead = -camera_mm / far
        across = np.cross(ahead, (0.0, 1.0, 0.0))
        across /= np.linalg.norm(across)
        axes = np.stack([across, np.cross(across, ahead), ahead], 1)
        head = self._head
        towards = camera_mm - head.middles * self._scale
        facing = (head.outward * towards).sum(1) > TURNED_AWAY * np.linalg.norm(towards, axis=1)
        looked_at = facing[head.triangle_of]
        skin, cells = _seen(head.skin[looked_at] * self._scale, camera_mm, axes)
        hides = np.zeros(len(skin), bool)
        for points, above_mm, margin in self._covered:
            depths, places = _seen(points, camera_mm, axes)
            first = places.min(0) - margin
            wide, high = (places.max(0) + margin + 1 - first).tolist()
            deepest = np.full((high, wide), -np.inf, np.float32)
            np.maximum.at(deepest.reshape(-1), (places - first) @ (1, wide), (depths - above_mm).astype(np.float32))
            deepest = np.asarray(cv2.dilate(deepest, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)))
            x, y = (cells - first).T
            there = (x >= 0) & (y >= 0) & (x < wide) & (y < high)
            hides[there] |= deepest[y[there], x[there]] > skin[there] - SLACK_MM
        return np.bincount(head.triangle_of[looked_at], hides, len(facing)) > 0

    def delete(self) -> None:
        """Free the parts; the head is others' too."""
        for part in self._parts.values():
            _delete(part)
        self._parts.clear()


def what_could_be_hidden(product: Wearable, resting: Seat, shadow: Shadow, scale: float) -> tuple[Covered, ...]:
    """Points all over what can be seen of the seated product, and of its shadow."""
    flex = resting.flex
    end = flex.fade_z - flex.fade_mm
    seen = []
    for batch in product.within(ERROR_MM).batches:
        positions = batch.positions.astype(np.float64)
        shown = batch.faces[(positions[:, 2] > end)[batch.faces].any(1)]
        seen.append(_all_over(flex.bend(positions)[shown])[0])
    covered = [Covered(np.concatenate(seen) @ resting.rotation.T + resting.translation_mm, 0.0, MARGIN_CELLS)]
    if len(shadow.faces):
        dark, _ = _all_over(shadow.positions[shadow.faces].astype(np.float64) * scale)
        covered.append(Covered(dark, SHADOW_ABOVE_MM, SHADOW_MARGIN_CELLS))
    return tuple(covered)


def _all_over(corners: Points) -> tuple[Points, NDArray[np.int64]]:
    """Points (n, 3) on triangles (m, 3, 3), no further apart than SAMPLE_MM, and of which triangle each is."""
    a, b, c = corners.transpose(1, 0, 2)
    longest = np.sqrt(np.max([((b - a) ** 2).sum(1), ((c - b) ** 2).sum(1), ((a - c) ** 2).sum(1)], axis=0))
    parts = np.maximum(np.ceil(longest / SAMPLE_MM), 1).astype(np.int64)
    found, of = [np.empty((0, 3))], [np.empty(0, np.int64)]
    for count in np.unique(parts).tolist():
        weights = np.array([(i, j, count - i - j) for i in range(count + 1) for j in range(count + 1 - i)]) / count
        some = np.flatnonzero(parts == count)
        found.append((weights @ corners[some]).reshape(-1, 3))
        of.append(some.repeat(len(weights)))
    return np.concatenate(found), np.concatenate(of)


def _seen(points: Points, camera_mm: Points, axes: Points) -> tuple[Points, NDArray[np.int64]]:
    """Depths (n,) in mm, and cells (n, 2) of a grid across the view, of points (n, 3). axes: (3, 3), columns across, up
    and ahead."""
    seen = (points - camera_mm) @ axes
    far = np.linalg.norm(camera_mm) / CELL_MM
    return seen[:, 2], np.floor(seen[:, :2] * (far / seen[:, 2:])).astype(np.int64)


def _view_of(camera_mm: Points) -> View | None:
    x, y, z = camera_mm.tolist()
    far = sqrt(x * x + y * y + z * z)
    if not far >= NEAREST_MM:
        return None
    height = asin(y / far)
    if abs(height) > STEEPEST:
        return None
    return floor(atan2(x, z) / STEP), floor(height / STEP), ceil(log(far) / STEP_FAR)


def _camera_of(view: View) -> Points:
    """The middle of a step."""
    around, height, far = (view[0] + 0.5) * STEP, (view[1] + 0.5) * STEP, exp((view[2] - 0.5) * STEP_FAR)
    return far * np.array([sin(around) * cos(height), sin(height), cos(around) * cos(height)])


def _delete(part: Mesh | None) -> None:
    if part is not None:
        part.delete()
