"""Corrections learn what repeats, state what is left, and let the shopper's own tape overrule."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avatar.estimate import Correction, Estimate, Features, load, save
from avatar.measure import MEASURES
from bench.bodies_ridge import train

M = len(MEASURES)


def people(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Feature rows and truths: the fit is 5 % too large and 2 cm noisy at one measure; another goes with the tilt."""
    random = np.random.default_rng(seed)
    truth = 80 + random.normal(0, 8, (count, 1)) + random.normal(0, 3, (count, M))
    fitted = truth * 1.05 + random.normal(0, 0.5, (count, M))
    fitted[:, 0] += random.normal(0, 2, count)
    others = random.normal(170, 8, (count, 3))
    tilt = random.normal(0, 0.1, (count, 2))
    fitted[:, 1] += 30 * tilt[:, 0]
    return np.concatenate([fitted, others, tilt], 1), truth


def estimate_of(row: np.ndarray, correction: Correction) -> Estimate:
    measures = dict(zip(MEASURES, row[:M], strict=True))
    mass, height, female = row[M : M + 3]
    return correction.apply(Features(measures, mass, height, female, row[M + 3 :]))


def test_what_repeats_is_corrected_and_the_rest_is_stated() -> None:
    correction = train(*people(800, 1), np.arange(800), 2)
    rows, truth = people(800, 2)
    estimates = [estimate_of(row, correction) for row in rows]
    errors = np.array([estimate.mean for estimate in estimates]) - truth
    assert np.abs(errors.mean(0)).max() < 0.3
    sigma = np.sqrt(np.diag(estimates[0].covariance))
    inside = (np.abs(errors) < sigma).mean(0)
    assert inside.min() > 0.58
    assert inside.max() < 0.78


def test_the_camera_s_part_is_taken_away() -> None:
    correction = train(*people(400, 1), np.arange(400), 2)
    rows, truth = people(400, 2)
    errors = np.array([estimate_of(row, correction).mean for row in rows]) - truth
    assert np.abs(errors[:, 1]).mean() < 0.7  # 2.4 of it is the tilt's


def test_photos_seen_wrongly_do_not_bend_what_is_said_of_the_others() -> None:
    rows, truth = people(400, 1)
    rows[::25, :M] += 25.0
    rows[::25, -1] += 0.3  # and they have something in common
    correction = train(rows, truth, np.arange(400), 2)
    rows, truth = people(400, 2)
    errors = np.array([estimate_of(row, correction).mean for row in rows]) - truth
    assert np.abs(errors.mean(0)).max() < 0.4
    assert np.abs(errors[:, 2:]).mean() < 0.8
    assert np.sqrt(np.diag(correction.covariance))[2:].max() < 1.2


def test_nobody_is_judged_by_what_was_learned_from_herself() -> None:
    rows, truth = people(60, 1)
    rows, truth, group = np.tile(rows, (2, 1)), np.tile(truth, (2, 1)), np.tile(np.arange(60), 2)
    apart, together = (train(rows, truth, mine, 2).covariance for mine in (np.arange(120), group))
    assert np.diag(together).mean() > 1.1 * np.diag(apart).mean()


def test_what_lies_very_far_out_is_not_extrapolated_to() -> None:
    rows, truth = people(400, 1)
    correction = train(rows, truth, np.arange(400), 2)
    usual, strange = rows[0].copy(), rows[0].copy()
    usual[-2], strange[-2] = 0.5, 50.0
    np.testing.assert_allclose(estimate_of(strange, correction).mean, estimate_of(usual, correction).mean)


def test_what_a_fit_does_not_know_of_its_photo_counts_as_usual() -> None:
    rows, truth = people(400, 1)
    correction = train(rows, truth, np.arange(400), 2)
    unknown, usual = rows[0].copy(), rows[0].copy()
    unknown[-1], usual[-1] = np.nan, rows[:, -1].mean()
    np.testing.assert_allclose(estimate_of(unknown, correction).mean, estimate_of(usual, correction).mean)


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
    correction = train(*people(100, 3), np.arange(100), 2)
    save({"front": correction}, tmp_path / "correction.npz")
    back = load(tmp_path / "correction.npz")["front"]
    row = people(1, 4)[0][0]
    np.testing.assert_allclose(estimate_of(row, back).mean, estimate_of(row, correction).mean, atol=1e-2)
