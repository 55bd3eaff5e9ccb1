"""Our GLB files are sound by the Khronos validator, small, and decode to what was put in."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from avatar.body_model import JOINT_NAMES, BodyModel
from avatar.export import BodyShape, write_body
from avatar.gltf import MESHOPT, linear, read_document, unit_bytes

GLTF_CHECKS = Path(__file__).parent.parent / "gltf"


def node(script: str, *files: Path) -> list[dict]:
    path = f"{Path('.venv/bin').resolve()}{os.pathsep}{os.environ['PATH']}"
    answer = subprocess.run(
        ["node", script, *(str(file.resolve()) for file in files)],
        cwd=GLTF_CHECKS, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [json.loads(line) for line in answer.stdout.splitlines()]


@pytest.fixture(scope="module")
def shape(woman: BodyModel) -> BodyShape:
    return BodyShape(woman.arrays)


@pytest.fixture(scope="module")
def vertices(woman: BodyModel) -> np.ndarray:
    betas = torch.zeros(1, woman.arrays.betas)
    betas[0, :4] = torch.tensor([0.8, -1.2, 1.5, 0.5])
    return woman.shaped(betas)[0].numpy()


@pytest.fixture(scope="module")
def files(shape: BodyShape, vertices: np.ndarray, woman: BodyModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("glb")
    mesh, joints = shape.mesh(vertices), shape.joints(vertices)
    for name, compressed in (("body", True), ("plain", False)):
        content = write_body(mesh, joints, woman.arrays.parents, compressed=compressed)
        (folder / f"{name}.glb").write_bytes(content)
    return folder


def test_the_khronos_validator_finds_nothing_wrong(files: Path) -> None:
    for report in node("validate.mjs", files / "body.glb", files / "plain.glb"):
        assert report["errors"] == 0
        assert report["serious"] == []


def test_the_validator_would_find_something_wrong(files: Path, tmp_path: Path) -> None:
    broken = (files / "plain.glb").read_bytes().replace(b'"JOINTS_0"', b'"JOINTS_7"')
    (tmp_path / "broken.glb").write_bytes(broken)
    assert node("validate.mjs", tmp_path / "broken.glb")[0]["errors"] > 0


def test_bodies_are_small(files: Path) -> None:
    assert (files / "body.glb").stat().st_size < 300_000
    assert (files / "plain.glb").stat().st_size < 1_000_000


def test_a_plain_file_asks_for_no_extension(files: Path) -> None:
    document, _ = read_document((files / "plain.glb").read_bytes())
    assert "extensionsUsed" not in document
    assert len(document["meshes"]) == 1


def test_compressed_positions_decode_to_the_body(files: Path, vertices: np.ndarray, shape: BodyShape) -> None:
    """By meshoptimizer's own decoder; posed at rest, they are the body to a tenth of a millimetre."""
    decoded = node("positions.mjs", files / "body.glb")[0]
    document, binary = read_document((files / "body.glb").read_bytes())
    view = document["bufferViews"][document["accessors"][document["skins"][0]["inverseBindMatrices"]]["bufferView"]]
    inverse = np.frombuffer(binary, np.float32, 24 * 16, view["byteOffset"]).reshape(24, 4, 4).transpose(0, 2, 1)
    steps = np.array(decoded["body"]["points"]) / 32767
    joints = shape.joints(vertices)
    for joint in (0, 15, 20):
        at_rest = steps @ inverse[joint, :3, :3].T + inverse[joint, :3, 3] + joints[joint]
        assert np.abs(at_rest - shape.mesh(vertices).vertices).max() < 1e-4
    assert decoded["body"]["highest"] < shape.count


def test_levels_of_detail_get_coarser_and_share_the_vertices(files: Path) -> None:
    document, _ = read_document((files / "body.glb").read_bytes())
    counts = [
        sum(document["accessors"][part["indices"]]["count"] for part in mesh["primitives"]) // 3
        for mesh in document["meshes"]
    ]
    assert counts[0] > 25_000
    assert counts[1] < 0.35 * counts[0]
    assert counts[2] < 0.1 * counts[0]
    assert len({mesh["primitives"][0]["attributes"]["POSITION"] for mesh in document["meshes"]}) == 1
    node_of_body = next(entry for entry in document["nodes"] if entry["name"] == "body")
    assert len(node_of_body["extensions"]["MSFT_lod"]["ids"]) == 2


def test_the_skeleton_is_smpls_and_stands_on_the_floor(files: Path, vertices: np.ndarray, shape: BodyShape) -> None:
    document, _ = read_document((files / "body.glb").read_bytes())
    skin = document["skins"][0]
    nodes = document["nodes"]
    assert tuple(nodes[index]["name"] for index in skin["joints"]) == JOINT_NAMES
    above = {child: index for index, entry in enumerate(nodes) for child in entry.get("children", [])}
    floor = vertices[: shape.count, 1].min()
    for joint, expected in zip(skin["joints"], shape.joints(vertices), strict=True):
        place, index = np.zeros(3), joint
        while index is not None:
            place += nodes[index].get("translation", [0, 0, 0])
            index = above.get(index)
        np.testing.assert_allclose(place, expected - [0, floor, 0], atol=1e-4)


def test_only_the_compressed_file_needs_meshopt(files: Path) -> None:
    document, _ = read_document((files / "body.glb").read_bytes())
    assert MESHOPT in document["extensionsRequired"]


def test_byte_weights_sum_to_a_whole() -> None:
    weights = np.random.default_rng(1).dirichlet([1, 1, 1, 1], 500)
    scaled = unit_bytes(weights)
    assert (scaled.astype(int).sum(1) == 255).all()
    assert np.abs(scaled / 255 - weights).max() < 1 / 255


def test_colours_go_from_screen_to_light() -> None:
    assert linear("#ffffff") == [1, 1, 1, 1]
    assert linear("#808080")[0] == pytest.approx(0.2158, abs=1e-3)
