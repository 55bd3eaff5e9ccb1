"""What a shopper says of herself and of the body that is to be made, and what of it can be."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tenancy.errors import AvatarRefused

_COLOR = re.compile(r"#[0-9a-f]{6}")
HEIGHT_CM, WEIGHT_KG, MEASURE_CM = (120.0, 220.0), (30.0, 250.0), (5.0, 260.0)


@dataclass(frozen=True)
class Stated:
    """What the shopper says of herself. clothing: tight, everyday or None; sex: female, male, neutral or None.

    skin: how the body is to look: neutral, photo (as she does in it) or #rrggbb.
    """

    height_cm: float
    weight_kg: float | None = None
    sex: str | None = None
    clothing: str | None = None
    skin: str = "neutral"

    def check(self) -> None:
        """Raises AvatarRefused if it cannot be."""
        check_within("height_cm", self.height_cm, HEIGHT_CM)
        if self.weight_kg is not None:
            check_within("weight_kg", self.weight_kg, WEIGHT_KG)
        if self.skin != "photo":
            check_skin(self.skin)


def check_skin(skin: str) -> None:
    """Raises AvatarRefused if it is no colour a body can have without a photo."""
    if skin != "neutral" and not _COLOR.fullmatch(skin):
        raise AvatarRefused("skin must be neutral or #rrggbb in lower case")


def check_within(name: str, value: float, limits: tuple[float, float]) -> None:
    """Raises AvatarRefused."""
    if not limits[0] <= value <= limits[1]:  # false for what is no number, too
        raise AvatarRefused(f"{name} must be {limits[0]:g} to {limits[1]:g}")
