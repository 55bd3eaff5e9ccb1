"""What the tracker sees of the bench's heads, beside where they were: the material for calibration and measurement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import av
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from bench.heads_film import Film, Place
from render.eyes import ENOUGH_FRAMES
from render.headpose import Intrinsics
from render.pipeline import LOOK_EVERY_FRAMES
from render.tracker import FaceTracker

FPS = 24.0
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Sights:
    """Frames in which a face was found: landmarks (M, 478, 3) px; rotations (M, 3, 3), places (M, 3) mm; eyes (M,)
    bool, whether the eyes were looked at more closely, as the live path does now and then."""

    landmarks: NDArray[np.float32]
    eyes: NDArray[np.bool_]
    rotations: Array
    places_mm: Array
    camera: Intrinsics
    missed: int


def sight(film: Film, camera: Intrinsics, places: Iterable[Place], tracker: FaceTracker, follow: bool) -> Sights:
    """Film the head and track it; `follow` its path from frame to frame, or look for it anew each time."""
    landmarks, eyes, missed = [], [], 0
    found: list[Place] = []
    tracker.close()
    for number, place in enumerate(places):
        if not follow:
            tracker.close()
        picture = av.VideoFrame.from_ndarray(film.shoot(place), format="rgb24")
        look = len(found) < ENOUGH_FRAMES or number % LOOK_EVERY_FRAMES == 0
        seen = tracker.track(picture.reformat(format="yuv420p"), round(number * 1000 / FPS), eyes=look)
        if seen is None:
            missed += 1
            continue
        landmarks.append(seen)
        eyes.append(look or not follow)
        found.append(place)
    assert found, "no face was found in any picture"
    return Sights(
        np.array(landmarks),
        np.array(eyes),
        np.array([place.rotation for place in found]),
        np.array([place.translation_mm for place in found]),
        camera,
        missed,
    )


def anywhere(rng: np.random.Generator, count: int, camera: Intrinsics) -> Iterator[Place]:
    """Heads turned as far as products are worn on them, anywhere in the picture, near and far."""
    for _ in range(count):
        far = rng.uniform(380, 850)
        angles = [rng.uniform(-50, 50), float(np.clip(rng.normal(0, 11), -28, 28)), rng.normal(0, 8)]
        aside = rng.uniform((-0.22, -0.12), (0.22, 0.12)) * (camera.width, camera.height) * far / camera.fx
        yield Place(_turned(*angles), np.array([*aside, -far]))


def swinging(count: int, start: float = 0.0) -> Iterator[Place]:
    """A head that turns from side to side in five seconds and nods a little, somewhere before the camera.

    start: where on the path of ten seconds, 0 to 1.
    """
    for k in range(count):
        t = start + k / (10.0 * FPS)
        yaw, pitch = 45.0 * np.sin(4 * np.pi * t), 12.0 * np.sin(14 * np.pi * t + 1.0)
        place = (60.0 * np.sin(6 * np.pi * t), 30.0 * np.cos(8 * np.pi * t), -550.0 + 90.0 * np.cos(2 * np.pi * t))
        yield Place(_turned(yaw, pitch, 8.0 * np.sin(10 * np.pi * t)), np.array(place))


def resting(count: int) -> Iterator[Place]:
    """A head that is held still."""
    for _ in range(count):
        yield Place(_turned(8.0, -4.0, 0.0), np.array([10.0, 5.0, -520.0]))


def turning(count: int) -> Iterator[Place]:
    """A head shaken as for a no: 25 degrees to each side, 0.7 times a second, up to 110 degrees a second."""
    for k in range(count):
        yield Place(_turned(25.0 * _beat(k), -4.0, 0.0), np.array([10.0, 5.0, -520.0]))


def swaying(count: int) -> Iterator[Place]:
    """A head moved 60 mm to each side, 0.7 times a second, up to 260 mm a second."""
    for k in range(count):
        yield Place(_turned(5.0, -4.0, 0.0), np.array([60.0 * _beat(k), 5.0, -520.0]))


def _beat(frame: int) -> float:
    return float(np.sin(2 * np.pi * 0.7 * frame / FPS))


def _turned(yaw: float, pitch: float, roll: float) -> Array:
    return np.asarray(Rotation.from_euler("yxz", [yaw, pitch, roll], degrees=True).as_matrix())
