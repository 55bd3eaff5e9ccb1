"""What a garment hides: the skin under it, so that it need not be drawn and cannot poke through."""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from avatar.garments.cloth import border_loops

Float = NDArray[np.float64]
Indices = NDArray[np.int64]
_REACH_M = 0.045  # cloth farther off than this hides nothing from below
_BESIDE_M = 0.014
_HEM_M = 0.028  # skin this near a hem may be looked at from under it


def hidden(points: Float, normals: Float, cloth: Float, faces: Indices) -> NDArray[np.bool_]:
    """Which points (N, 3) of a surface lie under the cloth (M, 3), away from its hems."""
    tree = cKDTree(cloth)
    covered = np.zeros(len(points), bool)
    # Along the normal, at a few heights: is there cloth right there?
    for height in np.arange(0.004, _REACH_M, 0.012):
        distance, _ = tree.query(points + height * normals, distance_upper_bound=_BESIDE_M)
        covered |= np.isfinite(distance)
    # The border of a garment whose pieces are sewn has loops only where it ends.
    loops = [loop for loop in border_loops(faces) if len(loop) > 12]
    if loops:
        hems = cKDTree(cloth[np.concatenate(loops)])
        distance, _ = hems.query(points, distance_upper_bound=_HEM_M)
        covered &= ~np.isfinite(distance)
    return covered


def packed(mask: NDArray[np.bool_]) -> str:
    """A mask over vertices as base64 of its bits, the first vertex in the lowest bit."""
    return base64.b64encode(np.packbits(mask, bitorder="little").tobytes()).decode()


def unpacked(text: str, count: int) -> NDArray[np.bool_]:
    """The mask (count,) back."""
    bits = np.frombuffer(base64.b64decode(text), np.uint8)
    return np.unpackbits(bits, count=count, bitorder="little").astype(bool)
