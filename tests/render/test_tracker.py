"""The face is found through the C function exactly as through MediaPipe's public interface."""

from collections.abc import Iterator
from pathlib import Path

import av
import mediapipe as mp
import numpy as np
import pytest
from mediapipe.tasks.python import BaseOptions, vision

from render.tracker import FaceTracker
from tests.camera import FaceCamera, still

MODEL = Path("models/face_landmarker.task")


@pytest.fixture
def tracker() -> Iterator[FaceTracker]:
    made = FaceTracker(MODEL)
    yield made
    made.close()


def frame_of(camera: FaceCamera, index: int = 0) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(camera.rgb(index), format="rgb24").reformat(format="yuv420p")


def test_landmarks_equal_those_of_the_public_interface(tracker: FaceTracker) -> None:
    camera = FaceCamera(path=still)
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(MODEL)), running_mode=vision.RunningMode.VIDEO, num_faces=1
    )
    with vision.FaceLandmarker.create_from_options(options) as public:
        for index in range(5):
            frame = frame_of(camera, index)
            picture = mp.Image(image_format=mp.ImageFormat.SRGB, data=frame.to_ndarray(format="rgb24"))
            found = public.detect_for_video(picture, index * 40).face_landmarks[0]
            expected = np.array([(p.x * 640, p.y * 480, p.z * 640) for p in found])
            np.testing.assert_allclose(tracker.track(frame, index * 40), expected, atol=1e-3)


def test_the_irises_lie_on_the_pupils(tracker: FaceTracker) -> None:
    camera = FaceCamera(path=still)
    for index in range(5):
        landmarks = tracker.track(frame_of(camera, index), index * 40)
    assert landmarks is not None
    assert np.abs(landmarks[[468, 473], :2] - camera.pupils(4)).max() < 4


@pytest.mark.parametrize("size", [(360, 640), (1920, 1080), (642, 362)])
def test_any_frame_size_gives_pixels_of_that_frame(tracker: FaceTracker, size: tuple[int, int]) -> None:
    camera = FaceCamera(*size, path=still)
    for index in range(3):
        landmarks = tracker.track(frame_of(camera, index), index * 40)
    assert landmarks is not None
    reach = np.linalg.norm(np.diff(camera.pupils(2), axis=0))
    assert np.abs(landmarks[[468, 473], :2] - camera.pupils(2)).max() < 0.12 * reach


def test_an_empty_room_has_no_face(tracker: FaceTracker) -> None:
    assert tracker.track(frame_of(FaceCamera(faces=0)), 0) is None


def test_time_that_stands_still_or_runs_backwards_is_survived(tracker: FaceTracker) -> None:
    camera = FaceCamera(path=still)
    for time_ms in (100, 100, 40, 0):
        assert tracker.track(frame_of(camera), time_ms) is not None
