"""The JSON of what is worn on a body, and how it fits. Lengths are in centimetres, and every field says so."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from web.contract import Answered

Verdict = Literal["tight", "snug", "good", "roomy", "loose"]


class WornGarment(Answered):
    """A garment as it is worn."""

    product: UUID
    name: str
    worn_as: Literal["top", "jacket", "bottom", "skirt", "dress"]
    size: str


class OutfitFiles(Answered):
    """Paths that never change what they hold. They take the visit's token like every other call."""

    garment: Annotated[str, Field(description="The garments alone, compressed with meshopt.")]
    garment_plain: Annotated[str, Field(description="The same without compression.")]
    dressed: Annotated[str, Field(description="Body and garments in one, compressed with meshopt.")]
    dressed_plain: Annotated[str, Field(description="The same without compression, for AR viewers.")]
    picture: Annotated[str, Field(description="A PNG with a transparent ground.")]


class Outfit(Answered):
    """What is worn, the lowest layer first, and its files, which are made when they are first asked for."""

    garments: list[WornGarment]
    tucked: bool
    files: OutfitFiles


class Zone(Answered):
    """One dimension of one size on this body."""

    zone: str
    name: Annotated[str, Field(description="In the language asked for.")]
    garment_cm: float
    body_cm: float
    ease_cm: Annotated[float, Field(description="What the garment has more than the body; less, if negative.")]
    sigma_cm: float
    ease_least_cm: Annotated[float, Field(description="The least that it is meant to have.")]
    ease_most_cm: Annotated[float, Field(description="The most that it is meant to have.")]
    verdict: Verdict
    words: str


class SizeFit(Answered):
    """How one size fits."""

    label: str
    probability: Annotated[float, Field(ge=0, le=1, description="That it is the best of all sizes.")]
    words: str
    garment: Annotated[str, Field(description="Path of the garment alone in this size, as in `outfit`.")]
    zones: list[Zone]


class LabelSize(Answered):
    """The size that the shop's own body chart names."""

    size: str
    probability: Annotated[float, Field(ge=0, le=1)]


class Fit(Answered):
    """Which size of a garment fits, how surely, and where it is tight."""

    product: UUID
    name: str
    language: str
    size: str
    probability: Annotated[float, Field(ge=0, le=1)]
    neighbour: Annotated[str | None, Field(description="The size that comes next; null if there is one only.")]
    neighbour_probability: Annotated[float, Field(ge=0, le=1)]
    between: Annotated[bool, Field(description="Whether the neighbour is nearly as good.")]
    decided_by: Annotated[str, Field(description="The zone that speaks most against the neighbour.")]
    decided_by_words: str
    words: str
    label_size: LabelSize | None
    sizes: Annotated[list[SizeFit], Field(description="From small to large.")]
    colours: Annotated[list[tuple[float, str]], Field(description="The map of ease: cm, and the colour there.")]
