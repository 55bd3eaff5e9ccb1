"""From an owner's file to a garment that can be worn: read, held against its chart and the base body, written anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from avatar.body_arrays import load_arrays
from avatar.charts import BodyChart, GarmentChart, parse_chart
from avatar.errors import ChartInvalid, GarmentInvalid
from avatar.garments.dress import Dresser, Worn
from avatar.garments.garment import Garment
from avatar.garments.glb import write_garment
from avatar.garments.intake import read_garment
from avatar.garments.outfit import Outfit
from avatar.messages import Message
from avatar.sizing import body_measure


@dataclass(frozen=True)
class Taken:
    """glb: the garment as it was modelled, written by us; worn_glb: as it hangs on the base body, without that, to be
    pictured; garment: worn_as, chart and body_chart as JSON, the latter perhaps None; dimensions of the modelled size,
    mm by name; report: what the owner should know.
    """

    glb: bytes
    worn_glb: bytes
    garment: Mapping[str, Any]
    dimensions: Mapping[str, float]
    report: Mapping[str, Any]

    def message(self) -> Message:
        """As it goes to whoever asked, or into a file."""
        about = {name: getattr(self, name) for name in ("garment", "dimensions", "report")}
        return Message({"taken": about}, {"glb": self.glb, "worn": self.worn_glb})


def take_in(content: bytes, details: Mapping[str, Any], models: Path) -> Taken:
    """The garment in a GLB. details: what its owner says beside the file: `worn_as`, `chart` and `body_chart` as JSON.

    Raises GarmentInvalid, ChartInvalid. Takes a few seconds, for it is put on the base body.
    """
    chart, body_chart = _charts(details)
    kind = details.get("worn_as") or (chart.kind if chart is not None else None)
    garment = read_garment(content, kind, chart)
    if body_chart is not None:
        garment = replace(garment, body_chart=body_chart)
    chart = garment.chart
    if chart is None:
        raise GarmentInvalid("garment-chart-missing", "give its finished dimensions in cm, size by size (`chart`)")
    _check(garment, chart)
    canonical = write_garment(garment, floor_m=0.0)
    dresser, neutral = Dresser(models), np.zeros(load_arrays(models, garment.base).betas)
    outfit = dresser.dress(garment.base, neutral, [Worn(canonical, None)])
    row = chart.sizes[chart.modelled]
    return Taken(
        glb=canonical,
        worn_glb=outfit.file(compressed=False),
        garment={
            "worn_as": garment.kind,
            "chart": chart.as_json(),
            "body_chart": garment.body_chart.as_json() if garment.body_chart is not None else None,
        },
        dimensions={f"{name}_mm": round(10 * value, 1) for name, value in row.items()},
        report={
            "findings": _findings(garment, outfit),
            "triangles": len(garment.faces),
            "base_body": garment.base,
            "sizes": list(chart.sizes),
            "modelled_size": chart.modelled,
        },
    )


def _charts(details: Mapping[str, Any]) -> tuple[GarmentChart | None, BodyChart | None]:
    chart = parse_chart(details["chart"]) if details.get("chart") is not None else None
    if isinstance(chart, BodyChart):
        raise ChartInvalid("`chart` has the garment's finished dimensions; whom a size is for goes to `body_chart`")
    body_chart = parse_chart(details["body_chart"]) if details.get("body_chart") is not None else None
    if isinstance(body_chart, GarmentChart):
        raise ChartInvalid("`body_chart` says whom a size is for; finished dimensions go to `chart`")
    return chart, body_chart


def _check(garment: Garment, chart: GarmentChart) -> None:
    if chart.kind != garment.kind:
        raise GarmentInvalid("garment-kind", f"its chart is one of a {chart.kind}, and the file says {garment.kind}")
    if not any(body_measure(zone) is not None for zone in chart.ease):
        raise ChartInvalid("no dimension of it says which size fits: give chest, waist or hip")


def _findings(garment: Garment, outfit: Outfit) -> list[dict[str, str]]:
    (layer,) = outfit.layers
    found = []
    if not any(part.material.texture for part in garment.parts):
        found.append({"code": "no-texture", "text": "It has no texture, and looks like plastic rather than cloth."})
    if not garment.main.all():
        share = round(100 * float((~garment.main).mean()))
        found.append({"code": "rides", "text": f"{share} % of it are small pieces that ride on the cloth."})
    stretched = float((layer.ease[layer.main] < -6.0).mean())
    if stretched > 0.1:
        text = "In its modelled size it is much narrower than the base body. Are the chart's girths all round, in cm?"
        found.append({"code": "narrow", "text": text})
    return found
