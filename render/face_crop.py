"""Where the face is, and the small picture of it that a network looks at.

A point of a picture lies at (0, 0) in the upper left corner of its first pixel, whose middle is at (0.5, 0.5).
MediaPipe's sampling takes pixel numbers for such coordinates, which shifts what is found by part of a pixel.
"""

from dataclasses import dataclass
from math import atan2, cos, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from render.planes import Plane

# The outer corners of the eyes; their line tells how far the head is tilted.
OUTER_CORNERS = (33, 263)
# The networks were trained on squares this much wider than the face.
MARGIN = 1.5


@dataclass(frozen=True)
class FaceBox:
    """A square around a face, turned with it: centre and side in pixels, tilt in radians, clockwise as seen."""

    x: float
    y: float
    side: float
    tilt: float

    @classmethod
    def around_landmarks(cls, landmarks: NDArray[np.float32]) -> "FaceBox":
        """The square in which to look for the face of these landmarks (478, 3) in the next frame.

        It encloses them as the face is turned. MediaPipe encloses them upright, so its square grows with the tilt, and
        what the network sees changes.
        """
        x, y = landmarks.T[:2].copy()
        start, end = OUTER_CORNERS
        tilt = atan2(y[end] - y[start], x[end] - x[start])
        right, down = cos(tilt), sin(tilt)
        across, along = x * right + y * down, y * right - x * down
        left, top = float(across.min()), float(along.min())
        width, height = float(across.max()) - left, float(along.max()) - top
        u, v = left + width / 2, top + height / 2
        return cls(u * right - v * down, u * down + v * right, max(width, height) * MARGIN, tilt)

    def to_frame(self, size: int) -> NDArray[np.float64]:
        """(2, 3) matrix from points of this box's picture, `size` pixels wide, to points of the frame."""
        step, half = self.side / size, size / 2
        a, b = step * cos(self.tilt), step * sin(self.tilt)
        return np.array([[a, -b, self.x - (a - b) * half], [b, a, self.y - (a + b) * half]])


def crop(planes: tuple[Plane, Plane, Plane], box: FaceBox, size: int) -> Plane:
    """The face upright: (size, size, 3) uint8 RGB; `size` is a multiple of 4.

    planes: of a yuv420p frame, BT.601 limited range. Only the face's own pixels are read, and converted when they
    are few. What lies outside the frame repeats its edge.
    """
    shrink = max(1, int(box.side / size))
    if shrink > 1:
        planes, box = _shrunk(planes, box, shrink)
    # I420: the planes one below the other, as if all were as wide as the first.
    yuv = np.empty((size * 3 // 2, size), np.uint8)
    halves = yuv[size:].reshape(2, size // 2, size // 2)
    _sample(planes[0], box, yuv[:size])
    half_box = FaceBox(box.x / 2, box.y / 2, box.side / 2, box.tilt)
    _sample(planes[1], half_box, halves[0])
    _sample(planes[2], half_box, halves[1])
    return np.asarray(cv2.cvtColor(yuv, cv2.COLOR_YUV2RGB_I420), np.uint8)


def _sample(plane: Plane, box: FaceBox, target: Plane) -> None:
    """Bilinear. OpenCV counts pixels by their middles, hence the halves."""
    size = len(target)
    step, half = box.side / size, (size - 1) / 2
    a, b = step * cos(box.tilt), step * sin(box.tilt)
    matrix = np.array([[a, -b, box.x - 0.5 - (a - b) * half], [b, a, box.y - 0.5 - (a + b) * half]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cv2.warpAffine(plane, matrix, (size, size), dst=target, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _shrunk(
    planes: tuple[Plane, Plane, Plane], box: FaceBox, factor: int
) -> tuple[tuple[Plane, Plane, Plane], FaceBox]:
    """The part of the planes that the box covers, made smaller by area: every pixel counts, and grain averages out."""
    height, width = planes[0].shape
    reach = box.side / 2 * (abs(cos(box.tilt)) + abs(sin(box.tilt)))
    grid = 2 * factor
    x0, x1 = (int(min(max(edge, 0), width)) // grid * grid for edge in (box.x - reach, box.x + reach + grid))
    y0, y1 = (int(min(max(edge, 0), height)) // grid * grid for edge in (box.y - reach, box.y + reach + grid))
    x0, y0 = min(x0, max(x1 - grid, 0)), min(y0, max(y1 - grid, 0))
    whole = planes[0][y0:y1, x0:x1]
    halves = (plane[y0 // 2 : y1 // 2, x0 // 2 : x1 // 2] for plane in planes[1:])
    small = [
        np.asarray(
            cv2.resize(part, (part.shape[1] // factor, part.shape[0] // factor), interpolation=cv2.INTER_AREA),
            np.uint8,
        )
        for part in (whole, *halves)
    ]
    moved = FaceBox((box.x - x0) / factor, (box.y - y0) / factor, box.side / factor, box.tilt)
    return (small[0], small[1], small[2]), moved
