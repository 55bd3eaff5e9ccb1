"""Still at rest, with the head in motion: the two promises of the same settings."""

import numpy as np
from scipy.spatial.transform import Rotation

from render.headpose import HeadPose, Intrinsics
from render.smoothing import PoseSmoother

CAMERA = Intrinsics.assumed(640, 480)
DT = 1 / 24
HINGES = np.array([[-70.0, 25.0, 40.0], [70.0, 25.0, 40.0], [0.0, 25.0, 55.0]])


def pose(yaw_deg: float, x_mm: float = 0.0, noise: np.random.Generator | None = None) -> HeadPose:
    """A head at half a metre; the noise is what the tracker, which smooths nothing itself, shows on a still 640x480
    picture with grain (its turn about the view axis is steadier than this)."""
    rotation = Rotation.from_euler("y", yaw_deg, degrees=True)
    translation = np.array([x_mm, 0.0, -500.0])
    if noise is not None:
        rotation = Rotation.from_rotvec(noise.normal(0, 0.0012, 3)) * rotation
        translation = translation + noise.normal(0, (0.04, 0.04, 0.3))
    return HeadPose(rotation.as_matrix(), translation)


def test_a_resting_head_keeps_the_product_within_a_third_of_a_pixel() -> None:
    noise, smoother = np.random.default_rng(3), PoseSmoother()
    seen = np.array([smoother.smooth(pose(5.0, 10.0, noise), DT).project(HINGES, CAMERA) for _ in range(240)])[48:]
    raw = np.array([pose(5.0, 10.0, noise).project(HINGES, CAMERA) for _ in range(192)])
    jitter = np.sqrt((np.diff(seen, axis=0) ** 2).sum(-1).mean())
    assert jitter < 0.3
    assert jitter < 0.5 * np.sqrt((np.diff(raw, axis=0) ** 2).sum(-1).mean())


def test_a_turning_head_is_followed_with_less_than_one_frame_of_lag() -> None:
    """Yaw as a sine of 25 degrees at 0.7 Hz, up to 110 degrees a second; the lag is where correlation peaks."""
    times = np.arange(0, 8, DT)
    truth = 25 * np.sin(2 * np.pi * 0.7 * times)
    smoother = PoseSmoother()
    seen = np.array([smoother.smooth(pose(yaw), DT).yaw_deg for yaw in truth])
    lags = np.linspace(0, 3, 61)
    errors = [np.abs(np.interp(times - lag * DT, times, truth) - seen)[24:].mean() for lag in lags]
    assert lags[int(np.argmin(errors))] < 1.0


def test_a_cut_to_another_place_is_followed_at_once() -> None:
    smoother = PoseSmoother()
    for _ in range(30):
        smoother.smooth(pose(0.0), DT)
    moved = pose(0.0, x_mm=200.0)
    np.testing.assert_allclose(smoother.smooth(moved, DT).translation_mm, moved.translation_mm, atol=1e-6)
