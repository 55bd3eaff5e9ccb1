"""The colour of a person's skin in a photo, as lit there: one colour, taken where a face is least in its own shade."""

from __future__ import annotations

import cv2
import numpy as np

from avatar.photo import Photo
from avatar.sighting import LEFT_EAR, NOSE, RIGHT_EAR, Sighting

_LEFT_EYE, _RIGHT_EYE, _LEFT_MOUTH, _RIGHT_MOUTH = 2, 5, 9, 10
_LEAST_PX, _SEEN = 12, 0.6
# CIE L*a*b* of human skin, with room to spare for a photo's light: lightness, and the hue between red and yellow.
_LIGHTNESS, _HUE_DEG, _CHROMA = (15.0, 95.0), (15.0, 95.0), (4.0, 60.0)


def skin_tone(photo: Photo, seen: Sighting) -> str | None:
    """Skin as "#rrggbb": the median over both cheeks and the nose; None where no face shows, or no skin on it."""
    height, width = photo.pixels.shape[:2]
    across = float(np.linalg.norm(seen.landmarks[_LEFT_EYE] - seen.landmarks[_RIGHT_EYE]))
    points = [NOSE, LEFT_EAR, RIGHT_EAR, _LEFT_EYE, _RIGHT_EYE, _LEFT_MOUTH, _RIGHT_MOUTH]
    if seen.visibility[points[:1] + points[3:]].min() < _SEEN or across < _LEAST_PX / 3:
        return None
    places = np.zeros((height, width), np.uint8)
    for eye, mouth in ((_LEFT_EYE, _LEFT_MOUTH), (_RIGHT_EYE, _RIGHT_MOUTH)):
        cheek = 0.45 * seen.landmarks[eye] + 0.55 * seen.landmarks[mouth]
        cheek = cheek + 0.25 * (cheek - seen.landmarks[NOSE])
        cv2.circle(places, (round(float(cheek[0])), round(float(cheek[1]))), max(1, round(0.22 * across)), 255, -1)
    pixels = photo.pixels[(places > 0) & (seen.mask > 0.5)]
    if len(pixels) < _LEAST_PX:
        return None
    color = np.median(pixels.reshape(-1, 3), axis=0)
    lightness, a, b = cv2.cvtColor((color / 255).astype(np.float32).reshape(1, 1, 3), cv2.COLOR_RGB2LAB)[0, 0].tolist()
    hue, chroma = np.degrees(np.arctan2(b, a)), np.hypot(a, b)
    for value, (low, high) in ((lightness, _LIGHTNESS), (hue, _HUE_DEG), (chroma, _CHROMA)):
        if not low <= value <= high:
            return None
    return "#" + "".join(f"{round(float(channel)):02x}" for channel in color)
