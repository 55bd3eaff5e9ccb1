"""The body model is SMPL in layout, and our skinning of it is smplx's."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from avatar.anny import build
from avatar.body_model import JOINT_NAMES, SEXES, BodyModel, load_arrays, load_body, rotations
from avatar.errors import BodyModelDamaged, BodyModelMissing, LicensedModelUnavailable
from avatar.smpl import LicensedBody, smplx_structure

EXTRA_VERTICES = dict.fromkeys(
    ["nose", "reye", "leye", "rear", "lear", "LBigToe", "LSmallToe", "LHeel", "RBigToe", "RSmallToe", "RHeel"]
    + [hand + tip for hand in "lr" for tip in ("thumb", "index", "middle", "ring", "pinky")],
    0,
)


def some_people(model: BodyModel, count: int = 3) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(7)
    betas = torch.randn(count, model.arrays.betas, generator=random)
    pose = 0.5 * torch.randn(count, len(JOINT_NAMES), 3, generator=random)
    return betas, pose, torch.randn(count, 3, generator=random)


@pytest.mark.parametrize("sex", SEXES)
def test_smplx_poses_the_same_arrays_to_the_same_vertices(models: Path, sex: str) -> None:
    smplx = pytest.importorskip("smplx")
    model = load_body(models, sex)
    betas, pose, translation = some_people(model)
    theirs = smplx.SMPL(
        model_path="",
        data_struct=smplx_structure(model.arrays),
        num_betas=model.arrays.betas,
        vertex_ids=EXTRA_VERTICES,
        create_transl=False,
        batch_size=len(betas),
    )(
        betas=betas,
        body_pose=pose[:, 1:].reshape(len(pose), -1),
        global_orient=pose[:, 0],
        transl=translation,
    )
    ours = model.posed(betas, pose, translation)
    assert (ours.vertices - theirs.vertices).abs().max() < 1e-5
    assert (ours.joints - theirs.joints[:, :24]).abs().max() < 1e-5


def test_a_smpl_file_given_by_path_is_used_through_smplx(woman: BodyModel, tmp_path: Path) -> None:
    pytest.importorskip("smplx")
    path = tmp_path / "SMPL_FEMALE.pkl"
    structure = vars(smplx_structure(woman.arrays))
    path.write_bytes(pickle.dumps(structure))
    licensed = LicensedBody(path, "female")
    betas, pose, translation = some_people(woman)
    theirs = licensed.posed(betas[:, :10], pose, translation)
    betas[:, 10:] = 0
    ours = woman.posed(betas, pose, translation)
    assert (ours.vertices - theirs.vertices).abs().max() < 1e-5
    assert (ours.joints - theirs.joints).abs().max() < 1e-5
    assert set(licensed.arrays.landmarks) == set(woman.arrays.landmarks)


def test_a_missing_or_broken_smpl_file_says_so(tmp_path: Path) -> None:
    pytest.importorskip("smplx")
    with pytest.raises(LicensedModelUnavailable):
        LicensedBody(tmp_path / "SMPL_FEMALE.pkl", "female")
    (tmp_path / "broken.pkl").write_bytes(b"not a pickle")
    with pytest.raises(BodyModelDamaged):
        LicensedBody(tmp_path / "broken.pkl", "female")


@pytest.mark.parametrize("sex", SEXES)
def test_the_layout_is_smpls(models: Path, sex: str) -> None:
    arrays = load_arrays(models, sex)
    assert arrays.betas >= 16
    assert arrays.parents.tolist() == [
        -1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21,
    ]  # fmt: skip
    np.testing.assert_allclose(arrays.weights.sum(1), 1, atol=1e-6)
    assert (arrays.weights > 0).sum(1).max() <= 4
    np.testing.assert_allclose(arrays.joint_regressor.sum(1), 1, atol=1e-6)


def test_joints_follow_the_shape_exactly(woman: BodyModel) -> None:
    """The cubes lie about their joints whatever the shape, so the pelvis stays where the origin is."""
    betas = torch.randn(20, woman.arrays.betas, generator=torch.Generator().manual_seed(1))
    joints = woman.posed(betas, torch.zeros(20, 24, 3)).joints
    assert joints[:, 0].abs().max() < 1e-4
    left, right = JOINT_NAMES.index("left_shoulder"), JOINT_NAMES.index("right_shoulder")
    assert (joints[:, left] * torch.tensor([-1, 1, 1]) - joints[:, right]).abs().max() < 2e-3


def test_the_shape_components_explain_the_population(models: Path) -> None:
    manifest = json.loads((models / "body.json").read_text())
    assert manifest["body_mass_index"][1] == 40
    assert all(shares["16"] > 0.95 and shares["32"] > 0.99 for shares in manifest["variance_explained"].values())


def test_skinning_works_in_half_precision(woman: BodyModel) -> None:
    betas, pose, _ = some_people(woman)
    half = BodyModel(woman.arrays, dtype=torch.bfloat16).posed(betas.bfloat16(), pose.bfloat16())
    full = woman.posed(betas, pose)
    assert (half.vertices.float() - full.vertices).abs().mean() < 0.01


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_skinning_on_cuda_is_skinning_on_the_cpu(woman: BodyModel) -> None:
    betas, pose, translation = some_people(woman)
    there = BodyModel(woman.arrays, device="cuda").posed(betas.cuda(), pose.cuda(), translation.cuda())
    assert (there.vertices.cpu() - woman.posed(betas, pose, translation).vertices).abs().max() < 1e-4


def test_rotations_are_differentiable_at_rest() -> None:
    pose = torch.zeros(1, 24, 3, requires_grad=True)
    rotations(pose).sum().backward()
    assert pose.grad is not None
    assert torch.isfinite(pose.grad).all()


def test_another_file_than_the_manifests_is_refused(models: Path, tmp_path: Path) -> None:
    with pytest.raises(BodyModelMissing):
        load_arrays(tmp_path, "female")
    for name in ("body.npz", "body.json"):
        shutil.copy(models / name, tmp_path)
    with (tmp_path / "body.npz").open("r+b") as file:
        file.seek(5000)
        file.write(b"\xff")
    with pytest.raises(BodyModelDamaged):
        load_arrays(tmp_path, "female")


def test_the_same_arrays_pack_to_the_same_bytes() -> None:
    arrays = {"a": np.arange(6, dtype=np.float32), "b": np.eye(2)}
    assert build.packed(arrays) == build.packed(dict(reversed(arrays.items())))
