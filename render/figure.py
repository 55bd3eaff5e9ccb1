"""An avatar ready to be shown: its GLB in, standing, lit by its own openness, in levels of detail.

Millimetres, y up, z out of the breast, the floor at y = 0 between the feet.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from render.glb import ProductError, read_glb
from render.gltf import Material, Part
from render.levels import Batch, Level
from render.openness import floor_shadow, sky
from render.simplify import simplify
from render.stance import standing

__all__ = ["Figure", "ProductError", "load_figure"]

LEVEL_ERRORS_MM: Final = (0.7, 1.6, 3.2)
CLOSE_ERROR_MM: Final = 0.15
HEIGHTS_M: Final = (0.5, 2.6)
RELIEF: Final = 0.6
_MM: Final = 1000.0
_serial = itertools.count(1)


@dataclass(frozen=True, eq=False)
class Figure:
    """levels run from fine to coarse; in their batches `surface` is (n, 4): openness to the light 0..1, roughness,
    1 for cloth and 0 for skin, 0. shadow: of the floor's square, see `render.openness.floor_shadow`.
    outline (m, 3): points in mm of which some are the outermost, whichever way it is turned.
    """

    levels: tuple[Level, ...] = field(repr=False)
    height_mm: float
    shadow: NDArray[np.float32] = field(repr=False)
    outline: NDArray[np.float64] = field(repr=False)
    serial: int = field(default_factory=lambda: next(_serial))


def load_figure(glb: bytes, *, person: bool = True, close: bool = False) -> Figure:
    """The figure in an avatar's plain GLB, undressed or dressed; takes some tenths of a second.

    person: there is a body in it, and it has a body's size. close: it is for a picture that is looked at closely, in
    which every edge and the relief of cloth is seen.

    Raises ProductError, as `render.gltf.read_model`; `figure-size-invalid` if it is no person's size.
    """
    model = standing(read_glb(glb), relief=close)
    low = min(float(part.positions[part.faces].reshape(-1, 3)[:, 1].min()) for part in model.parts)
    parts = [_on_floor(part, low) for part in model.parts]
    points = np.concatenate([part.positions for part in parts]).astype(np.float64)
    height = float(points[:, 1].max())
    least = HEIGHTS_M[0] if person else 0.0
    if not least <= height <= HEIGHTS_M[1] or np.abs(points).max() > HEIGHTS_M[1]:
        raise ProductError("figure-size-invalid", "The avatar is not of a person's size.")
    normals = np.concatenate([part.normals for part in parts]).astype(np.float64)
    open_to = sky(points, normals)
    materials = [_raised(material) for material in model.materials]
    errors = (CLOSE_ERROR_MM,) if close else LEVEL_ERRORS_MM
    levels = tuple(_level(error, parts, materials, open_to) for error in errors)
    outline = np.concatenate([batch.positions for batch in levels[-1].batches]).astype(np.float64)
    return Figure(levels, height * _MM, floor_shadow(points), outline)


def _raised(material: Material) -> Material:
    """The texture with the light and shade of its normal map: of a lamp above and to the left of who wears it.

    Cloth hangs with its texture upright, so that a lamp that stands still stays where it is in the texture, too.
    """
    if material.texture is None or material.normals is None:
        return material
    high, wide = material.texture.shape[:2]
    tilt = cv2.resize(material.normals, (wide, high), interpolation=cv2.INTER_AREA)[..., :2].astype(np.float32)
    tilt = (tilt / 127.5 - 1.0) * material.normal_scale
    light = 1.0 + RELIEF * (tilt @ np.array([-0.6, 0.8], np.float32))
    texture = material.texture.copy()
    texture[..., :3] = np.round((texture[..., :3] * light[..., None]).clip(0, 255))
    return replace(material, texture=texture)


def _on_floor(part: Part, low: float) -> Part:
    """Only the vertices that triangles use, lifted to stand on y = 0."""
    used, faces = np.unique(part.faces, return_inverse=True)
    return Part(
        part.name,
        part.material,
        part.positions[used] - np.array([0.0, low, 0.0], np.float32),
        part.normals[used],
        None if part.uv is None else part.uv[used],
        None if part.colors is None else part.colors[used],
        faces.reshape(-1, 3).astype(np.uint32),
    )


def _level(
    error_mm: float,
    parts: Sequence[Part],
    materials: Sequence[Material],
    open_to: NDArray[np.float32],
) -> Level:
    batches, start = [], 0
    for part in parts:
        faces, used = simplify(part.positions, part.normals, part.colors, part.faces, error_mm / _MM, seamed=True)
        if len(faces):
            batches.append(_batch(part, materials[part.material], faces, used, open_to[used + start]))
        start += len(part.positions)
    return Level(error_mm, tuple(batches))


def _batch(
    part: Part,
    material: Material,
    faces: NDArray[np.uint32],
    used: NDArray[np.uint32],
    open_to: NDArray[np.float32],
) -> Batch:
    count = len(used)
    colors = np.tile(np.array(material.color, np.float32), (count, 1))
    if part.colors is not None:
        colors *= part.colors[used]
    colors[:, 3] = 1.0
    cloth = 0.0 if part.name == "body" else 1.0
    textured = material.texture is not None and part.uv is not None
    return Batch(
        False,
        part.positions[used] * np.float32(_MM),
        part.normals[used],
        np.column_stack([open_to, np.tile([material.roughness, cloth, 0.0], (count, 1))]).astype(np.float32),
        colors,
        part.uv[used] if textured and part.uv is not None else None,
        faces,
        material.texture if textured else None,
        material.double_sided,
    )
