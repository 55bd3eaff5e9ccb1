"""A hood that lies on the back: a fold of cloth about the neck, deep behind, meeting in front."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from avatar.garments.skin import Skin

Float = NDArray[np.float64]
Indices = NDArray[np.int64]
_AROUND, _ALONG = 96, 22
# The fold's profile from the neckline up, over and down: outward and up in metres, in front and behind.
_FRONT = np.array([(0.0, -0.004), (0.001, 0.012), (0.008, 0.022), (0.018, 0.02), (0.025, 0.006), (0.027, -0.014)])
_BEHIND = np.array([(0.0, -0.004), (-0.004, 0.035), (0.018, 0.062), (0.062, 0.05), (0.078, -0.03), (0.05, -0.125)])
_THICKNESS_M = 0.006


def hood(neckline: Float, cloth: Skin) -> tuple[Float, Indices, Float]:
    """Points (N, 3), triangles and texture coordinates in metres of a hood on a neckline (L, 3) of a hung garment."""
    middle = 0.5 * (neckline.min(0) + neckline.max(0))
    # Angles from the front over the body's left side to the back and round again.
    angle = np.arctan2(neckline[:, 0] - middle[0], neckline[:, 2] - middle[2])
    order = np.argsort(angle)
    at = np.linspace(-np.pi, np.pi, _AROUND, endpoint=False)
    ring = np.stack([np.interp(at, angle[order], neckline[order, axis], period=2 * np.pi) for axis in range(3)], 1)
    for _ in range(4):
        ring = 0.5 * ring + 0.25 * (np.roll(ring, 1, 0) + np.roll(ring, -1, 0))
    outward = np.stack([np.sin(at), np.zeros(_AROUND), np.cos(at)], 1)
    behind = (0.5 - 0.5 * np.cos(at))[:, None, None] ** 1.4
    knots = _FRONT * (1 - behind) + _BEHIND * behind
    # Soft folds: cloth that has been put down, not a ring that was turned.
    wave = 1 + 0.07 * np.sin(5 * at + 0.7) + 0.05 * np.sin(9 * at)
    profile = CubicSpline(np.linspace(0, 1, len(_FRONT)), knots, axis=1)(np.linspace(0, 1, _ALONG))
    profile[:, 1:] *= wave[:, None, None]
    points = ring[:, None] + profile[..., :1] * outward[:, None] + profile[..., 1:] * np.array([0.0, 1.0, 0.0])
    flat = points.reshape(-1, 3)
    for _ in range(2):
        contact = cloth.contact(flat)
        lift = (_THICKNESS_M - contact.height).clip(0, 0.05)
        # The first row is sewn to the neckline.
        lift[::_ALONG] = 0
        flat = flat + lift[:, None] * contact.normal
    uv = np.stack([np.repeat(at * 0.09, _ALONG), np.tile(np.linspace(0, 0.2, _ALONG), _AROUND)], 1)
    here = np.arange(_AROUND)[:, None] * _ALONG + np.arange(_ALONG - 1)
    beside = (np.arange(_AROUND)[:, None] + 1) % _AROUND * _ALONG + np.arange(_ALONG - 1)
    faces = np.concatenate(
        [
            np.stack([here, beside, beside + 1], -1).reshape(-1, 3),
            np.stack([here, beside + 1, here + 1], -1).reshape(-1, 3),
        ]
    )
    return flat, faces[:, ::-1], uv
