"""The body: an SMPL-layout model (24 joints, betas, joint regressor, skinning weights) and its skinning.

Frame of reference: metres; x towards the body's own left, y up, z to the front; origin at the pelvis joint for every
shape. Rest pose: arms down at some 45 degrees, feet a little apart. Skinning after Loper et al., "SMPL: A Skinned
Multi-Person Linear Model", 2015, without pose-dependent corrections, which the CC0 data has none of.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from avatar.body_arrays import JOINT_NAMES, MANIFEST_FILE, MODEL_FILE, SEXES, BodyArrays, Sex, load_arrays

__all__ = [
    "JOINT_NAMES", "MANIFEST_FILE", "MODEL_FILE", "SEXES", "Body", "BodyArrays", "BodyModel", "Posed", "Sex", "chain",
    "load_arrays", "load_body", "rotations", "skin",
]  # fmt: skip


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


def load_body(
    folder: Path, sex: Sex, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> BodyModel:
    """The default body model of one sex. Raises BodyModelMissing or BodyModelDamaged."""
    return BodyModel(load_arrays(folder, sex), device=device, dtype=dtype)
