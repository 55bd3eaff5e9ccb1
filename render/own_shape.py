"""How one person's face differs from the usual, told from how her landmarks move as she turns.

A flat face that turns far looks like a deep one that turns less, so a single frame tells pose and shape apart badly and
many views tell them apart well. Each frame's least squares leave, when its pose is eliminated (Schur's complement), a
quadratic in the shape; those of one view are averaged, because their errors are the same ones, and the views are added
to a prior of one standard deviation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

# A frame's landmarks err together, by so many canonical millimetres, as if they were so many independent ones.
LANDMARK_SIGMA_MM = 2.5
INDEPENDENT = 2.0
# Views are told apart by steps of this sine; one view counts as so many frames at most.
VIEW_STEP = 0.2
FRAMES_OF_A_VIEW = 4.0
# The shape is followed slowly: a worn product must not be seen to settle.
FOLLOWING = 0.15
FARTHEST = 2.5


class OwnShape:
    """coefficients: (S,) in standard deviations; zero until something is known."""

    def __init__(self, shapes: int) -> None:
        self._shapes = shapes
        self.forget()

    def forget(self) -> None:
        """The next face may be somebody else's."""
        self.coefficients = np.zeros(self._shapes)
        self._views: dict[tuple[int, int], tuple[float, Vector, Vector]] = {}

    def add(self, view: Vector, by_pose: Vector, by_shape: Vector, left: Vector) -> None:
        """One frame at its best pose.

        view: (3,) unit vector in the head frame, to the camera. by_pose: (M, 6), by_shape: (M, S): derivatives of the
        landmarks' places by pose and shape; left: (M,) what is left of them; all in canonical millimetres, times the
        root of each landmark's weight, where weights have the sum 1.
        """
        trust = INDEPENDENT / LANDMARK_SIGMA_MM**2
        mixed = by_pose.T @ by_shape
        normal = by_pose.T @ by_pose
        normal[np.diag_indices(6)] *= 1.0 + 1e-6
        solved = np.linalg.solve(normal, np.column_stack([mixed, by_pose.T @ left]))
        curvature = trust * (by_shape.T @ by_shape - mixed.T @ solved[:, :-1])
        slope = trust * (by_shape.T @ left - mixed.T @ solved[:, -1]) + curvature @ self.coefficients
        key = (round(float(view[0]) / VIEW_STEP), round(float(view[1]) / VIEW_STEP))
        count, mean_curvature, mean_slope = self._views.get(key, (0.0, curvature, slope))
        count = min(count + 1.0, FRAMES_OF_A_VIEW)
        self._views[key] = (
            count,
            mean_curvature + (curvature - mean_curvature) / count,
            mean_slope + (slope - mean_slope) / count,
        )
        total, pull = np.eye(self._shapes), np.zeros(self._shapes)
        for seen, curved, sloped in self._views.values():
            total, pull = total + seen * curved, pull + seen * sloped
        best = np.clip(np.linalg.solve(total, pull), -FARTHEST, FARTHEST)
        self.coefficients = self.coefficients + FOLLOWING * (best - self.coefficients)
