"""The garments the demo shop sells. Their models, with their charts, are those of `python -m avatar.garments`, made at
set-up; here is what a shop adds to a model: a name and a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Garment:
    """model: the file's name in the garments folder."""

    name: str
    model: str
    description: str


GARMENTS: tuple[Garment, ...] = (
    Garment("Alba T-shirt", "t-shirt", "Heavy cotton jersey, straight cut"),
    Garment("Moor Hoodie", "hoodie", "Brushed fleece with a lined hood, worn over a shirt"),
    Garment("Ridge Jeans", "jeans", "Straight leg in washed denim"),
    Garment("Vela Skirt", "skirt", "A-line in crepe, to the knee"),
    Garment("Isola Dress", "dress", "Fitted waist, wide hem, short sleeves"),
)
