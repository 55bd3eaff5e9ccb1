"""Fronts milled from an acetate sheet: a plate with two lens holes, rounded edges, bent to the face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import Delaunay

from demo.curves import along, outline_normals, resampled, signed_area, spline
from demo.lenses import LensSeat
from demo.mesh import Floats, Ints, Surface, outward
from demo.sweep import grid_faces

POINT_SPACING_MM = 1.35


@dataclass(frozen=True)
class Plate:
    """How the sheet is milled and bent, mm.

    thickness: of the sheet; bend_x, bend_y: radii of its front across and up; front_round, back_round: edge radii.
    """

    thickness: float = 4.6
    bend_x: float = 250.0
    bend_y: float = 520.0
    front_round: float = 1.5
    back_round: float = 0.8

    def sag(self, xy: Floats) -> Floats:
        """Depth z (…,) of the sheet's middle layer under the plan points (…, 2)."""
        return np.asarray(-(xy[..., 0] ** 2) / (2 * self.bend_x) - xy[..., 1] ** 2 / (2 * self.bend_y))

    def place(self, xy: Floats, lift: Floats | float) -> Floats:
        """Points (…, 3) that stand `lift` mm out of the middle layer above the plan points (…, 2)."""
        slope = np.stack([xy[..., 0] / self.bend_x, xy[..., 1] / self.bend_y, np.ones(xy.shape[:-1])], axis=-1)
        slope /= np.linalg.norm(slope, axis=-1, keepdims=True)
        middle = np.concatenate([xy, self.sag(xy)[..., None]], axis=-1)
        return np.asarray(middle + np.asarray(lift)[..., None] * slope)


def front_outline(
    seat: LensSeat,
    *,
    rim: list[tuple[float, float]],
    brow: Sequence[float],
    end_piece: list[tuple[float, float]],
    belly: Sequence[float],
    bridge_top: list[tuple[float, float]],
    bridge_under: list[tuple[float, float]],
    polish_mm: float = 1.6,
) -> Floats:
    """The closed (N, 2) outer outline of a front in plan, counter-clockwise and symmetrical.

    rim: (angle, mm) width of the rim around the wearer's left lens, angles in degrees from the temple side, 90 = up,
    growing from -170 to 190; brow, belly: the angles at which the outline follows the rim above and below;
    end_piece, bridge_top, bridge_under: (x, y) points of its own: the corner downwards, the bridge from the middle
    outwards on top, and towards the middle underneath; polish_mm: how far the tumbling drum evens out bumps.
    """

    def beside(angle: float) -> tuple[float, float]:
        width = float(along(np.array([angle]), rim)[0])
        x, y, _ = seat.edge_at(angle, grow=width)
        return (float(x), float(y))

    half = [*bridge_top, *map(beside, brow), *end_piece, *map(beside, belly), *bridge_under]
    right = np.array(half)
    left = right[right[:, 0] > 1e-6][::-1] * np.array([-1.0, 1.0])
    loop = np.concatenate([right, left])
    dense = spline(loop, 2400, closed=True)
    step = np.linalg.norm(np.diff(dense, axis=0), axis=1).mean()
    dense = gaussian_filter1d(dense, polish_mm / step, axis=0, mode="wrap")
    count = int(np.linalg.norm(np.diff(dense, axis=0), axis=1).sum() / POINT_SPACING_MM) // 2 * 2
    outline = resampled(dense, count, closed=True)
    return outline[::-1] if signed_area(outline) < 0 else outline


def widened(outline: Floats, plate: Plate, frame_width: float) -> Floats:
    """The outline stretched a little across, so that the bent front is exactly `frame_width` mm wide."""
    for _ in range(6):
        rounding = plate.front_round
        reach = max(
            float(np.abs(plate.place(outline, lift)[:, 0]).max())
            for lift in (plate.thickness / 2 - rounding, -plate.thickness / 2 + plate.back_round)
        )
        outline = outline * np.array([frame_width / 2 / reach, 1.0])
    return outline


def _profile(plate: Plate) -> list[tuple[float, float]]:
    """(inset, lift) pairs from the front face over the edge to the back face; both ends at the same inset."""
    half, front, back = plate.thickness / 2, plate.front_round, plate.back_round
    inset = max(front, back) + 0.15
    turn = np.linspace(0.0, np.pi / 2, 5)
    pairs = [(inset, half)]
    pairs += [(front * (1 - np.sin(a)), half - front * (1 - np.cos(a))) for a in turn]
    pairs += [(back * (1 - np.cos(a)), -half + back * (1 - np.sin(a))) for a in turn[::2]]
    pairs.append((inset, -half))
    return pairs


def _inside(points: Floats, polygon: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which (K, 2) points lie in a closed polygon (even-odd rule)."""
    a, b = polygon, np.roll(polygon, -1, axis=0)
    y = points[:, 1:2]
    straddles = (a[:, 1] > y) != (b[:, 1] > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        x = a[:, 0] + (y - a[:, 1]) * (b[:, 0] - a[:, 0]) / (b[:, 1] - a[:, 1])
    return np.asarray((straddles & (points[:, :1] < x)).sum(axis=1) % 2 == 1)


def _fill(outer: Floats, holes: list[Floats], spacing: float) -> tuple[Floats, Ints]:
    """Triangles between an outline and its holes: extra plan points, and faces over [outer, *holes, extra]."""
    borders = np.concatenate([outer, *holes])
    low, high = outer.min(axis=0), outer.max(axis=0)
    columns = int((high[0] - low[0]) / spacing / 2)
    x = np.arange(-columns, columns + 1) * spacing  # symmetrical about the nose
    y = np.arange(low[1] + spacing / 2, high[1], spacing * 0.87)
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    candidates = grid.reshape(-1, 2)
    solid = _inside(candidates, outer)
    for hole in holes:
        solid &= ~_inside(candidates, hole)
    candidates = candidates[solid]
    distance = np.sqrt(((candidates[:, None] - borders[None]) ** 2).sum(axis=2)).min(axis=1)
    extra = candidates[distance > spacing * 0.6]
    points = np.concatenate([borders, extra])
    faces = Delaunay(points).simplices.astype(np.int64)
    middle = points[faces].mean(axis=1)
    keep = _inside(middle, outer)
    for hole in holes:
        keep &= ~_inside(middle, hole)
    faces = faces[keep]
    a, b, c = (points[faces[:, i]] for i in range(3))
    clockwise = (b - a)[:, 0] * (c - a)[:, 1] < (b - a)[:, 1] * (c - a)[:, 0]
    faces[clockwise] = faces[clockwise][:, ::-1]
    return extra, faces


def milled(outer: Floats, holes: Sequence[Floats], plate: Plate, *, fill_spacing: float = 2.6) -> Surface:
    """The front as one closed solid.

    outer: (N, 2) plan outline, counter-clockwise; holes: (M, 2) plan outlines of the lens openings, counter-clockwise.
    """
    profile = _profile(plate)
    positions: list[Floats] = []
    faces: list[Ints] = []
    front_ids, back_ids, rims = [], [], []
    start = 0
    for outline, into in ((outer, -1.0), *((h, 1.0) for h in holes)):
        normals = outline_normals(outline) * into
        count = len(outline)
        for inset, lift in profile:
            positions.append(plate.place(outline + inset * normals, np.full(count, lift)))
        ring = grid_faces(len(profile), count, wrap_columns=True) + start
        faces.append(ring[:, ::-1] if into < 0 else ring)
        front_ids.append(start + np.arange(count))
        back_ids.append(start + (len(profile) - 1) * count + np.arange(count))
        rims.append(outline + profile[0][0] * normals)
        start += len(profile) * count
    extra, fill = _fill(rims[0], rims[1:], fill_spacing)
    positions.append(plate.place(extra, np.full(len(extra), plate.thickness / 2)))
    positions.append(plate.place(extra, np.full(len(extra), -plate.thickness / 2)))
    front = np.concatenate([*front_ids, start + np.arange(len(extra))])
    back = np.concatenate([*back_ids, start + len(extra) + np.arange(len(extra))])
    faces += [front[fill], back[fill][:, ::-1]]
    return outward(Surface(np.concatenate(positions), np.concatenate(faces)))
