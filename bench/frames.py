"""A frame number burned into a corner of the picture, and read back after it went through a video codec.

Twenty-four square cells in two rows at the lower left: sixteen bits of number, eight bits of CRC. Each cell is
a fortieth of the frame's width (16 px at 640), an even number of pixels, so that the strip survives VP8 at 500 kb/s
and a change of resolution on the way. Only luma carries it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]

COLUMNS, ROWS = 12, 2
MODULUS = 1 << 16
_DARK, _LIGHT = 40, 215
_POLYNOMIAL = 0x07  # CRC-8 of ITU-T I.432.1


def cell_px(width: int) -> int:
    """Side of a cell in pixels for a frame `width` pixels wide; even, so chroma planes stay aligned."""
    return max(4, round(width / 80) * 2)


def burn(luma: Plane, number: int) -> None:
    """Write `number` modulo 65536 into `luma`, (height, width) uint8, in place."""
    height, width = luma.shape
    side = cell_px(width)
    bits = np.array(_bits(number % MODULUS), dtype=np.uint8).reshape(ROWS, COLUMNS)
    cells = np.where(bits == 1, _LIGHT, _DARK).astype(np.uint8)
    luma[height - ROWS * side :, : COLUMNS * side] = np.kron(cells, np.ones((side, side), np.uint8))


def read(luma: Plane) -> int | None:
    """The number in `luma`, (height, width) uint8, or None where the check bits say it cannot be trusted."""
    height, width = luma.shape
    side = cell_px(width)
    strip = luma[height - ROWS * side :, : COLUMNS * side]
    # The edge of a cell is where the codec rings, so only the inner half of it is asked.
    inner = strip.reshape(ROWS, side, COLUMNS, side)[:, side // 4 : -(side // 4), :, side // 4 : -(side // 4)]
    bits = (inner.mean(axis=(1, 3)) > (_DARK + _LIGHT) / 2).astype(np.int64).ravel()
    return checked(int(bits @ (1 << np.arange(ROWS * COLUMNS - 1, -1, -1))))


def checked(value: int) -> int | None:
    """The number in the 24 bits of a strip, first cell first, or None where the check bits do not fit."""
    number, check = value >> 8, value & 0xFF
    return number if _crc8(number) == check else None


def _bits(number: int) -> list[int]:
    value = number << 8 | _crc8(number)
    return [value >> shift & 1 for shift in range(ROWS * COLUMNS - 1, -1, -1)]


def _crc8(number: int) -> int:
    # A start value other than zero: otherwise a black corner would be a valid frame 0.
    crc = 0xA5
    for byte in (number >> 8, number & 0xFF):
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ _POLYNOMIAL if crc & 0x80 else crc << 1) & 0xFF
    return crc
