"""Where a product of true size rests on a head of a given scale.

Glasses slide back along the face until the first vertex of the front touches the nose (or a brow, or a cheek), tilt
until the temples reach the tops of the ears, and their temples give way sideways as hinges do. Hats come down until
their sweatband is as tight as the head at that height allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from render.occluder import EAR_TOP_MM, face_mesh, head_mesh, section
from render.product import Wearable

PUPIL_HEIGHT_MM = 26.4
PANTOSCOPIC_TILT_DEG = 8.0
# Nose pads and soft tissue give this much; a frame also never touches the lids.
YIELD_MM = 1.0
# A temple opened by force springs this far out, and is pressed in no further than this, at the ear.
FLEX_OUT_MM, FLEX_IN_MM = 16.0, 7.0


@dataclass(frozen=True)
class Flex:
    """How the temples bend: nothing before `hinge_z`, in full at `ear_z` (product frame, mm).

    left_mm, right_mm: sideways shift at the ear (x of the picture); drop_mm: vertical shift there.
    fade_z, fade_mm: the temples' alpha falls from 1 to 0 over `fade_mm` behind `fade_z`.
    """

    hinge_z: float = -1e6
    ear_z: float = -2e6
    left_mm: float = 0.0
    right_mm: float = 0.0
    drop_mm: float = 0.0
    fade_z: float = -1e6
    fade_mm: float = 1.0

    def bend(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 3) product-frame points with the temples bent; the same sum as in product.vert."""
        along = np.maximum(0.0, (self.hinge_z - points[:, 2]) / (self.hinge_z - self.ear_z))
        bow = np.where(along < 1.0, along * (1.6 - 0.6 * along), 0.6 + 0.4 * along)
        bent = points.copy()
        bent[:, 0] += bow * np.where(points[:, 0] < 0, self.left_mm, self.right_mm)
        bent[:, 1] += along * self.drop_mm
        return bent


@dataclass(frozen=True)
class Seat:
    """Product frame to head frame, true millimetres: point_head = rotation @ point + translation_mm, after `flex`.

    pressed: y and z of a plane's normal, its height, and how far the head shrinks above it (canonical mm).
    """

    rotation: NDArray[np.float64]
    translation_mm: NDArray[np.float64]
    flex: Flex
    pressed: tuple[float, float, float, float]


def seat(product: Wearable, scale: float) -> Seat:
    """The resting place of `product` on a head `scale` times the canonical one."""
    return _seat_glasses(product, scale) if product.kind == "glasses" else _seat_hat(product, scale)


def _tilt(degrees: float) -> NDArray[np.float64]:
    """Rotation about x; positive tips the top forward (+z towards the viewer)."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1.0, 0, 0], [0, c, -s], [0, s, c]])


def _seat_glasses(product: Wearable, scale: float) -> Seat:
    points = np.concatenate([batch.positions for batch in product.finest.batches]).astype(np.float64)
    low, _ = product.bounds_mm
    ear = EAR_TOP_MM * scale
    hinge_z = 0.12 * float(low[2])
    # A front drawn upright is tipped, its top forward; one drawn with its tilt keeps it.
    tilt = float(np.clip(PANTOSCOPIC_TILT_DEG - _own_tilt_deg(points), 0.0, PANTOSCOPIC_TILT_DEG))
    rotation = _tilt(tilt)
    turned = points @ rotation.T
    height = PUPIL_HEIGHT_MM * scale
    front = points[:, 2] > -14.0
    depth = _touching_depth(turned[front] + (0.0, height, 0.0), scale)
    depth = float(np.clip(depth, 50.0 * scale, 66.0 * scale))
    translation = np.array([0.0, height, depth])
    # The temples fall from the tilted front to the ears: that angle is bent into them.
    ear_z = float((ear[2] - depth) / np.cos(np.radians(tilt)))
    beam = points[np.abs(points[:, 2] - ear_z) < 14.0]
    temple_y = float(np.median(beam[:, 1])) if len(beam) else 0.0
    at_ear = rotation @ np.array([0.0, temple_y, ear_z]) + translation
    flex = Flex(
        hinge_z=hinge_z,
        ear_z=ear_z,
        left_mm=-_splay(points, ear_z, ear[0], -1.0),
        right_mm=_splay(points, ear_z, ear[0], 1.0),
        drop_mm=float(np.clip(ear[1] + 2.0 - at_ear[1], -30.0, 12.0)),
        fade_z=ear_z + 2.0,
        fade_mm=26.0,
    )
    # The occluder's coarse triangles bridge the eye sockets: kept under the skin, they hide no rim that touches it.
    return Seat(rotation, translation, flex, (0.0, 0.0, -1.0, 1.5))


def _own_tilt_deg(points: NDArray[np.float64]) -> float:
    """How far the front leans by itself, degrees; positive with its top forward."""
    front = points[(points[:, 2] > -20.0) & (np.abs(points[:, 0]) < 45.0)]
    if len(front) < 12:
        return 0.0
    slope = np.polyfit(front[:, 1], front[:, 2], 1)[0] if np.ptp(front[:, 1]) > 10.0 else 0.0
    return float(np.degrees(np.arctan(slope)))


def _splay(points: NDArray[np.float64], ear_z: float, half_head: float, side: float) -> float:
    """Outward shift at the ear that lays the temple's inner side on the head, within what hinges and springs allow."""
    near = points[(np.abs(points[:, 2] - ear_z) < 18.0) & (points[:, 0] * side > 20.0)]
    if not len(near):
        near = points[(points[:, 2] < 0.35 * ear_z) & (points[:, 0] * side > 20.0)]
    if not len(near):
        return 0.0
    inner = float(np.percentile(near[:, 0] * side, 5))
    return float(np.clip(half_head + 0.5 - inner, -FLEX_IN_MM, FLEX_OUT_MM))


def _touching_depth(points: NDArray[np.float64], scale: float) -> float:
    """The z shift at which the first of `points` (head frame but for z) meets the face, less what the skin yields."""
    surface, origin = face_depth()
    grid = np.round(points[:, :2] / scale - origin).astype(int)
    inside = ((grid >= 0) & (grid < np.array(surface.shape)[::-1])).all(1)
    z = surface[grid[inside, 1], grid[inside, 0]] * scale
    gap = z - points[inside, 2]
    gap = gap[np.isfinite(gap)]
    return float(gap.max()) - YIELD_MM if gap.size else 58.0 * scale


@cache
def face_depth() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(rows y, columns x) canonical depth z of the face, a value each millimetre, NaN beside it; the grid's origin."""
    points, faces = face_mesh()
    first, last = np.array([-80, -20]), np.array([80, 74])
    corners = points[faces]
    low = np.maximum(np.ceil(corners[..., :2].min(1)).astype(int), first)
    high = np.minimum(np.floor(corners[..., :2].max(1)).astype(int), last)
    wide, tall = np.maximum(high - low + 1, 0).T
    # Every grid point in every triangle's bounding box, then those that the triangle covers.
    of = np.repeat(np.arange(len(faces)), wide * tall)
    nth = np.arange(len(of)) - np.repeat(np.cumsum(wide * tall) - wide * tall, wide * tall)
    x, y = low[of, 0] + nth % wide[of], low[of, 1] + nth // wide[of]
    one, two = (corners[of, 1] - corners[of, 0]).T, (corners[of, 2] - corners[of, 0]).T
    dx, dy = x - corners[of, 0, 0], y - corners[of, 0, 1]
    area = one[0] * two[1] - one[1] * two[0]
    area[area == 0.0] = np.nan  # a triangle seen edge on covers nothing
    u, v = (dx * two[1] - dy * two[0]) / area, (dy * one[0] - dx * one[1]) / area
    covers = (u >= 0) & (v >= 0) & (u + v <= 1)
    depth = np.full((last - first + 1)[::-1], -np.inf)
    at = (y[covers] - first[1], x[covers] - first[0])
    np.maximum.at(depth, at, (corners[of, 0, 2] + u * one[2] + v * two[2])[covers])
    return np.where(np.isfinite(depth), depth, np.nan), first.astype(np.float64)


HAT_TILT_DEG = 7.0
LOWEST_BAND_MM, HIGHEST_BAND_MM = 60.0, 104.0
HAIR_MM = 3.0
# Above the sweatband hair, and the skull under it, is pressed in this far: it never pokes through a hat.
PRESSED_MM = 14.0


def _seat_hat(product: Wearable, scale: float) -> Seat:
    half_breadth, front, back = _opening(product)
    around = product.dimensions.get("head_circumference_mm", 0.0)
    if not around:
        a, b = half_breadth, (front - back) / 2
        around = float(2 * np.pi * np.sqrt((a * a + b * b) / 2))
    # Cloth stretches a little; a hat of the head's own size sits on the brow line's upper edge.
    allowed = around * 1.02
    height = HIGHEST_BAND_MM
    for candidate in np.arange(LOWEST_BAND_MM, HIGHEST_BAND_MM, 2.0):
        if (section(float(candidate)).circumference * scale + 2 * np.pi * HAIR_MM * 0.5) <= allowed:
            height = float(candidate)
            break
    cut = section(height)
    rotation = _tilt(-HAT_TILT_DEG)
    # The front of the band lies on the forehead; what room there is stays behind.
    front_z = cut.front * scale + HAIR_MM - front
    middle_z = (cut.front + cut.back) / 2 * scale - (front + back) / 2
    z = max(front_z, middle_z)
    # The tilt lifts the band's front; it is the front that lies at `height`.
    lift = front * np.sin(np.radians(HAT_TILT_DEG))
    translation = np.array([0.0, height * scale - lift, z])
    up = rotation[:, 1]
    band = float(translation @ up) / scale
    return Seat(rotation, translation, Flex(), (float(up[1]), float(up[2]), band - 2.0, PRESSED_MM))


def _opening(product: Wearable) -> tuple[float, float, float]:
    """Half-breadth, front and back end of the sweatband's opening, from the vertices near the band."""
    points = np.concatenate([batch.positions for batch in product.finest.batches]).astype(np.float64)
    height = max(float(product.bounds_mm[1][1]), 1.0)
    band = points[(points[:, 1] > -0.02 * height) & (points[:, 1] < 0.3 * height)]
    if len(band) < 8:
        return 76.0, 96.0, -96.0
    angle = np.degrees(np.arctan2(band[:, 0], band[:, 2]))
    radius = np.hypot(band[:, 0], band[:, 2])

    def reach(centre: float, usual: float) -> float:
        near = np.abs((angle - centre + 180) % 360 - 180) < 15
        return float(np.percentile(radius[near], 10)) if near.any() else usual

    side = 0.5 * (reach(90.0, 76.0) + reach(-90.0, 76.0))
    return side, reach(0.0, 96.0), -reach(180.0, 96.0)


def worn_head(scale: float) -> NDArray[np.float32]:
    """Occluder vertices (n, 3) in true millimetres on a head of `scale`; for tests and thumbnails."""
    return head_mesh()[0] * np.float32(scale)
