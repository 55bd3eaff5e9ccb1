"""A real body, made once for all tests that need one but not the way to it."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np

from avatar.body_model import load_arrays
from avatar.build import Built, Measure, thumbnail
from avatar.export import BodyShape, write_body
from avatar.measure import Tape
from avatar.reshape import Tailor

MODELS = Path(os.environ.get("VITRINE_MODELS", "models"))


@cache
def built() -> Built:
    """The average woman, measured and exported."""
    arrays = load_arrays(MODELS, "female")
    tape, shape, betas = Tape(arrays), BodyShape(arrays), np.zeros(arrays.betas)
    vertices = Tailor(arrays, tape).vertices(betas)
    files = [
        write_body(shape.mesh(vertices), shape.joints(vertices), arrays.parents, compressed=small, extras={})
        for small in (True, False)
    ]
    measures = {name: Measure(value, 1.2) for name, value in tape.measure(vertices).items()}
    return Built("female", betas, measures, files[0], files[1], thumbnail(shape.mesh(vertices)), ())
