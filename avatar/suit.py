"""The plain suit that a body wears under everything, so that nobody sees herself, or is seen, naked.

It is a colour on the body's own surface, with an edge cut through the triangles: vertices are added after the model's
own, which keep their numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar.body_arrays import JOINT_NAMES, BodyArrays
from avatar.garments.cloth import smoothing

Float = NDArray[np.float64]
Indices = NDArray[np.int64]
# Where the trunk moves the skin, but for a neckline: so far around a point before the neck, and drawn in so softly.
_TRUNK = ("pelvis", "spine1", "spine2", "spine3", "left_collar", "right_collar")
_NECKLINE_M, _SOFT_M = 0.115, 0.08
_NECKLINE_AT = np.array([0.0, 0.01, 0.035])
_SMOOTH = 6  # rounds: shares of the joints change by leaps where clothes have seams
_LEAST = 0.02  # of an edge: a cut nearer to its end is at the end
ON_MANNEQUIN, ON_SKIN, ON_DARK_SKIN = "#8d8983", "#56534f", "#a8a29a"
_DARK = 90  # mean of red, green and blue


@dataclass(frozen=True)
class Suit:
    """first, second (N,): the ends of the edges that its border cuts, share (N,): how far along. bare, worn (F, 3):
    triangles of skin and of suit, over the model's vertices and then those N."""

    first: Indices
    second: Indices
    share: Float
    bare: Indices
    worn: Indices

    def added(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Values (V, ...) of the model's vertices with those of the added ones after them."""
        share = self.share.reshape(-1, *[1] * (values.ndim - 1))
        between = (1 - share) * values[self.first] + share * values[self.second]
        return np.concatenate([values, between]).astype(np.float32)

    def hidden(self, covered: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The same for what is hidden: what is added is when both its ends are."""
        return np.concatenate([covered, covered[self.first] & covered[self.second]])


def suit_of(arrays: BodyArrays, count: int) -> Suit:
    """The suit on a model's first `count` vertices."""
    inside = _inside(arrays, count)
    low, high = 0.5 - inside[arrays.faces].min(1), 0.5 - inside[arrays.faces].max(1)
    bare, worn = arrays.faces[high >= 0], arrays.faces[low <= 0]
    crossed = arrays.faces[(high < 0) & (low > 0)]
    numbers: dict[tuple[int, int], int] = {}

    def cut(a: int, b: int) -> int:
        return numbers.setdefault((min(a, b), max(a, b)), count + len(numbers))

    sides: tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]] = ([], [])
    for face in crossed.tolist():
        within = [bool(inside[corner] > 0.5) for corner in face]
        alone = next(k for k in range(3) if within.count(within[k]) == 1)
        a, b, c = face[alone], face[(alone + 1) % 3], face[(alone + 2) % 3]
        ab, ac = cut(a, b), cut(a, c)
        sides[within[alone]].append((a, ab, ac))
        sides[not within[alone]].extend([(ab, b, c), (ab, c, ac)])
    first, second = np.array(list(numbers)).T
    share = (0.5 - inside[first]) / (inside[second] - inside[first])
    bare = np.concatenate([bare, np.array(sides[0])])
    worn = np.concatenate([worn, np.array(sides[1])])
    return Suit(first, second, share.clip(_LEAST, 1 - _LEAST), bare, worn)


def _inside(arrays: BodyArrays, count: int) -> Float:
    """Above one half where the suit is (count,)."""
    moved = arrays.weights[:count, [JOINT_NAMES.index(name) for name in _TRUNK]].sum(1).astype(np.float64)
    mean = smoothing(arrays.faces, count)
    for _ in range(_SMOOTH):
        moved = mean @ moved
    neck = arrays.joint_regressor[JOINT_NAMES.index("neck")].astype(np.float64) @ arrays.template
    away = np.linalg.norm(arrays.template[:count] - neck - _NECKLINE_AT, axis=1) - _NECKLINE_M
    inside = np.minimum(moved, 0.5 + away / _SOFT_M).clip(0, 1)
    return np.where(np.abs(inside - 0.5) < 1e-6, 0.5 + 1e-6, inside)


def suit_color(skin: str, mannequin: str) -> str:
    """The suit's colour on a body of that colour, both "#rrggbb": it stands off from it."""
    if skin == mannequin:
        return ON_MANNEQUIN
    dark = sum(int(skin[i : i + 2], 16) for i in (1, 3, 5)) / 3 < _DARK
    return ON_DARK_SKIN if dark else ON_SKIN
