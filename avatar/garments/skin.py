"""A body's surface as cloth meets it: the nearest point, and on which side of the surface one is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from avatar.gltf import vertex_normals

Float = NDArray[np.float64]
Indices = NDArray[np.int64]


_AROUND = 12


@dataclass(frozen=True)
class Contact:
    """For each point asked about: the surface point's index, the outward normal there, and the height above it, m."""

    index: Indices
    normal: Float
    height: Float


class Skin:
    """The outer surface of a body, and of what is worn on it already.

    points (N, 3) m and outward normals (N, 3). Surfaces here are sampled every centimetre or two, so that the tangent
    plane at the nearest sample is within half a millimetre of the surface.
    """

    def __init__(self, points: Float, normals: Float) -> None:
        self.points, self.normals = points, normals
        self._tree = cKDTree(points)

    @classmethod
    def of(cls, vertices: NDArray[np.floating], faces: Indices) -> Skin:
        """The skin of a mesh: its vertices and the middles of its larger triangles."""
        at = np.asarray(vertices, np.float64)
        normals = vertex_normals(at, faces)
        used = np.unique(faces)
        corners = at[faces]
        area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
        large = faces[area > 1e-4]
        middle = normals[large].mean(1)
        middle /= np.linalg.norm(middle, axis=1, keepdims=True).clip(1e-9)
        return cls(np.concatenate([at[used], at[large].mean(1)]), np.concatenate([normals[used], middle]))

    def over(self, other: Skin, thickness: float) -> Skin:
        """This skin with another surface on top, such as a garment that is worn already, and its thickness."""
        lifted = other.points + thickness * other.normals
        return Skin(np.concatenate([self.points, lifted]), np.concatenate([self.normals, other.normals]))

    def lifted(self, by_m: float) -> Skin:
        """This skin with something of that thickness all over it."""
        return Skin(self.points + by_m * self.normals, self.normals)

    def outside(self, points: Float, gap_m: float, rounds: int = 8) -> Float:
        """Points (N, 3) with those nearer to the surface than the gap, or under it, moved out.

        In a crease, as between arm and trunk, out of the one side may be into the other: the way out is the mean of
        the normals about the place.
        """
        moved = points.copy()
        near = np.arange(len(points))
        for _ in range(rounds):
            contact = self.contact(moved[near])
            low = contact.height < gap_m
            near = near[low]
            if not len(near):
                break
            _, around = self._tree.query(moved[near], k=_AROUND)
            way = self.normals[around].mean(1)
            way /= np.linalg.norm(way, axis=1, keepdims=True).clip(1e-9)
            steep = np.einsum("nx,nx->n", way, contact.normal[low]).clip(0.35)
            moved[near] += way * ((gap_m - contact.height[low]) / steep)[:, None]
        return moved

    def contact(self, points: Float) -> Contact:
        """Where points (N, 3) stand relative to the surface."""
        _, index = self._tree.query(points)
        normal = self.normals[index]
        return Contact(index, normal, np.einsum("nx,nx->n", points - self.points[index], normal))
