"""The soft shadow a seated product throws on the head: baked once per product and head size, one texture lookup later.

A product does not move against the head, so its shadow there does not either. The product is flattened along the
direction of indoor light (from above and in front), drawn as a mask and blurred by about the gap over which it falls.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from render.gpu import upload_texture
from render.product import Wearable
from render.seat import Seat, face_depth

SIDE = 128


@dataclass(frozen=True)
class Shadow:
    """texture: GL name, single channel. from_head: (4, 4) canonical head mm to texture x, y and facing weight.

    fallen_on: (n, 3) head-frame true mm, the darkened points of the face. deflate: see head.vert.
    """

    texture: int
    from_head: NDArray[np.float64]
    strength: float
    deflate: tuple[float, float, float, float]
    fallen_on: NDArray[np.float64]

    def delete(self) -> None:
        from OpenGL import GL  # noqa: PLC0415

        GL.glDeleteTextures([self.texture])


def bake_shadow(product: Wearable, resting: Seat, scale: float) -> Shadow:
    """The shadow of `product` on a head of `scale`; uploads the texture."""
    hat = product.kind == "hat"
    light = np.array([0.0, 0.80, 0.60]) if hat else np.array([0.0, 0.45, 0.89])
    across = np.array([1.0, 0.0, 0.0])
    down = np.cross(across, light)
    centre = np.array([0.0, 60.0, 0.0]) if hat else np.array([0.0, 25.0, 40.0])
    reach = 130.0 if hat else 90.0
    from_head = np.eye(4)
    from_head[0, :3] = across / (2 * reach)
    from_head[1, :3] = down / (2 * reach)
    from_head[:2, 3] = 0.5 - from_head[:2, :3] @ centre
    from_head[2, :3] = light * 1.6
    mask = np.zeros((SIDE, SIDE), np.uint8)
    for batch in product.levels[-1].batches:
        points = batch.positions @ resting.rotation.T + resting.translation_mm
        at = (points / scale) @ from_head[:2, :3].T + from_head[:2, 3]
        corners = np.round(at[batch.faces] * (SIDE * 16)).astype(np.int32)
        seen = batch.positions[batch.faces][:, :, 2].min(1) > (-400.0 if hat else -12.0)
        dark = int(255 * min(1.0, float(batch.colors[:, 3].mean()))) if batch.lens else 255
        layer = np.zeros_like(mask)
        for triangle in corners[seen]:
            cv2.fillConvexPoly(layer, triangle, dark, cv2.LINE_8, 4)
        mask = np.maximum(mask, layer)
    sigma = 2.6 if hat else 2.2
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), sigma), np.uint8)
    mask[[0, -1]] = 0
    mask[:, [0, -1]] = 0
    strength = 0.5 if hat else 0.34
    deflate = _inside_hat(resting, scale) if hat else (0.0, 0.0, 1e9, 0.0)
    return Shadow(upload_texture(mask), from_head, strength, deflate, _fallen_on(mask, from_head) * scale)


def _inside_hat(resting: Seat, scale: float) -> tuple[float, float, float, float]:
    """Above the sweatband the skull (hair, when there is much of it) is pressed in, and never pokes through the hat."""
    up = resting.rotation[:, 1]
    band = float(resting.translation_mm @ up) / scale
    return float(up[1]), float(up[2]), band - 2.0, 14.0


def _fallen_on(mask: NDArray[np.uint8], from_head: NDArray[np.float64]) -> NDArray[np.float64]:
    """Canonical points of the face that the blurred mask darkens visibly."""
    surface, origin = face_depth()
    rows, columns = (
        np.asarray(grid)[::3, ::3].ravel() for grid in np.meshgrid(*map(np.arange, surface.shape), indexing="ij")
    )
    points = np.stack([columns + origin[0], rows + origin[1], surface[rows, columns]], axis=1)
    points = points[np.isfinite(points[:, 2])]
    at = np.clip((points @ from_head[:2, :3].T + from_head[:2, 3]) * SIDE, 0, SIDE - 1).astype(int)
    return np.asarray(points[mask[at[:, 1], at[:, 0]] > 5])
