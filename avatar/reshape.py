"""Move a body's shape so that the tape reads given measures, staying as near as it can to where the shape was."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from avatar.body_model import BodyArrays
from avatar.measure import MEASURES, Tape

Float = NDArray[np.float64]
_STEP = 0.25  # of a component's standard deviation, for the derivatives of the measures
_ROUNDS = 4
_FARTHEST = 4.0  # standard deviations: beyond, the components no longer make people


class Tailor:
    """Shapes bodies of one model to measures. Knows the derivatives of the measures at the average body."""

    def __init__(self, arrays: BodyArrays, tape: Tape) -> None:
        self._arrays, self._tape = arrays, tape
        self._slopes: Float | None = None

    def vertices(self, betas: Float) -> NDArray[np.float32]:
        """The body (V, 3) in the rest pose, metres."""
        return np.asarray(self._arrays.template + self._arrays.shapedirs @ betas.astype(np.float32))

    def measures(self, betas: Float) -> Float:
        """What the tape reads (M,), cm."""
        read = self._tape.measure(self.vertices(betas))
        return np.array([read[name] for name in MEASURES])

    def shaped(self, betas: Float, wanted_cm: Mapping[str, float], sigma_cm: Mapping[str, float]) -> Float:
        """Betas near the given ones whose body measures as wanted, each measure to within its sigma.

        Gauss-Newton under the model's own prior about the start; the measures' derivatives come from the average body
        and are brought up to date with each round's true change (Broyden).
        """
        index = [MEASURES.index(name) for name in wanted_cm]
        wanted = np.array(list(wanted_cm.values()))
        weight = 1 / np.array([sigma_cm[name] for name in wanted_cm])
        slopes = self._derivatives()[index].copy()
        here = betas.astype(np.float64).copy()
        read = self.measures(here)[index]
        for _ in range(_ROUNDS):
            J = slopes * weight[:, None]
            H = J.T @ J + np.eye(len(here))
            step = np.linalg.solve(H, J.T @ ((wanted - read) * weight) - (here - betas))
            moved = (here + step).clip(-_FARTHEST, _FARTHEST)
            step, found = moved - here, self.measures(moved)[index]
            if not step.any():
                break
            slopes += np.outer(found - read - slopes @ step, step) / (step @ step)
            here, read = moved, found
        return here

    def _derivatives(self) -> Float:
        """Of the measures (M, K) by the betas, cm."""
        if self._slopes is None:
            columns = []
            for component in range(self._arrays.betas):
                step = np.zeros(self._arrays.betas)
                step[component] = _STEP
                columns.append((self.measures(step) - self.measures(-step)) / (2 * _STEP))
            self._slopes = np.stack(columns, 1)
        return self._slopes
