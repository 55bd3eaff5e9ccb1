"""Learn a correction of `avatar.estimate`: robust ridge regression, judged on people who were left out.

Every measure has its own regression with Huber's weights: a few photos are seen wrongly, and what is off by twenty
centimetres there must not bend the rest. Errors of people left out come in closed form from the hat matrix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar.estimate import Correction, standardised

# Of what was measured and stated, and of the circumstances, which are many and say little each.
STRENGTHS = ((3.0, 100.0), (10.0, 100.0), (10.0, 300.0), (30.0, 300.0), (30.0, 1000.0), (100.0, 1000.0))
_HUBER = 2.0
_ROUNDS = 5
_WITHIN_SIGMA, _OUTLIER = 0.683, 3.0

Float = NDArray[np.float64]


@dataclass(frozen=True)
class _Groups:
    """Rows by whose they are: index (G, K) with -1 where a group has fewer rows than K."""

    index: NDArray[np.int64]

    @classmethod
    def of(cls, group: NDArray[np.int64]) -> _Groups:
        members = [np.flatnonzero(group == one) for one in np.unique(group)]
        index = np.full((len(members), max(map(len, members))), -1)
        for row, mine in enumerate(members):
            index[row, : len(mine)] = mine
        return cls(index)

    def left_out(self, rows: Float, inverse: Float, weight: Float, residual: Float) -> Float:
        """Errors (N,) of each group when it is left out, from the residuals (N,) with all.

        rows (N, C); inverse (C, C) of the weighted information; weight (N,).
        """
        there = self.index >= 0
        mine = rows[self.index] * there[..., None]
        hat = (mine @ inverse @ mine.transpose(0, 2, 1)) * (weight[self.index] * there)[:, None, :]
        wanted = np.eye(hat.shape[1]) - hat
        errors = np.empty_like(residual)
        errors[self.index[there]] = np.linalg.solve(wanted, (residual[self.index] * there)[..., None])[..., 0][there]
        return errors


def train(rows: Float, truth: Float, group: NDArray[np.int64], circumstances: int) -> Correction:
    """Learn a correction from feature rows (N, F), of which the last `circumstances` columns are that, and true
    measures (N, M); `group` (N,) says whose rows they are: nobody is judged by what was learned from herself.

    The strength of the ridge is the one with the least error on people left out.
    """
    centre, scale = rows.mean(0), rows.std(0) + 1e-9
    columns = np.c_[standardised(rows, centre, scale), np.ones(len(rows))]
    missing = truth - rows[:, : truth.shape[1]]
    groups, unit = _Groups.of(group), truth.std(0)
    best: tuple[float, Float, Float] | None = None
    for known, around in STRENGTHS:
        penalty = np.full(columns.shape[1], known)
        penalty[rows.shape[1] - circumstances :] = around
        penalty[-1] = 0.0
        found = [_robust(columns, one, groups, penalty) for one in missing.T]
        weights, errors = (np.stack(part, 1) for part in zip(*found, strict=True))
        error = float(np.mean(np.abs(_limited(errors)) / unit, dtype=np.float64))
        if best is None or error < best[0]:
            best = (error, weights, errors)
    assert best is not None
    _, weights, errors = best
    return Correction(centre, scale, weights[:-1], weights[-1], _stated(errors))


def _robust(columns: Float, wanted: Float, groups: _Groups, penalty: Float) -> tuple[Float, Float]:
    """Weights (C,) for one measure, and everybody's error when left out (N,), both at the trust of the last round.

    columns (N, C), the last one constant; wanted (N,); penalty (C,).
    """
    trust: Float = np.ones(len(wanted))
    for _ in range(_ROUNDS):
        information = (columns * trust[:, None]).T @ columns + np.diag(penalty)
        inverse = np.asarray(np.linalg.inv(information), np.float64)
        weights = inverse @ columns.T @ (trust * wanted)
        errors = groups.left_out(columns, inverse, trust, wanted - columns @ weights)
        spread = _spread(errors)
        trust = np.asarray(np.minimum(1.0, _HUBER * spread / np.maximum(np.abs(errors), 1e-9)), np.float64)
    return weights, errors


def _spread(errors: Float) -> Float:
    """What 68 % of the errors (N, ...) keep to, by measure: a standard deviation that a few large ones do not move."""
    return np.asarray(np.quantile(np.abs(errors), _WITHIN_SIGMA, axis=0))


def _limited(errors: Float) -> Float:
    """Errors (N, M), none larger than some times the spread of its measure."""
    most = _OUTLIER * _spread(errors)
    return errors.clip(-most, most)


def _stated(errors: Float) -> Float:
    """The covariance (M, M) to state for errors (N, M): 68 % of them lie within one standard deviation.

    A few photos are seen wrongly and give large errors; their squares would make everybody else's sigma too large.
    """
    spread = _spread(errors)
    return np.asarray(np.corrcoef(_limited(errors).T) * np.outer(spread, spread))
