"""A garment on one body, and how it goes into a GLB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from avatar.export import Mesh, add_mesh
from avatar.garments.garment import Garment, Part
from avatar.garments.glb import add_material, shades
from avatar.gltf import GlbWriter, vertex_normals

Float = NDArray[np.float64]
Indices = NDArray[np.int64]
EASE_CM = (-12.0, 24.0)  # what 0 and 1 of the attribute `_EASE` stand for


@dataclass(frozen=True)
class Fitted:
    """points (N, 3) m from the pelvis joint, with uv, shade, ease in cm (N,) and weights (N, 24); cloth (M, 3) and its
    triangles: the part that hangs, seams closed.
    """

    name: str
    size: str | None
    points: Float
    normals: Float
    uv: Float
    shade: Float
    ease: Float
    weights: Float
    parts: Sequence[Part]
    cloth: Float
    cloth_faces: Indices

    @classmethod
    def of(
        cls,
        garment: Garment,
        size: str | None,
        points: Float,
        *,
        cloth: tuple[Float, Indices],
        place: Indices,
        main: Indices,
        weights: Float,
        ease: Float,
    ) -> Fitted:
        """From what was found for the welded cloth: `place` says which of its points each `main` point is."""
        cloth_points, cloth_faces = cloth
        nearest = cKDTree(cloth_points).query(points)[1]
        nearest[main] = place
        normals = vertex_normals(points, garment.faces)
        # Where a texture jumps, two points lie on one place of the cloth, and must not show a crease.
        normals[main] = vertex_normals(cloth_points, cloth_faces)[place]
        label = size if size is not None or garment.chart is None else garment.chart.modelled
        return cls(
            name=garment.name,
            size=label,
            points=points,
            normals=normals,
            uv=garment.uv,
            shade=garment.shade,
            ease=ease[nearest],
            weights=weights[nearest],
            parts=garment.parts,
            cloth=cloth_points,
            cloth_faces=cloth_faces,
        )

    def without(self, hidden: NDArray[np.bool_]) -> Fitted:
        """The garment without triangles whose corners are all hidden (N,)."""
        parts = [Part(part.name, part.faces[~hidden[part.faces].all(1)], part.material) for part in self.parts]
        return replace(self, parts=[part for part in parts if len(part.faces)])


def write_fitted(writer: GlbWriter, fitted: Fitted, skeleton: list[int], joints: Float) -> None:
    """The garment's parts as skinned meshes with texture coordinates, light and ease."""
    low, high = EASE_CM
    for part in fitted.parts:
        used, compact = np.unique(part.faces, return_inverse=True)
        ease = np.round(((fitted.ease[used] - low) / (high - low)).clip(0, 1) * 255).astype(np.uint8)
        more = {
            "TEXCOORD_0": writer.attribute(fitted.uv[used].astype(np.float32)),
            "COLOR_0": writer.attribute(shades(fitted.shade[used]), normalized=True),
            "_EASE": writer.attribute(ease, normalized=True),
        }
        mesh = Mesh(
            name=f"{fitted.name}: {part.name}",
            vertices=fitted.points[used].astype(np.float32),
            weights=fitted.weights[used].astype(np.float32),
            levels=(compact.reshape(-1, 3),),
            normals=fitted.normals[used],
        )
        add_mesh(writer, mesh, skeleton, joints, material=add_material(writer, part.material), more=more)
