"""People of the bench, fitted: what the correction is learned from and what the bench reports on.

Fits are kept under the cache by a key of the fit's own source, so that a changed fit is never mistaken for the old one.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import avatar
from avatar.body_model import MODEL_FILE, SEXES, BodyArrays, load_arrays
from avatar.build import TOLERATED
from avatar.circumstances import circumstances
from avatar.estimate import Features
from avatar.fit import Fitter
from avatar.measure import MEASURES, Tape
from bench.bodies_people import Person
from bench.bodies_sight import CLOTHES, VIEWS, Archive

_SOURCES = ("fit.py", "circumstances.py", "outline.py", "differential.py", "measure.py")
Float = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """One person in one kind of clothes, fitted from one or two photos: the fitted body's measures and mass.

    around: the circumstances of the fit.
    """

    person: Person
    clothes: str
    views: int
    measures_cm: dict[str, float]
    mass_kg: float
    around: Float

    def features(self, with_weight: bool) -> Features:
        """What the correction sees."""
        return Features(
            measures_cm=self.measures_cm,
            mass_kg=self.mass_kg,
            height_cm=self.person.stated_height_cm,
            female=float(self.person.sex == "female"),
            circumstances=self.around,
            weight_kg=self.person.stated_weight_kg if with_weight else None,
        )

    @property
    def truth(self) -> Float:
        """The true measures, cm."""
        return np.array([self.person.truth[name] for name in MEASURES])


def cases(archive: Archive, seeds: Sequence[int], processes: int) -> tuple[list[Case], list[str]]:
    """Every case that could be fitted, and what became of the others; what the checks refuse is not measured."""
    archive.fill(seeds, processes)
    folder = archive.cache / f"fits-{_digest(archive.models)}"
    folder.mkdir(exist_ok=True)
    missing = [seed for seed in seeds if not (folder / f"{seed}.pkl").exists()]
    if missing:
        shares = [missing[start::processes] for start in range(processes)]
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            pool.starmap(_fit, [(archive, folder, share) for share in shares if share])
    found, failures = [], []
    for person in archive.people(seeds):
        kept = pickle.loads((folder / f"{person.seed}.pkl").read_bytes())  # noqa: S301 -- written below
        for clothes in CLOTHES:
            objections = archive.seen(person.seed, clothes).findings
            for views in (1, 2):
                grave = {code for view in VIEWS[:views] for code in objections[view]} - set(TOLERATED)
                if grave:
                    failures.append(f"{person.seed} {clothes} {views}: {', '.join(sorted(grave))}")
                elif (clothes, views) in kept:
                    found.append(Case(person, clothes, views, *kept[clothes, views]))
                else:
                    failures.append(f"{person.seed} {clothes} {views}: nobody")
    return found, failures


def _fit(archive: Archive, folder: Path, seeds: Sequence[int]) -> None:
    """One process's share, politely."""
    os.nice(19)
    arrays: dict[str, BodyArrays] = {sex: load_arrays(archive.models, sex) for sex in SEXES[:2]}
    fitters = {sex: Fitter(body) for sex, body in arrays.items()}
    tapes = {sex: Tape(body) for sex, body in arrays.items()}
    for person in archive.people(seeds):
        body, tape = arrays[person.sex], tapes[person.sex]
        result = {}
        for clothes in CLOTHES:
            seen = archive.seen(person.seed, clothes).sightings
            for views in (1, 2):
                wanted = {view: seen[view] for view in VIEWS[:views] if view in seen}
                if len(wanted) == views:
                    fit = fitters[person.sex].fit(wanted, person.stated_height_cm)
                    vertices = (body.template + body.shapedirs @ fit.betas).astype(np.float32)
                    result[clothes, views] = (tape.measure(vertices), tape.mass_kg(vertices), circumstances(fit))
        path = folder / f"{person.seed}.pkl"
        path.with_suffix(".part").write_bytes(pickle.dumps(result))
        path.with_suffix(".part").replace(path)


def _digest(models: Path) -> str:
    digest = hashlib.sha256((models / MODEL_FILE).read_bytes())
    for name in _SOURCES:
        digest.update((Path(avatar.__file__).parent / name).read_bytes())
    return digest.hexdigest()[:12]
