"""A posed body seen by a camera, and how its points move in the picture as shape, pose, place and focal length change.

Derivatives are written out rather than traced: turning joint j by a small rotation w about itself moves a point by
w x (sum over the joints k beyond j of weight_k (v_k - p_j)), where v_k is where bone k alone would carry the point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from avatar.body_model import BodyArrays

Float = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class State:
    """One person before one camera. turns (24, 3, 3): each joint's own rotation, the first from body to camera;
    place (3,) m: the pelvis in the camera's frame, x right, y down, z away; log_focal: log of a factor on the focal
    length.
    """

    turns: Float
    place: Float
    log_focal: float


@dataclass(frozen=True)
class Camera:
    """Focal length and centre, pixels."""

    focal: float
    centre: Float


@dataclass(frozen=True)
class Frames:
    """rotation (24, 3, 3) and position (24, 3) of the joints in the camera's frame, rest (24, 3) at rest."""

    rotation: Float
    position: Float
    rest: Float


class Puppet:
    """The arrays of one body model, ready for posing and differentiating."""

    def __init__(self, arrays: BodyArrays) -> None:
        self.arrays = arrays
        self.count = arrays.betas
        self._template = arrays.template.astype(np.float64)
        self._shapedirs = arrays.shapedirs.astype(np.float64)
        self._weights = arrays.weights.astype(np.float64)
        used = np.flatnonzero((arrays.joint_regressor != 0).any(0))
        regressor = arrays.joint_regressor[:, used].astype(np.float64)
        self._rest = regressor @ self._template[used]
        self._rest_directions = np.tensordot(regressor, self._shapedirs[used], axes=(1, 0))
        self._parents: list[int] = arrays.parents.tolist()
        joints = len(self._parents)
        self.beyond = np.eye(joints, dtype=bool)
        for joint in reversed(range(1, joints)):
            self.beyond[self._parents[joint]] |= self.beyond[joint]

    def rest_joints(self, betas: Float) -> Float:
        """Joints (24, 3) at rest."""
        return np.asarray(self._rest + self._rest_directions @ betas)

    def frames(self, betas: Float, state: State) -> Frames:
        """Where the joints are."""
        rest = self.rest_joints(betas)
        rotation, position = [state.turns[0]], [rest[0] + state.place]
        for joint in range(1, len(rest)):
            parent = self._parents[joint]
            position.append(position[parent] + rotation[parent] @ (rest[joint] - rest[parent]))
            rotation.append(rotation[parent] @ state.turns[joint])
        return Frames(np.stack(rotation), np.stack(position), rest)

    def points(self, betas: Float, frames: Frames, indices: Indices | slice) -> Float:
        """Vertices (N, 3) in the camera's frame."""
        shaped = self._template[indices] + self._shapedirs[indices] @ betas
        weights = self._weights[indices]
        offset = frames.position - np.einsum("jxy,jy->jx", frames.rotation, frames.rest)
        blended = (weights @ frames.rotation.reshape(len(offset), 9)).reshape(-1, 3, 3)
        return np.asarray(np.einsum("vxy,vy->vx", blended, shaped) + weights @ offset)

    def vertex_slopes(
        self, betas: Float, frames: Frames, indices: Indices, moving: Sequence[int]
    ) -> tuple[Float, Float]:
        """Vertices (N, 3) and their derivatives (N, 3, K + 3 M) by betas and by the small turns of the joints `moving`,
        each turn in the joint's own frame.
        """
        shaped = self._template[indices] + self._shapedirs[indices] @ betas
        weights = self._weights[indices]
        joints = len(frames.rest)
        turned_rest = np.einsum("jxy,jy->jx", frames.rotation, frames.rest)
        # Where each bone alone would carry each point, and what all together make of it.
        carried = np.einsum("jxy,vy->vjx", frames.rotation, shaped) + (frames.position - turned_rest)
        weighted = weights[..., None] * carried
        points = weighted.sum(1)
        moved = self._position_slopes(frames)
        by_bone = moved - np.einsum("jxy,jyk->jxk", frames.rotation, self._rest_directions)
        blended = (weights @ frames.rotation.reshape(joints, 9)).reshape(-1, 3, 3)
        by_shape = blended @ self._shapedirs[indices] + np.tensordot(weights, by_bone, axes=(1, 0))
        beyond = self.beyond[list(moving)].astype(np.float64)
        arm = np.einsum("mj,vjx->vmx", beyond, weighted)
        arm -= (weights @ beyond.T)[..., None] * frames.position[list(moving)]
        return points, np.concatenate([by_shape, _turn_slopes(arm, frames.rotation[list(moving)])], 2)

    def joint_slopes(
        self, frames: Frames, joints: Sequence[int], shifts: Float, moving: Sequence[int]
    ) -> tuple[Float, Float]:
        """Points fixed to joints (L, 3) and their derivatives (L, 3, K + 3 M); shifts (L, 3) m in joint frames."""
        index = list(joints)
        points = frames.position[index] + np.einsum("lxy,ly->lx", frames.rotation[index], shifts)
        by_shape = self._position_slopes(frames)[index]
        beyond = self.beyond[list(moving)][:, index].T
        arm = (points[:, None] - frames.position[list(moving)]) * beyond[..., None]
        return points, np.concatenate([by_shape, _turn_slopes(arm, frames.rotation[list(moving)])], 2)

    def _position_slopes(self, frames: Frames) -> Float:
        """Derivatives (24, 3, K) of the joints' positions by betas."""
        slopes = [self._rest_directions[0]]
        for joint in range(1, len(self._parents)):
            parent = self._parents[joint]
            bone = self._rest_directions[joint] - self._rest_directions[parent]
            slopes.append(slopes[parent] + frames.rotation[parent] @ bone)
        return np.stack(slopes)


def _turn_slopes(arm: Float, rotation: Float) -> Float:
    """Derivatives (N, 3, 3 M) of points by small turns of M joints: arm (N, M, 3), joints' rotations (M, 3, 3)."""
    x, y, z = arm[..., 0], arm[..., 1], arm[..., 2]
    zero = np.zeros_like(x)
    # w x a = -[a]x w
    cross = np.stack([zero, z, -y, -z, zero, x, y, -x, zero], -1).reshape(*arm.shape[:2], 3, 3)
    slopes = np.einsum("vmxy,myz->vxmz", cross, rotation)
    return np.asarray(slopes.reshape(len(arm), 3, -1))


def project(points: Float, camera: Camera, log_focal: float) -> Float:
    """Pixels (N, 2) of points (N, 3) in the camera's frame."""
    focal = camera.focal * np.exp(log_focal)
    return np.asarray(focal * points[:, :2] / points[:, 2:] + camera.centre)


def projected_slopes(points: Float, slopes: Float, camera: Camera, log_focal: float) -> Float:
    """Derivatives (N, 2, P + 4) of pixels by what `slopes` (N, 3, P) are by, then place (3) and log_focal (1)."""
    focal = camera.focal * np.exp(log_focal)
    depth = points[:, 2]
    lens = np.zeros((len(points), 2, 3))
    lens[:, 0, 0] = lens[:, 1, 1] = focal / depth
    lens[:, :, 2] = -focal * points[:, :2] / depth[:, None] ** 2
    by_focal = focal * points[:, :2] / depth[:, None]
    return np.concatenate([lens @ slopes, lens, by_focal[..., None]], 2)


def turned(turns: Float, joints: Sequence[int], small: Float) -> Float:
    """The rotations with those of `joints` followed by small turns (M, 3) in their own frames."""
    result = turns.copy()
    result[list(joints)] = result[list(joints)] @ Rotation.from_rotvec(small).as_matrix()
    return result
