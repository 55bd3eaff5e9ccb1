"""The catalogue's A-line skirt and its dress."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar.charts import GarmentChart
from avatar.garments.blank import Girths, fading, hung, laid_out
from avatar.garments.cloth import Fabric, border_loops
from avatar.garments.drape import Base
from avatar.garments.fabric import thread, weave
from avatar.garments.garment import Garment
from avatar.garments.pattern import from_border, marked
from avatar.garments.sew import Sewing
from avatar.garments.tops import BUST, HIP, NECK, WAIST, upper_body
from avatar.garments.trim import part_lines
from avatar.garments.tube import grown, ring, tube, tube_piece

Float = NDArray[np.float64]
_SIZES = ("XS", "S", "M", "L", "XL")
_AROUND = 168
_ROW_M = 0.0105

SKIRT = GarmentChart(
    kind="skirt",
    sizes={
        label: {"waist": waist, "hip": hip, "hem": hem, "length": length}
        for label, waist, hip, hem, length in zip(
            _SIZES, (74, 80, 88, 96, 104), (98, 104, 112, 120, 128), (140, 146, 154, 162, 170), (55, 56, 57, 58, 59),
            strict=True,
        )
    },
    ease={"waist": (-1.0, 1.5, 4.0), "hip": (1.0, 6.0, 14.0)},
    stretch=0.03,
)  # fmt: skip
DRESS = GarmentChart(
    kind="dress",
    sizes={
        label: {
            "chest": chest, "waist": waist, "hip": chest + 12, "hem": hem, "length": length, "upper_arm": arm,
            "shoulder": wide,
        }
        for label, chest, waist, hem, length, arm, wide in zip(
            _SIZES, (88, 94, 102, 110, 118), (78, 84, 92, 100, 108), (170, 176, 184, 192, 200), (96, 98, 100, 102, 104),
            (31, 33, 35.5, 38, 40.5), (34.5, 36, 37.5, 39, 40.5), strict=True,
        )
    },
    ease={"chest": (1.0, 4.5, 9.0), "waist": (0.0, 3.0, 7.0), "hip": (2.0, 8.0, 20.0), "upper_arm": (2.0, 6.0, 12.0)},
    stretch=0.04,
)  # fmt: skip


def skirt(base: Base) -> Garment:
    """An A-line skirt of crepe with a waistband, to above the knee."""
    row, top, band = SKIRT.sizes["M"], WAIST - 0.002, 0.032
    angles = np.linspace(-np.pi, np.pi, _AROUND, endpoint=False)
    first, _ = ring(base, top, angles, row["waist"] / 100, np.zeros(_AROUND))
    hem = top - row["length"] / 100
    heights = np.concatenate([[top - band * 0.5, top - band], np.arange(top - band - _ROW_M, hem, -_ROW_M)])
    wide = {top: row["waist"], top - band: row["waist"] + 1.5, HIP: row["hip"], hem: row["hem"]}
    points, faces = tube(base, first, heights, _metres(wide), waves=9, depth=0.05)
    piece = tube_piece(points, faces)
    piece = marked(piece, points[:, 1] - (top - band - 1e-4), 1)
    laid = piece.points
    fabric = Fabric(gap_m=0.004, bend=0.1)
    points = hung(piece, laid, base, fabric, steps=45, held=fading(top - laid[:, 1], band, band + 0.02))
    cloth, waistband, line = weave("crepe", "#7d3b45"), weave("waistband", "#733540"), thread("thread", "#5e2a33")
    sewing = Sewing(base)
    normals = sewing.cloth(piece, points, laid, (cloth, waistband), hems=border_loops(piece.faces))
    for run in part_lines(piece.faces, piece.part, 0, 1):
        sewing.stitch(points[run], normals[run], line, closed=True)
    return sewing.finished("Skirt", "skirt", "neutral", SKIRT)


def dress(base: Base) -> Garment:
    """A dress with short sleeves, a seam at the waist and a flared skirt to the knee."""
    row = DRESS.sizes["M"]
    upper = upper_body(base, neck=(0.088, 0.105), sleeve_m=0.145, hem=WAIST)
    girths = Girths(
        {BUST: row["chest"] / 100, WAIST: row["waist"] / 100, 0.42: row["chest"] * 0.0096},
        {0.45: row["upper_arm"] / 100},
        {},
    )
    laid = laid_out(upper, base, girths, skirt=True)
    loop = min(border_loops(upper.faces), key=lambda loop: float(laid[loop, 1].mean()))
    hem = 0.56 - row["length"] / 100
    heights = np.arange(WAIST - _ROW_M, hem, -_ROW_M)
    wide = {WAIST: row["waist"] + 2, HIP: row["hip"] + 8, hem: row["hem"]}
    points, faces = tube(base, laid[loop], heights, _metres(wide), waves=11, depth=0.07)
    piece, laid = grown(upper, laid, loop, points, faces)
    from_neck = from_border(piece, laid, NECK)
    piece.part[:] = (laid[piece.faces, 1].mean(1) < WAIST - 1e-4) & (piece.values["arm"][piece.faces].max(1) < 0.5)
    hung_points = hung(
        piece, laid, base, Fabric(gap_m=0.0045, bend=0.1), steps=45, held=fading(from_neck, 0.012, 0.035)
    )
    cloth, lower, line = weave("crepe", "#34574a"), weave("skirt", "#34574a"), thread("thread", "#27443a")
    sewing = Sewing(base)
    normals = sewing.cloth(piece, hung_points, laid, (cloth, lower), hems=border_loops(piece.faces))
    for run in part_lines(piece.faces, piece.part, 0, 1):
        sewing.stitch(hung_points[run], normals[run], line, closed=True)
    return sewing.finished("Dress", "dress", "neutral", DRESS)


def _metres(girths: dict[float, float]) -> dict[float, float]:
    return {at: cm / 100 for at, cm in girths.items()}
