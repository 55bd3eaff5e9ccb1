"""Clothes follow the pose: what they cover does not come through, alone and in layers, on one body and on another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avatar.body_arrays import load_arrays
from avatar.garments.catalogue import read_catalogue
from avatar.garments.dress import Dresser, Worn
from avatar.garments.stance import POSES
from bench.garments import Poke, pieces, pokes

SHOWN = ("rest", "page", "video")
OUTFITS = {
    "a shirt in a skirt": (("female", 0), ("t-shirt M", "skirt M"), True),
    "a shirt in trousers": (("male", 1), ("t-shirt L", "jeans L"), True),
    "a dress": (("female", 2), ("dress M",), False),
    "three layers": (("female", 1), ("jeans S", "t-shirt M", "hoodie M"), False),
}


@pytest.fixture(scope="module", params=OUTFITS)
def seen(request: pytest.FixtureRequest, models: Path) -> dict[str, list[Poke]]:
    """By pose, what stands out of what."""
    (sex, seed), worn, tucked = OUTFITS[request.param]
    arrays, catalogue = load_arrays(models, sex), read_catalogue(models)
    betas = np.random.default_rng([seed, len(sex)]).normal(0, 1.0, arrays.betas).clip(-2.5, 2.5) * (seed > 0)
    given = [Worn(catalogue[name], size) for name, size in (one.split() for one in worn)]
    layers, covered = Dresser(models).fitted(sex, betas, given, tucked=tucked)
    body = (arrays.template + arrays.shapedirs @ betas.astype(np.float32)).astype(np.float64)
    found = list(pokes(arrays, body, pieces(arrays, body, layers, covered), list(POSES)))
    return {pose: [poke for poke in found if poke.pose == pose] for pose in POSES}


@pytest.mark.parametrize("pose", POSES)
def test_nothing_comes_through_cloth(seen: dict[str, list[Poke]], pose: str) -> None:
    """Of the points of skin and of lower layers under a garment: in no pose more than 3 in 1000 by 2 mm."""
    found = seen[pose]
    deep = sum(int((poke.depths > 0.002).sum()) for poke in found)
    under = sum(poke.under for poke in found)
    assert under > 150
    assert deep <= 0.003 * under
