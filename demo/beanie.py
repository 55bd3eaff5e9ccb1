"""The knit beanie: chunky ribs gathered at the crown, a folded cuff, a small leather patch."""

from __future__ import annotations

import numpy as np

from demo.gltf import Material, Part, linear
from demo.hats import finished
from demo.lathe import around, head_oval, turned
from demo.mesh import Surface
from demo.textures import knit, leather
from demo.trims import Wall

CIRCUMFERENCE = 575.0
RIBS = 60
SAMPLES = 4  # points across a rib
CUFF = 66.0
HEIGHT = 147.0
STITCH_MM = 20.0  # one texture repeat along a rib: four stitches


def _profile() -> list[tuple[float, float, float, float]]:
    """(scale of the head's oval, mm outside it, height, rib depth) from the top over the cuff and back up inside."""
    rows: list[tuple[float, float, float, float]] = []

    def dome(grow: float, rib: float, count: int, top: float) -> list[tuple[float, float, float, float]]:
        angle = np.linspace(0.0, np.pi / 2, count)
        scale = np.sin(angle) ** 0.86
        height = CUFF - 8.0 + (top - CUFF + 8.0) * np.cos(angle) ** 0.92
        return [
            (float(s), grow * float(min(1.0, 3 * s)), float(h), rib * float(min(1.0, 1.6 * s)))
            for s, h in zip(scale, height, strict=True)
        ]

    rows += dome(4.0, 1.7, 21, HEIGHT)
    rows += [(1.0, 4.6, CUFF - 6.5, 0.6), (1.0, 5.4, CUFF - 2.2, 0.6)]  # into the fold and over its lip
    rows += [(1.0, 7.0, CUFF - 0.1, 0.8), (1.0, 8.8, CUFF - 0.2, 1.0), (1.0, 10.2, CUFF - 2.4, 1.4)]
    for y in np.linspace(CUFF - 6.5, 4.0, 10):
        bulge = 1.1 * np.sin(np.pi * (y / CUFF))
        rows.append((1.0, 10.2 + float(bulge), float(y), 1.7))
    rows += [(1.0, 8.6, 0.9, 1.0), (1.0, 4.8, 0.0, 0.4), (1.0, 1.2, 1.2, 0.0)]
    rows += [(1.0, 0.0, 6.0, 0.0), (1.0, 0.0, 30.0, 0.0)]
    rows += dome(0.0, 0.0, 7, HEIGHT - 8.0)[::-1]
    return rows


def _body() -> Surface:
    theta = around(RIBS * SAMPLES)
    phase = theta / (2 * np.pi) * RIBS
    rib = np.abs(np.sin(np.pi * phase)) ** 0.75 - 0.5
    hand = 0.35 * np.sin(7 * theta + 1.0) + 0.3 * np.sin(13 * theta)  # no knitter is a machine
    rows, uvs = [], []
    travelled, before = 0.0, None
    for scale, grow, height, depth in _profile():
        oval = head_oval(theta, CIRCUMFERENCE, grow) if grow else head_oval(theta, CIRCUMFERENCE)
        out = head_oval(theta, CIRCUMFERENCE, grow + 10.0) - oval
        out /= np.linalg.norm(out, axis=1, keepdims=True)
        gather = 1.6 * np.sin(8 * theta) * np.exp(-(((scale - 0.22) / 0.16) ** 2)) if depth else 0.0 * theta
        loose = hand * (0.9 if grow > 6 else 0.4) * (depth > 0)
        plan = oval * scale + out * (rib * depth + loose + gather * min(1.0, scale * 4))[:, None]
        y = height + (hand * 1.6 if grow > 6 else 0.0) * min(1.0, height / CUFF) + 0.0 * theta
        slump = 5.0 * np.clip((height - 105.0) / 50.0, 0, 1)
        row = np.column_stack([plan[:, 0], y + rib * depth * (1 - scale), plan[:, 1] - slump])
        if scale == 0.0:
            row[:] = row.mean(axis=0)
        step = 0.0 if before is None else float(np.linalg.norm(row - before, axis=1).mean())
        travelled, before = travelled + step, row
        rows.append(row)
        uvs.append(np.column_stack([phase, np.full(len(theta), travelled / STITCH_MM)]))
    return turned(np.stack(rows), np.stack(uvs))


def beanie(name: str) -> bytes:
    """A ribbed wool beanie with a folded cuff."""
    wool = Material("knit", linear("#ffffff"), roughness=1.0, texture=knit("#8d3b2f"))
    hide = Material(
        "leather_patch", linear("#ffffff"), roughness=0.55, texture=leather("#7a5233", "#d8c3a0", size_mm=(25.0, 42.0))
    )
    span = np.linspace(-1.0, 1.0, 15) * 21.0
    patch = Wall(CIRCUMFERENCE, 1.0, 10.2).strip(
        np.radians(28), span, height=CUFF * 0.46, lift=2.0, width=25.0, thickness=1.6
    )
    low, high = patch.positions.min(axis=0), patch.positions.max(axis=0)
    uv = (patch.positions - low)[:, :2] / (high - low)[:2] * [1.0, -1.0]
    parts: list[Part] = [
        Part("knit", _body(), wool, crease_deg=100),
        Part("patch", Surface(patch.positions, patch.faces, uv), hide, crease_deg=40),
    ]
    return finished(name, parts, circumference=CIRCUMFERENCE, brim=0.0)
