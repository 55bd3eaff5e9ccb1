"""A product alone in studio light, three-quarter view, on a transparent ground with a soft shadow."""

from __future__ import annotations

import io

import cv2
import numpy as np
from numpy.typing import NDArray

from render.headpose import HeadPose, Intrinsics
from render.lighting import Light
from render.product import Wearable
from render.scene import SceneRenderer

SIZE = 512
# Drawn twice as large and reduced, on top of the renderer's own oversampling: it is looked at closely, once.
DRAWN = 1024
DISTANCE_MM = 900.0
STUDIO = Light(exposure=1.05, direction=(-0.42, 0.78, 0.46), softness=0.65)


def thumbnail(renderer: SceneRenderer, product: Wearable) -> bytes:
    """A 512 x 512 PNG with transparency."""
    from PIL import Image  # noqa: PLC0415

    yaw, pitch = (-32.0, 14.0) if product.kind == "glasses" else (-28.0, 6.0)
    pose, camera = _view(product, np.radians(yaw), np.radians(pitch))
    picture = np.zeros((DRAWN, DRAWN, 4), np.float32)
    picture[..., 3] = _ground_shadow(product, pose, camera)
    for overlay in renderer.draw_alone(product, pose, camera, STUDIO):
        region, color = overlay.region, to_rgba(overlay.yuva)
        target = picture[region.y0 : region.y1, region.x0 : region.x1]
        target *= 1.0 - color[..., 3:]
        target += color
    small = cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    alpha = small[..., 3:]
    straight = np.concatenate([small[..., :3] / np.maximum(alpha, 1e-4), alpha], axis=2)
    encoded = io.BytesIO()
    Image.fromarray(np.round(np.clip(straight, 0, 1) * 255).astype(np.uint8), "RGBA").save(encoded, "PNG")
    return encoded.getvalue()


def _view(product: Wearable, yaw: float, pitch: float) -> tuple[HeadPose, Intrinsics]:
    """A pose that centres the product and a camera that fills the picture with it but for a margin."""
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    rotation = np.array([[1.0, 0, 0], [0, cp, -sp], [0, sp, cp]]) @ np.array([[cy, 0, sy], [0, 1.0, 0], [-sy, 0, cy]])
    points = np.concatenate([batch.positions for batch in product.finest.batches]).astype(np.float64) @ rotation.T
    depth = DISTANCE_MM - points[:, 2]
    x, y = points[:, 0] / depth, points[:, 1] / depth
    extent = max(float(np.ptp(x)), float(np.ptp(y)), 1e-6)
    focal = 0.84 * DRAWN / extent
    camera = Intrinsics(
        DRAWN,
        DRAWN,
        focal,
        focal,
        DRAWN / 2 - focal * float(x.min() + x.max()) / 2,
        DRAWN / 2 + focal * float(y.min() + y.max()) / 2,
    )
    return HeadPose(rotation, np.array([0.0, 0.0, -DISTANCE_MM]), 1.0), camera


def _ground_shadow(product: Wearable, pose: HeadPose, camera: Intrinsics) -> NDArray[np.float32]:
    """(DRAWN, DRAWN) alpha of the product flattened onto the plane it stands on, blurred."""
    mask = np.zeros((DRAWN, DRAWN), np.uint8)
    ground = float(product.bounds_mm[0][1])
    for batch in product.within(0.5).batches:
        flat = batch.positions.astype(np.float64)
        flat[:, 0] += 0.25 * (flat[:, 1] - ground)
        flat[:, 1] = ground
        corners = np.round(pose.project(flat, camera)[batch.faces] * 16).astype(np.int32)
        shade = 110 if batch.lens else 255
        for triangle in corners:
            cv2.fillConvexPoly(mask, triangle, shade, cv2.LINE_8, 4)
    wide = cv2.GaussianBlur(mask, (0, 0), 0.022 * DRAWN).astype(np.float32)
    near = cv2.GaussianBlur(mask, (0, 0), 0.007 * DRAWN).astype(np.float32)
    return np.asarray((0.16 * wide + 0.12 * near) / 255.0, np.float32)


def to_rgba(yuva: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Premultiplied BT.601 YUVA to premultiplied RGBA, 0..1."""
    values = yuva.astype(np.float32) / 255.0
    alpha = values[..., 3]
    y = 1.164384 * (values[..., 0] - 0.0627451 * alpha)
    u, v = values[..., 1] - 0.5019608 * alpha, values[..., 2] - 0.5019608 * alpha
    rgb = np.stack([y + 1.596027 * v, y - 0.391762 * u - 0.812968 * v, y + 2.017232 * u], axis=2)
    # Light added on glass has no alpha of its own; a picture on an unknown ground must give it some.
    alpha = np.maximum(alpha, rgb.max(axis=2))
    return np.concatenate([np.clip(rgb, 0.0, 1.0), alpha[..., None]], axis=2).astype(np.float32)
