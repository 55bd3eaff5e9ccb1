"""The catalogue's T-shirt and hoodie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from avatar.charts import GarmentChart, default_ease
from avatar.garments.blank import Girths, fading, hung, laid_out
from avatar.garments.cloth import Fabric, border_loops
from avatar.garments.drape import Base
from avatar.garments.fabric import Material, fleece, jersey, rib, thread
from avatar.garments.garment import Garment
from avatar.garments.hood import hood
from avatar.garments.pattern import Piece, cut, from_border, largest, marked, refined
from avatar.garments.sew import Sewing
from avatar.garments.skin import Skin
from avatar.garments.trim import cord, part_lines

Float = NDArray[np.float64]
_SIZES = ("XS", "S", "M", "L", "XL")

T_SHIRT = GarmentChart(
    kind="top",
    sizes={
        label: {
            "chest": chest, "waist": chest - 1, "hip": chest + 6, "length": length, "upper_arm": arm, "shoulder": wide,
        }
        for label, chest, length, arm, wide in zip(
            _SIZES, (92, 98, 106, 114, 122), (64, 66, 68, 70, 72), (35, 37, 39.5, 42, 44.5), (37, 38.5, 40, 41.5, 43),
            strict=True,
        )
    },
    ease={
        "chest": (0.0, 7.0, 13.0), "hip": (-2.0, 5.0, 14.0), "upper_arm": (3.0, 8.0, 14.0),
        "shoulder": (-1.0, 2.0, 6.0),
    },
    stretch=0.15,
)  # fmt: skip
HOODIE = GarmentChart(
    kind="jacket",
    sizes={
        label: {
            "chest": chest, "waist": chest - 1, "hip": chest - 8, "length": length, "upper_arm": arm,
            "cuff": 22 + place, "sleeve": 53 + place, "shoulder": wide,
        }
        for place, (label, chest, length, arm, wide) in enumerate(zip(
            _SIZES, (102, 108, 116, 124, 132), (63, 65, 67, 69, 71), (39, 41, 43.5, 46, 48.5), (39, 41, 43, 45, 47),
            strict=True,
        ))
    },
    ease={
        **default_ease({"sleeve"}), "chest": (6.0, 16.0, 24.0), "hip": (-6.0, 2.0, 12.0),
        "upper_arm": (6.0, 12.0, 18.0),
    },
    stretch=0.12,
)  # fmt: skip
BUST, WAIST, HIP = 0.317, 0.149, -0.049  # heights on the base body, from the pelvis
_NECK_BACK_M, _NECK_BELOW, _HEAD_ABOVE = 0.056, 0.40, 0.60
NECK = np.array([0.0, 0.55, 0.0])


def neckline(points: Float, arm: Float, *, side_m: float, front_m: float) -> Float:
    """How far points (N, 3) lie outside a round neckline, m; half its width, and how far it reaches to the front."""
    x, z = points[:, 0] / side_m, points[:, 2] + 0.004
    far = np.hypot(x, np.where(z > 0, z / front_m, z / _NECK_BACK_M))
    return np.where((arm > 0.5) | (points[:, 1] < _NECK_BELOW), 1.0, (far - 1) * side_m)


def upper_body(base: Base, *, neck: tuple[float, float], sleeve_m: float, hem: float) -> Piece:
    """The surface under a top: neckline (half width, reach to the front), sleeve from the shoulder, hem height."""
    piece = base.piece()
    piece = cut(piece, _HEAD_ABOVE - piece.points[:, 1])
    piece = cut(piece, neckline(piece.points, piece.values["arm"], side_m=neck[0], front_m=neck[1]))
    piece = cut(piece, np.where(piece.values["arm"] > 0.5, sleeve_m - piece.values["along_arm"], 1.0))
    return refined(largest(cut(piece, np.where(piece.values["arm"] > 0.5, 1.0, piece.points[:, 1] - hem))))


def t_shirt(base: Base) -> Garment:
    """A crew-neck T-shirt of cotton jersey, straight cut."""
    hem, sleeve = -0.078, 0.215
    piece = upper_body(base, neck=(0.074, 0.082), sleeve_m=sleeve, hem=hem)
    piece = marked(piece, 0.018 - from_border(piece, piece.points, NECK), 1)
    row = T_SHIRT.sizes["M"]
    trunk = {BUST: row["chest"], WAIST: row["waist"], HIP: row["hip"], 0.42: row["chest"] * 0.985}
    laid = laid_out(piece, base, _metres(trunk, {0.5: row["upper_arm"], 0.8: row["upper_arm"] - 1}), skirt=True)
    from_neck = from_border(piece, laid, NECK)
    points = hung(piece, laid, base, Fabric(gap_m=0.004), steps=45, held=fading(from_neck, 0.018, 0.045))
    cloth, collar = jersey("jersey", "#3f6a86"), rib("collar", "#3a627c")
    return _sewn(piece, points, laid, base, materials=(cloth, collar), stitching=thread("thread", "#315468")).finished(
        "T-shirt", "top", "neutral", T_SHIRT
    )


def hoodie(base: Base) -> Garment:
    """A hooded sweatshirt with ribbed cuffs and hem, a pouch and a cord."""
    hem, sleeve = -0.062, 0.47
    piece = upper_body(base, neck=(0.078, 0.085), sleeve_m=sleeve, hem=hem)
    arm = piece.values["arm"] > 0.5
    piece = marked(piece, np.where(arm, -1.0, hem + 0.055 - piece.points[:, 1]), 1)
    arm = piece.values["arm"] > 0.5
    piece = marked(piece, np.where(arm, piece.values["along_arm"] - (sleeve - 0.055), -1.0), 1)
    row = HOODIE.sizes["M"]
    trunk = {
        BUST: row["chest"],
        WAIST: row["waist"],
        hem + 0.06: row["chest"],
        hem: row["hip"],
        0.42: row["chest"] * 0.97,
    }
    arms = {0.5: row["upper_arm"], 1.0: 36.0, 1.6: 32.0, 1.85: row["cuff"] + 1, 2.0: row["cuff"]}
    laid = laid_out(piece, base, _metres(trunk, arms), skirt=True, gap_m=0.009)
    from_neck = from_border(piece, laid, NECK)
    fabric = Fabric(gap_m=0.007, bend=0.25, push=0.35)
    points = hung(piece, laid, base, fabric, steps=45, held=fading(from_neck, 0.02, 0.05))
    cloth, ribbing = fleece("fleece", "#55606b"), rib("ribbing", "#4d5863")
    sewing = _sewn(piece, points, laid, base, materials=(cloth, ribbing), stitching=thread("thread", "#434c56"))
    neck = min(border_loops(piece.faces), key=lambda loop: float(np.linalg.norm(points[loop].mean(0) - NECK)))
    folded, faces, along = hood(points[neck], Skin.of(points, piece.faces))
    sewing.trim(folded, faces, replace(cloth, name="hood"), along)
    cord_material = thread("cord", "#d9d6cf")
    for side in (-1.0, 1.0):
        line = np.array([[0.035, 0.475, 0.108], [0.04, 0.44, 0.135], [0.046, 0.38, 0.152], [0.05, 0.33, 0.16]])
        line[:, 0] *= side
        sewing.trim(*cord(line, 0.0028), cord_material)
    return sewing.finished("Hoodie", "jacket", "neutral", HOODIE)


def _metres(trunk: dict[float, float], arm: dict[float, float]) -> Girths:
    return Girths({at: cm / 100 for at, cm in trunk.items()}, {at: cm / 100 for at, cm in arm.items()}, {})


def _sewn(
    piece: Piece, points: Float, laid: Float, base: Base, *, materials: tuple[Material, Material], stitching: Material
) -> Sewing:
    """Cloth with turned hems and a row of stitches along every line where its two parts meet."""
    sewing = Sewing(base)
    normals = sewing.cloth(piece, points, laid, materials, hems=border_loops(piece.faces))
    for run in part_lines(piece.faces, piece.part, 0, 1):
        sewing.stitch(points[run], normals[run], stitching, closed=True)
    return sewing
