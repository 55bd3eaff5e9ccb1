"""A garment on one body, and how it goes into a GLB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from avatar.charts import Kind
from avatar.export import Cover, Mesh, add_mesh, coarser
from avatar.garments.garment import Garment, Part
from avatar.garments.glb import add_material, shades
from avatar.garments.skin import Skin
from avatar.gltf import GlbWriter, vertex_normals

Float = NDArray[np.float64]
Indices = NDArray[np.int64]
EASE = "_EASE_CM"  # the attribute
EASE_CM = (-60.0, 120.0)
# The map of ease: cm and the screen colour there, blended between.
# Pale where clothes sit as they are meant to; orange to blue, which is told apart without red and green too.
COLOURS = (
    (-6.0, "#8c1d3c"), (-2.0, "#dd5f3d"), (0.0, "#f3b765"), (4.0, "#efe8d3"), (10.0, "#86b9cc"), (18.0, "#2f6596"),
)  # fmt: skip
_COARSE_SHARE = 0.3
_SMALL_M = 0.2
_UNDER_M, _ON_SKIN_M = 0.0015, 0.001
_STANDS_OUT_M, _BESIDE_M = 0.02, 0.009


@dataclass(frozen=True)
class Fitted:
    """points (N, 3) m from the pelvis joint, with uv, shade, ease in cm (N,) and weights (N, 24); cloth (M, 3) and its
    triangles: the part that hangs, seams closed; main (N,): which points are of that part.
    """

    name: str
    product: str
    kind: Kind
    size: str | None
    points: Float
    normals: Float
    uv: Float
    shade: Float
    ease: Float
    weights: Float
    parts: Sequence[Part]
    main: NDArray[np.bool_]
    cloth: Float
    cloth_faces: Indices

    @property
    def told(self) -> dict[str, str | None]:
        """What a file says of it."""
        return {"product": self.product, "name": self.name, "worn_as": self.kind, "size": self.size}

    @classmethod
    def of(
        cls,
        garment: Garment,
        size: str | None,
        product: str,
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
            product=product,
            kind=garment.kind,
            size=label,
            points=points,
            normals=normals,
            uv=garment.uv,
            shade=garment.shade,
            ease=ease[nearest],
            weights=weights[nearest],
            parts=garment.parts,
            main=garment.main,
            cloth=cloth_points,
            cloth_faces=cloth_faces,
        )

    def without(self, hidden: NDArray[np.bool_]) -> Fitted:
        """The garment without triangles whose corners are all hidden (N,)."""
        parts = [Part(part.name, part.faces[~hidden[part.faces].all(1)], part.material) for part in self.parts]
        return replace(self, parts=[part for part in parts if len(part.faces)])

    def beneath(self, over: Fitted, skin: Skin) -> Fitted:
        """The garment with what stands out of another, worn over it, pushed under that; never into the skin."""
        cover = Skin(over.cloth, vertex_normals(over.cloth, over.cloth_faces))
        contact = cover.contact(self.points)
        away = self.points - cover.points[contact.index]
        aside = np.sqrt(np.maximum(np.einsum("nx,nx->n", away, away) - contact.height**2, 0))
        alike = np.einsum("nx,nx->n", self.normals, contact.normal) > 0.3
        out = (contact.height > -_UNDER_M) & (contact.height < _STANDS_OUT_M) & (aside < _BESIDE_M) & alike
        points = self.points.copy()
        points[out] -= (contact.height[out] + _UNDER_M)[:, None] * contact.normal[out]
        points[out] = skin.outside(points[out], _ON_SKIN_M)
        return replace(self, points=points)


def write_fitted(writer: GlbWriter, fitted: Fitted, skeleton: list[int], joints: Float) -> None:
    """The garment as one skinned node, a primitive for each material, with texture coordinates, light and ease."""
    faces = [part.faces for part in fitted.parts]
    if not faces:
        return
    used, compact = np.unique(np.concatenate(faces), return_inverse=True)
    starts = np.cumsum([0, *(len(part) for part in faces)])
    compact = compact.reshape(-1, 3)
    points = np.ascontiguousarray(fitted.points[used], np.float32)
    hangs = fitted.main[used]
    covers = []
    for part, start, end in zip(fitted.parts, starts[:-1], starts[1:], strict=True):
        mine = compact[start:end]
        # From afar nobody sees what rides on the cloth, but for what is large, such as a hood.
        rides = not hangs[mine].any() and np.ptp(points[mine.reshape(-1)], axis=0).max() > _SMALL_M
        coarse = coarser(points, mine, _COARSE_SHARE) if hangs[mine].any() or rides else mine[:0]
        covers.append(Cover(add_material(writer, part.material), (mine, coarse)))
    ease = np.round(fitted.ease[used].clip(*EASE_CM), 1).astype(np.float32)
    more = {
        "TEXCOORD_0": writer.attribute(fitted.uv[used].astype(np.float32)),
        "COLOR_0": writer.attribute(shades(fitted.shade[used]), normalized=True),
        EASE: writer.attribute(ease, bounds=True),
    }
    mesh = Mesh(
        name=fitted.product or fitted.name,
        vertices=points,
        weights=fitted.weights[used].astype(np.float32),
        levels=(compact,),
        normals=fitted.normals[used],
    )
    add_mesh(writer, mesh, skeleton, joints, covers=covers, more=more, extras={"vitrine": fitted.told})
