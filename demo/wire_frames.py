"""Fronts of metal wire: rims, end pieces, bridges."""

from __future__ import annotations

import numpy as np

from demo.curves import spline
from demo.lenses import LensSeat
from demo.mesh import Floats, Surface
from demo.sweep import ellipse, rounded_rectangle, sweep

UP = np.array([0.0, 1.0, 0.0])


def rim(seat: LensSeat, *, width: float = 1.3, depth: float = 1.8) -> Surface:
    """The wire around a lens; its groove swallows the lens's V edge."""
    path = seat.edge(grow=width / 2 - 0.45)
    section = rounded_rectangle(width, depth, min(width, depth) * 0.42, 3)
    return sweep(path, section, seat.edge_outward(), closed=True)


def bridge(points: list[tuple[float, float, float]], *, height: float, depth: float, count: int = 25) -> Surface:
    """A bar between the rims; points: (x, y, z) mm from the wearer's left rim to the middle, mirrored from there."""
    half = np.array(points, float)
    whole = np.concatenate([half, half[-2::-1] * np.array([-1.0, 1.0, 1.0])])
    return sweep(spline(whole, count), ellipse(height, depth, 12), UP)


def end_piece(points: Floats, *, height: float, thickness: float, taper: float = 1.0, count: int = 16) -> Surface:
    """The lug from the rim round the corner to the hinge, through the (K, 3) points."""
    path = spline(points, count)
    scale = np.linspace(1.0, taper, count)[:, None]
    section = rounded_rectangle(height, thickness, 0.55, 3)[None] * np.ones((count, 1, 1))
    section[..., 0] *= scale
    return sweep(path, section, UP)
