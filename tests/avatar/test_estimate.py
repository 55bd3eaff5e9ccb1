"""Corrections learn what repeats, state what is left, and let the shopper's own tape overrule."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avatar.estimate import Correction, Estimate, Features, load, save, train
from avatar.measure import MEASURES

M = len(MEASURES)


def people(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Feature rows and truths: the fit is 5 % too large and 2 cm noisy at one measure, right at the others."""
    random = np.random.default_rng(seed)
    truth = 80 + random.normal(0, 8, (count, 1)) + random.normal(0, 3, (count, M))
    fitted = truth * 1.05 + random.normal(0, 0.5, (count, M))
    fitted[:, 0] += random.normal(0, 2, count)
    others = random.normal(170, 8, (count, 3))
    return np.concatenate([fitted, others], 1), truth


def estimate_of(row: np.ndarray, correction: Correction) -> Estimate:
    measures = dict(zip(MEASURES, row[:M], strict=True))
    return correction.apply(Features(measures, *row[M:]))


def test_what_repeats_is_corrected_and_the_rest_is_stated() -> None:
    correction = train(*people(300, 1), np.arange(300))
    rows, truth = people(400, 2)
    estimates = [estimate_of(row, correction) for row in rows]
    errors = np.array([estimate.mean for estimate in estimates]) - truth
    assert np.abs(errors.mean(0)).max() < 0.3
    sigma = np.sqrt(np.diag(estimates[0].covariance))
    inside = (np.abs(errors) < sigma).mean(0)
    assert inside.min() > 0.58
    assert inside.max() < 0.78


def test_a_corrected_measure_is_believed_and_pulls_its_kin() -> None:
    covariance = 4 * (0.7 * np.ones((M, M)) + 0.3 * np.eye(M))
    before = Estimate(np.full(M, 90.0), covariance)
    after = before.corrected({"waist": 94.0}, sigma_cm=0.5)
    waist, sigma = after["waist"]
    assert waist == pytest.approx(94, abs=0.3)
    assert sigma < 0.5
    hip, hip_sigma = after["hip"]
    assert 91 < hip < 94
    assert hip_sigma < before["hip"][1]
    assert np.linalg.eigvalsh(after.covariance).min() > -1e-9


def test_corrections_survive_a_file(tmp_path: Path) -> None:
    correction = train(*people(100, 3), np.arange(100))
    save({"front": correction}, tmp_path / "correction.npz")
    back = load(tmp_path / "correction.npz")["front"]
    row = people(1, 4)[0][0]
    np.testing.assert_allclose(estimate_of(row, back).mean, estimate_of(row, correction).mean, atol=1e-2)
