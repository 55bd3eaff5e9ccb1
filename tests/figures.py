"""Real avatars for tests that show them: the average woman, and the same in the demo shop's dress. Made once."""

from __future__ import annotations

from functools import cache

import numpy as np

from avatar.body_arrays import load_arrays
from avatar.export import MANNEQUIN
from avatar.garments.dress import Dresser, Worn
from tests.bodies import MODELS, built


def body() -> bytes:
    """Her plain GLB."""
    return built().plain_glb


@cache
def dressed() -> bytes:
    """Her plain GLB with the dress on; takes some seconds."""
    woman = built()
    dress = (MODELS / "garments" / "dress.glb").read_bytes()
    outfit = Dresser(MODELS).dress(woman.sex, np.asarray(woman.betas), [Worn(dress, None)])
    return outfit.file(compressed=False, body_color=MANNEQUIN)


@cache
def garment(name: str) -> bytes:
    """The plain GLB of one of the demo's garments as it hangs on the base body, without that."""
    content = (MODELS / "garments" / f"{name}.glb").read_bytes()
    nobody = np.zeros(load_arrays(MODELS, "neutral").betas)
    return Dresser(MODELS).dress("neutral", nobody, [Worn(content, None)]).file(compressed=False)
