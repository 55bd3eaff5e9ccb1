"""A dressed body's file brought to its feet: skinned parts posed as people stand, arms at the sides.

The file's bodies rest in the A-pose in which garments are modelled. Linear blend skinning moves vertices to where the
turned joints take them; joints are known by their SMPL names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from render.glb import Glb, ProductError, entries, entry, read_accessor, sequence, whole, words
from render.gltf import MAX_DEPTH, Model, Part, node_matrix, read_model

Matrices = NDArray[np.float64]
MOST_JOINTS: Final = 512

# Degrees about the axes through a joint (x to her left, y up, z to the front), for her left side.
RELAXED: Final[Mapping[str, tuple[float, float, float]]] = {
    "collar": (0.0, 0.0, -4.0),
    "shoulder": (10.0, 0.0, -22.0),
    "elbow": (3.0, 0.0, -4.0),
    "hip": (0.0, 0.0, -3.5),
    "ankle": (0.0, 0.0, 3.5),
}


def standing(glb: Glb, *, relief: bool = False) -> Model:
    """The model with its skinned parts in the relaxed pose, in metres. Raises ProductError, as `read_model`."""
    model = read_model(glb, held=True, relief=relief)
    skins: dict[int, Matrices] = {}
    parts = []
    for part in model.parts:
        if part.hold is None:
            parts.append(part)
            continue
        if part.hold.skin not in skins:
            skins[part.hold.skin] = _movements(glb, part.hold.skin)
        parts.append(_moved(part, skins[part.hold.skin]))
    return replace(model, parts=tuple(parts))


def _moved(part: Part, movements: Matrices) -> Part:
    assert part.hold is not None
    if not 0 <= int(part.hold.joints.min()) <= int(part.hold.joints.max()) < len(movements):
        raise ProductError("index-out-of-range", "A vertex hangs on a joint that is not there.")
    blended = np.einsum("nj,njab->nab", part.hold.weights, movements[part.hold.joints])
    positions = np.einsum("nab,nb->na", blended[:, :3, :3], part.positions) + blended[:, :3, 3]
    normals = np.einsum("nab,nb->na", blended[:, :3, :3], part.normals)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    return replace(part, positions=positions.astype(np.float32), normals=normals.astype(np.float32))


def _movements(glb: Glb, skin: int) -> Matrices:
    """(J, 4, 4): where each joint of a skin takes what hangs on it."""
    described = entry(glb.document, "skins", skin)
    joints = [whole({"joint": joint}, "joint") for joint in sequence(described, "joints")]
    if not 0 < len(joints) <= MOST_JOINTS:
        raise ProductError("too-many-parts", f"A skeleton has {len(joints)} joints; 1 to {MOST_JOINTS} are read.")
    inverse = np.tile(np.eye(4), (len(joints), 1, 1))
    if "inverseBindMatrices" in described:
        index = whole(described, "inverseBindMatrices")
        rows = read_accessor(glb, index, ("MAT4",), max_count=MOST_JOINTS).astype(np.float64)
        if len(rows) != len(joints):
            raise ProductError("accessor-invalid", "A skeleton has another number of matrices than of joints.")
        inverse = rows.reshape(-1, 4, 4).transpose(0, 2, 1)
    placed = _placed(glb)
    return np.stack([_placed_joint(placed, joint) @ inverse[k] for k, joint in enumerate(joints)])


def _placed_joint(placed: dict[int, Matrices], joint: int) -> Matrices:
    if joint not in placed:
        raise ProductError("index-out-of-range", "A skeleton refers to a joint that is not there.")
    return placed[joint]


def _placed(glb: Glb) -> dict[int, Matrices]:
    """(4, 4) of every node, from its frame to the scene's, with the joints turned as in `RELAXED`."""
    nodes = entries(glb.document, "nodes")
    children = [[whole({"child": child}, "child") for child in sequence(node, "children")] for node in nodes]
    placed: dict[int, Matrices] = {}
    stack = [(index, np.eye(4), 0) for index in set(range(len(nodes))).difference(*children)]
    while stack:
        index, parent, depth = stack.pop()
        if index in placed or depth > MAX_DEPTH:
            raise ProductError("node-cycle", "A node appears twice in the scene tree.")
        node = entry(glb.document, "nodes", index)
        placed[index] = parent @ node_matrix(node) @ _turn(words(node.get("name")))
        stack.extend((child, placed[index], depth + 1) for child in children[index])
    return placed


def _turn(name: str) -> Matrices:
    side, _, joint = name.partition("_")
    turned = np.eye(4)
    if side in ("left", "right") and joint in RELAXED:
        mirror = 1.0 if side == "left" else -1.0
        x, y, z = np.radians(RELAXED[joint]) * (1.0, mirror, mirror)
        cx, sx, cy, sy, cz, sz = np.cos(x), np.sin(x), np.cos(y), np.sin(y), np.cos(z), np.sin(z)
        about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
        about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
        turned[:3, :3] = about_z @ about_y @ about_x
    return turned
