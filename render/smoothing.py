"""A steady pose without lag: One-Euro filters on the pose, not on the points.

One-Euro (Casiez, Roussel, Vogel: CHI 2012) is a low pass whose cut-off rises with speed: slow and steady at rest,
open when the head moves. It acts on where the head is and how it is turned, so a product moves as one rigid thing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.headpose import HeadPose, rotation_from_vector

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Tuning:
    """min_cutoff_hz: how still at rest; beta: how fast it opens, Hz per (unit/s); d_cutoff_hz: for the speed."""

    min_cutoff_hz: float
    beta: float
    d_cutoff_hz: float = 1.0


# Units: radians, and for the position the fraction of its depth (so that a pixel means the same near and far).
ROTATION = Tuning(min_cutoff_hz=1.2, beta=40.0, d_cutoff_hz=6.0)
POSITION = Tuning(min_cutoff_hz=1.5, beta=120.0, d_cutoff_hz=6.0)
DEPTH = Tuning(min_cutoff_hz=0.8, beta=40.0, d_cutoff_hz=3.0)
# A jump this large is a new face or a cut, not a movement: degrees and fraction of depth between two frames.
CUT_DEG = 35.0
CUT_SHIFT = 0.25


def _alpha(cutoff_hz: float | Vector, dt: float) -> float | Vector:
    tau = 1.0 / (2 * np.pi * cutoff_hz)
    return 1.0 / (1.0 + tau / dt)


class OneEuro:
    """Filters a vector whose components share one speed."""

    def __init__(self, tuning: Tuning) -> None:
        self._tuning = tuning
        self._value: Vector | None = None
        self._speed = 0.0

    def step(self, value: Vector, dt: float) -> Vector:
        """The filtered value, dt seconds after the last one."""
        if self._value is None:
            self._value = value
            return value
        difference = value - self._value
        speed = float(np.sqrt(difference @ difference)) / dt
        self._speed += float(_alpha(self._tuning.d_cutoff_hz, dt)) * (speed - self._speed)
        cutoff = self._tuning.min_cutoff_hz + self._tuning.beta * self._speed
        self._value = self._value + _alpha(cutoff, dt) * difference
        return self._value


class PoseSmoother:
    """Smooths one head's pose from frame to frame."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """The next pose is taken as it is."""
        self._rotation: NDArray[np.float64] | None = None
        self._turn_speed = 0.0
        self._sideways = OneEuro(POSITION)
        self._depth = OneEuro(DEPTH)
        self._translation: Vector | None = None

    def smooth(self, pose: HeadPose, dt: float) -> HeadPose:
        """The steadied pose; dt: seconds since the last frame."""
        dt = min(max(dt, 0.005), 0.25)
        if self._is_cut(pose):
            self.forget()
        rotation = self._smooth_rotation(pose.rotation, dt)
        depth = pose.translation_mm[2]
        steady_depth = -float(np.exp(self._depth.step(np.log(np.array([-depth])), dt))[0])
        # Sideways position as a direction, so that a change of depth alone moves nothing in the picture.
        direction = self._sideways.step(pose.translation_mm[:2] / -depth, dt)
        self._translation = np.array([*(direction * -steady_depth), steady_depth])
        return HeadPose(rotation, self._translation, pose.scale)

    def _is_cut(self, pose: HeadPose) -> bool:
        if self._rotation is None or self._translation is None:
            return False
        turn = np.degrees(np.linalg.norm(_vector_from_rotation(pose.rotation @ self._rotation.T)))
        shift = np.linalg.norm(pose.translation_mm - self._translation) / -pose.translation_mm[2]
        return bool(turn > CUT_DEG or shift > CUT_SHIFT)

    def _smooth_rotation(self, rotation: NDArray[np.float64], dt: float) -> NDArray[np.float64]:
        if self._rotation is None:
            self._rotation = rotation
            return rotation
        turn = _vector_from_rotation(rotation @ self._rotation.T)
        speed = float(np.sqrt(turn @ turn)) / dt
        self._turn_speed += float(_alpha(ROTATION.d_cutoff_hz, dt)) * (speed - self._turn_speed)
        alpha = float(_alpha(ROTATION.min_cutoff_hz + ROTATION.beta * self._turn_speed, dt))
        self._rotation = rotation_from_vector(turn * alpha) @ self._rotation
        return self._rotation


def _vector_from_rotation(rotation: NDArray[np.float64]) -> Vector:
    """The rotation vector (3,), radians, of a rotation matrix (3, 3)."""
    sine = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    twice_sin = float(np.sqrt(sine @ sine))
    angle = float(np.arctan2(twice_sin, np.trace(rotation) - 1.0))
    if twice_sin < 1e-9:
        return sine / 2
    return sine * (angle / twice_sin)
