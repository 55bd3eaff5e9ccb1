"""Whatever the camera shows, the picture goes on; the worst outcome is a face without a product and a hint."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from render.networks import FaceNetworks
from render.pipeline import LOOK_EVERY_FRAMES, FaceState, Outcome, TryOn
from render.product import Wearable, load_wearable
from render.scene import SceneRenderer
from render.tracker import FaceTracker
from tests.camera import FaceCamera, Stance, still

MODELS = Path("models")


@pytest.fixture
def try_on(renderer: SceneRenderer, glasses: Wearable) -> Iterator[TryOn]:
    made = TryOn(FaceTracker(MODELS), renderer)
    made.worn = (glasses,)
    yield made
    made.close()


@pytest.fixture(scope="module")
def glasses(acetate: bytes) -> Wearable:
    return load_wearable(acetate)


def show(
    try_on: TryOn,
    camera: FaceCamera,
    frames: int = 6,
    change: Callable[[np.ndarray], np.ndarray] = lambda picture: picture,
) -> tuple[Outcome, np.ndarray, np.ndarray]:
    """Play some frames; the last outcome, and the last picture before and after."""
    for index in range(frames):
        picture = np.ascontiguousarray(change(camera.rgb(index)))
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
        frame.pts = index * 3750
        before = frame.to_ndarray()
        outcome = try_on.process(frame)
    return outcome, before, frame.to_ndarray()


def at(**stance: float) -> Callable[[float], Stance]:
    return lambda _t: Stance(**stance)


def test_a_face_is_dressed_where_the_eyes_are(try_on: TryOn) -> None:
    camera = FaceCamera(path=still)
    outcome, before, after = show(try_on, camera)
    assert (outcome.state, outcome.drawn) == (FaceState.FOUND, True)
    changed = np.argwhere(before[:480] != after[:480])
    pupils = camera.pupils(5)
    span = np.linalg.norm(pupils[1] - pupils[0])
    assert np.abs(changed.mean(0)[::-1] - pupils.mean(0)).max() < 0.35 * span
    assert 1.6 * span < np.ptp(changed[:, 1]) < 3.2 * span


def test_eyes_are_looked_at_now_and_then_once_the_size_is_known(renderer: SceneRenderer) -> None:
    networks = FaceNetworks.load(MODELS)
    looks: list[int] = []

    class Counted:
        input, output = networks.eyes.input, networks.eyes.output

        def run(self) -> None:
            looks.append(frame.pts)
            networks.eyes.run()

    tracker = FaceTracker(replace(networks, eyes=Counted()))  # type: ignore[arg-type]
    watched, camera = TryOn(tracker, renderer), FaceCamera(path=still)
    known_at = None
    for index in range(40):
        frame = av.VideoFrame.from_ndarray(camera.rgb(index), format="rgb24").reformat(format="yuv420p")
        frame.pts = index * 3750
        outcome = watched.process(frame)
        if known_at is None and outcome.fit is not None:
            known_at = index
    assert known_at is not None
    assert {pts // 3750 for pts in looks} >= set(range(known_at + 1))
    assert len([pts for pts in looks if pts // 3750 > known_at]) == (39 - known_at) // LOOK_EVERY_FRAMES


def test_without_a_product_not_a_byte_changes(try_on: TryOn) -> None:
    try_on.worn = ()
    outcome, before, after = show(try_on, FaceCamera(path=still))
    assert (outcome.state, outcome.drawn) == (FaceState.FOUND, False)
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    ("camera", "state"),
    [
        (FaceCamera(faces=0), FaceState.LOST),
        (FaceCamera(path=still, brightness=0.0), FaceState.TOO_DARK),
        (FaceCamera(path=at(pupils=0.035)), FaceState.TOO_FAR),
        (FaceCamera(path=at(x=0.98)), FaceState.PARTLY_OUT),
    ],
)
def test_each_trouble_has_its_own_name(try_on: TryOn, camera: FaceCamera, state: FaceState) -> None:
    show(try_on, FaceCamera(path=still))
    outcome, before, after = show(try_on, camera, frames=10)
    assert outcome.state == state or (outcome.state == FaceState.LOST and state != FaceState.TOO_DARK)
    if outcome.state in (FaceState.LOST, FaceState.TOO_DARK):
        np.testing.assert_array_equal(before, after)


def test_of_two_faces_one_stays_dressed_and_the_shopper_is_told(try_on: TryOn) -> None:
    outcome, _, _ = show(try_on, FaceCamera(path=at(x=0.35), faces=2))
    assert (outcome.state, outcome.drawn) == (FaceState.TWO_FACES, True)


def test_upside_down_the_picture_goes_on(try_on: TryOn) -> None:
    outcome, before, after = show(try_on, FaceCamera(path=still), change=np.flipud)
    assert before.shape == after.shape
    assert outcome.state in set(FaceState)


@pytest.mark.parametrize("size", [(360, 640), (642, 362), (1920, 1080), (176, 144)])
def test_odd_portrait_and_large_frames_are_dressed(try_on: TryOn, size: tuple[int, int]) -> None:
    outcome, _, _ = show(try_on, FaceCamera(*size, path=still))
    assert outcome.drawn


def test_a_change_of_resolution_in_mid_stream_is_followed(try_on: TryOn) -> None:
    assert show(try_on, FaceCamera(path=still))[0].drawn
    assert show(try_on, FaceCamera(480, 640, path=still))[0].drawn


def test_a_frozen_camera_keeps_its_product(try_on: TryOn) -> None:
    camera = FaceCamera(path=still)
    picture = camera.rgb(0)
    outcome, _, _ = show(try_on, camera, frames=12, change=lambda _: picture)
    assert outcome.drawn


def test_tiny_and_noisy_frames_are_survived(try_on: TryOn) -> None:
    noise = np.random.default_rng(5)
    for height, width in ((16, 16), (2, 2), (64, 1000)):
        outcome, _, _ = show(
            try_on, FaceCamera(faces=0), 2, lambda _, h=height, w=width: noise.integers(0, 255, (h, w, 3), np.uint8)
        )
        assert outcome.drawn is False


def test_the_product_moves_with_the_face_of_the_same_frame(try_on: TryOn) -> None:
    """The middle of what is drawn stays where the pupils are, frame by frame, on a moving head."""
    camera = FaceCamera(fps=24)
    drift = []
    for index in range(72):
        frame = av.VideoFrame.from_ndarray(camera.rgb(index), format="rgb24").reformat(format="yuv420p")
        frame.pts = index * 3750
        before = frame.to_ndarray()[:480].copy()
        if try_on.process(frame).drawn:
            columns = np.argwhere(before != frame.to_ndarray()[:480])[:, 1]
            drift.append((columns.min() + columns.max()) / 2 - camera.pupils(index).mean(0)[0])
    steady = np.array(drift[12:])
    movement = np.ptp([camera.pupils(i).mean(0)[0] for i in range(12, 72)])
    assert movement > 30
    assert np.abs(steady - np.median(steady)).max() < 0.12 * movement
