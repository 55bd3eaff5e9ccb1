"""The straw hat: a plaited braid sewn round and round from the crown to the brim's edge, with a ribbon."""

from __future__ import annotations

import numpy as np

from demo.curves import arc_lengths, resampled, spline
from demo.gltf import Material, Part, linear
from demo.hats import finished
from demo.lathe import around, head_oval, turned
from demo.mesh import Floats, Surface
from demo.textures import plait, ribbon
from demo.trims import Wall, flat_bow

CIRCUMFERENCE = 582.0
STRAW = 1.8
BAND = 1.2
BRAID = 8.0  # mm of one round of the braid that shows
BRIM = 72.0
CROWN_HEIGHT = 104.0
OVAL_MM = 92.6  # mean radius of the head's oval: profile radii are turned into scales of it

CROWN_PROFILE = [
    (0.0, CROWN_HEIGHT + 2.0), (30.0, CROWN_HEIGHT + 1.0), (58.0, CROWN_HEIGHT - 4.0), (76.0, CROWN_HEIGHT - 16.0),
    (85.0, CROWN_HEIGHT - 38.0), (90.0, 36.0), (93.8, 12.0),
]  # fmt: skip
BRIM_PROFILE = [(95.6, 3.0), (104.0, 0.0), (126.0, -2.0), (150.0, -5.0), (OVAL_MM + BAND + BRIM, -8.0)]


def _shaped(theta: Floats, radius: float, height: float) -> Floats:
    """A row at that profile radius: the head's oval inside, an even width of brim outside."""
    edge = OVAL_MM + BAND
    if radius <= edge:
        plan = head_oval(theta, CIRCUMFERENCE, BAND) * (radius / edge)
    else:
        plan = head_oval(theta, CIRCUMFERENCE, BAND + (radius - edge))
    reach = max(0.0, (radius - edge) / BRIM)
    wave = reach**2 * (5.0 * np.cos(2 * theta + 0.4) - 3.5 * np.cos(theta) + 1.6 * np.sin(3 * theta))
    return np.column_stack([plan[:, 0], height + wave, plan[:, 1]])


def _body(theta: Floats) -> Surface:
    profile = spline(np.array(CROWN_PROFILE + BRIM_PROFILE), 400)
    total = float(arc_lengths(profile)[-1])
    rounds = round(total / BRAID)
    outer = resampled(profile, rounds * 3 + 1)
    tangent = np.gradient(outer, axis=0)
    normal = np.column_stack([-tangent[:, 1], tangent[:, 0]])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    phase = np.arange(len(outer)) % 3
    relief = np.choose(phase, [-0.55, 0.25, 0.45])  # each round overlaps the next one out
    relief[0] = 0.0
    shell = outer + normal * (relief + STRAW / 2)[:, None]
    shell[0, 0] = 0.0
    inner = resampled(profile, 24)[::-1]
    inner_normal = np.gradient(inner[::-1], axis=0)[::-1]
    inner = inner - np.column_stack([-inner_normal[:, 1], inner_normal[:, 0]]) / np.linalg.norm(
        inner_normal, axis=1, keepdims=True
    ) * (STRAW / 2)
    inner[-1, 0] = 0.0
    rows, uvs = [], []
    for k, (radius, height) in enumerate(shell):
        rows.append(_shaped(theta, float(radius), float(height)))
        uvs.append(np.column_stack([theta / (2 * np.pi) * 18, np.full(len(theta), k / 3 / 4)]))
    travelled = total - arc_lengths(inner)
    for (radius, height), way in zip(inner, travelled, strict=True):
        rows.append(_shaped(theta, float(radius), float(height)))
        uvs.append(np.column_stack([theta / (2 * np.pi) * 18, np.full(len(theta), way / BRAID / 4)]))
    return turned(np.stack(rows), np.stack(uvs))


def _band(theta: Floats, low: float, high: float, outside: float, inside: float) -> tuple[Floats, Floats]:
    """Rows of a closed band that follows the crown between two heights, `outside` to `inside` mm off its middle."""
    profile = spline(np.array(CROWN_PROFILE + BRIM_PROFILE), 400)
    heights = np.linspace(low, high, 6)
    radii = np.interp(heights, profile[::-1, 1], profile[::-1, 0])
    rows, uvs = [], []
    for offset, order in ((outside, slice(None)), (inside, slice(None, None, -1))):
        for radius, height in zip(radii[order], heights[order], strict=True):
            rows.append(_shaped(theta, float(radius + offset), float(height)))
            uvs.append(np.column_stack([theta / (2 * np.pi) * 24, np.full(len(theta), float(height) / 16)]))
    return np.stack([*rows, rows[0]]), np.stack([*uvs, uvs[0]])


def _sweatband(theta: Floats) -> Surface:
    head = head_oval(theta, CIRCUMFERENCE)
    outer = head_oval(theta, CIRCUMFERENCE, 0.9)
    rows = []
    for plan, height, scale in (
        (outer, 0.0, 1.0),
        (outer, 28.0, 0.968),
        (head, 28.0, 0.968),
        (head, 0.0, 1.0),
        (outer, 0.0, 1.0),
    ):
        rows.append(np.column_stack([plan[:, 0] * scale, np.full(len(theta), height), plan[:, 1] * scale]))
    return turned(np.stack(rows))


def straw_hat(name: str) -> bytes:
    """Natural straw with a navy ribbon."""
    theta = around(72)
    straw = Material("straw", linear("#ffffff"), roughness=0.7, texture=plait("#d9bd84"))
    navy = Material("ribbon", linear("#ffffff"), roughness=0.62, texture=ribbon("#1d2740"))
    bow = Material("ribbon_bow", linear("#1d2740"), roughness=0.62)
    cotton = Material("sweatband", linear("#e6dcc8"), roughness=0.9)
    rows, uv = _band(theta, 8.0, 36.0, STRAW / 2 + 1.6, 0.0)
    parts = [
        Part("straw", _body(theta), straw, crease_deg=75),
        Part("ribbon", turned(rows, uv), navy, crease_deg=50),
        Part(
            "bow",
            flat_bow(Wall(CIRCUMFERENCE, 0.965, BAND + STRAW / 2 + 1.2), np.pi / 2, 22.0, 28.0),
            bow,
            crease_deg=50,
        ),
        Part("sweatband", _sweatband(theta), cotton, crease_deg=50),
    ]
    return finished(name, parts, circumference=CIRCUMFERENCE, brim=BRIM)
