"""Size charts: what a garment measures, and whom a size is meant for. Two different things, kept apart.

A garment chart has finished dimensions in centimetres, girths all round (not laid flat). A body chart has intervals of
body measures, as on a label. A file holds either as JSON with `"chart": "garment"` or `"chart": "body"`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from avatar.errors import ChartInvalid
from avatar.measure import MEASURES

Kind = Literal["top", "jacket", "bottom", "skirt", "dress"]
KINDS: tuple[Kind, ...] = ("top", "jacket", "bottom", "skirt", "dress")
# Garment girths by the body measure that lies under them.
GIRTHS: Mapping[str, str] = {
    "chest": "chest", "waist": "waist", "hip": "hip", "hem": "hip", "upper_arm": "upper_arm", "thigh": "thigh",
    "knee": "knee", "cuff": "wrist", "leg_hem": "ankle", "neck": "neck",
}  # fmt: skip
LENGTHS: Mapping[str, str | None] = {
    "length": None, "sleeve": "arm_length", "inside_leg": "inside_leg", "shoulder": "shoulder_width",
}  # fmt: skip
# Ease in cm a zone is meant to have, least, best and most, where a chart does not say: woven everyday clothes
# (Armstrong's and sewing schools' figures as quoted by Central Washington University's patternmaking pages).
_EASE: Mapping[str, tuple[float, float, float]] = {
    "chest": (4.0, 8.0, 14.0), "waist": (1.5, 3.0, 7.0), "hip": (2.5, 5.5, 10.0), "upper_arm": (3.0, 6.0, 12.0),
    "thigh": (2.0, 5.0, 10.0), "shoulder": (-1.0, 1.0, 4.0), "inside_leg": (-5.0, 0.0, 3.0), "sleeve": (-2.0, 1.0, 5.0),
}  # fmt: skip


@dataclass(frozen=True)
class GarmentChart:
    """sizes: by label from small to large, finished dimensions in cm by name (`GIRTHS` and `LENGTHS`).

    ease: least, best and most ease in cm by dimension; only these decide the size. stretch: share by which the fabric
    gives comfortably, 0 for denim, 0.3 for ribbing. modelled: the size the garment's model has.
    """

    kind: Kind
    sizes: Mapping[str, Mapping[str, float]]
    ease: Mapping[str, tuple[float, float, float]]
    stretch: float = 0.0
    modelled: str = "M"

    def as_json(self) -> dict[str, Any]:
        """As files hold it."""
        return {
            "chart": "garment",
            "kind": self.kind,
            "sizes": [{"label": label, "cm": dict(row)} for label, row in self.sizes.items()],
            "ease": {name: list(band) for name, band in self.ease.items()},
            "stretch": self.stretch,
            "modelled": self.modelled,
        }


@dataclass(frozen=True)
class BodyChart:
    """sizes: by label from small to large, intervals of body measures in cm by name."""

    sizes: Mapping[str, Mapping[str, tuple[float, float]]]

    def as_json(self) -> dict[str, Any]:
        """As files hold it."""
        rows = [
            {"label": label, "cm": {name: list(span) for name, span in row.items()}}
            for label, row in self.sizes.items()
        ]
        return {"chart": "body", "sizes": rows}


def parse_chart(data: object) -> GarmentChart | BodyChart:
    """A chart from parsed JSON. Raises ChartInvalid, which says where it is wrong."""
    if not isinstance(data, dict):
        raise ChartInvalid("a chart is a JSON object")
    if data.get("chart") == "garment":
        return _garment_chart(data)
    if data.get("chart") == "body":
        return _body_chart(data)
    raise ChartInvalid('"chart" must be "garment" (finished dimensions) or "body" (whom a size is for)')


def _garment_chart(data: dict[str, Any]) -> GarmentChart:
    kind = next((known for known in KINDS if known == data.get("kind")), None)
    if kind is None:
        raise ChartInvalid(f'"kind" must be one of {", ".join(KINDS)}')
    rows = _rows(data)
    known = {**GIRTHS, **LENGTHS}
    sizes: dict[str, dict[str, float]] = {}
    for label, row in rows.items():
        sizes[label] = {name: _number(value, f"{label}.{name}") for name, value in row.items()}
        unknown = set(row) - set(known)
        if unknown:
            raise ChartInvalid(f"{label}: no such dimension: {', '.join(sorted(unknown))}")
    names = [set(row) for row in sizes.values()]
    if any(row != names[0] for row in names):
        raise ChartInvalid("every size must have the same dimensions")
    for smaller, larger in zip(list(sizes.values()), list(sizes.values())[1:], strict=False):
        if any(larger[name] < smaller[name] - 1e-9 for name in GIRTHS if name in smaller):
            raise ChartInvalid("sizes must go from small to large")
    ease = {} if data.get("ease") else default_ease(names[0])
    for name, band in (data.get("ease") or {}).items():
        if name not in names[0] or not isinstance(band, list) or len(band) != 3:
            raise ChartInvalid(f"ease.{name} must be the least, best and most ease of a dimension, in cm")
        least, best, most = (_number(value, f"ease.{name}", low=-60.0) for value in band)
        if not least <= best <= most:
            raise ChartInvalid(f"ease.{name}: least, best, most must not fall")
        ease[name] = (least, best, most)
    modelled = data.get("modelled", list(sizes)[len(sizes) // 2])
    if modelled not in sizes:
        raise ChartInvalid('"modelled" must be one of the sizes')
    return GarmentChart(kind, sizes, ease, _number(data.get("stretch", 0.0), "stretch", low=0.0), modelled)


def _body_chart(data: dict[str, Any]) -> BodyChart:
    sizes: dict[str, dict[str, tuple[float, float]]] = {}
    for label, row in _rows(data).items():
        sizes[label] = {}
        for name, span in row.items():
            if name not in MEASURES or not isinstance(span, list) or len(span) != 2:
                raise ChartInvalid(f"{label}.{name} must be an interval of a body measure, in cm")
            low, high = (_number(value, f"{label}.{name}") for value in span)
            if low >= high:
                raise ChartInvalid(f"{label}.{name} must not be empty")
            sizes[label][name] = (low, high)
    return BodyChart(sizes)


def default_ease(names: set[str]) -> dict[str, tuple[float, float, float]]:
    """The ease of everyday clothes for those of the dimensions that decide a size."""
    return {name: band for name, band in _EASE.items() if name in names}


def _rows(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Dimensions by label. A list, not an object: databases keep no order of an object's names."""
    rows = data.get("sizes")
    if not isinstance(rows, list) or not 1 <= len(rows) <= 40:
        raise ChartInvalid('"sizes" must be a list of 1 to 40 sizes, from small to large')
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        label = row.get("label") if isinstance(row, dict) else None
        if not isinstance(label, str) or not 0 < len(label) <= 12 or not isinstance(row.get("cm"), dict):
            raise ChartInvalid('each size is {"label": up to 12 letters, "cm": its dimensions}')
        # It stands in addresses, behind a colon and before a comma, and in tables that know no NUL.
        if not label.isprintable() or ":" in label or label.strip(" ,") != label:
            raise ChartInvalid("a size's label is printable, without colon, and with no comma at an end")
        if label in found:
            raise ChartInvalid(f"there are two sizes {label}")
        found[label] = row["cm"]
    return found


def _number(value: object, where: str, low: float = 1.0) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= 300:
        raise ChartInvalid(f"{where} must be a length in cm")
    return float(value)
