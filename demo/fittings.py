"""The small parts of a frame: hinges, screws, nose pads and the arms that carry them."""

from __future__ import annotations

import numpy as np

from demo.curves import spline
from demo.mesh import Floats, Surface, joined, outward
from demo.sweep import cylinder, grid_faces, rounded_rectangle, sweep, wire

UP = np.array([0.0, 1.0, 0.0])


def hinge(middle: Floats, *, diameter: float = 2.2, height: float = 4.2, knuckles: int = 3) -> Surface:
    """A barrel hinge standing upright, with the screw's head above and its end below."""
    middle = np.asarray(middle, float)
    gap = 0.14
    each = (height - gap * (knuckles - 1)) / knuckles
    pieces = []
    for i in range(knuckles):
        low = middle - UP * (height / 2 - i * (each + gap))
        pieces.append(cylinder(low, low + UP * each, diameter))
    top = middle + UP * height / 2
    pieces.append(cylinder(top - UP * 0.1, top + UP * 0.55, diameter * 0.8, bevel=0.25))
    pieces.append(cylinder(middle - UP * (height / 2 + 0.35), middle - UP * (height / 2 - 0.1), diameter * 0.5))
    return joined(pieces)


def leaf(middle: Floats, *, length: float, height: float, thickness: float = 0.7) -> Surface:
    """A hinge leaf let into the inner side of a temple: a small upright plate that runs backwards."""
    middle = np.asarray(middle, float)
    half = np.array([0.0, 0.0, length / 2])
    path = np.stack([middle + half, middle + half * 0.85, middle - half * 0.85, middle - half])
    section = rounded_rectangle(thickness, height, 0.25, 3)
    scale = np.array([[0.9, 0.8], [1.0, 1.0], [1.0, 1.0], [0.9, 0.8]])
    return sweep(path, section[None] * scale[:, None, :], np.array([1.0, 0.0, 0.0]))


def stud(middle: Floats, normal: Floats, *, length: float, height: float, rise: float = 0.5) -> Surface:
    """A lozenge of metal set flush into acetate, `rise` mm proud, lying level on the surface with that normal."""
    middle, normal = np.asarray(middle, float), np.asarray(normal, float)
    path = middle + np.array([-1.0, 0.0, rise * 0.55, rise])[:, None] * normal
    section = rounded_rectangle(height, length, min(height, length) * 0.49, 4)
    scale = np.array([1.0, 1.0, 1.0, 0.8])
    return sweep(path, section[None] * scale[:, None, None], UP)


def coil(entry: Floats, *, diameter: float, turns: int, pitch: float, wire_mm: float) -> Surface:
    """A screwless hinge for x > 0: whole turns of wire that comes in backwards at `entry` and leaves above it."""
    angle = np.linspace(0, 2 * np.pi * turns, turns * 18 + 1)
    path = np.asarray(entry, float) + np.column_stack(
        [diameter / 2 * (np.cos(angle) - 1), angle / (2 * np.pi) * pitch, -diameter / 2 * np.sin(angle)]
    )
    return wire(path, wire_mm, 8)


def _pad_axes(frontal_deg: float, splay_deg: float) -> tuple[Floats, Floats, Floats]:
    """Down the pad, across it backwards, and out of its face towards the nose, for the pad at x > 0."""
    frontal, splay = np.radians(frontal_deg), np.radians(splay_deg)
    down = np.array([np.sin(frontal), -np.cos(frontal), 0.0])
    across = np.array([np.sin(splay), 0.0, -np.cos(splay)])
    across -= (across @ down) * down
    across /= np.linalg.norm(across)
    face = np.cross(down, across)
    return down, across, face if face[0] < 0 else -face


def nose_pad(
    middle: Floats,
    *,
    length: float = 13.0,
    width: float = 7.4,
    thickness: float = 2.6,
    frontal_deg: float = 20.0,
    splay_deg: float = 32.0,
) -> Surface:
    """A silicone pad: a drop-shaped cushion, flatter towards the nose."""
    down, across, face = _pad_axes(frontal_deg, splay_deg)
    latitude = np.linspace(0.0, np.pi, 9)
    longitude = np.arange(18) * 2 * np.pi / 18
    sin, cos = np.sin(latitude)[:, None], np.cos(latitude)[:, None]
    along_pad = np.cos(longitude)[None] * sin
    narrow = 1.0 + 0.16 * along_pad  # fuller at the lower end
    side = np.sin(longitude)[None] * sin * narrow
    depth = np.where(cos > 0, cos * 0.42, cos * 0.58) * np.ones_like(along_pad)
    points = (
        np.asarray(middle, float)
        + along_pad[..., None] * length / 2 * down
        + side[..., None] * width / 2 * across
        + depth[..., None] * thickness * face
    )
    faces = grid_faces(*points.shape[:2], wrap_columns=True)
    return outward(Surface(points.reshape(-1, 3), faces))


def pad_arm(rim: Floats, middle: Floats, *, diameter: float = 0.9) -> Surface:
    """The bent wire from the rim's back to the box behind the pad, and that box."""
    rim, middle = np.asarray(rim, float), np.asarray(middle, float)
    _, _, face = _pad_axes(20.0, 32.0)
    back = middle - face * 1.5
    path = np.stack(
        [
            rim,
            rim + np.array([-0.5, -0.9, -1.8]),
            rim + np.array([0.3, -2.2, -4.2]),
            (rim + np.array([0.9, -2.6, -5.4]) + back) / 2 + np.array([0.5, -0.9, -1.0]),
            back - face * 0.7,
            back,
        ]
    )
    box = cylinder(back - face * 0.3, middle - face * 0.2, 2.4, sides=12, bevel=0.3)
    return joined([wire(spline(path, 20), diameter, 7), box])
