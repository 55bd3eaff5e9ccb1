"""A dressed body, or a garment alone, in studio light on a transparent ground: what a shop shows of it.

It is the figure of the avatar as video, drawn by the same scene, closer and once: finer than it is shown and reduced.
"""

from __future__ import annotations

import io
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from render.figure import Figure, load_figure
from render.figure_scene import FigureScene, View
from render.headpose import Intrinsics
from render.lighting import Light
from render.scene import SceneRenderer
from render.thumbnail import to_rgba

DRESSED: Final = (540, 960)
ALONE: Final = (512, 512)
OVER: Final = 1.75  # drawn so many times larger and reduced
YAW_DEG: Final = -24.0
FILLED: Final = 0.92
LIGHT: Final = Light(exposure=1.06, direction=(-0.45, 0.62, 0.64), softness=0.6)


def portrait(renderer: SceneRenderer, glb: bytes, *, alone: bool) -> bytes:
    """A PNG with transparency of the plain GLB of a dressed body, with its shadow; alone: of a garment without one.

    Raises ProductError, as `render.figure.load_figure`.
    """
    from PIL import Image  # noqa: PLC0415

    figure = load_figure(glb, person=not alone, close=True)
    size = ALONE if alone else DRESSED
    view = _Framed(round(OVER * size[0]) & ~1, round(OVER * size[1]) & ~1, figure)
    scene = FigureScene(renderer, figure)
    try:
        drawn = scene.draw(view, YAW_DEG, LIGHT, factor=1.0, shadow=not alone)
    finally:
        scene.close()
    picture = np.zeros((view.camera.height, view.camera.width, 4), np.float32)
    for overlay in drawn:
        region, color = overlay.region, to_rgba(overlay.yuva)
        target = picture[region.y0 : region.y1, region.x0 : region.x1]
        target *= 1.0 - color[..., 3:]
        target += color
    encoded = io.BytesIO()
    Image.fromarray(_straight(picture, size), "RGBA").save(encoded, "PNG", optimize=True)
    return encoded.getvalue()


class _Framed(View):
    """A camera that fills its picture with a figure but for a margin."""

    def __init__(self, width: int, height: int, figure: Figure) -> None:
        super().__init__(width, height, figure.height_mm)
        seen = self.seen(figure.outline, YAW_DEG) - (self.camera.cx, self.camera.cy)
        low, high = seen.min(0), seen.max(0)
        zoom = FILLED * float(min(np.array([width, height]) / (high - low)))
        middle = (low + high) / 2 * zoom
        focal = self.camera.fx * zoom
        self.camera = Intrinsics(width, height, focal, focal, width / 2 - middle[0], height / 2 - middle[1])


def _straight(picture: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Reduced to `size`, colours not multiplied by alpha."""
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)
    alpha = small[..., 3:]
    straight = np.concatenate([small[..., :3] / np.maximum(alpha, 1e-4), alpha], axis=2)
    return np.asarray(np.round(straight.clip(0, 1) * 255), np.uint8)
