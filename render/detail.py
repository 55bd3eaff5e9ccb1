"""Levels of detail: the same product in fewer and fewer triangles, each level within a stated distance of it.

How they are made is what `render.levels.REVISION` counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from render.gltf import Material, Model, Part
from render.levels import Batch, Level
from render.simplify import simplify, soften_normals

# Largest geometric error of each level, in millimetres; the renderer takes the coarsest that stays under half a pixel.
LEVEL_ERRORS_MM: Final = (0.08, 0.2, 0.32, 0.45, 0.7, 1.0, 1.8, 3.0)
# Lower than this a hat's inside shows under its edge.
LINING_FROM_MM: Final = 25.0


class _Drawn(NamedTuple):
    """What decides whether parts share a draw call; solids sort before lenses."""

    lens: bool
    double_sided: bool
    textured: int


def make_levels(model: Model, kind: Literal["glasses", "hat"], *, unit_mm: float) -> tuple[Level, ...]:
    """Parts merged by what can be drawn together, in every level. unit_mm: millimetres in the model's unit."""
    groups: dict[_Drawn, list[Part]] = {}
    for part in model.parts:
        material = model.materials[part.material]
        textured = part.material if material.texture is not None and part.uv is not None else -1
        drawn = _Drawn(material.is_lens or material.blend, material.double_sided, textured)
        groups.setdefault(drawn, []).append(_facing_its_normals(part))
    levels: list[Level] = []
    finest = {drawn: [_Kept.whole(part) for part in parts] for drawn, parts in groups.items()}
    reduced = finest
    for error in LEVEL_ERRORS_MM:
        reduced = {
            drawn: [
                item.reduced(error / unit_mm, lens=drawn.lens) or before
                for item, before in zip(items, reduced[drawn], strict=True)
            ]
            for drawn, items in finest.items()
        }
        batches = [
            _merge([item.part(error / unit_mm) for item in reduced[drawn]], model.materials, drawn, unit_mm)
            for drawn in sorted(reduced)
        ]
        if not levels:
            # The others start from here: a fraction of the work. Worn, a hat's inside is full of head.
            if kind == "hat":
                reduced = {drawn: _without_lining(items, unit_mm) for drawn, items in reduced.items()}
            finest = reduced
        levels.append(Level(error, tuple(batch for batch in batches if len(batch.faces))))
    return tuple(levels)


def _facing_its_normals(part: Part) -> Part:
    """Files disagree about winding, and lighting trusts the normals: so must culling."""
    a, b, c = (part.positions[part.faces[:, k]] for k in range(3))
    leaning = part.normals[part.faces].sum(1)
    backwards = np.einsum("ij,ij->i", np.cross(b - a, c - a), leaning) < 0
    faces = part.faces.copy()
    faces[backwards] = faces[backwards][:, ::-1]
    return replace(part, faces=faces)


@dataclass(frozen=True)
class _Kept:
    """What is left of a part: faces (m, 3) into `used` (n,), which indexes the original's vertices."""

    original: Part
    faces: NDArray[np.uint32]
    used: NDArray[np.uint32]

    @classmethod
    def whole(cls, part: Part) -> _Kept:
        return cls(part, part.faces, np.arange(len(part.positions), dtype=np.uint32))

    def reduced(self, error: float, *, lens: bool) -> _Kept | None:
        """Within `error`; None if too little would be left."""
        part, used = self.original, self.used
        if not len(used):
            return self
        # A hinge or a screw is drawn with some ten triangles: nobody sees its chamfers. A lens's edge is in its rim.
        extent = float(np.ptp(part.positions[used], axis=0).max())
        small = extent < 40 * error
        colors = None if part.colors is None else part.colors[used]
        limit = error * (2.5 if lens else 1.8 if small else 1.0)
        faces, chosen = simplify(part.positions[used], part.normals[used], colors, self.faces, limit)
        smaller = _Kept(part, faces, used[chosen])
        # A wire thinner than the error would vanish: it stays as it was before, because it is what glasses are made of.
        return None if extent > 6 * error and smaller.area() < 0.55 * self.area() else smaller

    def area(self) -> float:
        a, b, c = (self.original.positions[self.used[self.faces[:, k]]] for k in range(3))
        return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum())

    def part(self, error: float) -> Part:
        part, used = self.original, self.used
        return Part(
            part.name,
            part.material,
            part.positions[used],
            soften_normals(part.positions, part.normals, 2.5 * error)[used] if len(used) else part.normals[used],
            None if part.uv is None else part.uv[used],
            None if part.colors is None else part.colors[used],
            self.faces,
        )


def _without_lining(kept: list[_Kept], unit_mm: float) -> list[_Kept]:
    """Less what faces the middle of the crown; a crown of one sheet stays, whichever way it faces."""
    inner, area_inner, area = [], 0.0, 0.0
    for item in kept:
        a, b, c = (item.original.positions[item.used[item.faces[:, k]]] * unit_mm for k in range(3))
        normal, centre = np.cross(b - a, c - a), (a + b + c) / 3
        outward = normal[:, [0, 2]] * centre[:, [0, 2]]
        reach = np.linalg.norm(normal, axis=1) * np.linalg.norm(centre[:, [0, 2]], axis=1)
        crown = centre[:, 1] > LINING_FROM_MM
        facing_in = crown & (outward.sum(1) < 0.25 * reach) & (normal[:, 1] <= 0)
        inner.append(facing_in)
        area_inner += float(np.linalg.norm(normal[facing_in], axis=1).sum())
        area += float(np.linalg.norm(normal[crown], axis=1).sum())
    if area_inner > 0.6 * area:
        return kept
    return [replace(item, faces=item.faces[~hidden]) for item, hidden in zip(kept, inner, strict=True)]


def _merge(parts: Sequence[Part], materials: Sequence[Material], drawn: _Drawn, unit_mm: float) -> Batch:
    pieces = [part for part in parts if len(part.faces)]
    lens, double_sided, textured = drawn
    positions, normals, surfaces, colors, uvs, faces = [], [], [], [], [], []
    start = 0
    for part in pieces:
        material, count = materials[part.material], len(part.positions)
        color = np.tile(np.array(material.color, np.float32), (count, 1))
        if part.colors is not None:
            color *= part.colors
        if not lens:
            color[:, 3] = 1.0
        glow = max(material.emissive)
        positions.append(part.positions * np.float32(unit_mm))
        normals.append(part.normals)
        surfaces.append(np.tile([material.metallic, material.roughness, material.transmission, glow], (count, 1)))
        colors.append(color)
        uvs.append(np.zeros((count, 2)) if part.uv is None else part.uv)
        faces.append(part.faces + np.uint32(start))
        start += count
    if not pieces:
        empty = np.empty((0, 3), np.float32)
        return Batch(
            lens,
            empty,
            empty,
            np.empty((0, 4), np.float32),
            np.empty((0, 4), np.float32),
            None,
            np.empty((0, 3), np.uint32),
        )
    return Batch(
        lens,
        np.concatenate(positions).astype(np.float32),
        np.concatenate(normals).astype(np.float32),
        np.concatenate(surfaces).astype(np.float32),
        np.concatenate(colors).astype(np.float32),
        np.concatenate(uvs).astype(np.float32) if textured >= 0 else None,
        np.concatenate(faces).astype(np.uint32),
        materials[textured].texture if textured >= 0 else None,
        double_sided,
    )
