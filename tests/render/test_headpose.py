"""The head's pose comes back from what it projects to; her true size from her irises."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from render.eyes import ENOUGH_FRAMES, FRAMES_UNTIL_ANOTHER_PERSON, EyeStatistics
from render.headpose import (
    IRIS_MM,
    EyeMeasure,
    HeadPose,
    HeadPoseSolver,
    Intrinsics,
    PoseNotFound,
    load_canonical_face,
    measure_eyes,
)

CAMERA = Intrinsics.assumed(640, 480)
FACE = load_canonical_face()


def landmarks_of(pose: HeadPose, noise_px: float = 0.0) -> np.ndarray:
    """What a perfect tracker would see of the canonical face."""
    seen = np.zeros((478, 3), np.float32)
    seen[:468, :2] = pose.project(FACE, CAMERA)
    depth = (FACE @ pose.rotation.T)[:, 2]
    seen[:468, 2] = -depth * CAMERA.fx / -pose.translation_mm[2]
    seen[:468, :2] += np.random.default_rng(1).normal(0, noise_px, (468, 2))
    return seen


def turned(yaw: float, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    return Rotation.from_euler("yxz", [yaw, pitch, roll], degrees=True).as_matrix()


@pytest.mark.parametrize("yaw", [-45, -20, 0, 30, 45])
@pytest.mark.parametrize("roll", [0, 90, 180])
def test_the_pose_of_a_projected_face_is_found_again(yaw: float, roll: float) -> None:
    truth = HeadPose(turned(yaw, 10, roll), np.array([40.0, -30.0, -500.0]))
    found = HeadPoseSolver().solve(landmarks_of(truth), CAMERA)
    assert np.degrees(np.arccos(np.clip((np.trace(found.rotation.T @ truth.rotation) - 1) / 2, -1, 1))) < 0.1
    assert np.abs(found.translation_mm - truth.translation_mm).max() < 0.5


def test_half_a_pixel_of_noise_costs_less_than_two_degrees_and_one_percent() -> None:
    truth = HeadPose(turned(25, -10, 5), np.array([0.0, 0.0, -550.0]))
    found = HeadPoseSolver().solve(landmarks_of(truth, noise_px=0.5), CAMERA)
    assert np.degrees(np.arccos((np.trace(found.rotation.T @ truth.rotation) - 1) / 2)) < 2
    assert np.linalg.norm(found.translation_mm - truth.translation_mm) < 5.5


def test_yaw_and_pitch_have_the_signs_that_they_say() -> None:
    assert HeadPose(turned(30), np.zeros(3)).yaw_deg == pytest.approx(30)
    nose_up = HeadPose(turned(0, -20), np.zeros(3))
    assert nose_up.pitch_deg == pytest.approx(20)
    assert (nose_up.rotation @ (0, 0, 1))[1] > 0


def test_points_that_are_no_face_are_refused() -> None:
    noise = np.random.default_rng(0).uniform(0, 480, (478, 3)).astype(np.float32)
    with pytest.raises(PoseNotFound):
        HeadPoseSolver().solve(noise, CAMERA)


@pytest.mark.parametrize("scale", [0.88, 1.0, 1.12])
def test_the_iris_tells_the_size_of_the_head(scale: float) -> None:
    """A head of another size, its iris still 11.7 mm, is told from the same head at another distance."""
    truth = HeadPose(turned(0), np.array([0.0, 0.0, -500.0]), scale)
    seen = landmarks_of(truth)
    seen[:468, :2] = truth.project(FACE, CAMERA)
    for centre, (side_a, side_b), corners in (
        (468, (469, 471), (33, 133)),
        (473, (474, 476), (362, 263)),
    ):
        socket = FACE[list(corners)].mean(0) * scale + truth.translation_mm
        middle = np.array(
            [CAMERA.cx + CAMERA.fx * socket[0] / -socket[2], CAMERA.cy - CAMERA.fy * socket[1] / -socket[2]]
        )
        half_px = IRIS_MM / 2 * CAMERA.fx / -socket[2]
        aside = np.array([half_px, 0.0])
        seen[centre, :2], seen[side_a, :2], seen[side_b, :2] = middle, middle + aside, middle - aside
    pose = HeadPoseSolver().solve(seen, CAMERA)
    measure = measure_eyes(seen, pose, CAMERA, FACE)
    assert measure.scale == pytest.approx(scale, rel=0.01)
    statistics = EyeStatistics()
    for _ in range(ENOUGH_FRAMES):
        statistics.add(measure)
    true_size = statistics.to_true_size(pose)
    assert true_size.translation_mm[2] == pytest.approx(-500, rel=0.01)
    np.testing.assert_allclose(true_size.project(FACE, CAMERA), pose.project(FACE, CAMERA), atol=0.01)


def test_measures_need_several_frames_and_are_forgotten_with_the_person() -> None:
    statistics = EyeStatistics()
    for _ in range(ENOUGH_FRAMES - 1):
        statistics.add(EyeMeasure(1.0, 62.0))
    assert statistics.fit is None
    statistics.add(EyeMeasure(1.0, 62.0))
    assert statistics.fit is not None
    assert statistics.fit.pd_mm == pytest.approx(62, abs=0.1)
    assert statistics.fit.pd_sigma_mm > 1.5, "the iris itself varies by 3.6 % between people"
    for _ in range(FRAMES_UNTIL_ANOTHER_PERSON):
        statistics.face_lost()
    assert statistics.fit is None
