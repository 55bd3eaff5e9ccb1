"""Photographs of a rendered person of known shape, front and side, as files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from avatar.body_model import load_body
from avatar.measure import Tape
from bench.bodies_people import Person
from bench.bodies_photo import Studio

BETAS = {1: -0.9, 2: 0.7, 3: 0.8, 5: -0.6, 7: 0.5}


@dataclass(frozen=True)
class Photographed:
    """A person and her photos as JPEG."""

    person: Person
    front: bytes
    side: bytes


@cache
def photographed(models: Path) -> Photographed:
    """The same woman each time, in tight clothes."""
    woman = load_body(models, "female")
    betas = torch.zeros(1, woman.arrays.betas)
    for index, value in BETAS.items():
        betas[0, index] = value
    vertices = woman.shaped(betas)[0].numpy()
    tape = Tape(woman.arrays)
    person = Person(41, "female", vertices, tape.measure(vertices), tape.mass_kg(vertices))
    studio = Studio(woman.arrays)
    try:
        front, side = (studio.shoot(person, "tight", view).jpeg for view in ("front", "side"))
    finally:
        studio.close()
    return Photographed(person, front, side)
