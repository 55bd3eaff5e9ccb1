"""What a figure stands before: a plain lit studio, or the shopper's own room out of focus, with a floor put in.

Planes are those of a yuv420p frame, BT.601 limited range.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from render.planes import Plane

Planes = tuple[Plane, Plane, Plane]
Small = NDArray[np.float32]

# The studio, display RGB: where its light falls on the wall, the wall's edges, the floor before and behind the figure.
LIT, EDGE = np.array([214.0, 212.0, 209.0]), np.array([132.0, 131.0, 132.0])
NEAR_FLOOR, FAR_FLOOR = np.array([168.0, 165.0, 162.0]), np.array([200.0, 197.0, 193.0])
SMALLER: Final = 8  # the room is blurred in a picture so many times smaller
BLUR: Final = 0.055  # of the picture's longer side
CALM: Final = 0.12  # of a new frame in the room that is shown: nobody looks at it, and the encoder likes it still
DIM: Final = 0.94


@lru_cache(maxsize=6)
def studio(width: int, height: int, floor_y: int) -> Planes:
    """A wall with a pool of light that runs into the floor without an edge; floor_y: where the wall ends, pixels.
    Not to be written to."""
    tall, wide = max(height // 4, 2), max(width // 4, 2)
    y, x = np.mgrid[0:tall, 0:wide].astype(np.float32)
    y, x, side = (y + 0.5) * height / tall, (x + 0.5) * width / wide, max(width, height)
    pool = np.exp(-(((x - 0.5 * width) / (0.42 * side)) ** 2 + ((y - 0.36 * height) / (0.44 * side)) ** 2))
    wall = EDGE + (LIT - EDGE) * pool[..., None]
    ahead = np.clip((y - floor_y) / max(height - floor_y, 1), 0.0, 1.0)[..., None]
    spot = np.exp(-(((x - 0.5 * width) / (0.50 * side)) ** 2))[..., None]
    floor = (FAR_FLOOR + (NEAR_FLOOR - FAR_FLOOR) * ahead) * (0.80 + 0.20 * spot)
    share = 1.0 / (1.0 + np.exp(-(y - floor_y) / (0.028 * height)))
    small = (wall + (floor - wall) * share[..., None]).astype(np.float32)
    rgb = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    # Eight bits make steps of a slow gradient; a grain below one step hides them.
    rgb += np.random.default_rng(5).random((height, width, 1), np.float32) * 1.8 - 0.9
    return _to_planes(rgb)


class Room:
    """The shopper's room behind a figure, calm and out of focus. floor_y: where its floor begins, pixels.

    She herself sits in the middle of her picture: what is there is filled in from around it.
    """

    def __init__(self, width: int, height: int, floor_y: float) -> None:
        self._size = (width, height)
        self._small = (max(width // SMALLER, 4), max(height // SMALLER, 4))
        wide, tall = self._small
        y, x = np.mgrid[0:tall, 0:wide].astype(np.float32)
        x, y = (x + 0.5) / wide - 0.5, (y + 0.5) / tall
        aspect = width / min(width, height)
        head = ((x * aspect / 0.30) ** 2 + ((y - 0.42) / 0.42) ** 2) < 1
        shoulders = (np.abs(x * aspect) < 0.44) & (y > 0.60)
        self._weight = np.where(head | shoulders, 0.015, 1.0).astype(np.float32)
        self._sigma = BLUR * max(width, height) / SMALLER
        self._around = _widely(self._weight)
        floor = (y * height - floor_y) / (0.03 * height)
        self._floor = (1.0 / (1.0 + np.exp(-floor))).astype(np.float32)
        below = np.clip((y * height - floor_y) / max(height - floor_y, 1.0), 0.0, 1.0)
        self._sheen = (0.45 * (1.0 - below) ** 1.5).astype(np.float32)
        self._rows = np.clip(2 * floor_y / height * tall - np.arange(tall) - 1, 0, tall - 1).astype(np.intp)
        self._vignette = (DIM * (1.0 - 0.35 * (x**2 + 0.6 * (y - 0.45) ** 2))).astype(np.float32)
        self._calm: Small | None = None

    def behind(self, planes: Planes) -> None:
        """Put the room in the place of the camera's picture, in the planes themselves."""
        small = [cv2.resize(plane, self._small, interpolation=cv2.INTER_AREA) for plane in planes]
        now = np.stack(small, 2).astype(np.float32) - np.array([16.0, 128.0, 128.0], np.float32)
        seen = now * self._weight[..., None]
        around = _widely(seen) / self._around[..., None]
        filled = self._blurred(seen + around * (1.0 - self._weight[..., None]))
        if self._calm is None:
            self._calm = filled
        else:
            self._calm += CALM * (filled - self._calm)
        shown = self._with_floor(self._calm) * self._vignette[..., None] + (16.5, 128.5, 128.5)
        shown = np.clip(shown, 16, 240).astype(np.float32)
        for index, plane in enumerate(planes):
            size = (plane.shape[1], plane.shape[0])
            plane[...] = np.asarray(
                cv2.resize(np.ascontiguousarray(shown[..., index]), size, interpolation=cv2.INTER_LINEAR), np.uint8
            )

    def _with_floor(self, room: Small) -> Small:
        """A smooth floor of the colour that the room's lower part has, in which the wall is faintly mirrored."""
        tall = room.shape[0]
        base = room[tall // 2 :].mean((0, 1)) * (0.82, 0.9, 0.9)
        mirrored = room[self._rows] * 0.9
        floor = base + (mirrored - base) * self._sheen[..., None]
        return np.asarray(room + (floor - room) * self._floor[..., None], np.float32)

    def _blurred(self, values: Small) -> Small:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), self._sigma, borderType=cv2.BORDER_REFLECT), np.float32)


def _widely(values: Small) -> Small:
    """Blurred so far that the middle is what is at the sides."""
    wide, tall = values.shape[1], values.shape[0]
    tiny = cv2.resize(values, (max(wide // 4, 2), max(tall // 4, 2)), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(tiny, (0, 0), tiny.shape[1] * 0.16, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(soft, (wide, tall), interpolation=cv2.INTER_LINEAR), np.float32)


def _to_planes(rgb: NDArray[np.floating]) -> Planes:
    height, width = rgb.shape[0] & ~1, rgb.shape[1] & ~1
    packed = np.clip(np.round(rgb[:height, :width]), 0, 255).astype(np.uint8)
    yuv = np.asarray(cv2.cvtColor(packed, cv2.COLOR_RGB2YUV_I420), np.uint8)
    quarter = height * width // 4
    chroma = yuv.ravel()[height * width :]
    half = (height // 2, width // 2)
    return yuv[:height], chroma[:quarter].reshape(half), chroma[quarter : 2 * quarter].reshape(half)
