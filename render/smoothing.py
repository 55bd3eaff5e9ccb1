"""A steady pose without lag: One-Euro filters on the pose, not on the points.

One-Euro (Casiez, Roussel, Vogel: CHI 2012) is a low pass whose cut-off rises with speed: slow and steady at rest,
open when the head moves. It acts on where the head is and how it is turned, so a product moves as one rigid thing.
"""

from dataclasses import dataclass
from math import atan2, radians, sqrt

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
# A jump this large is a new face or a cut, not a movement: angle and fraction of depth between two frames.
CUT_RAD = radians(35.0)
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
        turn = None if self._rotation is None else _vector_from_rotation(pose.rotation @ self._rotation.T)
        if turn is not None and self._is_cut(pose, turn):
            self.forget()
            turn = None
        rotation = self._smooth_rotation(pose.rotation, turn, dt)
        depth = pose.translation_mm[2]
        steady_depth = -float(np.exp(self._depth.step(np.log(np.array([-depth])), dt))[0])
        # Sideways position as a direction, so that a change of depth alone moves nothing in the picture.
        direction = self._sideways.step(pose.translation_mm[:2] / -depth, dt)
        self._translation = np.array([*(direction * -steady_depth), steady_depth])
        return HeadPose(rotation, self._translation, pose.scale)

    def _is_cut(self, pose: HeadPose, turn: Vector) -> bool:
        if self._translation is None:
            return False
        shift = pose.translation_mm - self._translation
        return bool(sqrt(turn @ turn) > CUT_RAD or sqrt(shift @ shift) / -float(pose.translation_mm[2]) > CUT_SHIFT)

    def _smooth_rotation(self, rotation: NDArray[np.float64], turn: Vector | None, dt: float) -> NDArray[np.float64]:
        """turn: from the last one's to this, as a rotation vector; None for the first."""
        if self._rotation is None or turn is None:
            self._rotation = rotation
            return rotation
        speed = sqrt(turn @ turn) / dt
        self._turn_speed += float(_alpha(ROTATION.d_cutoff_hz, dt)) * (speed - self._turn_speed)
        alpha = float(_alpha(ROTATION.min_cutoff_hz + ROTATION.beta * self._turn_speed, dt))
        self._rotation = rotation_from_vector(turn * alpha) @ self._rotation
        return self._rotation


def _vector_from_rotation(rotation: NDArray[np.float64]) -> Vector:
    """The rotation vector (3,), radians, of a rotation matrix (3, 3)."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation.tolist()
    x, y, z = zy - yz, xz - zx, yx - xy
    twice_sin = sqrt(x * x + y * y + z * z)
    factor = 0.5 if twice_sin < 1e-9 else atan2(twice_sin, xx + yy + zz - 1.0) / twice_sin
    return np.array([x * factor, y * factor, z * factor])
