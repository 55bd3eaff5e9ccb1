"""Blends a rendered product into the planes of the very frame it was measured on.

Only the product's own region is touched, in YUV, so the rest of the picture is never converted.
"""

import cv2
import numpy as np

from render.planes import Plane, planes_of
from render.scene import Overlay

__all__ = ["Plane", "blend", "planes_of"]


def blend(planes: tuple[Plane, Plane, Plane], overlay: Overlay) -> None:
    """Lay a premultiplied YUVA overlay over the frame, in place."""
    region, full = overlay.region, overlay.yuva
    half_size = (full.shape[1] // 2, full.shape[0] // 2)
    half = np.asarray(cv2.resize(full, half_size, interpolation=cv2.INTER_AREA), np.uint8)
    rows, columns = slice(region.y0, region.y1), slice(region.x0, region.x1)
    half_rows, half_columns = slice(region.y0 // 2, region.y1 // 2), slice(region.x0 // 2, region.x1 // 2)
    _over(planes[0][rows, columns], full[..., 0], full[..., 3])
    _over(planes[1][half_rows, half_columns], half[..., 1], half[..., 3])
    _over(planes[2][half_rows, half_columns], half[..., 2], half[..., 3])


def _over(target: Plane, colour: Plane, alpha: Plane) -> None:
    """Porter-Duff over with a premultiplied colour."""
    behind = cv2.multiply(target, 255 - alpha, scale=1 / 255)
    cv2.add(behind, colour, dst=behind)
    target[...] = behind
