"""A garment on one body, and how it goes into a GLB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from avatar.charts import Kind
from avatar.export import Cover, Mesh, add_mesh, coarser
from avatar.garments.bind import smoothed
from avatar.garments.cloth import smoothing
from avatar.garments.follow import Sheet
from avatar.garments.garment import Garment, Part
from avatar.garments.glb import add_material, shades
from avatar.garments.skin import Skin
from avatar.garments.stance import arm_share
from avatar.garments.surface import Surface, border
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
_RIDE_ROUNDS = 2
_UNDER_M, _ON_SKIN_M = 0.0015, 0.001
_STANDS_OUT_M, _ROUNDS = 0.03, 3
_WAISTED: tuple[Kind, ...] = ("bottom", "skirt")
_CINCHED: tuple[Kind, ...] = (*_WAISTED, "jacket")  # what holds in what is worn below it
_BAND_M, _BESIDE_M, _STEEP_M = 0.15, 0.03, 0.03  # so high a hem is, and so steep: what rises faster is a front's edge
_STANDS_FAR_M, _DRAWN_IN_M, _HEMMED_M, _HELD_M, _BLOUSE = 0.12, 0.12, 0.05, 0.004, 0.8


@dataclass(frozen=True)
class Fitted:
    """points (N, 3) m from the pelvis joint, with uv, shade, ease in cm (N,) and weights (N, 24); cloth (M, 3) and its
    triangles: the part that hangs, seams closed; main (N,): which points are of that part; seat (N,): the point of the
    cloth that each point is, or rides on.
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
    seat: Indices

    @property
    def cloth_weights(self) -> Float:
        """Skinning weights (M, 24) of the cloth."""
        weights = np.empty((len(self.cloth), self.weights.shape[1]))
        weights[self.seat[self.main]] = self.weights[self.main]
        return weights

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
            seat=nearest,
        )

    def shaped(self, cloth: Float) -> Fitted:
        """The garment with its cloth's points (M, 3) somewhere else, and what rides on it along with them."""
        normals = self.normals.copy()
        normals[self.main] = vertex_normals(cloth, self.cloth_faces)[self.seat[self.main]]
        change = cloth - self.cloth
        along = smoothed(change, smoothing(self.cloth_faces, len(cloth)), _RIDE_ROUNDS)
        points = self.points + np.where(self.main[:, None], change[self.seat], along[self.seat])
        return replace(self, cloth=cloth, points=points, normals=normals)

    def without(self, hidden: NDArray[np.bool_]) -> Fitted:
        """The garment without triangles whose corners are all hidden (N,)."""
        parts = [Part(part.name, part.faces[~hidden[part.faces].all(1)], part.material) for part in self.parts]
        return replace(self, parts=[part for part in parts if len(part.faces)])

    def sheet(self) -> Sheet:
        """Its cloth as something that lies under more."""
        faces = np.concatenate([np.zeros((0, 3), np.int64), *(part.faces for part in self.parts)])
        drawn = self.seat[faces[self.main[faces].all(1)]]
        return Sheet(self.cloth, self.cloth_faces, drawn, self.cloth_weights)

    def holds_in(self, below: Fitted) -> bool:
        """Whether its waistband holds together what is worn below it, or its hem does."""
        return self.kind in _CINCHED and below.kind not in _WAISTED and len(self._band()) > 0

    def beyond(self, points: Float) -> Float:
        """How far (N,) m points are beyond the border that holds them: above a waistband, below a jacket's hem.

        No point is beyond a garment that has no such border.
        """
        band = self._band()
        if not len(band):
            return np.full(len(points), -np.inf)
        _, near = cKDTree(band[:, [0, 2]]).query(points[:, [0, 2]])
        return np.asarray(self._up * (points[:, 1] - band[near, 1]))

    @property
    def _up(self) -> float:
        return 1.0 if self.kind in _WAISTED else -1.0

    def _band(self) -> Float:
        """The places (K, 3) of its border that hold: the waistband's, or those of a jacket's hem and not of its fronts,
        neck and cuffs, be they of one loop with the hem or lower than it is."""
        at = self.cloth[border(self.cloth_faces, len(self.cloth)) & (arm_share(self.cloth_weights) < 0.5)]
        if not len(at):
            return np.zeros((0, 3))
        far = self._up * at[:, 1]
        around = cKDTree(at[:, [0, 2]]).query_ball_point(at[:, [0, 2]], _BESIDE_M)
        past = np.array([far[beside].max() for beside in around])
        return np.asarray(at[(far > past - _STEEP_M) & (far > far.max() - _BAND_M)])

    def beneath(self, over: Fitted, skin: Skin) -> Fitted:
        """The garment with what stands out of another, worn over it, pushed under that; never into the skin."""
        cloth, cover = self.cloth.copy(), Surface.of(over.cloth, over.cloth_faces, arm_share(over.cloth_weights))
        arm = arm_share(self.cloth_weights)
        least = np.full(len(cloth), -_UNDER_M)
        hemmed = np.zeros(len(cloth), bool)
        if over.holds_in(self):
            beyond = over.beyond(cloth)
            if over.kind in _WAISTED:
                cloth = _gathered(cloth, over, beyond, skin)
            else:
                hemmed = np.abs(beyond) < _HEMMED_M
                least = least + _BLOUSE * (beyond - _HELD_M).clip(0)
        for _ in range(_ROUNDS):
            standing = cover.standing(cloth, vertex_normals(cloth, self.cloth_faces), arm)
            out = (standing.meets() | (hemmed & (standing.alike > 0))) & (standing.height < _STANDS_OUT_M)
            out &= standing.height > least
            if not out.any():
                break
            cloth[out] -= (standing.height - least)[out, None] * standing.normal[out]
            cloth[out] = skin.outside(cloth[out], _ON_SKIN_M)
        return self.shaped(cloth)._flat_under(cover)

    def _flat_under(self, cover: Surface) -> Fitted:
        """The garment with no stitch or button standing out of another one over it."""
        riders = np.flatnonzero(~self.main)
        if not len(riders):
            return self
        points = self.points.copy()
        standing = cover.standing(points[riders], self.normals[self._cloth_at(riders)], arm_share(self.weights[riders]))
        out = standing.meets() & (standing.height > -_UNDER_M) & (standing.height < _STANDS_OUT_M)
        points[riders[out]] -= (standing.height[out] + _UNDER_M)[:, None] * standing.normal[out]
        return replace(self, points=points)

    def _cloth_at(self, riders: Indices) -> Indices:
        """For points that ride, a point of the cloth (of `points`) under each: that looks the way the cloth does."""
        of_cloth = np.zeros(len(self.cloth), np.int64)
        main = np.flatnonzero(self.main)
        of_cloth[self.seat[main]] = main
        return np.asarray(of_cloth[self.seat[riders]])


def _gathered(cloth: Float, over: Fitted, beyond: Float, skin: Skin) -> Float:
    """A shirt drawn in by the waistband about it, and falling over that no faster than cloth does."""
    room, near = skin.contact(over.cloth).height, cKDTree(over.cloth)
    contact = skin.contact(cloth)
    distance, index = near.query(cloth, k=4)
    share = 1 / (distance + 1e-4)
    most = (share * room[index]).sum(1) / share.sum(1) - _UNDER_M + _BLOUSE * (beyond - _HELD_M).clip(0)
    low = np.flatnonzero((beyond < _DRAWN_IN_M) & (contact.height > most) & (contact.height < _STANDS_FAR_M))
    gathered = cloth.copy()
    gathered[low] -= (contact.height[low] - most[low].clip(_ON_SKIN_M))[:, None] * contact.normal[low]
    return gathered


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
