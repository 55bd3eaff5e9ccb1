"""Small pictures of bodies without a graphics card: triangles painted from the back to the front, softly lit.

Good for meshes whose triangles are a few pixels large, as a body's are in a thumbnail.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

_OVER = 2  # drawn this many times larger and reduced
_SUBPIXEL = 4  # bits
_KEY, _FILL, _RIM = np.array([-0.45, 0.6, 0.66]), np.array([0.7, 0.1, 0.5]), np.array([0.2, 0.5, -0.85])
_MARGIN = 0.05


@dataclass(frozen=True)
class Painted:
    """vertices (N, 3) m, triangles (F, 3), normals (N, 3); color: one (3,) or a (N, 3) linear RGB, 0..1.

    behind_m: how much farther away than it is it counts, where something lies close before it, such as cloth before
    its own inside.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    normals: NDArray[np.float64]
    color: NDArray[np.float64]
    behind_m: float = 0.0


def paint(
    things: Sequence[Painted], *, size: tuple[int, int] = (360, 640), yaw_deg: float = -24.0, around: float = 1.0
) -> bytes:
    """A PNG with transparency of things in one frame, turned by `yaw_deg`; size: width and height.

    around: zoom about the middle, 1 shows everything.
    """
    width, height = size[0] * _OVER, size[1] * _OVER
    angle = np.radians(yaw_deg)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    turned = [thing.vertices @ turn.T for thing in things]
    low, high = np.min([t.min(0) for t in turned], 0), np.max([t.max(0) for t in turned], 0)
    scale = around * (1 - 2 * _MARGIN) * min(width / (high[0] - low[0]), height / (high[1] - low[1]))
    middle = 0.5 * (low + high)
    depths, polygons, shades = [], [], []
    for thing, at in zip(things, turned, strict=True):
        flat = np.stack([width / 2 + (at[:, 0] - middle[0]) * scale, height / 2 - (at[:, 1] - middle[1]) * scale], 1)
        corners = flat[thing.faces]
        a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        front = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0] < 0
        faces = thing.faces[front]
        normal = (thing.normals @ turn.T)[faces].mean(1)
        color = np.broadcast_to(thing.color, thing.vertices.shape)[faces].mean(1)
        polygons.append(corners[front])
        depths.append(at[faces, 2].mean(1) - thing.behind_m)
        shades.append(_lit(normal / np.linalg.norm(normal, axis=1, keepdims=True).clip(1e-9), color))
    order = np.argsort(np.concatenate(depths), kind="stable")
    points = np.round(np.concatenate(polygons)[order] * (1 << _SUBPIXEL)).astype(np.int32)
    tones = np.concatenate(shades)[order]
    picture = np.zeros((height, width, 4), np.uint8)
    for corner, (red, green, blue) in zip(points, tones.tolist(), strict=True):
        cv2.fillConvexPoly(picture, corner, (red, green, blue, 255), cv2.LINE_8, _SUBPIXEL)
    return _encoded(picture, size)


def _lit(normal: NDArray[np.float64], color: NDArray[np.float64]) -> NDArray[np.uint8]:
    """sRGB bytes (F, 3) of faces in a studio: a soft key light, a fill, a rim and light from all around."""
    light = 0.34 + 0.1 * normal[:, 1]
    for direction, strength, wrap in ((_KEY, 0.62, 0.25), (_FILL, 0.2, 0.3), (_RIM, 0.16, 0.0)):
        cosine = normal @ (direction / np.linalg.norm(direction))
        light = light + strength * ((cosine + wrap) / (1 + wrap)).clip(0)
    shown = (color * light[:, None]).clip(0, 1)
    srgb = np.where(shown <= 0.0031308, 12.92 * shown, 1.055 * shown ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(srgb * 255), np.uint8)


def _encoded(picture: NDArray[np.uint8], size: tuple[int, int]) -> bytes:
    """Reduced to `size`, colours not darkened by the empty ground."""
    values = picture.astype(np.float32) / 255
    values[..., :3] *= values[..., 3:]
    small = np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)
    small[..., :3] = small[..., :3] / np.maximum(small[..., 3:], 1e-4)
    output = io.BytesIO()
    Image.fromarray(np.round(small.clip(0, 1) * 255).astype(np.uint8), "RGBA").save(output, "PNG", optimize=True)
    return output.getvalue()
