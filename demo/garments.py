"""The garments the demo shop sells. Their models are those of `python -m avatar.garments`, made at set-up; here is what
a shop adds to a model: a name, a sentence, and whom each size is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LABELS = ("XS", "S", "M", "L", "XL")


@dataclass(frozen=True)
class Garment:
    """model: the file's name in the garments folder; body_chart: whom a size is for, in cm."""

    name: str
    model: str
    description: str
    body_chart: Mapping[str, Any]


def _for_bodies(**measures: tuple[float, ...]) -> dict[str, Any]:
    """A body chart of the five sizes from each measure's borders between them, the outer ones too."""
    rows = []
    for index, label in enumerate(LABELS):
        rows.append({"label": label, "cm": {name: [at[index], at[index + 1]] for name, at in measures.items()}})
    return {"chart": "body", "sizes": rows}


_CHEST, _WAIST, _HIP = (78, 88, 95, 103, 111, 119), (62, 72, 79, 87, 95, 103), (84, 95, 102, 110, 118, 126)

GARMENTS: tuple[Garment, ...] = (
    Garment("Alba T-shirt", "t-shirt", "Heavy cotton jersey, straight cut", _for_bodies(chest=_CHEST)),
    Garment("Moor Hoodie", "hoodie", "Brushed fleece with a lined hood, worn over a shirt", _for_bodies(chest=_CHEST)),
    Garment("Ridge Jeans", "jeans", "Straight leg in washed denim", _for_bodies(waist=_WAIST, hip=_HIP)),
    Garment("Vela Skirt", "skirt", "A-line in crepe, to the knee", _for_bodies(waist=_WAIST, hip=_HIP)),
    Garment("Isola Dress", "dress", "Fitted waist, wide hem, short sleeves", _for_bodies(chest=_CHEST, waist=_WAIST)),
)
