"""Put a garment together: cloth with texture coordinates along its grain, seams, stitches, cords, turned hems."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from avatar.body_arrays import Sex
from avatar.charts import GarmentChart, Kind
from avatar.garments.drape import Base
from avatar.garments.fabric import Material
from avatar.garments.garment import Garment, Part
from avatar.garments.pattern import Piece
from avatar.garments.trim import hollows, stitches, turned_hem
from avatar.gltf import vertex_normals

Float = NDArray[np.float64]
Indices = NDArray[np.int64]
_TRUNK_RADIUS_M, _ARM_RADIUS_M, _LEG_RADIUS_M = 0.165, 0.06, 0.09
_HEM_DEPTH_M, _HEM_THICKNESS_M = 0.008, 0.0022


class Sewing:
    """A garment in the making, on one base body."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._points: list[Float] = []
        self._uv: list[Float] = []
        self._shade: list[Float] = []
        self._main: list[NDArray[np.bool_]] = []
        self._parts: dict[str, tuple[Material, list[Indices]]] = {}
        self._count = 0

    def cloth(
        self, piece: Piece, points: Float, laid: Float, materials: Sequence[Material], hems: Sequence[Indices] = ()
    ) -> Float:
        """The hung cloth: points (N, 3) where it hangs, laid (N, 3) before it fell, which its texture is measured on.

        materials: by the piece's part numbers; hems: borders to turn inside. Returns the normals (N, 3).
        """
        normals = vertex_normals(points, piece.faces)
        shade = hollows(points, normals, piece.faces)
        source, faces, uv = _unwrapped(piece, laid, self._base)
        for number, material in enumerate(materials):
            mine = faces[piece.part == number]
            if not len(mine):
                continue
            used, compact = np.unique(mine, return_inverse=True)
            at = source[used]
            self._add(points[at], uv[used] / material.tile_m, shade[at], compact.reshape(-1, 3), material, main=True)
        for loop in hems:
            inner, strip = turned_hem(points, normals, loop, depth_m=_HEM_DEPTH_M, thickness_m=_HEM_THICKNESS_M)
            everything = np.concatenate([points, inner])
            used, compact = np.unique(strip, return_inverse=True)
            material = materials[int(piece.part[(piece.faces == loop[0]).any(1)][0])]
            flat = everything[used][:, [0, 1]] / material.tile_m
            dim = np.full(len(used), 0.55)
            self._add(everything[used], flat, dim, compact.reshape(-1, 3), material, main=False)
        return normals

    def stitch(self, line: Float, normals: Float, material: Material, *, closed: bool) -> None:
        """A row of stitches along a line (N, 3) on cloth with those normals."""
        if len(line) > 3:
            points, faces = stitches(line, normals, closed=closed)
            self.trim(points, faces, material)

    def trim(self, points: Float, faces: Indices, material: Material, laid: Float | None = None) -> None:
        """Something that rides on the cloth; laid (N, 2): its texture coordinates in metres."""
        uv = np.zeros((len(points), 2)) if laid is None else laid / material.tile_m
        shade = np.ones(len(points)) if laid is None else hollows(points, vertex_normals(points, faces), faces)
        self._add(points, uv, shade, faces, material, main=False)

    def finished(self, name: str, kind: Kind, base: Sex, chart: GarmentChart) -> Garment:
        """The garment."""
        return Garment(
            name=name,
            kind=kind,
            base=base,
            points=np.concatenate(self._points),
            uv=np.concatenate(self._uv),
            shade=np.concatenate(self._shade),
            parts=[Part(part, np.concatenate(faces), material) for part, (material, faces) in self._parts.items()],
            main=np.concatenate(self._main),
            chart=chart,
        )

    def _add(self, points: Float, uv: Float, shade: Float, faces: Indices, material: Material, *, main: bool) -> None:
        self._points.append(points)
        self._uv.append(uv)
        self._shade.append(shade)
        self._main.append(np.full(len(points), main))
        self._parts.setdefault(material.name, (material, []))[1].append(faces + self._count)
        self._count += len(points)


def _unwrapped(piece: Piece, laid: Float, base: Base) -> tuple[Indices, Indices, Float]:
    """(source, faces, uv): triangles whose corners are split where the texture jumps, as at a seam; uv in metres.

    source: for every new vertex the old one.
    """
    arm, leg = piece.values["arm"], piece.values["leg"]
    hip = base.joint("left_hip")[1]
    below = leg * (laid[:, 1] < hip - 0.06)
    corner = piece.faces
    owner = np.zeros(len(corner), np.int64)
    owner[(arm[corner].mean(1) > 0.5)] = 1
    owner[(below[corner].mean(1) > 0.5) & (owner == 0)] = 3
    right = laid[corner, 0].mean(1) < 0
    owner[(owner > 0) & right] += 1
    u, v, period = np.zeros((3, *corner.shape))
    for number in range(5):
        mine = owner == number
        if mine.any():
            u[mine], v[mine], period[mine] = _unrolled(laid, piece, base, corner[mine], number)
    wide = u.max(1, keepdims=True) - u > 0.5 * period
    u = u + wide * period
    keys = np.stack([corner.ravel(), np.repeat(owner, 3), wide.ravel(), np.repeat(piece.part, 3)], 1)
    _, first, place = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    uv = np.stack([u.ravel()[first], v.ravel()[first]], 1)
    return corner.ravel()[first], place.reshape(-1, 3), uv


def _unrolled(laid: Float, piece: Piece, base: Base, corner: Indices, number: int) -> tuple[Float, Float, Float]:
    """Along and around the tube that triangles belong to: u, v and u's period at each of their corners, metres."""
    at = laid[corner]
    if number == 0:
        angle = np.arctan2(at[..., 0], at[..., 2] - 0.01)
        across = np.hypot(at[..., 0] / 0.19, (at[..., 2] - 0.01) / 0.13)
        over_shoulder = np.interp(at[..., 1], [0.3, 0.4], [0, 1]) * (1 - across).clip(0) * 0.16
        radius = _TRUNK_RADIUS_M
        along = at[..., 1] + over_shoulder
    else:
        side = "left" if number in (1, 3) else "right"
        start, end = ("shoulder", "elbow") if number <= 2 else ("hip", "knee")
        radius = _ARM_RADIUS_M if number <= 2 else _LEG_RADIUS_M
        a, b = base.joint(f"{side}_{start}"), base.joint(f"{side}_{end}")
        axis = (b - a) / np.linalg.norm(b - a)
        first = np.cross(axis, [0.0, 0.0, 1.0])
        first /= np.linalg.norm(first)
        second = np.cross(axis, first)
        # From the hidden side of the limb, where its seam is.
        angle = np.arctan2((at - a) @ second, (at - a) @ first * (1 if side == "left" else -1))
        field = piece.values["along_arm" if number <= 2 else "along_leg"]
        along = -field[corner]
    return angle * radius, -along, np.full(corner.shape, 2 * np.pi * radius)
