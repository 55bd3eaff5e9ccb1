"""The body: an SMPL-layout model (24 joints, betas, joint regressor, skinning weights) and its skinning.

Frame of reference: metres; x towards the body's own left, y up, z to the front; origin at the pelvis joint for every
shape. Rest pose: arms down at some 45 degrees, feet a little apart. Skinning after Loper et al., "SMPL: A Skinned
Multi-Person Linear Model", 2015, without pose-dependent corrections, which the CC0 data has none of.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from avatar.errors import BodyModelDamaged, BodyModelMissing
from avatar.landmarks import Landmarks

Sex = Literal["female", "male", "neutral"]
SEXES: tuple[Sex, ...] = ("female", "male", "neutral")
JOINT_NAMES = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
    "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hand", "right_hand",
)  # fmt: skip
MODEL_FILE = "body.npz"
MANIFEST_FILE = "body.json"
_LANDMARK = "landmark_"


@dataclass(frozen=True)
class BodyArrays:
    """One sex of the model as plain arrays.

    template (V, 3) float32 m; shapedirs (V, 3, K) float32, m per standard deviation; joint_regressor (24, V) float32;
    parents (24,) int64, -1 for the root; weights (V, 24) float32; faces (F, 3) int64, outward winding; landmarks: see
    `avatar.landmarks`.
    """

    template: NDArray[np.float32]
    shapedirs: NDArray[np.float32]
    joint_regressor: NDArray[np.float32]
    parents: NDArray[np.int64]
    weights: NDArray[np.float32]
    faces: NDArray[np.int64]
    landmarks: Landmarks

    @property
    def betas(self) -> int:
        """How many shape components there are."""
        return int(self.shapedirs.shape[2])


@dataclass(frozen=True)
class Posed:
    """vertices (B, V, 3) and joints (B, 24, 3), metres, after shape, pose and translation."""

    vertices: Tensor
    joints: Tensor


class Body(Protocol):
    """What fitting, measuring and export need of a body model, ours or a licensed one."""

    arrays: BodyArrays

    def shaped(self, betas: Tensor) -> Tensor:
        """Vertices (B, V, 3) in the rest pose for betas (B, K)."""

    def posed(self, betas: Tensor, pose: Tensor, translation: Tensor | None = None) -> Posed:
        """Vertices and joints for betas (B, K), axis-angle pose (B, 24, 3) and translation (B, 3) m."""


class BodyModel:
    """Our own batched linear blend skinning, on any device and in any float type torch has."""

    def __init__(
        self, arrays: BodyArrays, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> None:
        self.arrays = arrays
        vertices, _, count = arrays.shapedirs.shape

        def put(array: NDArray[np.float32]) -> Tensor:
            return torch.as_tensor(array).to(device=device, dtype=dtype)

        self._template = put(arrays.template)
        self._shapedirs = put(arrays.shapedirs.reshape(vertices * 3, count))
        self._regressor = put(arrays.joint_regressor)
        self._weights = put(arrays.weights)
        self._parents = arrays.parents.tolist()

    def shaped(self, betas: Tensor) -> Tensor:
        """Vertices (B, V, 3) in the rest pose for betas (B, K)."""
        offsets = betas @ self._shapedirs.T
        return self._template + offsets.reshape(len(betas), -1, 3)

    def posed(self, betas: Tensor, pose: Tensor, translation: Tensor | None = None) -> Posed:
        """Vertices and joints for betas (B, K), axis-angle pose (B, 24, 3) and translation (B, 3) m."""
        shaped = self.shaped(betas)
        rest = self._regressor @ shaped
        rotation, position = chain(rotations(pose), rest, self._parents)
        return skin(shaped, rest, rotation, position, weights=self._weights, translation=translation)


def skin(
    shaped: Tensor, rest: Tensor, rotation: Tensor, position: Tensor, *, weights: Tensor, translation: Tensor | None
) -> Posed:
    """Blend the joints' motions: shaped (B, V, 3), rest joints (B, 24, 3), their rotation and position when posed."""
    offset = position - torch.einsum("bjxy,bjy->bjx", rotation, rest)
    blended = torch.einsum("vj,bjxy->bvxy", weights, rotation)
    vertices = torch.einsum("bvxy,bvy->bvx", blended, shaped) + weights @ offset
    if translation is not None:
        vertices, position = vertices + translation[:, None], position + translation[:, None]
    return Posed(vertices, position)


def chain(local: Tensor, rest: Tensor, parents: list[int]) -> tuple[Tensor, Tensor]:
    """World rotations (B, J, 3, 3) and positions (B, J, 3) of the joints from local rotations and rest positions."""
    turned, placed = [local[:, 0]], [rest[:, 0]]
    for joint in range(1, len(parents)):
        parent = parents[joint]
        placed.append(placed[parent] + (turned[parent] @ (rest[:, joint] - rest[:, parent])[..., None])[..., 0])
        turned.append(turned[parent] @ local[:, joint])
    return torch.stack(turned, 1), torch.stack(placed, 1)


def rotations(axis_angle: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) of axis-angle vectors (..., 3), smooth at zero (Rodrigues' formula)."""
    square = (axis_angle * axis_angle).sum(-1)[..., None, None]
    # The small angle keeps the square root differentiable at zero; 1e-12 rad^2 is far below float32 resolution.
    angle = torch.sqrt(square + 1e-12)
    x, y, z = axis_angle.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*axis_angle.shape[:-1], 3, 3)
    identity = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    return identity + torch.sin(angle) / angle * cross + (1 - torch.cos(angle)) / angle**2 * (cross @ cross)


def load_arrays(folder: Path, sex: Sex) -> BodyArrays:
    """The arrays of one sex from the models folder, held against the manifest's hash.

    Raises BodyModelMissing or BodyModelDamaged.
    """
    advice = "run `python -m avatar.anny`"
    try:
        content = (folder / MODEL_FILE).read_bytes()
        manifest = json.loads((folder / MANIFEST_FILE).read_bytes())
    except FileNotFoundError as error:
        raise BodyModelMissing(f"{error.filename} is missing; {advice}") from error
    except ValueError as error:
        raise BodyModelDamaged(f"{MANIFEST_FILE} is not JSON; {advice}") from error
    if hashlib.sha256(content).hexdigest() != manifest.get("sha256"):
        raise BodyModelDamaged(f"{MODEL_FILE} is not the one {MANIFEST_FILE} describes; {advice}")
    with np.load(folder / MODEL_FILE, allow_pickle=False) as file:
        template = file[f"{sex}_template"]
        cubes = file["joint_vertices"].astype(np.int64)
        regressor = np.zeros((len(cubes), len(template)), np.float32)
        np.put_along_axis(regressor, cubes, np.float32(1 / cubes.shape[1]), axis=1)
        weights = np.zeros((len(template), len(cubes)), np.float32)
        np.put_along_axis(weights, file["weight_joints"].astype(np.int64), file["weights"], axis=1)
        return BodyArrays(
            template=template,
            shapedirs=file[f"{sex}_shapedirs"],
            joint_regressor=regressor,
            parents=file["parents"].astype(np.int64),
            weights=weights,
            faces=file["faces"].astype(np.int64),
            landmarks={
                name.removeprefix(_LANDMARK): file[name].astype(np.int64)
                for name in file.files
                if name.startswith(_LANDMARK)
            },
        )


def load_body(
    folder: Path, sex: Sex, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> BodyModel:
    """The default body model of one sex. Raises BodyModelMissing or BodyModelDamaged."""
    return BodyModel(load_arrays(folder, sex), device=device, dtype=dtype)
