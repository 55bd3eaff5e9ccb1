"""What is worn on one body, and the files of it: garments alone, body and garments in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar.body_arrays import BodyArrays, Sex
from avatar.export import BodyShape, add_mesh, add_skeleton
from avatar.garments.cover import packed
from avatar.garments.fitted import COLOURS, EASE, Fitted, write_fitted
from avatar.gltf import GlbWriter


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
            seen = self.shape.mesh(self.vertices, body_color).without(self.shape.hidden(self.covered))
            add_mesh(writer, seen, skeleton, joints)
        for layer in self.layers:
            write_fitted(writer, layer, skeleton, joints)
        writer.extras(
            {
                "kind": "garments" if body_color is None else "dressed",
                "sex": self.sex,
                "hidden": packed(self.shape.hidden(self.covered)),
                "vertices": self.shape.count,
                "garments": [layer.told for layer in self.layers],
                "ease": {"attribute": EASE, "colours": [list(stop) for stop in COLOURS]},
            }
        )
        return writer.content()
