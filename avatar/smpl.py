"""A licensed SMPL file instead of the default body, through the `smplx` package (an optional extra).

`smplx` and the SMPL files forbid commercial use without a licence; nothing here runs unless an operator names a file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from avatar.body_model import JOINT_NAMES, BodyArrays, Posed, Sex
from avatar.errors import BodyModelDamaged, LicensedModelUnavailable
from avatar.landmarks import ANNY_BUST, SMPL_BUST, find_landmarks

_SMPL_VERTICES = 6890
_SHAPE_SPACE = 300  # with fewer columns smplx 0.1.28 falls back to 10 betas


class LicensedBody:
    """SMPL by the real `smplx`, pose-dependent corrections included."""

    def __init__(self, path: Path, sex: Sex, betas: int = 10) -> None:
        """Raises LicensedModelUnavailable, or BodyModelDamaged if the file is no SMPL model."""
        smplx = _smplx()
        if not path.is_file():
            raise LicensedModelUnavailable(f"{path.name} does not exist")
        try:
            # smplx unpickles the file: an operator's own, never a shopper's.
            model = smplx.SMPL(str(path), gender=sex, num_betas=betas, create_transl=False)
        except Exception as error:
            raise BodyModelDamaged(f"smplx cannot read {path.name}: {error}") from error
        self._model = model.requires_grad_(False)
        template, weights, regressor = (
            part.numpy() for part in (model.v_template, model.lbs_weights, model.J_regressor)
        )
        everywhere = np.arange(len(template))
        bust = SMPL_BUST if len(template) == _SMPL_VERTICES else ANNY_BUST
        self.arrays = BodyArrays(
            template=template,
            shapedirs=model.shapedirs.numpy(),
            joint_regressor=regressor,
            parents=model.parents.numpy(),
            weights=weights,
            faces=np.asarray(model.faces, np.int64),
            landmarks=find_landmarks(
                template, weights, regressor @ template, names=JOINT_NAMES, bust=bust, skin=everywhere
            ),
        )

    def shaped(self, betas: Tensor) -> Tensor:
        """Vertices (B, V, 3) in the rest pose for betas (B, K)."""
        vertices: Tensor = self._model.forward_shape(betas=betas).v_shaped
        return vertices

    def posed(self, betas: Tensor, pose: Tensor, translation: Tensor | None = None) -> Posed:
        """Vertices and joints for betas (B, K), axis-angle pose (B, 24, 3) and translation (B, 3) m."""
        result = self._model(
            betas=betas, body_pose=pose[:, 1:].reshape(len(pose), -1), global_orient=pose[:, 0], transl=translation
        )
        return Posed(result.vertices, result.joints[:, : pose.shape[1]])


def smplx_structure(arrays: BodyArrays) -> Any:
    """The default body as the data structure `smplx.SMPL(data_struct=...)` takes; betas padded to 300 with zeros.

    Pass `vertex_ids` of your own beside it: smplx would look up vertices of SMPL's mesh. Raises
    LicensedModelUnavailable without the package.
    """
    vertices, _, count = arrays.shapedirs.shape
    shapedirs = np.zeros((vertices, 3, _SHAPE_SPACE), np.float32)
    shapedirs[:, :, :count] = arrays.shapedirs
    joints = np.arange(len(arrays.parents))
    # smplx writes -1 for the root itself; its files carry the largest unsigned number there.
    parents = np.where(arrays.parents < 0, 0, arrays.parents)
    return _smplx().utils.Struct(
        v_template=arrays.template,
        shapedirs=shapedirs,
        posedirs=np.zeros((vertices, 3, 9 * (len(joints) - 1)), np.float32),
        J_regressor=arrays.joint_regressor,
        kintree_table=np.stack([parents, joints]),
        weights=arrays.weights,
        f=arrays.faces,
    )


def _smplx() -> Any:
    try:
        import smplx  # noqa: PLC0415 -- an optional extra
        import smplx.utils  # noqa: PLC0415
    except ImportError as error:
        raise LicensedModelUnavailable(
            "smplx is not installed: .venv/bin/python -m pip install smplx==0.1.28"
        ) from error
    return smplx
