"""The baseball cap: six seamed panels, a stitched curved visor, button, eyelets, sweatband and strap."""

from __future__ import annotations

import numpy as np

from demo.curves import resampled, spline
from demo.gltf import Material, Part, linear, write_glb
from demo.lathe import head_oval, turned
from demo.mesh import Floats, Surface, joined, mirrored, outward
from demo.sweep import cylinder, ellipse, grid_faces, sweep
from demo.textures import cap_panel, visor

CIRCUMFERENCE = 582.0
CROWN_HEIGHT = 109.0
RISE = 2.35  # exponent of the crown's superellipse upwards
SHELL = 3.0  # mm from the head's oval to the outside of the cloth
PANELS = 6
PANEL_MM = CIRCUMFERENCE / PANELS
SEAM_STEPS = np.array([0.0, 1.1, 2.4, 4.5, 9.0, 18.0, 32.0])
CORNER = np.radians(59.0)  # where the visor begins, seen from the middle of the head
ARCH_WIDTH, ARCH_HEIGHT = 40.0, 44.0  # half width and height of the opening above the strap


def _thetas() -> Floats:
    """Column angles once around, close together at the six seams, the last repeating the first."""
    half = SEAM_STEPS / PANEL_MM
    panel = np.concatenate([half, [0.5], 1 - half[:0:-1]])
    return np.append((np.arange(PANELS)[:, None] + panel).reshape(-1), PANELS) * 2 * np.pi / PANELS


def _dome(theta: Floats, t: Floats, grow: float, seams: float = 1.0) -> Floats:
    """Points of the crown, shape of theta and t broadcast: t = 0 at the brow, 1 at the button."""
    theta, t = np.broadcast_arrays(theta, t)
    base = head_oval(theta.reshape(-1), CIRCUMFERENCE, grow).reshape(*theta.shape, 2)
    front = 0.5 + 0.5 * np.cos(theta)
    power = 2.7 + 0.4 * front**2  # the front panels are stiffened and stand up
    angle = t * np.pi / 2
    out = np.cos(angle) ** (2 / power)
    up = np.sin(angle) ** (2 / RISE)
    arc = np.abs((theta / (2 * np.pi) * PANELS + 0.5) % 1 - 0.5) * PANEL_MM * np.maximum(out, 0.02)
    fold = -0.9 * np.exp(-((arc / 1.3) ** 2)) + 0.3 * np.exp(-(((arc - 3.0) / 1.6) ** 2))
    fold *= np.clip((1 - t) * 12, 0, 1) * seams
    puff = 1.6 * np.sin(np.pi * np.clip(arc / (PANEL_MM * np.maximum(out, 0.02)), 0, 0.5)) * np.sin(angle * 2)
    scale = out * (1 + (fold + puff) / 95.0)
    height = (CROWN_HEIGHT + grow - SHELL) * up + (fold + puff) * up
    return np.stack([base[..., 0] * scale, height, base[..., 1] * scale - 6.0 * (1 - out)], axis=-1)


def _hem(theta: Floats) -> Floats:
    """Height of the lower edge: lifted over the brow, arched over the strap behind."""
    front = np.cos(np.clip(np.angle(np.exp(1j * theta)) / CORNER * np.pi / 2, -np.pi / 2, np.pi / 2))
    behind = np.abs(np.angle(np.exp(1j * (theta - np.pi)))) * 78.0
    arch = ARCH_HEIGHT * np.sqrt(np.clip(1 - (behind / ARCH_WIDTH) ** 2, 0, 1))
    return np.asarray(7.0 * front**2 + arch)


def _t_of_height(height: Floats) -> Floats:
    return np.asarray(np.arcsin(np.clip(height / CROWN_HEIGHT, 0, 1) ** (RISE / 2)) / (np.pi / 2))


def _crown() -> Surface:
    theta = np.unique(
        np.concatenate(
            [
                _thetas(),
                np.pi + np.array([-1, 1])[:, None].repeat(4, 1).reshape(-1) * np.tile([0.40, 0.48, 0.505, 0.513], 2),
            ]
        )
    )
    start = _t_of_height(_hem(theta))
    outer = np.linspace(0, 1, 24) ** 0.9
    inner = np.linspace(1, 0, 12)
    rows, uvs = [], []
    for fractions, grow in ((outer, SHELL), (inner, SHELL - 1.5)):
        for f in fractions:
            t = start + (1 - start) * f
            rows.append(_dome(theta, t, grow))
            uvs.append(np.column_stack([theta / (2 * np.pi) * PANELS, 1 - t]))
    rows.append(rows[0])
    uvs.append(uvs[0])
    return turned(np.stack(rows), np.stack(uvs))


def _frame_at(theta: float, t: float) -> tuple[Floats, Floats, Floats, Floats]:
    """A point of the crown with its directions around, up and out."""
    step = 1e-3
    points = _dome(np.array([theta, theta + step, theta]), np.array([t, t, t + step]), SHELL)
    side, up = points[1] - points[0], points[2] - points[0]
    side /= np.linalg.norm(side)
    up -= (up @ side) * side
    up /= np.linalg.norm(up)
    out = np.cross(side, up)
    return points[0], side, up, out


def _eyelets() -> Surface:
    rings = []
    for panel in range(PANELS):
        point, side, up, out = _frame_at((panel + 0.5) * 2 * np.pi / PANELS, 0.62)
        angle = np.arange(20)[:, None] * 2 * np.pi / 20
        loop = point + out * 0.3 + 3.5 * (np.cos(angle) * side + np.sin(angle) * up)
        rings.append(sweep(loop, ellipse(2.4, 1.3, 6), np.cos(angle) * side + np.sin(angle) * up, closed=True))
    return joined(rings)


def _button() -> Surface:
    middle = _dome(np.array([0.0]), np.array([1.0]), SHELL)[0]
    latitude = np.linspace(0, np.pi, 9)
    theta = np.linspace(0, 2 * np.pi, 25)
    rows = np.stack(
        [
            middle
            + np.column_stack(
                [
                    7.0 * np.sin(a) * np.sin(theta),
                    np.full(25, (4.2 if a < 1.6 else 1.2) * np.cos(a)),
                    7.0 * np.sin(a) * np.cos(theta),
                ]
            )
            for a in latitude
        ]
    )
    return turned(rows)


VISOR_EDGE = [(72.0, 52.0), (83.0, 66.0), (88.0, 90.0), (83.0, 120.0), (64.0, 149.0), (34.0, 167.0), (0.0, 173.0)]


def _visor() -> Surface:
    columns = 57
    theta = np.linspace(-CORNER, CORNER, 400)
    inner = head_oval(theta, CIRCUMFERENCE, SHELL - 0.6)
    seat = np.column_stack([inner[:, 0], _hem(theta), inner[:, 1]])
    seat = resampled(seat, columns)
    corner = seat[-1, [0, 2]]
    half = np.array([corner, *VISOR_EDGE[1:]])
    whole = np.concatenate([half, half[-2::-1] * np.array([-1, 1])])[::-1]
    rim = spline(whole, columns)
    u = np.linspace(-1, 1, columns)
    body = np.clip(1 - np.abs(u) ** 14, 0.0, 1.0)
    v_rows = np.linspace(0, 1, 14)
    profile = (
        [(v, 1.0) for v in v_rows] + [(1.012, 0.55), (1.016, 0.0), (1.012, -0.55)] + [(v, -1.0) for v in v_rows[::-2]]
    )
    rows, uvs = [], []
    for v, side in [*profile, profile[0]]:
        plan = seat[:, [0, 2]] + v * (rim - seat[:, [0, 2]])
        far = np.linalg.norm(plan - seat[:, [0, 2]], axis=1)
        ridge = 0.22 * np.cos(2 * np.pi * v * 8) if side == 1.0 else 0.0
        y = seat[:, 1] - (plan[:, 0] ** 2 - seat[:, 0] ** 2) / (2 * 105.0) - 0.16 * far - 0.0011 * far**2
        rows.append(np.column_stack([plan[:, 0], y + (1.5 * side + ridge) * body, plan[:, 1]]))
        uvs.append(np.column_stack([(u + 1) / 2, np.full(columns, min(v, 0.995))]))
    rows_array = np.stack(rows)
    rows_array[:, [0, -1]] = rows_array[:, [0, -1]].mean(axis=0, keepdims=True)
    return outward(Surface(rows_array.reshape(-1, 3), grid_faces(*rows_array.shape[:2]), np.stack(uvs).reshape(-1, 2)))


def _strap() -> Surface:
    half = 0.62
    theta = np.pi + np.linspace(-half, half, 41)
    profile = np.array([(1.3, 2.0), (2.9, 2.4), (2.9, 21.6), (1.3, 22.0)])
    rows = np.stack(
        [
            np.column_stack([xz[:, 0], np.full(41, y), xz[:, 1]])
            for g, y in [*profile, profile[0]]
            for xz in [head_oval(theta, CIRCUMFERENCE, g)]
        ]
    )
    faces = grid_faces(*rows.shape[:2])
    ends = []
    for column, order in ((0, (0, 1, 2, 3)), (40, (3, 2, 1, 0))):
        a, b, c, d = (k * 41 + column for k in order)
        ends += [[a, b, c], [a, c, d]]
    return outward(Surface(rows.reshape(-1, 3), np.concatenate([faces, np.array(ends)])))


def _sweatband() -> Surface:
    """The band inside: it follows the crown, and its lower edge is exactly the head's oval at height 0."""
    theta = np.linspace(0, 2 * np.pi, 97)
    behind = np.abs(np.angle(np.exp(1j * (theta - np.pi)))) * 78.0
    tall = 20.0 + 11.0 * np.clip((behind - ARCH_WIDTH + 4) / 12, 0, 1)  # lower where the strap bridges the opening
    section = [(1.2, 0.0), (1.3, 1.0), (0.8, 1.02), (0.0, 0.97), (0.0, 0.0)]
    rows = [_dome(theta, _t_of_height(share * tall), grow, seams=0.0) for grow, share in section]
    return turned(np.stack([*rows, rows[0]]))


def baseball_cap(
    name: str = "Sixpence cap", cloth: str = "#1f2f4a", thread: str = "#c9d2df", eyelet: str = "#31456a"
) -> bytes:
    """A six-panel cap with a curved visor, adjustable behind."""
    t = 1 - (np.arange(512) + 0.5) / 512
    width = PANEL_MM * np.cos(t * np.pi / 2) ** (2 / 2.4)
    panel = Material(
        "twill_panel",
        linear("#ffffff"),
        roughness=0.88,
        texture=cap_panel(cloth, thread, height_mm=178.0, width_mm=width),
    )
    brim = Material(
        "twill_visor",
        linear("#ffffff"),
        roughness=0.88,
        texture=visor(cloth, thread, rows=7, depth_mm=68.0, arc_mm=230.0),
    )
    plain = Material("twill_plain", linear(cloth), roughness=0.88)
    embroidery = Material("thread", linear(eyelet), roughness=0.6)
    band = Material("sweatband", linear("#23262c"), roughness=0.95)
    metal = Material("metal_buckle", linear("#b9bcc0"), metallic=1.0, roughness=0.35)
    buckle_at = head_oval(np.array([np.pi]), CIRCUMFERENCE, 3.2)[0]
    bar = cylinder(np.array([-6.0, 1.5, buckle_at[1]]), np.array([-6.0, 22.5, buckle_at[1]]), 2.0)
    parts = [
        Part("crown", _crown(), panel, crease_deg=50),
        Part("visor", _visor(), brim, crease_deg=50),
        Part("button", _button(), plain, crease_deg=60),
        Part("eyelets", _eyelets(), embroidery, crease_deg=80),
        Part("sweatband", _sweatband(), band),
        Part("strap", _strap(), plain),
        Part("buckle", joined([bar, mirrored(bar)]), metal),
    ]
    extras = {"vitrine": {"kind": "hat", "name": name, "head_circumference_mm": CIRCUMFERENCE, "brim_mm": 68.0}}
    return write_glb(name, parts, extras)
