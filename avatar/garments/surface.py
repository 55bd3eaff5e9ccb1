"""A surface of triangles that others lie under or over: how far a point stands out of it, to the triangle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from avatar.garments.cloth import border_loops
from avatar.gltf import vertex_normals

Float = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]
_TRIANGLES = 12  # looked at for each point: triangles are some centimetre or two wide, and of one size in a place
_LIMB = (0.25, 0.75)
_REACH_M = 0.08  # nothing is said of a point farther off
_WITHIN = 0.5  # share of the corners that are not at the border
_SQUARE = 0.6  # a place that is not under a point but aside of it says nothing of it


@dataclass(frozen=True)
class Standing:
    """For each point asked about: its height over the nearest place of the surface, m, less than nothing under it; the
    normal there (N, 3); whether that place is inside the surface and not at its border; how much alike (the cosine) the
    point's own normal and the surface's are; and the corners (N, 3) of the triangle and their shares in the place.
    """

    height: Float
    normal: Float
    inside: Mask
    alike: Float
    corners: Indices
    share: Float

    def meets(self, alike: float = 0.3) -> Mask:
        """Which points the surface is there for: not beside it, and looking the same way."""
        return np.asarray(self.inside & (self.alike > alike))


@dataclass(frozen=True)
class Surface:
    """Triangles (F, 3) over points (N, 3) m with outward normals; border (N,): which points are at one. arm (N,): how
    much each belongs to an arm, 0..1, so that a sleeve beside the trunk is not taken for what covers that.
    """

    points: Float
    normals: Float
    faces: Indices
    border: Mask
    arm: Float | None = None

    @classmethod
    def of(cls, points: Float, faces: Indices, arm: Float | None = None) -> Surface:
        """A mesh that ends where it has a border."""
        return cls(points, vertex_normals(points, faces), faces, border(faces, len(points)), arm)

    def standing(self, points: Float, normals: Float, arm: Float | None = None) -> Standing:
        """Where points (N, 3) with those normals stand."""
        count = len(points)
        if self.arm is None or arm is None:
            return self._standing(points, normals, self.faces)
        of_arm, mine = self.arm[self.faces].mean(1), arm > 0.5
        found = Standing(
            np.full(count, -np.inf), np.zeros((count, 3)), np.zeros(count, bool), np.zeros(count),
            np.zeros((count, 3), np.int64), np.zeros((count, 3)),
        )  # fmt: skip
        for which, faces in ((mine, self.faces[of_arm > _LIMB[0]]), (~mine, self.faces[of_arm < _LIMB[1]])):
            if which.any() and len(faces):
                part = self._standing(points[which], normals[which], faces)
                for name in ("height", "normal", "inside", "alike", "corners", "share"):
                    getattr(found, name)[which] = getattr(part, name)
        return found

    def _standing(self, points: Float, normals: Float, faces: Indices) -> Standing:
        count = len(points)
        found = Standing(
            np.full(count, -np.inf), np.zeros((count, 3)), np.zeros(count, bool), np.zeros(count),
            np.zeros((count, 3), np.int64), np.zeros((count, 3)),
        )  # fmt: skip
        if not count or not len(faces):
            return found
        corners = self.points[faces]
        middle, near = cKDTree(corners.mean(1)).query(points, k=min(_TRIANGLES, len(faces)))
        there = np.flatnonzero(middle.reshape(count, -1)[:, 0] < _REACH_M)
        near = near.reshape(count, -1)[there]
        share, row = nearest_place(points[there, None], corners[near]), np.arange(len(there))
        places = np.einsum("nkc,nkcx->nkx", share, corners[near])
        away = points[there, None] - places
        best = np.einsum("nkx,nkx->nk", away, away).argmin(1)
        share, away, face = share[row, best], away[row, best], faces[near[row, best]]
        normal = np.einsum("nc,ncx->nx", share, self.normals[face])
        normal /= np.linalg.norm(normal, axis=1, keepdims=True).clip(1e-9)
        distance, along = np.linalg.norm(away, axis=1), np.einsum("nx,nx->n", away, normal)
        found.height[there], found.normal[there] = along, normal
        square = np.abs(along) >= _SQUARE * distance
        found.inside[there] = ((share * ~self.border[face]).sum(1) > _WITHIN) & square
        found.alike[there] = np.einsum("nx,nx->n", normal, normals[there])
        found.corners[there], found.share[there] = face, share
        return found


def nearest_place(points: Float, corners: Float) -> Float:
    """Barycentric shares (..., 3) of the place in triangles (..., 3, 3) that is nearest to points (..., 3)."""
    a, ab, ac = corners[..., 0, :], corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :]
    ap = points - a
    bb, cc, bc = _dot(ab, ab).clip(1e-18), _dot(ac, ac).clip(1e-18), _dot(ab, ac)
    d1, d2 = _dot(ab, ap), _dot(ac, ap)
    area = (bb * cc - bc * bc).clip(1e-20)
    v, w = (cc * d1 - bc * d2) / area, (bb * d2 - bc * d1) / area
    # Outside, it is on one of the sides: of the three places there the nearest, as seen in the triangle's own plane.
    zero = np.zeros_like(v)
    along_ab, along_ac = (d1 / bb).clip(0, 1), (d2 / cc).clip(0, 1)
    along_bc = ((d2 - d1 + bb - bc) / (bb + cc - 2 * bc).clip(1e-18)).clip(0, 1)
    sides = np.stack(
        [np.stack([along_ab, zero], -1), np.stack([zero, along_ac], -1), np.stack([1 - along_bc, along_bc], -1)]
    )
    dv, dw = sides[..., 0] - v, sides[..., 1] - w
    nearest = (bb * dv * dv + 2 * bc * dv * dw + cc * dw * dw).argmin(0)
    beside = np.take_along_axis(sides, nearest[None, ..., None], 0)[0]
    within = (v >= 0) & (w >= 0) & (v + w <= 1)
    v, w = np.where(within, v, beside[..., 0]), np.where(within, w, beside[..., 1])
    return np.stack([1 - v - w, v, w], -1)


def _dot(a: Float, b: Float) -> Float:
    return np.asarray(np.einsum("...x,...x->...", a, b))


def border(faces: Indices, count: int) -> Mask:
    """Which points (count,) are at an opening of a garment whose pieces are sewn: small holes do not count."""
    at = np.zeros(count, bool)
    loops = [loop for loop in border_loops(faces) if len(loop) > 12]
    if loops:
        at[np.concatenate(loops)] = True
    return at
