"""What is worn on one body, and the files of it: garments alone, body and garments in one, a picture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avatar.body_arrays import BodyArrays, Sex
from avatar.export import BodyShape, Mesh, add_mesh, add_skeleton
from avatar.garments.cover import packed
from avatar.garments.fabric import Material
from avatar.garments.fitted import COLOURS, EASE, Fitted, write_fitted
from avatar.gltf import GlbWriter, linear, vertex_normals
from avatar.picture import Painted, paint

Float = NDArray[np.float64]
# A painter sorts triangles by their middles: what lies close under cloth has to count as farther away than it is.
_LAYER_M, _SKIN_M, _INSIDE_M = 0.005, 0.02, 0.04
_INSIDE = 0.45  # how much light there is in cloth


@dataclass(frozen=True)
class Outfit:
    """layers: the garments on this body, the lowest first; covered (V,): which of its vertices they hide.

    vertices (V, 3) m: the body as the model has it; shape: what bodies of this model have in common.
    """

    sex: Sex
    arrays: BodyArrays
    shape: BodyShape
    vertices: NDArray[np.float32]
    layers: Sequence[Fitted]
    covered: NDArray[np.bool_]

    def file(self, *, compressed: bool, body_color: str | None = None) -> bytes:
        """A GLB on the body's skeleton. body_color "#rrggbb": with the body, what is covered of it left out."""
        joints = self.shape.joints(self.vertices)
        writer = GlbWriter(compressed=compressed)
        floor = float(self.vertices[: self.shape.count, 1].min())
        skeleton = add_skeleton(writer, joints, self.arrays.parents, floor=floor)
        if body_color is not None:
            whole = self.shape.mesh(self.vertices, body_color)
            seen = tuple(level[~self.covered[level].all(1)] for level in whole.levels)
            add_mesh(writer, Mesh(whole.name, whole.vertices, whole.weights, seen, body_color), skeleton, joints)
        for layer in self.layers:
            write_fitted(writer, layer, skeleton, joints)
        writer.extras(
            {
                "kind": "garments" if body_color is None else "dressed",
                "sex": self.sex,
                "hidden": packed(self.covered[: self.shape.count]),
                "vertices": self.shape.count,
                "garments": [layer.told for layer in self.layers],
                "ease": {"attribute": EASE, "colours": [list(stop) for stop in COLOURS]},
            }
        )
        return writer.content()

    def picture(self, body_color: str) -> bytes:
        """A PNG of body and garments with a transparent ground."""
        points = self.vertices.astype(np.float64)
        seen = self.arrays.faces[~self.covered[self.arrays.faces].all(1)]
        skin = np.array(linear(body_color)[:3])
        normals = vertex_normals(points, self.arrays.faces)
        return paint([Painted(points, seen, normals, skin, behind_m=_SKIN_M), *painted(self.layers)])


def painted(layers: Sequence[Fitted]) -> list[Painted]:
    """Garments as `avatar.picture` draws them: each material in its own mean colour, darker in the folds and inside."""
    things = []
    for depth, layer in enumerate(reversed(layers)):
        light = layer.shade[:, None]
        for part in layer.parts:
            color = light * mean_color(part.material)
            back = part.faces[:, ::-1]
            things += [
                Painted(layer.points, part.faces, layer.normals, color, behind_m=depth * _LAYER_M),
                Painted(layer.points, back, -layer.normals, _INSIDE * color, behind_m=_INSIDE_M),
            ]
    return things


@lru_cache(64)
def mean_color(material: Material) -> Any:
    """Linear RGB (3,) of a material seen from so far that its weave is not."""
    color = np.array(material.color[:3])
    if material.texture is None:
        return color
    with Image.open(io.BytesIO(material.texture), formats=["PNG", "JPEG"]) as image:
        pixels = np.asarray(image.convert("RGB").resize((64, 64)), np.float64) / 255
    flat = np.where(pixels <= 0.04045, pixels / 12.92, ((pixels + 0.055) / 1.055) ** 2.4)
    return color * flat.mean((0, 1))
