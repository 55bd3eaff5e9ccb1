"""The soft shadow a seated product throws on the face: baked once per product and head size, then a few triangles.

A product does not move against the head, so its shadow there does not either. The product is flattened along the
direction of indoor light (from above and in front), drawn as a mask and blurred by about the gap over which it falls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from render.product import Wearable
from render.seat import Seat, face_depth
from render.simplify import simplify

SIDE = 160
FAINTEST = 0.03
ERROR_MM = 1.0  # of what is flattened: a pixel of the mask, and far below the blur


@dataclass(frozen=True)
class Shadow:
    """positions (n, 3) canonical head mm, just above the skin; darkness (n,) 0..1; faces (m, 3)."""

    positions: NDArray[np.float32]
    darkness: NDArray[np.float32]
    faces: NDArray[np.uint32]


def cast_shadow(product: Wearable, resting: Seat, scale: float) -> Shadow:
    """The shadow of `product` on the face of a head of `scale`; no faces where none falls."""
    hat = product.kind == "hat"
    light = np.array([0.0, 0.80, 0.60]) if hat else np.array([0.0, 0.50, 0.866])
    across = np.array([1.0, 0.0, 0.0])
    down = np.cross(across, light)
    centre = np.array([0.0, 40.0, 40.0])
    half_mm = 120.0 if hat else 85.0
    to_mask = np.stack([across, down]) / (2 * half_mm)

    def placed(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(((points - centre) @ to_mask.T + 0.5) * SIDE)

    mask = np.zeros((SIDE, SIDE), np.uint8)
    for batch in product.within(ERROR_MM).batches:
        points = batch.positions @ resting.rotation.T + resting.translation_mm
        corners = np.round(placed(points / scale)[batch.faces] * 16).astype(np.int32)
        front = batch.positions[batch.faces][:, :, 2].min(1) > (-400.0 if hat else -12.0)
        opacity = float(batch.colors[:, 3].mean()) * 0.6 if batch.lens else 1.0
        layer = np.zeros_like(mask)
        for triangle in corners[front]:
            cv2.fillConvexPoly(layer, triangle, round(255 * opacity), cv2.LINE_8, 4)
        mask = np.maximum(mask, layer)
    blur_mm = 5.0 if hat else 2.6
    soft = np.asarray(cv2.GaussianBlur(mask, (0, 0), blur_mm * SIDE / (2 * half_mm)), np.float32) / 255.0
    soft *= 0.62 if hat else 0.42
    return _patch(soft, placed, light)


def _patch(
    soft: NDArray[np.float32], placed: Callable[[NDArray[np.float64]], NDArray[np.float64]], light: NDArray[np.float64]
) -> Shadow:
    surface, origin = face_depth()
    step = 2
    rows, columns = np.arange(0, surface.shape[0], step), np.arange(0, surface.shape[1], step)
    grid_y, grid_x = np.meshgrid(rows, columns, indexing="ij")
    z = surface[grid_y, grid_x]
    slope_y, slope_x = np.gradient(z, float(step))
    facing = (light[2] - slope_y * light[1]) / np.sqrt(1.0 + slope_x**2 + slope_y**2)
    points = np.stack([grid_x + origin[0], grid_y + origin[1], z + 0.4], axis=-1)
    known = np.isfinite(z)
    at = np.clip(np.nan_to_num(placed(points.reshape(-1, 3))), 0, SIDE - 1).reshape(*z.shape, 2)
    dark = cv2.remap(soft, at[..., 0].astype(np.float32), at[..., 1].astype(np.float32), cv2.INTER_LINEAR)
    # Indoors light comes from everywhere, and a brim's shadow fades with the distance over which it falls.
    dark *= np.clip((points[..., 1] + 14.0) / 60.0, 0.0, 1.0)
    dark = np.where(known, dark * np.clip(np.nan_to_num(facing) * 1.8, 0, 1), 0.0)
    index = np.arange(z.size).reshape(z.shape)
    a, b, c, d = index[:-1, :-1].ravel(), index[:-1, 1:].ravel(), index[1:, :-1].ravel(), index[1:, 1:].ravel()
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)]).astype(np.uint32)
    flat = dark.ravel()
    faces = faces[(flat[faces].max(1) > FAINTEST) & known.ravel()[faces].all(1)]
    positions = np.nan_to_num(points.reshape(-1, 3)).astype(np.float32)
    shades = np.stack([flat, np.zeros_like(flat), np.zeros_like(flat)], axis=1).astype(np.float32)
    faces, used = simplify(positions, shades * 12.0, None, faces, 1.0)
    return Shadow(positions[used], flat[used].astype(np.float32), faces)
