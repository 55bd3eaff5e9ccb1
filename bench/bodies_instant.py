"""How far the instant engine errs on rendered people it has never seen: `python -m bench.bodies_instant`."""

from __future__ import annotations

import argparse
import time

import numpy as np

from avatar.body_model import SEXES, load_arrays
from avatar.engines.engine import Scene
from avatar.engines.instant import Instant
from avatar.estimate import load, mode
from avatar.measure import MEASURES, Tape
from avatar.reshape import Tailor
from avatar.sighting import View
from bench.bodies_train import add_arguments, archive_of

SHOWN = ("chest", "waist", "hip", "thigh", "height")
WAYS: tuple[tuple[tuple[View, ...], bool], ...] = (
    (("front",), False),
    (("front", "side"), False),
    (("front", "side"), True),
)


def main() -> None:
    """Print mean error and bias in cm, the milliseconds taken, and how much wider than our own fit's sigma they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--people", type=int, default=24)
    options = parser.parse_args()
    archive, engine = archive_of(options), Instant(options.models)
    seeds = range(9000, 9000 + options.people)
    archive.fill(seeds, options.processes)
    tapes = {sex: Tape(load_arrays(options.models, sex)) for sex in SEXES[:2]}
    tailors = {sex: Tailor(load_arrays(options.models, sex), tape) for sex, tape in tapes.items()}
    for views, weighed in WAYS:
        errors, slowest = [], 0.0
        for person in archive.people(seeds):
            seen = archive.seen(person.seed, "tight").sightings
            if not set(views) <= set(seen):
                continue
            weight = person.stated_weight_kg if weighed else None
            scene = Scene({}, {view: seen[view] for view in views}, person.stated_height_cm, weight, lambda _: None)
            started = time.perf_counter()
            sex = next(sex for sex in SEXES if sex == person.sex)
            betas = engine.shape(scene, sex)
            slowest = max(slowest, time.perf_counter() - started)
            found = tapes[sex].measure(tailors[sex].vertices(betas))
            errors.append([found[name] - person.truth[name] for name in MEASURES])
        error = np.array(errors)
        own = np.sqrt(np.diag(load()[mode(1, with_weight=weighed, clothing="tight")].covariance))
        wider = np.quantile(np.abs(error), 0.683, axis=0) / own
        print(f"{' and '.join(views)}{', weight' if weighed else ''}: {len(errors)} people, {1000 * slowest:.0f} ms")
        for name in SHOWN:
            at = MEASURES.index(name)
            print(f"  {name:8} {np.abs(error[:, at]).mean():5.2f} {error[:, at].mean():+6.2f}   x {wider[at]:.2f}")
        print(f"  median over all measures: x {np.median(wider):.2f}")


if __name__ == "__main__":
    main()
