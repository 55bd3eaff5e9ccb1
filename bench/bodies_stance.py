"""How people of the body bench stand: an A-pose for the front photo, arms down for the one from the side."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from avatar.body_model import JOINT_NAMES, BodyArrays, chain, rotations, skin

J = {name: index for index, name in enumerate(JOINT_NAMES)}


def stance(joints: NDArray[np.float64], view: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """A pose (24, 3), axis-angle, within the instructions; joints (24, 3) at rest. view: front or side."""
    pose = rng.normal(0, np.radians(1.5), (24, 3))
    front = view == "front"
    for side, sign in (("left", 1), ("right", -1)):
        upper = _direction(joints, f"{side}_shoulder", f"{side}_elbow")
        lower = _direction(joints, f"{side}_elbow", f"{side}_wrist")
        from_body = np.radians(rng.uniform(22, 42) if front else rng.uniform(4, 11))
        wanted = np.array([sign * np.sin(from_body), -np.cos(from_body), rng.normal(0, 0.05)])
        if not front:
            # Arms that hang swing a little with the shoulders; on wide hips they lie forward of the thigh.
            wanted[2] += rng.uniform(-0.06, 0.1)
        pose[J[f"{side}_shoulder"]] += _between(upper, wanted)
        bend = np.radians(rng.uniform(4, 20))
        turn = _between(lower, upper)
        angle = np.linalg.norm(turn)
        pose[J[f"{side}_elbow"]] += turn * max(0.0, 1 - bend / angle)
        spread = np.radians(rng.uniform(-4, 4) if front else rng.uniform(-7, -4))
        pose[J[f"{side}_hip"]] += [0, rng.normal(0, 0.04), sign * spread]
        pose[J[f"{side}_knee"]] += [rng.uniform(0, 0.06), 0, 0]
    pose[J["head"]] += np.radians([rng.normal(0, 4), rng.normal(0, 4), rng.normal(0, 2)])
    pose[J["spine1"]] += np.radians([rng.normal(0, 2), 0, rng.normal(0, 1)])
    yaw = rng.normal(0, 3) if front else rng.choice([-90, 90]) + rng.normal(0, 4)
    pose[0] = (Rotation.from_euler("y", yaw, degrees=True) * Rotation.from_rotvec(pose[0])).as_rotvec()
    return pose


def posed(
    vertices: NDArray[np.float32], arrays: BodyArrays, pose: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vertices (V, 3) and joints (24, 3) of one body in a pose, standing with the feet on y = 0."""
    shaped = torch.as_tensor(vertices)[None]
    rest = torch.as_tensor(arrays.joint_regressor) @ shaped
    rotation, position = chain(
        rotations(torch.as_tensor(pose, dtype=torch.float32)[None]), rest, arrays.parents.tolist()
    )
    result = skin(shaped, rest, rotation, position, weights=torch.as_tensor(arrays.weights), translation=None)
    moved, joints = result.vertices[0].numpy(), result.joints[0].numpy()
    floor = moved[np.unique(arrays.faces), 1].min()
    return moved - [0, floor, 0], joints - [0, floor, 0]


def _direction(joints: NDArray[np.float64], start: str, end: str) -> NDArray[np.float64]:
    along = joints[J[end]] - joints[J[start]]
    return np.asarray(along / np.linalg.norm(along))


def _between(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """The axis-angle that turns one direction onto another."""
    second = second / np.linalg.norm(second)
    axis = np.cross(first, second)
    sine = float(np.linalg.norm(axis))
    return np.asarray(axis / max(sine, 1e-9) * np.arctan2(sine, first @ second))
