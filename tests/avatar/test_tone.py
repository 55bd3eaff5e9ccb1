"""One colour for a body, from where a face shows its skin."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from avatar.photo import Photo
from avatar.sighting import Sighting
from avatar.tone import skin_tone

# Nose, eyes, ears and corners of the mouth of a face 60 px wide, as a pose landmarker numbers them.
FACE = {0: (100, 100), 2: (114, 86), 5: (86, 86), 7: (130, 90), 8: (70, 90), 9: (110, 118), 10: (90, 118)}


def photographed(skin: tuple[int, int, int], *, visible: float = 1.0, scale: float = 1.0) -> tuple[Photo, Sighting]:
    """A face with eyes, lips and a beard of shade, before a blue wall."""
    pixels = np.full((200, 200, 3), (90, 120, 170), np.uint8)
    mask = np.zeros((200, 200), np.float32)
    cv2.ellipse(pixels, (100, 100), (32, 42), 0, 0, 360, skin, -1)
    cv2.ellipse(mask, (100, 100), (32, 42), 0, 0, 360, 1.0, -1)
    for eye in (FACE[2], FACE[5]):
        cv2.circle(pixels, eye, 5, (30, 30, 40), -1)
    cv2.ellipse(pixels, (100, 118), (10, 4), 0, 0, 360, (150, 40, 50), -1)
    noise = np.random.default_rng(1).normal(0, 6, pixels.shape)
    pixels = (pixels + noise).clip(0, 255).astype(np.uint8)
    landmarks = np.zeros((33, 2))
    for index, place in FACE.items():
        landmarks[index] = 100 + scale * (np.array(place) - 100)
    return Photo(pixels, None), Sighting(landmarks, np.full(33, visible), np.zeros((33, 3)), mask, None)


@pytest.mark.parametrize("skin", [(236, 196, 170), (176, 124, 92), (88, 58, 44)])
def test_it_is_the_skins_and_not_that_of_eyes_or_lips_or_wall(skin: tuple[int, int, int]) -> None:
    tone = skin_tone(*photographed(skin))
    assert tone is not None
    found = [int(tone[i : i + 2], 16) for i in (1, 3, 5)]
    np.testing.assert_allclose(found, skin, atol=5)


@pytest.mark.parametrize(
    "photo",
    [photographed((90, 110, 200)), photographed((128, 128, 128)), photographed((176, 124, 92), visible=0.2),
     photographed((176, 124, 92), scale=0.1)],
    ids=["blue", "grey", "turned away", "far off"],
)  # fmt: skip
def test_where_no_skin_shows_there_is_none(photo: tuple[Photo, Sighting]) -> None:
    assert skin_tone(*photo) is None
