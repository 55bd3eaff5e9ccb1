"""A number burned into a picture is read back whatever the codec does to it, or not at all."""

from __future__ import annotations

import itertools

import av
import cv2
import numpy as np
import pytest

from bench.frames import burn, cell_px, read
from bench.source import encode_ahead, film


def test_every_number_of_a_film_is_read_after_vp8_at_500_kilobits() -> None:
    source = film(640, 480, 24, seconds=1.0)
    decoder = av.CodecContext.create("libvpx", "r")
    seen: list[int | None] = []
    for packet in encode_ahead(source, 24, 500_000):
        seen.extend(read(frame.to_ndarray()[:480]) for frame in decoder.decode(av.Packet(packet)))
    assert seen == list(range(24))


@pytest.mark.parametrize("number", [0, 1, 255, 256, 40_000, 65_535])
@pytest.mark.parametrize("size", [(640, 480), (480, 360), (1280, 720), (360, 640), (641, 481)])
def test_a_number_comes_back_at_any_size(number: int, size: tuple[int, int]) -> None:
    luma = np.full((size[1], size[0]), 128, np.uint8)
    burn(luma, number)
    assert read(luma) == number


def test_a_number_survives_a_change_of_resolution() -> None:
    luma = np.full((480, 640), 128, np.uint8)
    burn(luma, 12_345)
    small = np.asarray(cv2.resize(luma, (480, 360), interpolation=cv2.INTER_AREA), np.uint8)
    assert read(small) == 12_345


@pytest.mark.parametrize("level", [0, 16, 128, 235, 255])
def test_a_plain_picture_holds_no_number(level: int) -> None:
    assert read(np.full((480, 640), level, np.uint8)) is None


def test_any_one_or_two_wrong_cells_are_noticed() -> None:
    luma = np.zeros((480, 640), np.uint8)
    burn(luma, 4711)
    side = cell_px(640)
    cells = [(row, column) for row in range(2) for column in range(12)]
    for flipped in itertools.chain(itertools.combinations(cells, 1), itertools.combinations(cells, 2)):
        broken = luma.copy()
        for row, column in flipped:
            top, left = 480 - (2 - row) * side, column * side
            broken[top : top + side, left : left + side] = 255 - broken[top : top + side, left : left + side]
        assert read(broken) is None
