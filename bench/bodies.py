"""How well a body is measured from photos: `python -m bench.bodies`.

Renders people of the bench, fits them, and compares with what the tape reads on their meshes: for one and two photos,
with and without a stated weight, beside what stature (and weight) and sex alone would say of the same people. The
corrections are the package's own (`bench.bodies_train` made them, from other seeds). Everything drawn or fitted is kept
under the cache folder, so that a broken run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avatar.checks import Finding
from avatar.estimate import CLOTHING, Correction, load, mode
from avatar.measure import MEASURES
from bench.bodies_cases import Case, cases
from bench.bodies_people import TEST_SEEDS
from bench.bodies_sight import CLOTHES, Archive
from bench.bodies_train import add_arguments, archive_of

SHOWN = ("chest", "underbust", "waist", "high_hip", "hip", "thigh", "upper_arm", "neck", "inside_leg", "shoulder_width")
Float = NDArray[np.float64]
Report = dict[str, dict[str, dict[str, float]]]


def baseline(train_cases: list[Case], test_cases: list[Case], with_weight: bool) -> Float:
    """Errors (N, M) of a linear guess from sex, stature and perhaps weight, learned from the training people."""

    def rows(cases: list[Case]) -> Float:
        table = []
        for case in cases:
            height, female = case.person.stated_height_cm, float(case.person.sex == "female")
            row = [1, female, height, height * female]
            if with_weight:
                weight = case.person.stated_weight_kg
                row += [weight, weight * female, weight / height**2 * 1e4]
            table.append(row)
        return np.array(table)

    truth = np.array([case.truth for case in train_cases])
    weights = np.linalg.lstsq(rows(train_cases), truth, rcond=None)[0]
    return np.asarray(rows(test_cases) @ weights - np.array([case.truth for case in test_cases]))


def report(training: list[Case], measured: list[Case]) -> Report:
    """By clothes worn and stated, photos and weight, then by measure: see `_row`."""
    corrections = load()
    result: Report = {}
    for worn in CLOTHES:
        for views in (1, 2):
            mine = [case for case in measured if case.clothes == worn and case.views == views]
            peers = [case for case in training if case.clothes == worn and case.views == views]
            for stated in (worn, "unknown"):
                for with_weight in (False, True):
                    clothing = next(kind for kind in CLOTHING if kind == stated)
                    name = mode(views, with_weight, clothing)
                    guess = baseline(peers, mine, with_weight)
                    result[f"{worn}/{name}"] = _rows(mine, corrections[name], with_weight, guess)
    return result


def _rows(mine: list[Case], correction: Correction, with_weight: bool, guess: Float) -> dict[str, dict[str, float]]:
    """By measure: mean error, bias, 90th percentile, share within one sigma, and the no-photo guess's mean error."""
    estimates = [correction.apply(case.features(with_weight)) for case in mine]
    errors = np.array([estimate.mean for estimate in estimates]) - np.array([case.truth for case in mine])
    sigma = np.sqrt(np.array([np.diag(estimate.covariance) for estimate in estimates]))
    return {
        measure: {
            "people": len(mine),
            "mean_error_cm": round(float(np.abs(errors[:, i]).mean()), 3),
            "bias_cm": round(float(errors[:, i].mean()), 3),
            "p90_cm": round(float(np.percentile(np.abs(errors[:, i]), 90)), 3),
            "within_sigma": round(float((np.abs(errors[:, i]) < sigma[:, i]).mean()), 3),
            "sigma_cm": round(float(sigma[:, i].mean()), 3),
            "no_photo_cm": round(float(np.abs(guess[:, i]).mean()), 3),
        }
        for i, measure in enumerate(MEASURES)
    }


def printed(result: Report, shown: tuple[str, ...]) -> str:
    """The report as a table."""
    lines = [f"{'':38}{'':16}{'mean':>7}{'bias':>7}{'P90':>7}{'sigma':>7}{'in 1σ':>7}{'no photo':>10}   cm"]
    for name, measures in result.items():
        for index, measure in enumerate(shown):
            row = measures[measure]
            title = f"{name} ({row['people']:.0f})" if index == 0 else ""
            lines.append(
                f"{title:38}{measure:16}{row['mean_error_cm']:7.2f}{row['bias_cm']:+7.2f}{row['p90_cm']:7.2f}"
                f"{row['sigma_cm']:7.2f}{row['within_sigma']:7.0%}{row['no_photo_cm']:10.2f}"
            )
    return "\n".join(lines)


def refused(archive: Archive, seeds: range) -> dict[str, dict[str, int]]:
    """How many photos of each kind of clothes and view the photo checks object to, by code."""
    counts: dict[str, Counter[str]] = {}
    for seed in seeds:
        for clothes in CLOTHES:
            for view, codes in archive.seen(seed, clothes).findings.items():
                counts.setdefault(f"{clothes}/{view}", Counter()).update(Finding(code, view).code for code in codes)
    return {name: dict(found) for name, found in counts.items()}


def main() -> None:
    """Run the bench from the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.bodies", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--people", type=int, default=200, help="people to measure")
    parser.add_argument("--all", action="store_true", help="show every measure")
    parser.add_argument("--json", type=Path, default=Path("bench/results/bodies.json"))
    options = parser.parse_args()
    archive = archive_of(options)
    seeds = range(TEST_SEEDS, TEST_SEEDS + options.people)
    training, _ = cases(archive, range(options.training), options.processes)
    measured, failures = cases(archive, seeds, options.processes)
    result = report(training, measured)
    found = {"training_people": options.training, "measures": result, "not_fitted": failures}
    found["refused_by_checks"] = refused(archive, seeds)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(found, indent=1) + "\n")
    print(printed(result, tuple(MEASURES) if options.all else SHOWN))
    print(f"\n{len(failures)} of {4 * options.people} cases could not be fitted; refused by checks:")
    print(json.dumps(found["refused_by_checks"]))


if __name__ == "__main__":
    main()
