"""A product ready to be worn: canonical GLB in, merged triangle batches and levels of detail out.

Product frame, millimetres: x right in the picture, y up, z out of the face towards the viewer. Glasses have their
origin in the middle of the bridge at pupil height on the lens plane; hats in the centre of the sweatband's lower edge.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from render.detail import make_levels
from render.glb import Json, ProductError, mapping, read_glb
from render.gltf import Material, Model, read_model
from render.levels import Batch, Level, kept_levels, with_levels

__all__ = ["Batch", "Level", "ProductError", "Wearable", "finish", "load_wearable"]

_MM: Final = 1000.0  # in the metre that files are made in
_DIMENSIONS: Final = {
    "glasses": ("frame_width_mm", "lens_width_mm", "bridge_mm", "temple_mm", "lens_height_mm"),
    "hat": ("head_circumference_mm", "brim_mm"),
}
_serial = itertools.count(1)


@dataclass(frozen=True, eq=False)
class Wearable:
    """A product in true millimetres. `levels` run from fine to coarse; `bounds_mm` is (2, 3), lowest and highest."""

    kind: Literal["glasses", "hat"]
    name: str
    dimensions: dict[str, float]
    levels: tuple[Level, ...] = field(repr=False)
    bounds_mm: NDArray[np.float64] = field(repr=False)
    serial: int = field(default_factory=lambda: next(_serial))

    @property
    def finest(self) -> Level:
        return self.levels[0]

    def within(self, error_mm: float) -> Level:
        """The coarsest level that stays within `error_mm`; the finest if none does."""
        return next((level for level in reversed(self.levels) if level.error_mm <= error_mm), self.finest)


def load_wearable(glb: bytes) -> Wearable:
    """The product in a canonical GLB, in milliseconds where its levels of detail lie in it, else in a second.

    Raises ProductError; `not-canonical` if it never went through the intake.
    """
    return _load(glb)[0]


def finish(canonical: bytes) -> tuple[bytes, Wearable]:
    """The canonical GLB with its levels of detail in it, and the product. Raises ProductError."""
    product, materials = _load(canonical)
    return with_levels(canonical, product.levels, materials), product


def _load(glb: bytes) -> tuple[Wearable, tuple[Material, ...]]:
    container = read_glb(glb)
    model = read_model(container)
    extras = mapping(model.extras, "vitrine")
    kind = extras.get("kind")
    if kind not in ("glasses", "hat"):
        raise ProductError("not-canonical", "The file was not prepared as glasses or a hat.")
    levels = kept_levels(container, model.materials) or make_levels(model, kind, unit_mm=_MM)
    product = Wearable(kind, str(extras.get("name", "")), _dimensions(extras, kind), levels, _bounds_mm(model))
    return product, model.materials


def _bounds_mm(model: Model) -> NDArray[np.float64]:
    everything = np.concatenate([part.positions for part in model.parts]).astype(np.float64) * _MM
    return np.stack([everything.min(0), everything.max(0)])


def _dimensions(extras: Json, kind: str) -> dict[str, float]:
    found = {}
    for name in _DIMENSIONS[kind]:
        value = extras.get(name)
        if isinstance(value, int | float) and 0 < value < 2000:
            found[name] = float(value)
    return found
