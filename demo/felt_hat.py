"""The wide-brim felt hat: teardrop crown with a crease and two pinches, ribbon with a bow, bound edge."""

from __future__ import annotations

import numpy as np

from demo.gltf import Material, Part, linear
from demo.hats import finished
from demo.lathe import around, head_oval, turned
from demo.mesh import Floats, Surface
from demo.textures import felt, ribbon
from demo.trims import Wall, flat_bow

CIRCUMFERENCE = 580.0
FELT = 2.4  # mm of felt
BAND = 1.2  # mm of sweatband between the head and the felt
CROWN_HEIGHT = 112.0
BRIM = 80.0
RIBBON_HEIGHT = 36.0
WALL = 0.46  # share of a profile's rows that is the wall; the shoulder and the top follow


def _crown_rows(theta: Floats, grow: float, count: int) -> Floats:
    """(count, C, 3) rows of the crown from the brim's break up to the middle of its top."""
    t = np.linspace(0, 1, count)[:, None]
    oval = head_oval(theta, CIRCUMFERENCE, grow + BAND)
    up = np.clip(t / WALL, 0, 1)
    turn = np.clip((t - WALL) / 0.26, 0, 1) * np.pi / 2
    over = np.clip((t - WALL - 0.26) / (1 - WALL - 0.26), 0, 1)
    shoulder = 30.0
    lean = 1 - 0.09 * up**1.4 - 0.02 * np.sin(np.pi * up)
    scale = (lean - 0.30 * (1 - np.cos(turn))) * (1 - over)
    height = CROWN_HEIGHT + grow - 5.0 * (1 - np.cos(theta) * scale)  # the top falls towards the back
    y = up * (height - shoulder) + shoulder * np.sin(turn)
    points = np.stack([oval[:, 0] * scale, y, oval[:, 1] * scale], axis=-1)
    return _blocked(points, height)


def _blocked(points: Floats, height: Floats) -> Floats:
    """Presses the crease along the top and the two pinches into the front of a crown."""
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    rise = np.clip((y - 45.0) / (height - 45.0), 0, 1.1)
    ridge = np.exp(-((x / (17.0 + 0.10 * (z + 90.0))) ** 2)) * np.clip((108.0 - np.abs(z + 2.0)) / 46.0, 0, 1) ** 0.8
    crease = 22.0 * ridge * rise**4
    pinch_z, pinch_y = 62.0, height - 26.0
    pinch = np.exp(-(((z - pinch_z) / 25.0) ** 2) - ((y - pinch_y) / 30.0) ** 2) * rise
    inward = 19.0 * pinch * np.tanh(x / 16.0)
    return np.stack([x - inward, y - crease - 3.0 * pinch, z - 5.0 * pinch], axis=-1)


def _brim_drop(theta: Floats, v: Floats) -> Floats:
    """Height of the brim at v (0 at the crown, 1 at its edge): snapped down in front, up at sides and back."""
    side = np.sin(theta) ** 2
    front = np.clip(np.cos(theta), 0, 1) ** 2
    back = np.clip(-np.cos(theta), 0, 1) ** 2
    return np.asarray(-13.0 * front * v**1.6 + 9.0 * side * v**2 + 13.0 * back * v**2.2 - 2.0 * np.sin(np.pi * v))


def _body(theta: Floats) -> Surface:
    """Crown and brim, one closed piece of felt."""
    outside: list[Floats] = []
    inside: list[Floats] = []
    for rows, lift in ((outside, FELT), (inside, 0.0)):
        v = np.linspace(1, 0, 12)
        for step in v[:-1]:
            rows.append(_brim_row(theta, step, lift))
        crown = _crown_rows(theta, lift, 32)
        crown[0, :, 1] += lift
        rows.extend(crown)
    stack = np.stack([*outside, *inside[::-1], outside[0]])
    return turned(stack, _flattened(theta, stack, pole=len(outside) - 1))


def _flattened(theta: Floats, rows: Floats, pole: int) -> Floats:
    """Texture coordinates as if the felt were spread flat around the middle of the crown: no seam, no star."""
    steps = np.linalg.norm(np.diff(rows, axis=0), axis=2).mean(axis=1)
    travelled = np.concatenate([[0.0], np.cumsum(steps)])
    away = np.abs(travelled - travelled[pole])[:, None]
    return np.stack([away * np.sin(theta), away * np.cos(theta)], axis=-1) / 96.0


def _brim_row(theta: Floats, v: float, lift: float) -> Floats:
    width = BRIM * (1 + 0.05 * np.cos(theta))
    inner = head_oval(theta, CIRCUMFERENCE, BAND + lift * (1 - v))
    far = head_oval(theta, CIRCUMFERENCE, BAND + BRIM)
    direction = (far - inner) / np.linalg.norm(far - inner, axis=1, keepdims=True)
    plan = inner + direction * (width * v)[:, None]
    y = _brim_drop(theta, np.full_like(theta, v)) + lift
    return np.column_stack([plan[:, 0], y, plan[:, 1]])


def _binding(theta: Floats) -> Surface:
    """Grosgrain folded over the brim's edge."""
    rows = []
    for v, lift in [
        (0.925, FELT + 0.6),
        (0.98, FELT + 0.8),
        (1.0, FELT + 0.75),
        (1.014, FELT * 0.5),
        (1.0, -0.75),
        (0.98, -0.8),
        (0.925, -0.6),
        (0.925, FELT * 0.5),
    ]:
        row = _brim_row(theta, v, 0.0)
        row[:, 1] += lift
        rows.append(row)
    return turned(np.stack([*rows, rows[0]]))


def _ribbon(theta: Floats) -> Surface:
    """The band around the foot of the crown."""
    rows, uvs = [], []
    fractions = np.linspace(0.03, 0.20, 7)
    for lift, steps in ((FELT + 1.7, fractions), (FELT - 0.6, fractions[::-1])):
        crown = _crown_rows(theta, lift, 101)
        for f in steps:
            rows.append(crown[round(f * 100)])
            uvs.append(np.column_stack([theta / (2 * np.pi) * 24, np.full(len(theta), f * 4)]))
    return turned(np.stack([*rows, rows[0]]), np.stack([*uvs, uvs[0]]))


def _sweatband(theta: Floats) -> Surface:
    """Leather inside the crown; its lower edge is exactly the head's oval at height 0."""
    fine = 201
    foot, top = 0, round(0.17 * fine)
    felt_side, head_side = _crown_rows(theta, -0.1, fine), _crown_rows(theta, -BAND, fine)
    rows = [felt_side[foot], felt_side[top], head_side[top], head_side[foot], felt_side[foot]]
    return turned(np.stack(rows))


def wide_brim(name: str) -> bytes:
    """Camel felt with a black grosgrain ribbon."""
    theta = around(96)
    body = Material("felt", linear("#ffffff"), roughness=0.95, texture=felt("#a9805a"))
    grosgrain = Material("ribbon", linear("#ffffff"), roughness=0.8, texture=ribbon("#1b1917"))
    trim = Material("binding", linear("#1b1917"), roughness=0.65)
    leather = Material("sweatband", linear("#6b4a33"), roughness=0.6)
    parts = [
        Part("felt", _body(theta), body, crease_deg=70),
        Part("ribbon", _ribbon(theta), grosgrain, crease_deg=50),
        Part(
            "bow",
            flat_bow(
                Wall(CIRCUMFERENCE, 0.955, FELT + BAND + 1.3), np.pi / 2, FELT + 1.0 + RIBBON_HEIGHT / 2, RIBBON_HEIGHT
            ),
            trim,
            crease_deg=50,
        ),
        Part("binding", _binding(theta), trim, crease_deg=70),
        Part("sweatband", _sweatband(theta), leather, crease_deg=50),
    ]
    return finished(name, parts, circumference=CIRCUMFERENCE, brim=BRIM)
