"""What a garment hides: the skin under it, so that it need not be drawn and cannot poke through."""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from avatar.garments.cloth import border_loops
from avatar.gltf import vertex_normals

Float = NDArray[np.float64]
Indices = NDArray[np.int64]
_REACH_M = 0.13  # cloth farther off than this hides nothing from below
_BESIDE_M = 0.014
_SAME_WAY = 0.3  # cosine: the cloth over a place looks the way that the place does
_AT_HEM_M = 0.06  # as far off as cloth that stands away from the skin has its cut-outs; armpits are farther from hems
_ISLAND = 150  # vertices: of some square decimetre; an opening is always larger
_HEM_M, _SLANT = (
    0.028,
    1.5,
)  # skin this near a hem, or this many times as near as the cloth is far, may be seen from there


def hidden(points: Float, normals: Float, cloth: Float, faces: Indices) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which points (N, 3) of a surface lie under the cloth (M, 3), away from its hems; and which are at a hem, covered
    or bare."""
    tree, outward = cKDTree(cloth), vertex_normals(cloth, faces)
    gap = np.full(len(points), np.inf)
    # Along the normal, at a few heights: is there cloth right there?
    for height in np.arange(0.004, _REACH_M, 0.012):
        left = np.flatnonzero(np.isinf(gap))
        distance, near = tree.query(points[left] + height * normals[left], distance_upper_bound=_BESIDE_M)
        there = np.isfinite(distance)
        there[there] &= np.einsum("nx,nx->n", normals[left[there]], outward[near[there]]) > _SAME_WAY
        gap[left[there]] = height + _BESIDE_M
    covered, at_hem = np.isfinite(gap), np.zeros(len(points), bool)
    # The border of a garment whose pieces are sewn has loops only where it ends.
    loops = [loop for loop in border_loops(faces) if len(loop) > 12]
    if loops:
        away, _ = cKDTree(cloth[np.concatenate(loops)]).query(points)
        covered[covered] = away[covered] > np.maximum(_HEM_M, _SLANT * gap[covered])
        at_hem = away < _AT_HEM_M
    return covered, at_hem


def closed(covered: NDArray[np.bool_], at_hem: NDArray[np.bool_], faces: Indices) -> NDArray[np.bool_]:
    """What is hidden (N,) of a mesh with the islands in it filled: in an armpit a normal may miss the cloth.

    What reaches to a hem of the cloth (N,) is none, such as the skin in a cut-out, nor what reaches to the mesh's own
    border, such as a shirt's hem that shows under a jacket's.
    """
    sides = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    bare = ~covered
    inside = sides[bare[sides].all(1)]
    across = sides[bare[sides[:, 0]] != bare[sides[:, 1]]]
    graph = sparse.csr_matrix((np.ones(len(inside), bool), inside.T), shape=(len(bare), len(bare)))
    _, island = connected_components(graph, directed=False)
    size = np.bincount(island[bare], minlength=int(island.max()) + 1)
    shore = np.zeros(len(size), bool)
    shore[island[across[bare[across]]]] = True
    shore[island[at_hem & bare]] = False
    loops = [loop for loop in border_loops(faces) if len(loop) > 12]
    if loops:
        shore[island[np.concatenate(loops)]] = False
    return np.asarray(covered | (bare & (shore & (size < _ISLAND))[island]))


def packed(mask: NDArray[np.bool_]) -> str:
    """A mask over vertices as base64 of its bits, the first vertex in the lowest bit."""
    return base64.b64encode(np.packbits(mask, bitorder="little").tobytes()).decode()


def unpacked(text: str, count: int) -> NDArray[np.bool_]:
    """The mask (count,) back."""
    bits = np.frombuffer(base64.b64decode(text), np.uint8)
    return np.unpackbits(bits, count=count, bitorder="little").astype(bool)
