"""The person in a photo as a regressor wants her: a square about her, scaled, in the colours it was trained on."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from avatar.photo import Photo
from avatar.sighting import Sighting

# Of ImageNet, RGB.
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_MARGIN = 1.1  # detectors' boxes leave a little room, a mask leaves none


def person_crop(photo: Photo, seen: Sighting, *, side: int, aspect: float) -> Tensor:
    """(1, 3, side, side) float32, standardised: the square about a box of `aspect` (width over height) about the mask.

    What lies beyond the photo is black before standardising. Shrinking is preceded by a blur as wide as it needs.
    """
    rows, columns = (np.flatnonzero((seen.mask > 0.5).any(axis)) for axis in (1, 0))
    tall, wide = np.ptp(rows) + 1.0, np.ptp(columns) + 1.0
    size = _MARGIN * max(tall, wide / aspect)
    centre = np.array([columns[0] + columns[-1], rows[0] + rows[-1]]) / 2
    scale = side / size
    pixels: NDArray[np.uint8] = photo.pixels
    if scale < 1 / 1.1:
        sigma = (1 / scale - 1) / 2
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.uint8)
    # Pixel centres lie at whole numbers, so the square's own centre is at (side - 1) / 2.
    to_crop = np.array([[scale, 0, (side - 1) / 2 - scale * centre[0]], [0, scale, (side - 1) / 2 - scale * centre[1]]])
    square = cv2.warpAffine(pixels, to_crop, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    standard = (square.astype(np.float32) / 255 - np.array(MEAN, np.float32)) / np.array(SPREAD, np.float32)
    return torch.from_numpy(np.ascontiguousarray(standard.transpose(2, 0, 1)))[None]
