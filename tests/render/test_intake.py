"""Any upload is either made wearable or refused with a stable code, within limits."""

import asyncio
import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from render.glb import ProductError, read_glb
from render.gltf import read_model
from render.intake import prepare, take_in
from render.intake_child import intake_in_child
from render.product import load_wearable
from tests.render.products import cap, glasses, turned

Json = dict[str, Any]


def refusal(data: bytes) -> str:
    with pytest.raises(ProductError) as error:
        prepare(data, None)
    assert error.value.detail.endswith(".")
    return error.value.code


def rotation(*degrees: float) -> np.ndarray:
    x, y, z = np.radians(degrees)
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    matrix = np.eye(4)
    matrix[:3, :3] = about_z @ about_y @ about_x
    return matrix


def placed(matrix: np.ndarray, scale: float, offset: tuple[float, float, float]) -> np.ndarray:
    moved = matrix.copy()
    moved[:3, :3] *= scale
    moved[:3, 3] = offset
    return moved


@pytest.mark.parametrize(
    ("turn", "scale", "unit"),
    [
        ((0, 0, 0), 1.0, "m"),
        ((0, 0, 0), 1000.0, "mm"),
        ((-90, 0, 0), 100.0, "cm"),
        ((90, 0, 0), 1.0, "m"),
        ((0, 180, 0), 1.0, "m"),
        ((0, 90, 0), 1000.0, "mm"),
        ((0, 0, 180), 1.0, "m"),
        ((0, 0, 90), 55.0, "none"),
        ((25, 40, 10), 1000.0, "mm"),
    ],
)
def test_glasses_are_stood_upright_from_any_convention(turn: tuple[int, int, int], scale: float, unit: str) -> None:
    upload = turned(glasses(kind=False), placed(rotation(*turn), scale, (3.0 * scale, -2.0 * scale, 5.0 * scale)))
    prepared = prepare(upload, None)
    assert prepared.kind == "glasses"
    assert prepared.unit == unit
    points = {part.name: part.positions * 1000 for part in prepared.model.parts}
    left, right = points["temple_left"], points["temple_right"]
    assert left[:, 0].mean() < -50 < 50 < right[:, 0].mean(), "left and right are kept"
    assert left[:, 2].min() < -110, "temples run to the back"
    beam, tip = left[left[:, 2] > -80][:, 1].mean(), left[left[:, 2] < -125][:, 1].mean()
    assert tip < beam - 8, "their ends bend down"
    lens = points["lens_left"]
    assert abs(lens[:, 2].mean()) < 4
    assert abs(lens[:, 1].mean()) < 6
    assert prepared.dimensions["frame_width_mm"] == pytest.approx(140, abs=5)


@pytest.mark.parametrize("turn", [(0, 0, 0), (-90, 0, 0), (0, 180, 0), (0, 90, 0), (180, 0, 0), (0, 0, 90)])
def test_a_cap_is_stood_upright_with_its_visor_to_the_front(turn: tuple[int, int, int]) -> None:
    prepared = prepare(turned(cap(kind=False), placed(rotation(*turn), 100.0, (10, 20, 30))), None)
    assert prepared.kind == "hat"
    points = {part.name: part.positions * 1000 for part in prepared.model.parts}
    assert points["crown"][:, 1].max() > 80
    assert abs(points["crown"][:, 1].min()) < 25
    assert points["visor"][:, 2].max() > 130
    assert abs(points["visor"][:, 0].mean()) < 8
    assert 500 < prepared.dimensions["head_circumference_mm"] < 640


def test_a_canonical_file_comes_back_where_it_was() -> None:
    prepared = prepare(glasses().pack(), "glasses")
    before = {part.name: part.positions for part in read_model(read_glb(glasses().pack())).parts}
    for part in prepared.model.parts:
        assert np.abs(part.positions - before[part.name]).max() < 1e-6
    assert prepared.findings == []


def test_the_result_is_a_canonical_product_with_a_picture() -> None:
    result = take_in(turned(glasses(kind=False), placed(rotation(0, 180, 0), 12.0, (0, 0, 0))), None, name="Round")
    product = load_wearable(result.glb)
    assert (product.kind, product.name) == ("glasses", "Round")
    assert product.dimensions["frame_width_mm"] == result.dimensions["frame_width_mm"] == pytest.approx(140, abs=1)
    picture = np.asarray(Image.open(io.BytesIO(result.thumbnail_png)))
    assert picture.shape == (512, 512, 4)
    assert 0.02 < (picture[..., 3] > 128).mean() < 0.6
    assert picture[0, :, 3].max() == 0
    codes = {finding["code"] for finding in result.report["findings"]}
    assert {"size-assumed", "turned"} <= codes


def test_textures_are_encoded_anew_and_survive() -> None:
    writer = glasses(kind=False)
    checker = np.kron(np.indices((8, 8)).sum(0) % 2, np.ones((16, 16))).astype(np.uint8) * 255
    raw = io.BytesIO()
    Image.fromarray(checker).save(raw, "PNG")
    view = writer.view(raw.getvalue() + b"")
    document = writer.document
    document["images"], document["textures"] = [{"bufferView": view, "mimeType": "image/png"}], [{"source": 0}]
    document["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"] = {"index": 0}
    for mesh in document["meshes"]:
        count = document["accessors"][mesh["primitives"][0]["attributes"]["POSITION"]]["count"]
        mesh["primitives"][0]["attributes"]["TEXCOORD_0"] = writer.accessor(np.random.rand(count, 2), "VEC2")
    result = take_in(writer.pack(), "glasses")
    assert any(batch.texture is not None for batch in load_wearable(result.glb).finest.batches)
    assert b"PNG" not in result.glb  # a picture without transparency becomes a JPEG of ours


def test_a_shape_that_is_neither_is_refused_in_words() -> None:
    points = np.random.default_rng(1).normal(size=(300, 3))
    writer = glasses(kind=False)
    accessor = writer.accessor(points, "VEC3")
    writer.document["meshes"] = [{"primitives": [{"attributes": {"POSITION": accessor}}]}]
    writer.document["nodes"], writer.document["scenes"] = [{"mesh": 0}], [{"nodes": [0]}]
    assert refusal(writer.pack()) == "shape-unknown"


def test_the_child_answers_as_the_function_does() -> None:
    result = asyncio.run(intake_in_child(cap().pack(), "hat", name="Cap"))
    assert result.kind == "hat"
    assert load_wearable(result.glb).kind == "hat"
    with pytest.raises(ProductError) as error:
        asyncio.run(intake_in_child(b"nothing of the kind", None))
    assert error.value.code == "not-glb"


def test_the_child_dies_at_its_limits_and_says_so() -> None:
    with pytest.raises(ProductError) as error:
        asyncio.run(intake_in_child(glasses().pack(), None, timeout_s=0.2))
    assert error.value.code == "took-too-long"
    with pytest.raises(ProductError) as error:
        asyncio.run(intake_in_child(glasses().pack(), None, memory_mb=120))
    assert error.value.code == "too-heavy"


def test_the_report_names_nothing_of_the_machine() -> None:
    result = prepare(glasses(kind=False).pack(), None)
    assert "/" not in json.dumps([finding["text"] for finding in result.findings])
