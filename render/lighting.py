"""The light of the shopper's room, guessed from the frame itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Light:
    """Light as the renderer wants it, in the camera frame (x right, y up, z towards the viewer).

    exposure: linear factor on the neutral studio, 1.0 in a well exposed picture.
    tint: linear RGB gains around 1 with mean 1; the colour cast of lamp and white balance together.
    direction: unit vector towards the strongest light.
    softness: 1 light from everywhere, 0 from `direction` alone.
    skin: the face's mean colour as displayed, RGB 0..1; what a shadow on it is made of.
    """

    exposure: float = 1.0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    direction: tuple[float, float, float] = (-0.35, 0.75, 0.56)
    softness: float = 0.6
    skin: tuple[float, float, float] = (0.72, 0.56, 0.48)

    def towards(self, other: Light, weight: float) -> Light:
        """This light moved by `weight` (0..1) towards `other`; for smoothing over frames."""
        mine = np.array([self.exposure, *self.tint, *self.direction, self.softness, *self.skin])
        its = np.array([other.exposure, *other.tint, *other.direction, other.softness, *other.skin])
        mixed = mine + weight * (its - mine)
        mixed[4:7] /= max(float(np.linalg.norm(mixed[4:7])), 1e-6)
        values = [float(value) for value in mixed]
        return Light(
            values[0],
            (values[1], values[2], values[3]),
            (values[4], values[5], values[6]),
            values[7],
            (values[8], values[9], values[10]),
        )


# Rec. 601 limited range to non-linear RGB.
_RED_V, _GREEN_U, _GREEN_V, _BLUE_U = 1.596, 0.392, 0.813, 2.017


def estimate_light(
    y: NDArray[np.uint8], u: NDArray[np.uint8], v: NDArray[np.uint8], face_box_px: tuple[float, float, float, float]
) -> Light:
    """Brightness, colour cast and main direction, from some two thousand subsampled pixels.

    y (h, w), u and v (h/2, w/2): planes of a yuv420p frame, BT.601 limited range; strided views are fine.
    face_box_px: x0, y0, x1, y1 of the face; it may reach out of the frame.

    The room (whole frame) tells exposure and cast, because skin has a colour of its own and a grey-world guess on it
    would paint dark skin's glasses darker. The face tells the direction: its halves are lit differently.
    """
    height, width = y.shape
    step = max(2, min(height, width) // 24)
    room = y[::step, ::step].astype(np.float32)
    chroma = max(1, step // 2)
    room_u = u[::chroma, ::chroma].astype(np.float32) - 128.0
    room_v = v[::chroma, ::chroma].astype(np.float32) - 128.0
    mean, bright = float(room.mean()), float(np.partition(room.ravel(), -(room.size // 20) - 1)[-(room.size // 20) - 1])
    x0, x1 = sorted((min(max(int(face_box_px[0]), 0), width - 1), min(max(int(face_box_px[2]), 1), width)))
    y0, y1 = sorted((min(max(int(face_box_px[1]), 0), height - 1), min(max(int(face_box_px[3]), 1), height)))
    pace = max(1, min(x1 - x0, y1 - y0) // 16)
    face = y[y0:y1:pace, x0:x1:pace].astype(np.float32)
    inner = slice((y0 + (y1 - y0) // 4) // 2, (y1 + 1) // 2, pace), slice((x0 * 3 + x1) // 8, (x0 + x1 * 3) // 8, pace)
    level = float(face.mean()) if face.size else mean
    exposure = _exposure(mean, bright, level)
    tint = _tint(float(room_u.mean()), float(room_v.mean()), mean)
    direction, softness = _direction(face)
    return Light(exposure, tint, direction, softness, _skin(level, u[inner], v[inner]))


def _exposure(mean: float, bright: float, face: float) -> float:
    """The picture's level against a well exposed one: mean 110, bright 200, face 135 (limited-range luma)."""
    ratios = [(max(value - 16.0, 2.0) / (usual - 16.0)) for value, usual in ((mean, 110), (bright, 200), (face, 135))]
    gamma_level = ratios[0] ** 0.25 * ratios[1] ** 0.4 * ratios[2] ** 0.35
    return float(min(max(gamma_level**1.6, 0.12), 1.35))


def _tint(u: float, v: float, mean: float) -> tuple[float, float, float]:
    """Half of the frame's mean colour is taken for the lamp's: a room's walls and clothes have colours of their own."""
    level = max(1.164 * (mean - 16.0), 24.0)
    red = max(level + 0.5 * _RED_V * v, 1.0)
    green = max(level - 0.5 * (_GREEN_U * u + _GREEN_V * v), 1.0)
    blue = max(level + 0.5 * _BLUE_U * u, 1.0)
    linear = [(channel / level) ** 2.2 for channel in (red, green, blue)]
    total = sum(linear) / 3.0
    gains = [min(max(channel / total, 0.6), 1.5) for channel in linear]
    return gains[0], gains[1], gains[2]


def _skin(level: float, u: NDArray[np.uint8], v: NDArray[np.uint8]) -> tuple[float, float, float]:
    """The face's mean colour, from the mean of its middle's planes."""
    if not u.size:
        return Light.skin
    y, cb, cr = 1.164 * (level - 16.0), float(u.mean()) - 128.0, float(v.mean()) - 128.0
    rgb = (y + _RED_V * cr, y - _GREEN_U * cb - _GREEN_V * cr, y + _BLUE_U * cb)
    red, green, blue = (min(max(channel / 255.0, 0.0), 1.0) for channel in rgb)
    return red, green, blue


def _direction(face: NDArray[np.float32]) -> tuple[tuple[float, float, float], float]:
    """Left against right and top against bottom of the face; light falls from above unless the face says otherwise."""
    rows, columns = face.shape
    if rows < 4 or columns < 4:
        return Light.direction, Light.softness
    left, right = float(face[:, : columns // 2].mean()), float(face[:, columns // 2 :].mean())
    top, bottom = float(face[: rows // 2].mean()), float(face[rows // 2 :].mean())
    across = min(max((right - left) / max(right + left, 1.0) * 3.0, -1.0), 1.0)
    up = min(max(0.55 + (top - bottom) / max(top + bottom, 1.0) * 1.2, -0.4), 1.0)
    vector = np.array([across, up, 0.55])
    vector /= np.linalg.norm(vector)
    softness = 0.75 - 0.45 * min(abs(across), 1.0)
    return (float(vector[0]), float(vector[1]), float(vector[2])), softness
