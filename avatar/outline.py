"""Where a posed body's outline lies in a picture, and how far the picture's own outline lies from it.

The rim is the set of mesh edges between a face that looks at the camera and one that looks away. Head, hands and feet
are left out (hair, hands before the body, shoes), and so is every rim point beside which the body itself goes on: an
arm before the trunk hides the trunk's outline, and a gap too narrow to see into says nothing about either side.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from avatar.body_model import JOINT_NAMES, BodyArrays

_LEFT_OUT = ("head", "left_hand", "right_hand", "left_wrist", "right_wrist", "left_ankle", "right_ankle")
_LEFT_OUT_TOO = ("left_foot", "right_foot")
_CELL_M = 0.014  # of the coarse picture of the body that says where it goes on
_CLEAR_M = 0.03  # beside the rim must be this much of something else

_BESIDE_M, _AHEAD_M = 0.012, 0.001

Float = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Rim:
    """Rim points as midpoints of edges: ends (N, 2) vertex indices; outward (N, 2) unit, image plane; joint (N,)."""

    ends: Indices
    outward: Float
    joint: Indices


class Outline:
    """Finds rims on bodies of one mesh."""

    def __init__(self, arrays: BodyArrays) -> None:
        part = arrays.weights.argmax(1)
        faces = arrays.faces
        left_out = [JOINT_NAMES.index(name) for name in (*_LEFT_OUT, *_LEFT_OUT_TOO)]
        self._faces = faces[~np.isin(part, left_out)[faces].any(1)]
        self._part = part
        sides = np.concatenate([self._faces[:, [0, 1]], self._faces[:, [1, 2]], self._faces[:, [2, 0]]])
        owner = np.tile(np.arange(len(self._faces)), 3)
        key = np.sort(sides, 1)
        order = np.lexsort((key[:, 1], key[:, 0]))
        key, owner = key[order], owner[order]
        twin = np.flatnonzero((key[1:] == key[:-1]).all(1))
        self._edges = key[twin]
        self._pairs = np.stack([owner[twin], owner[twin + 1]], 1)

    def rim(self, camera: Float, pixels: Float, px_per_m: float) -> Rim:
        """The rim of a body: camera (V, 3) m, x right, y down, z away; pixels (V, 2) its projection."""
        corners = camera[self._faces]
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        towards = np.einsum("fx,fx->f", normal, corners[:, 0]) < 0
        turning = towards[self._pairs[:, 0]] != towards[self._pairs[:, 1]]
        ends, pairs = self._edges[turning], self._pairs[turning]
        first, second = pixels[ends[:, 0]], pixels[ends[:, 1]]
        along = second - first
        length = np.hypot(along[:, 0], along[:, 1])
        outward = np.stack([-along[:, 1], along[:, 0]], 1) / np.maximum(length, 1e-9)[:, None]
        middle = 0.5 * (first + second)
        # Both faces of a rim edge lie on its inner side in the picture; the towards-looking one's third corner will do.
        front = self._faces[np.where(towards[pairs[:, 0]], pairs[:, 0], pairs[:, 1])]
        inside = (pixels[front[:, 0]] + pixels[front[:, 1]] + pixels[front[:, 2]]) / 3 - middle
        outward *= -np.sign(outward[:, 0] * inside[:, 0] + outward[:, 1] * inside[:, 1])[:, None]
        free = self._free(pixels, middle + outward * _CLEAR_M * px_per_m, px_per_m) & (length > 1e-6)
        ends, outward, middle = ends[free], outward[free], middle[free]
        outer = _outermost(middle, outward, px_per_m)
        return Rim(ends[outer], outward[outer], self._part[ends[outer, 0]])

    def _free(self, pixels: Float, at: Float, px_per_m: float) -> NDArray[np.bool_]:
        """Whether the body does not cover the points `at` (N, 2), by a coarse picture of it."""
        cell = _CELL_M * px_per_m
        a, b, c = (pixels[self._faces[:, corner]] for corner in range(3))
        # Head, hands and feet are dense enough by their vertices alone.
        samples = np.concatenate([pixels, (a + b + c) / 3, (a + b) / 2, (b + c) / 2])
        low, high = (np.array([extreme(pixels[:, 0]), extreme(pixels[:, 1])]) for extreme in (np.min, np.max))
        origin = low - 6 * cell
        size = np.ceil((high - origin) / cell).astype(int) + 6
        cover = np.zeros((size[1], size[0]), np.uint8)
        place = ((samples - origin) / cell).astype(int)
        cover[place[:, 1], place[:, 0]] = 1
        cover = cv2.morphologyEx(cover, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
        where = ((at - origin) / cell).astype(int)
        inside = ((where >= 0) & (where < size)).all(1)
        where = where.clip(0, size - 1)
        free: NDArray[np.bool_] = ~(inside & (cover[where[:, 1], where[:, 0]] > 0))
        return free


def _outermost(middle: Float, outward: Float, px_per_m: float) -> NDArray[np.bool_]:
    """Which rim points lie on the outline itself: a rim of edges zigzags, and its inner corners lie inside."""
    x, y = (middle[:, axis] / px_per_m for axis in range(2))
    dx, dy = x[None] - x[:, None], y[None] - y[:, None]
    ahead = dx * outward[:, :1] + dy * outward[:, 1:]
    aside = np.abs(dx * outward[:, 1:] - dy * outward[:, :1])
    alike = outward @ outward.T > 0.7
    hidden = alike & (aside < _BESIDE_M) & (ahead > _AHEAD_M) & (ahead < _CLEAR_M)
    return np.asarray(~hidden.any(1), np.bool_)


def offsets(mask: NDArray[np.float32], at: Float, outward: Float, reach_px: float) -> Float:
    """Signed distances (N,) in px along `outward` from `at` (N, 2) to the nearest way out of the mask; NaN for none."""
    steps = np.arange(-np.ceil(reach_px), np.ceil(reach_px) + 1)
    lines = at[:, None] + outward[:, None] * steps[None, :, None]
    values = cv2.remap(
        mask,
        lines[..., 0].astype(np.float32),
        lines[..., 1].astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    leaves = (values[:, :-1] >= 0.5) & (values[:, 1:] < 0.5)
    fall = np.where(leaves, values[:, :-1] - values[:, 1:], 1.0)
    crossing = steps[:-1] + np.where(leaves, (values[:, :-1] - 0.5) / fall, np.inf)
    nearest = np.abs(crossing).argmin(1)
    found = crossing[np.arange(len(at)), nearest]
    # A picture's own border is no outline.
    height, width = mask.shape
    end = at + outward * np.where(np.isfinite(found), found, 0)[:, None]
    within = (end > 2).all(1) & (end < [width - 3, height - 3]).all(1)
    return np.where(np.isfinite(found) & within, found, np.nan)
