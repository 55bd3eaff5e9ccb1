"""Cloth: a triangle mesh whose edges want their own lengths, hung on a body.

Position-based dynamics (Müller et al., 2007) with constraints averaged per vertex, so that every step is a few sparse
matrix products. It is a drape to look at and to read girths from, not a model of any fabric's mechanics.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from avatar.garments.skin import Skin

Float = NDArray[np.float64]
Indices = NDArray[np.int64]
_GRAVITY = np.array([0.0, -9.8, 0.0])
_STEP_S = 1 / 90
_RELAX = 1.5  # of averaged constraints, which converge slowly


@dataclass(frozen=True)
class Fabric:
    """How cloth behaves: stiffness against stretch, against being pushed together and against bending, 0..1; thickness
    and distance from the skin in metres; friction 0..1 on the skin.
    """

    stretch: float = 1.0
    push: float = 0.25
    bend: float = 0.12
    gap_m: float = 0.004
    friction: float = 0.4


class Cloth:
    """Edges, bends and the matrices that spread their corrections over vertices."""

    def __init__(self, vertices: int, faces: Indices) -> None:
        self.faces = faces
        self.edges, self.bends = edges_and_bends(faces)
        self._edge_spread = _spread(self.edges, vertices)
        self._bend_spread = _spread(self.bends, vertices)

    def lengths(self, points: Float) -> Float:
        """Lengths (E,) of the edges, and then of the bends, of the cloth with its vertices at points (N, 3)."""
        return _lengths(points, np.concatenate([self.edges, self.bends]))

    def settle(
        self,
        points: Float,
        rest: Float,
        skin: Skin,
        fabric: Fabric,
        *,
        steps: int,
        rounds: int = 6,
        gravity: float = 1.0,
        held: Float | None = None,
        after: Callable[[Float], Float] | None = None,
    ) -> Float:
        """The vertices (N, 3) after `steps` steps of falling and being caught by the skin.

        rest: as `lengths` gives them. held (N,): 1 for vertices that do not move, such as a waistband.
        """
        count = len(self.edges)
        free = np.ones((len(points), 1)) if held is None else 1 - held[:, None]
        here, speed = points.copy(), np.zeros_like(points)
        for _ in range(steps):
            speed = 0.92 * speed + gravity * _STEP_S * _GRAVITY
            moved = here + free * _STEP_S * speed
            contact = skin.contact(moved)
            at = skin.points[contact.index]
            for _ in range(rounds):
                moved += free * self._correction(moved, rest[:count], fabric)
                moved += free * fabric.bend * self._bending(moved, rest[count:])
                depth = fabric.gap_m - np.einsum("nx,nx->n", moved - at, contact.normal)
                moved += free * contact.normal * depth.clip(0)[:, None]
            touching = (depth > -0.001)[:, None]
            slide = moved - here
            slide -= np.einsum("nx,nx->n", slide, contact.normal)[:, None] * contact.normal
            moved -= free * touching * fabric.friction * slide
            if after is not None:
                moved = after(moved)
            # Fast cloth is cloth that the averaged constraints could not hold: no more than a centimetre a step.
            change = moved - here
            pace = np.linalg.norm(change, axis=1, keepdims=True)
            change *= np.minimum(1, 0.01 / pace.clip(1e-9))
            speed, here = change / _STEP_S, here + change
        return here

    def _correction(self, points: Float, rest: Float, fabric: Fabric) -> Float:
        along = points[self.edges[:, 1]] - points[self.edges[:, 0]]
        length = np.sqrt(np.einsum("ex,ex->e", along, along)).clip(1e-9)
        strain = length - rest
        stiffness = np.where(strain > 0, fabric.stretch, fabric.push)
        return np.asarray(self._edge_spread @ (along * (stiffness * strain / length)[:, None]))

    def _bending(self, points: Float, rest: Float) -> Float:
        along = points[self.bends[:, 1]] - points[self.bends[:, 0]]
        length = np.sqrt(np.einsum("ex,ex->e", along, along)).clip(1e-9)
        return np.asarray(self._bend_spread @ (along * ((length - rest) / length)[:, None]))


def _lengths(points: Float, pairs: Indices) -> Float:
    return np.asarray(np.linalg.norm(points[pairs[:, 1]] - points[pairs[:, 0]], axis=1))


def _spread(pairs: Indices, vertices: int) -> sparse.csr_matrix:
    """Takes a pull along each pair to each vertex's mean: +half for the first, -half for the second."""
    rows = pairs.reshape(-1)
    columns = np.repeat(np.arange(len(pairs)), 2)
    values = np.tile([0.5, -0.5], len(pairs))
    degree = np.bincount(rows, minlength=vertices).clip(1)
    matrix = sparse.csr_matrix((values * _RELAX * 2, (rows, columns)), shape=(vertices, len(pairs)))
    return sparse.diags(1 / degree) @ matrix


def edges_and_bends(faces: Indices) -> tuple[Indices, Indices]:
    """The edges (E, 2), and for each inner edge the two corners that face each other across it (B, 2)."""
    sides = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    across = np.concatenate([faces[:, 2], faces[:, 0], faces[:, 1]])
    key = np.sort(sides, 1)
    order = np.lexsort((key[:, 1], key[:, 0]))
    key, across = key[order], across[order]
    twin = np.flatnonzero((key[1:] == key[:-1]).all(1))
    first = np.append(True, (key[1:] != key[:-1]).any(1))
    return key[first], np.stack([across[twin], across[twin + 1]], 1)


def smoothing(faces: Indices, vertices: int) -> sparse.csr_matrix:
    """The matrix (N, N) that takes a value at each vertex to the mean of its neighbours'; borders only see borders."""
    sides = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    width = int(faces.max()) + 1
    key, count = np.unique(sides.min(1) * width + sides.max(1), return_counts=True)
    pairs = np.stack(np.divmod(key, width), 1)
    border = np.zeros(vertices, bool)
    border[pairs[count == 1]] = True
    kept = pairs[(count == 1) | ~border[pairs].all(1)]
    rows, columns = np.concatenate([kept, kept[:, ::-1]]).T
    allowed = ~border[rows] | border[columns]
    matrix = sparse.csr_matrix((np.ones(allowed.sum()), (rows[allowed], columns[allowed])), shape=(vertices, vertices))
    total = np.asarray(matrix.sum(1)).ravel()
    loose = sparse.diags((total == 0).astype(float))
    return sparse.diags(1 / total.clip(1)) @ matrix + loose


def border_loops(faces: Indices) -> list[Indices]:
    """The borders as closed loops of vertex indices, longest first, each in the direction of its faces' edges."""
    sides = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    low, high = sides.min(1), sides.max(1)
    _, first, count = np.unique(low * (int(faces.max()) + 1) + high, return_index=True, return_counts=True)
    follow = dict(sides[first[count == 1]].tolist())
    loops = []
    while follow:
        start, after = next(iter(follow.items()))
        loop = [start]
        del follow[start]
        while after != start and after in follow:
            loop.append(after)
            after = follow.pop(after)
        loops.append(np.array(loop))
    return sorted(loops, key=len, reverse=True)
