"""How much room a garment leaves, all over it: its own girth at each place minus the body's under it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar.garments.drape import Base, girths
from avatar.section import edges_of, level_girths

Float = NDArray[np.float64]
Indices = NDArray[np.int64]
_LEVEL = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
_STEP_M = 0.02
_FROM_JOINT_M = {"arm": 0.09, "leg": 0.17}


def ease_cm(
    own: Float, faces: Indices, worn: Float, *, arm: Float, body: Base, split_legs: bool, leg: Float, along: Float
) -> Float:
    """Ease (N,) in cm at every point of a garment; positive is room, negative is stretch.

    own (N, 3): the garment in its true size on the base body; worn (N, 3): on this body; arm, leg (N,): how much a
    point belongs to a limb; along (N,): how far along that limb on this body, m; split_legs: trousers.
    """
    ease = np.zeros(len(own))
    on_leg = (leg > 0.5) & (worn[:, 1] < body.joint("left_hip")[1] - 0.06) if split_legs else np.zeros(len(own), bool)
    on_arm = (arm > 0.5) & ~on_leg
    trunk = ~(on_leg | on_arm)
    tube = faces[trunk[faces].all(1)]
    if len(tube):
        lowest = body.joint("left_hip")[1] - 0.04 if split_legs else own[trunk, 1].min() + 0.004
        levels = np.arange(lowest, own[trunk, 1].max(), _STEP_M)
        around = girths(own, edges_of(tube), own[:, 1], _LEVEL, levels)
        arms = body.fields["arm"] > 0.4
        heights = np.arange(worn[trunk, 1].min(), worn[trunk, 1].max() + _STEP_M, _STEP_M)
        skin = level_girths(body.vertices, edges_of(body.faces[~arms[body.faces].any(1)]), heights)
        room = np.interp(own[:, 1], levels, around) - np.interp(worn[:, 1], heights, skin)
        # Over the shoulders a level cut says nothing of room.
        top = body.joint("left_shoulder")[1]
        ease += np.where(trunk, room * np.interp(worn[:, 1], [top - 0.07, top - 0.01], [1.0, 0.0]), 0.0)
    for mine, limb, bones in (
        (on_arm, "arm", ("shoulder", "elbow", "wrist")),
        (on_leg, "leg", ("hip", "knee", "ankle")),
    ):
        if mine.sum() > 30:
            room = _limb_room(own, faces, mine, along=along, body=body, limb=limb, bones=bones)
            ease[mine] = room[mine]
    return 100 * ease


def _limb_room(
    own: Float,
    faces: Indices,
    mine: NDArray[np.bool_],
    *,
    along: Float,
    body: Base,
    limb: str,
    bones: tuple[str, str, str],
) -> Float:
    a, b, c = (body.joint(f"left_{bone}") for bone in bones)
    first = float(np.linalg.norm(b - a))
    # Near the trunk a cut square to the limb leaves the tube.
    levels = np.arange(_FROM_JOINT_M[limb], along[mine].max() - 0.004, 0.03)
    if len(levels) == 0:
        return np.zeros(len(own))
    left = mine & (own[:, 0] > 0)
    tube = edges_of(faces[left[faces].all(1)])
    own_skin = (body.fields[limb] > 0.5) & (body.vertices[:, 0] > 0)
    skin_tube = edges_of(body.faces[own_skin[body.faces].all(1)])
    around, skin = [], []
    for level in levels:
        axis = (b - a) if level < first else (c - b)
        across = np.linalg.svd((axis / np.linalg.norm(axis))[None])[2][1:]
        around.append(girths(own, tube, along, across, np.array([level]))[0])
        skin.append(girths(body.vertices, skin_tube, body.fields[f"along_{limb}"], across, np.array([level]))[0])
    room = np.array(around) - np.array(skin)
    known = (np.array(around) > 0.05) & (np.array(skin) > 0.05)
    if not known.any():
        return np.zeros(len(own))
    return np.asarray(np.interp(along, levels[known], room[known]))
