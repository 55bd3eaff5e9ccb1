"""Carry a garment from the base body it was modelled on to another body, and onto its skeleton."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from avatar.body_arrays import JOINT_NAMES
from avatar.garments.cloth import smoothing

Float = NDArray[np.float64]
Indices = NDArray[np.int64]
_J = {name: index for index, name in enumerate(JOINT_NAMES)}
_NEIGHBOURS = 8
_BLEND_M, _BLEND_GROWS_M = 0.14, 0.08  # half the width over which a skirt goes from one leg's motion to the other's


@dataclass(frozen=True)
class Anchors:
    """For every point of a garment some vertices (N, K) of the base body near it and their shares (N, K)."""

    index: Indices
    share: Float

    def carried(self, values: Float) -> Float:
        """Values (V, ...) of the body's vertices at the garment's points."""
        return np.asarray(np.einsum("nk,nk...->n...", self.share, values[self.index]))


def anchors(points: Float, body: Float, used: Indices, neighbours: int = _NEIGHBOURS) -> Anchors:
    """The anchors of points (N, 3) among the vertices `used` of a body (V, 3); the nearer, the larger the share."""
    distance, near = cKDTree(body[used]).query(points, k=neighbours)
    weight = 1 / (distance**2 + 1e-6)
    return Anchors(used[near], weight / weight.sum(1, keepdims=True))


def smoothed(values: Float, mean: sparse.csr_matrix, rounds: int) -> Float:
    """Values (N, ...) over cloth after so many rounds of averaging with the neighbours."""
    flat = values.reshape(len(values), -1)
    for _ in range(rounds):
        flat = 0.5 * flat + 0.5 * (mean @ flat)
    return np.asarray(flat.reshape(values.shape))


def skin_weights(
    points: Float, faces: Indices, body: Float, body_weights: Float, used: Indices, *, skirt_below: float | None
) -> Float:
    """Skinning weights (N, 24) of cloth: the nearest skin's, smoothed over the cloth.

    skirt_below: height under which the cloth is one tube about both legs; there it follows pelvis and both legs in
    shares that change gently from one side to the other, so that it does not split between them.
    """
    mean = smoothing(faces, len(points))
    weights = smoothed(anchors(points, body, used, 4).carried(body_weights), mean, 12)
    if skirt_below is not None:
        down = np.interp(skirt_below - points[:, 1], [0.0, 0.35], [0.0, 1.0])
        left = 0.5 + 0.5 * (points[:, 0] / (_BLEND_M + _BLEND_GROWS_M * down)).clip(-1, 1)
        tube = np.zeros_like(weights)
        # Cloth about the thighs goes most of their way, and with the knees not at all: below, it hangs from above.
        follows = 0.3 + 0.5 * down
        tube[:, _J["pelvis"]] = 1 - follows
        tube[:, _J["left_hip"]] = follows * left
        tube[:, _J["right_hip"]] = follows * (1 - left)
        share = np.interp(skirt_below - points[:, 1], [-0.17, -0.02], [0.0, 1.0])[:, None]
        arms = weights[:, [_J[f"{side}_{bone}"] for side in ("left", "right") for bone in ("shoulder", "elbow")]].sum(1)
        share = share * (1 - arms.clip(0, 1))[:, None]
        weights = smoothed(weights * (1 - share) + tube * share, mean, 20)
    return _four(weights)


def _four(weights: Float) -> Float:
    """The four largest weights of each point, summing to 1."""
    least = -np.sort(-weights, axis=1)[:, 3:4]
    kept = np.where(weights >= least, weights, 0.0)
    return np.asarray(kept / kept.sum(1, keepdims=True))


@dataclass(frozen=True)
class Ride:
    """Points that ride on cloth: three points of the cloth near each (N, 3), their shares, and how high it stands."""

    index: Indices
    share: Float
    height: Float
    offset: Float


def riding(points: Float, cloth: Float, normals: Float) -> Ride:
    """Where points (N, 3) sit on cloth (M, 3) with those normals."""
    distance, near = cKDTree(cloth).query(points, k=3)
    weight = 1 / (distance + 1e-5)
    share = weight / weight.sum(1, keepdims=True)
    at = np.einsum("nk,nkx->nx", share, cloth[near])
    normal = np.einsum("nk,nkx->nx", share, normals[near])
    off = points - at
    height = np.einsum("nx,nx->n", off, normal)
    return Ride(near, share, height, off - height[:, None] * normal)


def ridden(ride: Ride, cloth: Float, normals: Float) -> Float:
    """Where riding points (N, 3) are once the cloth has moved."""
    at = np.einsum("nk,nkx->nx", ride.share, cloth[ride.index])
    normal = np.einsum("nk,nkx->nx", ride.share, normals[ride.index])
    return np.asarray(at + ride.height[:, None] * normal + ride.offset)
