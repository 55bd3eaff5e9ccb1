"""A body as files: a compressed GLB with levels of detail, a plain one for AR viewers, and a small picture.

Both GLBs are skinned with the model's 24 joints, named as `avatar.body_arrays.JOINT_NAMES`, at rest in the A-pose the
garments are modelled on, feet on the floor. Vertices keep the body model's numbering, so that a garment can name the
ones it covers; those of the suit's border (`avatar.suit`) come after them. Coarser levels share the vertices of the
finest and hang on the mesh's node by `MSFT_lod`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import meshoptimizer
import numpy as np
from numpy.typing import NDArray

from avatar.body_arrays import JOINT_NAMES, BodyArrays
from avatar.gltf import LEVELS, GlbWriter, linear, unit_bytes, vertex_normals
from avatar.suit import suit_color, suit_of

MANNEQUIN = "#cfc9c2"
SUIT = "suit"  # its material's name
_LEVEL_SHARES = (0.3, 0.08)
_LEVEL_SCREEN = (0.5, 0.15)  # share of the screen's height down to which each level but the last serves
_INFLUENCES = 4


@dataclass(frozen=True)
class Mesh:
    """One thing to draw on the skeleton: vertices (N, 3) m in the rest pose, weights (N, 24), levels of triangles
    (F, 3), finest first; color "#rrggbb". suit: the levels of what is covered by the body's suit, none without.
    """

    name: str
    vertices: NDArray[np.float32]
    weights: NDArray[np.float32]
    levels: tuple[NDArray[np.int64], ...]
    color: str = MANNEQUIN
    roughness: float = 0.62
    normals: NDArray[np.float64] | None = None  # (N, 3) where they are not those of the triangles
    suit: tuple[NDArray[np.int64], ...] = ()

    def without(self, hidden: NDArray[np.bool_]) -> Mesh:
        """The mesh without triangles whose corners are all hidden (N,)."""
        levels, suit = (tuple(level[~hidden[level].all(1)] for level in found) for found in (self.levels, self.suit))
        normals = self.normals if self.normals is not None else self.outward()
        return replace(self, levels=levels, suit=suit, normals=normals)

    def outward(self) -> NDArray[np.float64]:
        """Normals (N, 3) of the triangles of skin and suit."""
        return vertex_normals(self.vertices, np.concatenate([self.levels[0], *self.suit[:1]]))


@dataclass(frozen=True)
class Cover:
    """A material's index in the document, and the triangles it covers: levels of (F, 3), finest first."""

    material: int
    levels: Sequence[NDArray[np.int64]]


class BodyShape:
    """What all bodies of one model have in common for export: which vertices there are, and the levels of detail."""

    def __init__(self, arrays: BodyArrays) -> None:
        self._arrays = arrays
        self._own = int(arrays.faces.max()) + 1
        self._suit = suit_of(arrays, self._own)
        self.count = self._own + len(self._suit.first)
        template = np.ascontiguousarray(self._suit.added(arrays.template[: self._own]))
        bare, worn = self._suit.bare, self._suit.worn
        self.levels = (bare, *(coarser(template, bare, share, whole=False) for share in _LEVEL_SHARES))
        self.suit = (worn, *(coarser(template, worn, share, whole=False) for share in _LEVEL_SHARES))
        self.weights = self._suit.added(arrays.weights[: self._own])

    def mesh(self, vertices: NDArray[np.float32], color: str = MANNEQUIN) -> Mesh:
        """The body with these model vertices (V, 3) as a mesh to write."""
        points = self._suit.added(vertices[: self._own])
        return Mesh("body", points, self.weights, self.levels, color, suit=self.suit)

    def hidden(self, covered: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Of the mesh's vertices (count,), from those of the model (V,)."""
        return self._suit.hidden(covered[: self._own])

    def joints(self, vertices: NDArray[np.float32]) -> NDArray[np.float64]:
        """Joints (24, 3) of the body with these model vertices."""
        return np.asarray(self._arrays.joint_regressor.astype(np.float64) @ vertices)


def coarser(
    template: NDArray[np.float32], faces: NDArray[np.int64], share: float, *, whole: bool = True
) -> NDArray[np.int64]:
    """A share of the triangles (F, 3) that looks like all of them, over the same vertices.

    whole: the border is one, and may be drawn in; else something goes on beyond it, and it keeps its place.
    """
    flat = np.ascontiguousarray(faces, np.uint32).reshape(-1)
    kept = np.empty_like(flat)
    count = meshoptimizer.simplify(
        kept, flat, template, target_index_count=int(len(flat) * share) // 3 * 3, target_error=0.02,
        options=0 if whole else meshoptimizer.SIMPLIFY_LOCK_BORDER,
    )  # fmt: skip
    return kept[:count].reshape(-1, 3).astype(np.int64)


def write_body(
    mesh: Mesh,
    joints: NDArray[np.float64],
    parents: NDArray[np.int64],
    *,
    compressed: bool,
    extras: dict[str, Any] | None = None,
) -> bytes:
    """The body as GLB bytes. Plain files have one level and no extension, so that any viewer opens them."""
    writer = GlbWriter(compressed=compressed)
    skeleton = add_skeleton(writer, joints, parents, floor=float(mesh.vertices[:, 1].min()))
    add_mesh(writer, mesh, skeleton, joints)
    writer.extras({"kind": "body", **(extras or {})})
    return writer.content()


def add_skeleton(
    writer: GlbWriter, joints: NDArray[np.float64], parents: NDArray[np.int64], *, floor: float
) -> list[int]:
    """The joints (24, 3) as nodes under one root that lifts the feet to the floor; their node indices."""
    first = len(writer.document["nodes"])
    nodes = list(range(first, first + len(joints)))
    for index, name in enumerate(JOINT_NAMES):
        start = joints[parents[index]] if parents[index] >= 0 else np.array([0.0, floor, 0.0])
        node: dict[str, Any] = {"name": name, "translation": (joints[index] - start).round(6).tolist()}
        children = [nodes[child] for child in np.flatnonzero(parents == index)]
        writer.add("nodes", node | ({"children": children} if children else {}))
    writer.root(writer.add("nodes", {"name": "avatar", "children": [nodes[0]]}))
    return nodes


def add_mesh(
    writer: GlbWriter,
    mesh: Mesh,
    skeleton: list[int],
    joints: NDArray[np.float64],
    *,
    covers: Sequence[Cover] | None = None,
    more: dict[str, int] | None = None,
    extras: dict[str, Any] | None = None,
) -> None:
    """A skinned mesh on one node with its coarser levels.

    covers: its materials, each on triangles of its own, instead of one of the mesh's colour. more: further attributes
    by name; extras: what the node says of itself.
    """
    attributes, inverse = _attributes(writer, mesh, joints)
    attributes |= more or {}
    if covers is None:
        shading = {"baseColorFactor": linear(mesh.color), "metallicFactor": 0.0, "roughnessFactor": mesh.roughness}
        covers = [Cover(writer.add("materials", {"name": mesh.name, "pbrMetallicRoughness": shading}), mesh.levels)]
        if mesh.suit:
            shading = {**shading, "baseColorFactor": linear(suit_color(mesh.color, MANNEQUIN)), "roughnessFactor": 0.8}
            covers.append(Cover(writer.add("materials", {"name": SUIT, "pbrMetallicRoughness": shading}), mesh.suit))
    skin = writer.add(
        "skins", {"joints": skeleton, "skeleton": skeleton[0], "inverseBindMatrices": writer.matrices(inverse)}
    )
    nodes = []
    for number in range(max(len(cover.levels) for cover in covers) if writer.compressed else 1):
        primitives = [
            {
                "attributes": attributes,
                "indices": writer.triangles(cover.levels[number], len(mesh.vertices)),
                "material": cover.material,
            }
            for cover in covers
            if number < len(cover.levels) and len(cover.levels[number])
        ]
        if not primitives:
            continue
        name = mesh.name if number == 0 else f"{mesh.name}_level{number}"
        shape = writer.add("meshes", {"name": name, "primitives": primitives})
        nodes.append(writer.add("nodes", {"name": name, "mesh": shape, "skin": skin}))
    if not nodes:  # all of it is covered by something else
        return
    told: dict[str, Any] = dict(extras or {})
    if len(nodes) > 1:
        writer.extension(LEVELS)
        writer.document["nodes"][nodes[0]]["extensions"] = {LEVELS: {"ids": nodes[1:]}}
        told["MSFT_screencoverage"] = [*_LEVEL_SCREEN[: len(nodes) - 1], 0.0]
    if told:
        writer.document["nodes"][nodes[0]]["extras"] = told
    writer.root(nodes[0])


def _attributes(
    writer: GlbWriter, mesh: Mesh, joints: NDArray[np.float64]
) -> tuple[dict[str, int], NDArray[np.float64]]:
    """Position, normal, joints and weights; and the inverse bind matrices (24, 4, 4), which undo the quantization."""
    vertices = mesh.vertices.astype(np.float64)
    normals = mesh.normals if mesh.normals is not None else mesh.outward()
    order = np.argsort(-mesh.weights, axis=1, kind="stable")[:, :_INFLUENCES]
    strength = np.take_along_axis(mesh.weights, order, 1).astype(np.float64)
    shares = unit_bytes(strength / strength.sum(1, keepdims=True))
    order = np.where(shares > 0, order, 0)
    inverse = np.tile(np.eye(4), (len(joints), 1, 1))
    inverse[:, :3, 3] = -joints
    if writer.compressed:
        middle, reach = 0.5 * (vertices.min(0) + vertices.max(0)), 0.5 * np.ptp(vertices, axis=0).max()
        steps = np.round((vertices - middle) / reach * 32767).astype(np.int16)
        undo = np.diag([reach, reach, reach, 1.0])
        undo[:3, 3] = middle
        inverse = inverse @ undo
        position = writer.attribute(steps, normalized=True, bounds=True)
        normal = writer.attribute(np.round(normals * 127).astype(np.int8), normalized=True)
    else:
        position = writer.attribute(vertices.astype(np.float32), bounds=True)
        normal = writer.attribute(normals.astype(np.float32))
    return {
        "POSITION": position,
        "NORMAL": normal,
        "JOINTS_0": writer.attribute(order.astype(np.uint8)),
        "WEIGHTS_0": writer.attribute(shares, normalized=True),
    }, inverse
