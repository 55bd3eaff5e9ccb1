"""Draws a standing figure, turned, before a camera that shows it from head to foot; and the shadow at its feet."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from render.figure import Figure
from render.gpu import Mesh, delete_levels, upload_levels
from render.headpose import Intrinsics
from render.lighting import Light
from render.openness import FLOOR_CELLS, FLOOR_M
from render.scene import Overlay, Region, SceneRenderer

DISTANCE_MM: Final = 4200.0
DOWN_DEG: Final = 5.0  # that the camera looks down, so that there is a floor to stand on
FILLED: Final = 0.86  # of the picture's height, by the tallest that is shown full size
HEIGHTS_MM: Final = (1500.0, 2050.0)  # who is smaller looks smaller; who is taller is shown smaller
WIDEST_MM: Final = 950.0
MARGIN_PX: Final = 3
ERROR_PX: Final = 0.45
SHADOW: Final = 0.9
FAINTEST: Final = 0.012
_BLACK: Final = np.array([16.0, 128.0, 128.0, 255.0], np.float32) / 255.0


class View:
    """The camera before which figures of a height stand, for pictures of a size."""

    def __init__(self, width: int, height: int, figure_mm: float) -> None:
        tall = min(max(figure_mm, HEIGHTS_MM[0]), HEIGHTS_MM[1])
        focal = DISTANCE_MM * min(FILLED * height / max(tall, 1680.0), width / WIDEST_MM)
        self.camera = Intrinsics(width, height, focal, focal, width / 2, height * 0.505)
        down = np.radians(DOWN_DEG)
        cosine, sine = np.cos(down), np.sin(down)
        self._tilt = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
        middle = self._tilt @ np.array([0.0, figure_mm / 2, 0.0])
        self._shift = np.array([0.0, 0.0, -DISTANCE_MM]) - middle

    @property
    def pixels_per_mm(self) -> float:
        return self.camera.fx / DISTANCE_MM

    def placed(self, yaw_deg: float) -> NDArray[np.float64]:
        """(4, 4), from a figure's frame to the camera's. Turned to the picture's right for a positive angle."""
        yaw = np.radians(yaw_deg)
        turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = self._tilt @ turn, self._shift
        return matrix

    def seen(self, points: NDArray[np.float64], yaw_deg: float = 0.0) -> NDArray[np.float64]:
        """(n, 2) pixels of points (n, 3) in a figure's frame."""
        placed = self.placed(yaw_deg)
        at = points @ placed[:3, :3].T + placed[:3, 3]
        across, up = at[:, 0] / -at[:, 2], at[:, 1] / -at[:, 2]
        camera = self.camera
        return np.stack([camera.cx + camera.fx * across, camera.cy - camera.fy * up], 1)

    def region(self, pixels: NDArray[np.float64]) -> Region | None:
        """Even bounds around pixels (n, 2), within the picture; None if they are all outside."""
        low, high = pixels.min(0) - MARGIN_PX, pixels.max(0) + MARGIN_PX + 2
        wide, tall = self.camera.width & ~1, self.camera.height & ~1
        x0, y0 = max(int(low[0]), 0) & ~1, max(int(low[1]), 0) & ~1
        x1, y1 = min(int(high[0]) & ~1, wide), min(int(high[1]) & ~1, tall)
        return Region(x0, y0, x1, y1) if x1 - x0 >= 2 and y1 - y0 >= 2 else None


class FigureScene:
    """One figure in GL memory. On the renderer's thread."""

    def __init__(self, renderer: SceneRenderer, figure: Figure) -> None:
        self._renderer = renderer
        self.figure = figure
        self._levels = upload_levels(figure.levels)

    def draw(self, view: View, yaw_deg: float, light: Light, *, factor: float, shadow: bool = True) -> list[Overlay]:
        """The shadow and the figure on it, to be blended in this order. factor: samples along a side of a pixel."""
        overlays = [self._shadow(view, yaw_deg)] if shadow else []
        region = view.region(view.seen(self.figure.outline, yaw_deg))
        if region is not None:
            overlays.append(
                self._renderer.draw_meshes(
                    self._level(ERROR_PX / view.pixels_per_mm),
                    "figure",
                    camera_from_meshes=view.placed(yaw_deg),
                    camera=view.camera,
                    region=region,
                    light=light,
                    factor=factor,
                    pixels_per_mm=view.pixels_per_mm,
                )
            )
        return [overlay for overlay in overlays if overlay is not None]

    def _level(self, error_mm: float) -> tuple[Mesh, ...]:
        fitting = [meshes for error, meshes in self._levels if error <= error_mm]
        return fitting[-1] if fitting else self._levels[0][1]

    def _shadow(self, view: View, yaw_deg: float) -> Overlay | None:
        half, shadow = FLOOR_M * 500.0, self.figure.shadow
        dark = np.argwhere(shadow > FAINTEST)
        if not len(dark):
            return None
        (first_row, first_column), (last_row, last_column) = dark.min(0), dark.max(0) + 1
        cell = 2 * half / FLOOR_CELLS
        edges = [(x, z) for x in (first_column, last_column) for z in (first_row, last_row)]
        corners = np.array([(x * cell - half, 0.0, z * cell - half) for x, z in edges])
        pixels = view.seen(corners, yaw_deg)
        region = view.region(pixels)
        if region is None:
            return None
        cells = np.array(edges, np.float32) - 0.5
        to_region = cv2.getPerspectiveTransform(cells, (pixels - (region.x0 + 0.5, region.y0 + 0.5)).astype(np.float32))
        size = (region.x1 - region.x0, region.y1 - region.y0)
        alpha = cv2.warpPerspective(shadow, to_region, size, flags=cv2.INTER_LINEAR)
        alpha = np.clip(alpha - FAINTEST, 0.0, 1.0) * (SHADOW * 255.0)
        return Overlay(region, np.round(alpha[..., None] * _BLACK).astype(np.uint8))

    def close(self) -> None:
        """Free its GL memory."""
        delete_levels(self._levels)
