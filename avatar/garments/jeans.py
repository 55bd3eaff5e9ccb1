"""The catalogue's straight jeans: denim, waistband, seams, fly and pockets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from avatar.charts import GarmentChart
from avatar.garments.blank import Girths, fading, hung, laid_out
from avatar.garments.cloth import Fabric, border_loops
from avatar.garments.drape import Base
from avatar.garments.fabric import denim, thread
from avatar.garments.garment import Garment
from avatar.garments.pattern import Piece, cut, largest, marked, refined
from avatar.garments.sew import Sewing
from avatar.garments.tops import HIP
from avatar.garments.trim import part_lines, resampled

Float = NDArray[np.float64]
_SIZES = ("XS", "S", "M", "L", "XL")
_TOP, _BAND = 0.098, 0.034  # height of the waistband's upper edge over the pelvis joint; its width, m

JEANS = GarmentChart(
    kind="bottom",
    sizes={
        label: {"waist": waist, "hip": hip, "thigh": thigh, "knee": knee, "leg_hem": leg, "inside_leg": inside}
        for label, waist, hip, thigh, knee, leg, inside in zip(
            _SIZES, (82, 88, 96, 104, 112), (97, 103, 111, 119, 127), (56.5, 60, 64.5, 69, 73.5),
            (41, 43, 45.5, 48, 50.5), (38, 39, 40.5, 42, 43.5), (76, 77, 78, 79, 80), strict=True,
        )
    },
    ease={"waist": (2.0, 6.0, 11.0), "hip": (0.0, 4.0, 9.0), "thigh": (1.0, 5.0, 10.0), "inside_leg": (-5.0, 0.0, 4.0)},
    stretch=0.03,
)  # fmt: skip


def jeans(base: Base) -> Garment:
    """Straight five-pocket jeans; the waist sits 5 cm below the natural one."""
    row = JEANS.sizes["M"]
    whole_leg = float(base.fields["along_leg"].max())
    ankle = np.linalg.norm(base.joint("left_knee") - base.joint("left_hip")) + np.linalg.norm(
        base.joint("left_ankle") - base.joint("left_knee")
    )
    assert ankle < whole_leg
    piece = base.piece()
    piece = cut(piece, np.where(piece.values["arm"] > 0.3, -1.0, _TOP - piece.points[:, 1]))
    piece = largest(cut(piece, ankle - 0.012 - piece.values["along_leg"]))
    piece = refined(piece)
    piece = marked(piece, piece.points[:, 1] - (_TOP - _BAND), 1)
    girths = Girths(
        trunk={_TOP: row["waist"] / 100, HIP + 0.02: row["hip"] / 100},
        arm={},
        leg={0.25: row["thigh"] / 100, 1.0: row["knee"] / 100, 1.9: row["leg_hem"] / 100},
    )
    laid = laid_out(piece, base, girths, skirt=False, gap_m=0.005, rounds=35)
    fabric = Fabric(gap_m=0.0035, bend=0.3, push=0.5)
    held = fading(_TOP - laid[:, 1], _BAND, _BAND + 0.02)
    points = hung(piece, laid, base, fabric, steps=40, held=held)
    cloth, band = denim("denim", "#33496b"), denim("waistband", "#2f4464")
    gold = thread("thread", "#b9803f")
    sewing = Sewing(base)
    normals = sewing.cloth(piece, points, laid, (cloth, band), hems=border_loops(piece.faces))
    for run in part_lines(piece.faces, piece.part, 0, 1):
        sewing.stitch(points[run], normals[run], gold, closed=True)
    for line, facing in _seams(piece, points, normals):
        sewing.stitch(line, facing, gold, closed=False)
    return sewing.finished("Jeans", "bottom", "neutral", JEANS)


def _seams(piece: Piece, points: Float, normals: Float) -> list[tuple[Float, Float]]:
    """Where stitches show: lines (N, 3) and the cloth's normals on them."""
    found = []
    for side in (-1.0, 1.0):
        found.append(_outseam(points, normals, side))
        along = piece.values["along_leg"]
        hem = np.abs(along - along.max() + 0.018) < 0.006
        ring = np.flatnonzero(hem & (points[:, 0] * side > 0))
        middle = points[ring].mean(0)
        turn = np.argsort(np.arctan2(points[ring, 0] - middle[0], points[ring, 2] - middle[2]))
        line = points[ring[turn]]
        found.append(_drawn_near(_smoothed(np.concatenate([line, line[:1]]), 12), points, normals))
        front = [(0.098, 0.055), (0.098, 0.03), (0.112, 0.005), (0.14, -0.012), (0.165, -0.018)]
        found.append(_drawn(np.array(front) * [side, 1], points, normals, front=True))
        pocket = [(0.035, 0.015), (0.032, -0.075), (0.085, -0.1), (0.138, -0.075), (0.138, 0.015), (0.035, 0.015)]
        found.append(_drawn(np.array(pocket) * [side, 1], points, normals, front=False))
    fly = [(0.03, 0.06), (0.03, 0.0), (0.027, -0.03), (0.016, -0.055), (0.0, -0.068)]
    found.append(_drawn(np.array(fly), points, normals, front=True))
    return found


def _drawn(sketch: Float, points: Float, normals: Float, *, front: bool) -> tuple[Float, Float]:
    """A sketch (N, 2) of x and height laid on the front or the back of the cloth."""
    flat = resampled(np.column_stack([sketch, np.zeros(len(sketch))]), 0.004, closed=False)[:, :2]
    facing = np.flatnonzero((normals[:, 2] > 0.15) if front else (normals[:, 2] < -0.15))
    distance, near = cKDTree(points[facing][:, :2]).query(flat, k=5)
    weight = 1 / (distance + 1e-4)
    weight /= weight.sum(1, keepdims=True)
    at = facing[near]
    depth = np.einsum("nk,nk->n", weight, points[at, 2])
    normal = np.einsum("nk,nkx->nx", weight, normals[at])
    line = np.column_stack([flat, _smoothed(depth[:, None], 6)])
    return line, normal / np.linalg.norm(normal, axis=1, keepdims=True)


def _outseam(points: Float, normals: Float, side: float) -> tuple[Float, Float]:
    """The line along the outside of one leg."""
    line = []
    for height in np.arange(0.05, points[:, 1].min() + 0.03, -0.008):
        near = np.flatnonzero(np.abs(points[:, 1] - height) < 0.007)
        line.append(points[near[np.argmax(points[near, 0] * side)]])
    return _drawn_near(_smoothed(np.array(line), 30), points, normals)


def _drawn_near(line: Float, points: Float, normals: Float) -> tuple[Float, Float]:
    """A line (N, 3) laid on the cloth beside it."""
    distance, near = cKDTree(points).query(line, k=4)
    weight = 1 / (distance + 1e-4)
    weight /= weight.sum(1, keepdims=True)
    normal = np.einsum("nk,nkx->nx", weight, normals[near])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    height = np.einsum("nx,nx->n", np.einsum("nk,nkx->nx", weight, points[near]) - line, normal)
    return line + height[:, None] * normal, normal


def _smoothed(values: Float, rounds: int) -> Float:
    for _ in range(rounds):
        values = np.concatenate([values[:1], 0.5 * values[1:-1] + 0.25 * (values[:-2] + values[2:]), values[-1:]])
    return values
