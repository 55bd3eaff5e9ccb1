"""Cut pieces of a body's surface along level lines of fields over it: the shape a garment starts from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from avatar.garments.cloth import border_loops

Float = NDArray[np.float64]
Indices = NDArray[np.int64]
_SNAP = 0.3  # share of an edge
_SAME_M = 1e-6


@dataclass(frozen=True)
class Piece:
    """points (N, 3) m; faces (F, 3); values: named fields (N,) that were carried along; part (F,): what a triangle
    belongs to, such as cloth or ribbing.
    """

    points: Float
    faces: Indices
    values: dict[str, Float]
    part: Indices


def whole(points: Float, faces: Indices, values: dict[str, Float]) -> Piece:
    """A surface as one piece, without vertices that no triangle uses."""
    return _compact(Piece(points, faces, values, np.zeros(len(faces), np.int64)))


def split(piece: Piece, field: Float) -> tuple[Piece, NDArray[np.bool_]]:
    """The piece with its triangles divided along the line where the field (N,) is zero, and which lie above it."""
    piece, field = _snapped(piece, field)
    above = field > 0
    inside = above[piece.faces]
    count = inside.sum(1)
    mixed = (count == 1) | (count == 2)
    kept, part = piece.faces[~mixed], piece.part[~mixed]
    # Turn each mixed triangle so that its odd corner comes first.
    faces, single = piece.faces[mixed], count[mixed] == 1
    odd = np.where(single, inside[mixed].argmax(1), (~inside[mixed]).argmax(1))
    a, b, c = (np.take_along_axis(faces, ((odd + turn) % 3)[:, None], 1)[:, 0] for turn in range(3))
    pairs = np.sort(np.concatenate([np.stack([a, b], 1), np.stack([a, c], 1)]), 1)
    distinct, place = np.unique(pairs, axis=0, return_inverse=True)
    first, second = distinct.T
    share = field[first] / (field[first] - field[second])

    def between(values: Float) -> Float:
        weight = share if values.ndim == 1 else share[:, None]
        return np.concatenate([values, values[first] * (1 - weight) + values[second] * weight])

    place = place.reshape(-1) + len(piece.points)
    ab, ac = place[: len(a)], place[len(a) :]
    tip = np.stack([a, ab, ac], 1)
    rest = np.concatenate([np.stack([ab, b, c], 1), np.stack([ab, c, ac], 1)])
    owner = piece.part[mixed]
    result = Piece(
        points=between(piece.points),
        faces=np.concatenate([kept, tip, rest]),
        values={name: between(values) for name, values in piece.values.items()},
        part=np.concatenate([part, owner, owner, owner]),
    )
    upper = np.concatenate([above[kept[:, 0]], single, np.tile(~single, 2)])
    return _merged(result, upper)


def _snapped(piece: Piece, field: Float) -> tuple[Piece, Float]:
    """The piece with corners that lie close to the line moved onto it: dividing beside them would leave slivers."""
    sides = np.concatenate([piece.faces[:, [0, 1]], piece.faces[:, [1, 2]], piece.faces[:, [2, 0]]])
    sides = np.concatenate([sides, sides[:, ::-1]])
    near, far = sides[(field[sides[:, 0]] > 0) != (field[sides[:, 1]] > 0)].T
    share = field[near] / (field[near] - field[far])
    close = share < _SNAP
    near, far, share = near[close], far[close], share[close]
    order = np.argsort(-share)  # the nearest crossing is written last
    near, far, share = near[order], far[order], share[order]

    def moved(values: Float) -> Float:
        weight = share if values.ndim == 1 else share[:, None]
        result = values.copy()
        result[near] = values[near] * (1 - weight) + values[far] * weight
        return result

    field = field.copy()
    field[near] = 0.0
    field = np.where(np.abs(field) < 1e-9, 1e-9, field)
    values = {name: moved(kept) for name, kept in piece.values.items()}
    return Piece(moved(piece.points), piece.faces, values, piece.part), field


def _merged(piece: Piece, upper: NDArray[np.bool_]) -> tuple[Piece, NDArray[np.bool_]]:
    """The piece without vertices that lie on another and triangles that have become lines."""
    _, first, place = np.unique(
        np.round(piece.points / _SAME_M).astype(np.int64), axis=0, return_index=True, return_inverse=True
    )
    faces = place.reshape(-1)[piece.faces]
    whole_ones = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    values = {name: field[first] for name, field in piece.values.items()}
    return Piece(piece.points[first], faces[whole_ones], values, piece.part[whole_ones]), upper[whole_ones]


def cut(piece: Piece, field: Float) -> Piece:
    """What lies above the zero line of the field (N,)."""
    divided, upper = split(piece, field)
    return _compact(Piece(divided.points, divided.faces[upper], divided.values, divided.part[upper]))


def marked(piece: Piece, field: Float, part: int) -> Piece:
    """The piece divided along the zero line of the field (N,), what lies above it as another part."""
    divided, upper = split(piece, field)
    return Piece(divided.points, divided.faces, divided.values, np.where(upper, part, divided.part))


def refined(piece: Piece) -> Piece:
    """Every triangle as four, by the middles of its sides."""
    sides = np.concatenate([piece.faces[:, [0, 1]], piece.faces[:, [1, 2]], piece.faces[:, [2, 0]]])
    pairs, place = np.unique(np.sort(sides, 1), axis=0, return_inverse=True)
    ab, bc, ca = (place.reshape(-1) + len(piece.points)).reshape(3, -1)
    a, b, c = piece.faces.T

    def halved(values: Float) -> Float:
        return np.concatenate([values, values[pairs].mean(1)])

    faces = [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
    return Piece(
        points=halved(piece.points),
        faces=np.concatenate([np.stack(corner, 1) for corner in faces]),
        values={name: halved(values) for name, values in piece.values.items()},
        part=np.tile(piece.part, 4),
    )


def joined(pieces: list[Piece]) -> Piece:
    """Several pieces in one, sharing no vertices; they must carry the same fields."""
    starts = np.cumsum([0, *(len(piece.points) for piece in pieces)])
    return Piece(
        points=np.concatenate([piece.points for piece in pieces]),
        faces=np.concatenate([piece.faces + start for piece, start in zip(pieces, starts[:-1], strict=True)]),
        values={name: np.concatenate([piece.values[name] for piece in pieces]) for name in pieces[0].values},
        part=np.concatenate([piece.part for piece in pieces]),
    )


def largest(piece: Piece) -> Piece:
    """The largest connected part of a piece."""
    sides = np.concatenate([piece.faces[:, [0, 1]], piece.faces[:, [1, 2]]])
    count = len(piece.points)
    graph = sparse.coo_matrix((np.ones(len(sides)), sides.T), shape=(count, count))
    _, label = connected_components(graph, directed=False)
    mine = label[piece.faces[:, 0]] == np.bincount(label[piece.faces[:, 0]]).argmax()
    return _compact(Piece(piece.points, piece.faces[mine], piece.values, piece.part[mine]))


def from_border(piece: Piece, points: Float, near: Float) -> Float:
    """Distance (N,) of each vertex at points (N, 3) from the border nearest to a place (3,)."""
    loop = min(border_loops(piece.faces), key=lambda loop: float(np.linalg.norm(points[loop].mean(0) - near)))
    line = points[np.append(loop, loop[0])]
    dense = np.concatenate([line[:-1] + share * np.diff(line, axis=0) for share in (0.0, 0.25, 0.5, 0.75)])
    return np.asarray(cKDTree(dense).query(points)[0])


def _compact(piece: Piece) -> Piece:
    used, place = np.unique(piece.faces, return_inverse=True)
    values = {name: field[used] for name, field in piece.values.items()}
    return Piece(piece.points[used], place.reshape(-1, 3), values, piece.part)
