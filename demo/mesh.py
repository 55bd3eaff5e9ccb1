"""Triangle surfaces in millimetres, and the normals that catch light on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WELD_MM = 1e-5  # corners closer than this are one point when normals are averaged


@dataclass(frozen=True)
class Surface:
    """Triangles, counter-clockwise seen from outside.

    positions: (N, 3) mm, product frame (x right, y up, z towards the viewer); faces: (M, 3) indices;
    uv: (N, 2) texture coordinates, v down, or None; colors: (N, 4) linear RGBA that multiply the material, or None.
    """

    positions: Floats
    faces: Ints
    uv: Floats | None = None
    colors: Floats | None = None


@dataclass(frozen=True)
class ShadedSurface:
    """A surface whose vertices are split where an edge is hard; normals: (N, 3) unit vectors pointing outside."""

    positions: Floats
    normals: Floats
    faces: Ints
    uv: Floats | None
    colors: Floats | None


def joined(surfaces: Sequence[Surface]) -> Surface:
    """All triangles in one surface; texture coordinates and colours must be on all of them or on none."""
    offsets = np.cumsum([0, *(len(s.positions) for s in surfaces)])
    uvs = [s.uv for s in surfaces if s.uv is not None]
    colors = [s.colors for s in surfaces if s.colors is not None]
    if len(uvs) not in (0, len(surfaces)) or len(colors) not in (0, len(surfaces)):
        raise ValueError("join surfaces that all carry the same attributes")
    return Surface(
        positions=np.concatenate([s.positions for s in surfaces]),
        faces=np.concatenate([s.faces + o for s, o in zip(surfaces, offsets[:-1], strict=True)]),
        uv=np.concatenate(uvs) if uvs else None,
        colors=np.concatenate(colors) if colors else None,
    )


def mirrored(surface: Surface) -> Surface:
    """The same part on the other side of the nose: x negated, winding kept outward."""
    return replace(surface, positions=surface.positions * np.array([-1.0, 1.0, 1.0]), faces=surface.faces[:, ::-1])


def flipped(surface: Surface) -> Surface:
    """The surface turned inside out."""
    return replace(surface, faces=surface.faces[:, ::-1])


def projected(surface: Surface, across: Sequence[float], down: Sequence[float], tile_mm: float) -> Surface:
    """The surface with a texture laid on it along two (3,) directions, one repeat every `tile_mm` mm."""
    axes = np.array([across, down], float).T
    return replace(surface, uv=surface.positions @ axes / tile_mm)


def signed_volume(surface: Surface) -> float:
    """Volume in mm³ by the divergence theorem: positive when a closed surface faces outward."""
    a, b, c = (surface.positions[surface.faces[:, i]] for i in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0)


def outward(surface: Surface) -> Surface:
    """A closed surface with its winding turned, if need be, so that it faces outward."""
    return flipped(surface) if signed_volume(surface) < 0 else surface


def _welded(positions: Floats) -> Ints:
    """For each vertex the first one at the same place, (N,)."""
    keys = np.round(positions / WELD_MM).astype(np.int64)
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return np.asarray(first[inverse.reshape(-1)])


def without_slivers(surface: Surface) -> Surface:
    """Drops triangles two of whose corners are one point (the rows of a grid that end in a pole)."""
    welded = _welded(surface.positions)[surface.faces]
    keep = (welded[:, 0] != welded[:, 1]) & (welded[:, 1] != welded[:, 2]) & (welded[:, 2] != welded[:, 0])
    return replace(surface, faces=surface.faces[keep])


def shaded(surface: Surface, *, crease_deg: float = 40.0) -> ShadedSurface:
    """Angle-weighted vertex normals; edges folded by more than `crease_deg` stay hard.

    Averages, for each corner, the face normals around its point that lie within the crease angle of its own face
    (Thürmer and Wüthrich 1998 for the weights).
    """
    surface = without_slivers(surface)
    faces = surface.faces
    points = _welded(surface.positions)
    corners = surface.positions[faces]
    edges = np.roll(corners, -1, axis=1) - corners
    face_normals = np.cross(edges[:, 0], -edges[:, 2])
    face_normals /= np.maximum(np.linalg.norm(face_normals, axis=1, keepdims=True), 1e-12)
    unit = edges / np.maximum(np.linalg.norm(edges, axis=2, keepdims=True), 1e-12)
    cosines = -np.einsum("fij,fij->fi", unit, np.roll(unit, 1, axis=1))
    weights = np.arccos(np.clip(cosines, -1.0, 1.0)).reshape(-1)

    corner_point = points[faces].reshape(-1)
    order = np.argsort(corner_point, kind="stable")
    counts = np.bincount(corner_point)
    counts = counts[counts > 0]
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    own = np.repeat(order, np.repeat(counts, counts))
    within = np.arange(len(own)) - np.repeat(np.cumsum(counts**2) - counts**2, counts**2)
    other = order[np.repeat(starts, counts**2) + within % np.repeat(counts, counts**2)]

    own_face, other_face = own // 3, other // 3
    smooth = np.einsum("ij,ij->i", face_normals[own_face], face_normals[other_face]) > np.cos(np.radians(crease_deg))
    smooth |= own == other
    total = np.zeros((faces.size, 3))
    np.add.at(total, own[smooth], face_normals[other_face[smooth]] * np.maximum(weights[other[smooth]], 1e-6)[:, None])
    total /= np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)

    keys = np.column_stack([faces.reshape(-1), np.round(total * 512).astype(np.int64)])
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    source = faces.reshape(-1)[first]
    return ShadedSurface(
        positions=surface.positions[points[source]],  # vertices at one place agree to the last bit
        normals=total[first],
        faces=inverse.reshape(-1, 3),
        uv=None if surface.uv is None else surface.uv[source],
        colors=None if surface.colors is None else surface.colors[source],
    )
