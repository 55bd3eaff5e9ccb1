"""The head's pose comes back from what it projects to; her true size from her irises."""

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from render.eyes import ENOUGH_FRAMES, EyeStatistics
from render.headpose import (
    BRIDGE_MM,
    DATA,
    FRAMES_UNTIL_ANOTHER_PERSON,
    IRIS_MM,
    EyeMeasure,
    HeadPose,
    HeadPoseSolver,
    Intrinsics,
    PoseNotFound,
    load_canonical_face,
    measure_eyes,
)
from render.seen_face import SeenFace

CAMERA = Intrinsics.assumed(640, 480)
FACE = load_canonical_face()
PICKED = np.array([int(number) for number in json.loads((DATA / "procrustes_weights.json").read_text())])
SEEN = SeenFace(PICKED)


def landmarks_of(pose: HeadPose) -> np.ndarray:
    """What a perfect tracker would see of the canonical face."""
    seen = np.zeros((478, 3), np.float32)
    seen[:468, :2] = pose.project(FACE, CAMERA)
    depth = (FACE @ pose.rotation.T)[:, 2]
    seen[:468, 2] = -depth * CAMERA.fx / -pose.translation_mm[2]
    return seen


def network_sees(pose: HeadPose, shape: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """What the network shows of a face of this shape: points that go less far, and slide along the silhouette."""
    seen = landmarks_of(pose)
    away = -pose.translation_mm @ pose.rotation
    points = SEEN.seen_from(away / np.linalg.norm(away)) + SEEN.with_shape(np.array(shape))
    seen[PICKED, :2] = pose.project(points, CAMERA)
    return seen


def degrees_apart(one: HeadPose, other: HeadPose) -> float:
    return float(np.degrees(Rotation.from_matrix(one.rotation.T @ other.rotation).magnitude()))


def turned(yaw: float, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    return Rotation.from_euler("yxz", [yaw, pitch, roll], degrees=True).as_matrix()


@pytest.mark.parametrize("yaw", [-45, -20, 0, 30, 45])
@pytest.mark.parametrize("roll", [0, 90, 180])
def test_the_pose_of_a_projected_face_is_found_again(yaw: float, roll: float) -> None:
    truth = HeadPose(turned(yaw, 10, roll), np.array([40.0, -30.0, -500.0]))
    found = HeadPoseSolver().rigid(landmarks_of(truth), CAMERA)
    assert degrees_apart(found, truth) < 0.1
    assert np.abs(found.translation_mm - truth.translation_mm).max() < 0.5


@pytest.mark.parametrize("yaw", [-40, -15, 0, 25, 40])
@pytest.mark.parametrize("pitch", [-15, 10])
def test_the_head_is_turned_as_far_as_the_network_shows_it_when_it_shows_less(yaw: float, pitch: float) -> None:
    truth, solver = HeadPose(turned(yaw, pitch), np.array([40.0, 30.0, -500.0])), HeadPoseSolver()
    seen = network_sees(truth)
    for _ in range(3):  # the first guess knows nothing; the next ones start from the frame before
        found = solver.solve(seen, CAMERA)
    assert degrees_apart(found, truth) < 0.3
    rigid = HeadPoseSolver().rigid(seen, CAMERA)
    np.testing.assert_allclose(
        found.rotation @ BRIDGE_MM + found.translation_mm, rigid.rotation @ BRIDGE_MM + rigid.translation_mm, atol=0.2
    )


def test_a_person_whose_face_is_deeper_is_known_after_she_has_turned() -> None:
    def error_at(yaw: float) -> float:
        truth = HeadPose(turned(yaw), np.array([0.0, 0.0, -500.0]))
        return degrees_apart(solver.solve(network_sees(truth, (1.5, -1.0)), CAMERA), truth)

    solver = HeadPoseSolver()
    before = [error_at(yaw) for yaw in (-30.0, 30.0)]
    for yaw in np.concatenate([np.linspace(-40, 40, 160)] * 3):
        error_at(float(yaw))
    after = [error_at(yaw) for yaw in (-30.0, 30.0)]
    assert max(after) < 0.6 * max(before)
    for _ in range(FRAMES_UNTIL_ANOTHER_PERSON - 1):
        solver.forget()
    assert max(error_at(yaw) for yaw in (-30.0, 30.0)) < 0.6 * max(before), "a face lost for a moment is the same one"
    for _ in range(FRAMES_UNTIL_ANOTHER_PERSON):
        solver.forget()
    assert max(error_at(yaw) for yaw in (-30.0, 30.0)) > 0.9 * max(before), "the next person's face is not hers"


def test_half_a_pixel_of_noise_costs_less_than_two_degrees_and_one_percent() -> None:
    truth = HeadPose(turned(25, -10, 5), np.array([0.0, 0.0, -550.0]))
    seen = network_sees(truth)
    seen[:468, :2] += np.random.default_rng(1).normal(0, 0.5, (468, 2))
    found = HeadPoseSolver().solve(seen, CAMERA)
    assert degrees_apart(found, truth) < 2
    quiet = HeadPoseSolver().solve(network_sees(truth), CAMERA)
    assert np.linalg.norm(found.translation_mm - quiet.translation_mm) < 5.5


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
