"""The process that dresses bodies and judges sizes: `python -m avatar.dressing --models folder`, orders over a pipe.

Dressing takes seconds and a web process has none to spare. The garments in an order are our own files, as the intake
wrote them. What was fitted last is kept until `forget`, so that a second file of an outfit costs a tenth of the first.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from avatar.charts import GIRTHS, LENGTHS, BodyChart, GarmentChart, parse_chart
from avatar.errors import AvatarError, GarmentInvalid
from avatar.export import MANNEQUIN
from avatar.garments.dress import Dresser, Worn
from avatar.garments.fitted import COLOURS
from avatar.garments.outfit import Outfit
from avatar.messages import Message, read
from avatar.sizing import FitReport, body_measure, fit_report

NICER = 5  # who stands before the mirror comes first
MOST_MEMORY = 6 << 30  # address space
_KEPT = 6
_DOWN = ("shoulder", *(name for name in (*GIRTHS, *LENGTHS) if name != "shoulder"))


@dataclass(frozen=True)
class _Measure:
    value_cm: float
    sigma_cm: float


def report(measures: Mapping[str, Mapping[str, float]], chart: object, body_chart: object = None) -> dict[str, Any]:
    """How the sizes of a garment fit, as JSON; measures by name with value_cm and sigma_cm, charts as files hold them.

    `size`, `probability`, `neighbour`, `neighbour_probability`, `between`, `decided_by`; `label_size`: size and
    probability by the body chart, or None; `sizes`: label, probability and zones with garment_cm, body_cm, ease_cm,
    sigma_cm, band (least, best and most ease) and verdict; `colours` of the map of ease.

    Raises GarmentInvalid, ChartInvalid.
    """
    found = {name: _Measure(**measure) for name, measure in measures.items()}
    garment = parse_chart(chart)
    if not isinstance(garment, GarmentChart) or not any(body_measure(zone) in found for zone in garment.ease):
        raise GarmentInvalid("measures-missing", "the body has no measure that this garment is fitted by")
    fit = fit_report(found, garment)
    return {
        "size": fit.size,
        "probability": fit.probability,
        "neighbour": fit.neighbour,
        "neighbour_probability": fit.neighbour_probability,
        "between": fit.between,
        "decided_by": fit.decided_by,
        "label_size": _label_size(found, body_chart),
        "sizes": _sizes(fit, garment),
        "colours": [list(stop) for stop in COLOURS],
    }


def _sizes(fit: FitReport, chart: GarmentChart) -> list[dict[str, Any]]:
    return [
        {
            "label": size.label,
            "probability": size.probability,
            "zones": [  # from the shoulders down, whatever order a database gave the chart
                {
                    "zone": zone.name,
                    "garment_cm": chart.sizes[size.label][zone.name],
                    "body_cm": round(chart.sizes[size.label][zone.name] - zone.ease_cm, 1),
                    "ease_cm": round(zone.ease_cm, 1),
                    "sigma_cm": round(zone.sigma_cm, 1),
                    "band": list(chart.ease[zone.name]),
                    "verdict": zone.verdict,
                }
                for zone in sorted(size.zones, key=lambda zone: _DOWN.index(zone.name))
            ],
        }
        for size in fit.sizes
    ]


def _label_size(measures: Mapping[str, _Measure], body_chart: object) -> dict[str, Any] | None:
    if body_chart is None:
        return None
    chart = parse_chart(body_chart)
    if not isinstance(chart, BodyChart) or not set(next(iter(chart.sizes.values()))) & set(measures):
        return None
    fit = fit_report(measures, chart)
    return {"size": fit.size, "probability": fit.probability}


class Dressing:
    """Carries out orders."""

    def __init__(self, models: Path) -> None:
        self._models = models
        self._dresser: Dresser | None = None
        self._outfits: OrderedDict[str, Outfit] = OrderedDict()

    def carry_out(self, order: Message) -> Message:
        """The answer to an order: `done`, or `failed` with a code and why."""
        if order.head["do"] == "forget":
            self._outfits.clear()
            return Message({"done": True})
        try:
            if order.head["do"] == "fit":
                head = order.head
                return Message({"done": report(head["measures"], head["chart"], head["body_chart"])})
            return Message({"done": True}, {"file": self._file(order)})
        except AvatarError as error:
            return Message({"failed": error.code, "why": str(error)})
        except MemoryError:
            return Message({"failed": "too-heavy", "why": "it needs more memory than an outfit may"})

    def _file(self, order: Message) -> bytes:
        outfit, name = self._outfit(order), order.head["file"]
        color = order.head["color"] or MANNEQUIN
        makers: dict[str, Callable[[], bytes]] = {
            "garment.glb": lambda: outfit.file(compressed=True),
            "garment-plain.glb": lambda: outfit.file(compressed=False),
            "dressed.glb": lambda: outfit.file(compressed=True, body_color=color),
            "dressed-plain.glb": lambda: outfit.file(compressed=False, body_color=color),
        }
        return makers[name]()

    def _outfit(self, order: Message) -> Outfit:
        head = order.head
        if head["key"] in self._outfits:
            self._outfits.move_to_end(head["key"])
            return self._outfits[head["key"]]
        worn = []
        for index, one in enumerate(head["worn"]):
            chart = parse_chart(one["chart"])
            assert isinstance(chart, GarmentChart)
            worn.append(Worn(order.parts[str(index)], one["size"], one["product"], one["kind"], chart, one["name"]))
        self._dresser = self._dresser or Dresser(self._models)
        body = head["body"]
        outfit = self._dresser.dress(body["sex"], np.array(body["betas"]), worn, tucked=head["tucked"])
        self._outfits[head["key"]] = outfit
        while len(self._outfits) > _KEPT:
            self._outfits.popitem(last=False)
        return outfit


def serve(dressing: Dressing, orders: BinaryIO, answers: BinaryIO) -> None:
    """Carry out orders until the pipe ends."""

    def tell(message: Message) -> None:
        answers.write(message.packed())
        answers.flush()

    tell(Message({"ready": True}))
    while (order := read(orders)) is not None:
        tell(dressing.carry_out(order))


def main() -> None:
    """Serve standard input; what libraries print goes to standard error and never between the answers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=Path, required=True)
    options = parser.parse_args()
    os.nice(NICER)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(Dressing(options.models), sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
