"""The poses in which a dressed body is shown or may be asked for, and where its points go in them.

Garments follow the skeleton by linear blend skinning, in whatever draws them. A pose here is what turns each joint, in
degrees about the axes through it (x to her left, y up, z to the front), about x first and z last.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from avatar.body_arrays import JOINT_NAMES

Float = NDArray[np.float64]
Pose = Mapping[str, tuple[float, float, float]]


_ARM = [
    JOINT_NAMES.index(f"{side}_{part}") for side in ("left", "right") for part in ("shoulder", "elbow", "wrist", "hand")
]


def _both(**left: tuple[float, float, float]) -> Pose:
    """The same for either side, said of the left one."""
    right = {f"right_{name}": (x, -y, -z) for name, (x, y, z) in left.items()}
    return {f"left_{name}": turn for name, turn in left.items()} | right


POSES: Mapping[str, Pose] = {
    "rest": {},
    # As the fitting room's page has her stand, and as the avatar stands in the video.
    "page": _both(shoulder=(0.0, 0.0, -17.2)),
    "video": _both(
        collar=(0.0, 0.0, -4.0),
        shoulder=(10.0, 0.0, -22.0),
        elbow=(3.0, 0.0, -4.0),
        hip=(0.0, 0.0, -3.5),
        ankle=(0.0, 0.0, 3.5),
    ),
    "arms down": _both(collar=(0.0, 0.0, -4.0), shoulder=(0.0, 0.0, -32.0)),
    "arms out": _both(collar=(0.0, 0.0, 6.0), shoulder=(0.0, 0.0, 38.0)),
    "step": {
        "left_hip": (-25.0, 0.0, 0.0), "left_knee": (8.0, 0.0, 0.0), "right_hip": (18.0, 0.0, 0.0),
        "right_knee": (16.0, 0.0, 0.0), "left_shoulder": (12.0, 0.0, -20.0), "right_shoulder": (-12.0, 0.0, 20.0),
    },
    "legs apart": _both(hip=(0.0, 0.0, 18.0)),
}  # fmt: skip


def arm_share(weights: Float) -> Float:
    """How much of each point belongs to an arm (N,), by its weights (N, 24)."""
    return np.asarray(weights[:, _ARM].sum(1))


def movements(joints: Float, parents: NDArray[np.int64], pose: Pose) -> Float:
    """(24, 3, 4): where each joint takes what hangs on it, from rest joints (24, 3) m and their parents (24,)."""
    turns, places = np.empty((len(joints), 3, 3)), np.empty((len(joints), 3))
    for joint, name in enumerate(JOINT_NAMES):
        turn = Rotation.from_euler("xyz", pose.get(name, (0.0, 0.0, 0.0)), degrees=True).as_matrix()
        parent = int(parents[joint])
        turns[joint] = turn if parent < 0 else turns[parent] @ turn
        start = joints[joint] if parent < 0 else places[parent] + turns[parent] @ (joints[joint] - joints[parent])
        places[joint] = start
    shift = places - np.einsum("jxy,jy->jx", turns, joints)
    return np.concatenate([turns, shift[:, :, None]], 2)


def blended(weights: Float, moves: Float) -> Float:
    """(N, 3, 4): what moves each point, by its weights (N, 24)."""
    return np.asarray((weights @ moves.reshape(len(moves), 12)).reshape(-1, 3, 4))


def moved(points: Float, blend: Float) -> Float:
    """Points (N, 3) where `blended` takes them."""
    return np.asarray(np.einsum("nxy,ny->nx", blend[:, :, :3], points) + blend[:, :, 3])
