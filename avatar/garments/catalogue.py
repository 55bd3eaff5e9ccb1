"""The project's own garments and base bodies as files: made once, at set-up, from the body model alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from avatar.body_arrays import SEXES, load_arrays
from avatar.charts import BodyChart, GarmentChart, Kind
from avatar.export import BodyShape, write_body
from avatar.garments.desk import FOLDER, MANIFEST
from avatar.garments.drape import Base, base_of
from avatar.garments.garment import Garment
from avatar.garments.glb import write_garment
from avatar.garments.jeans import JEANS, jeans
from avatar.garments.skirts import DRESS, SKIRT, dress, skirt
from avatar.garments.take_in import take_in
from avatar.garments.tops import HOODIE, T_SHIRT, hoodie, t_shirt


@dataclass(frozen=True)
class Design:
    """One garment of the catalogue: how it is made, and its chart of five sizes."""

    name: str
    make: Callable[[Base], Garment]
    chart: GarmentChart
    body_chart: BodyChart

    @property
    def kind(self) -> Kind:
        """What it is worn as."""
        return self.chart.kind


# Borders in cm between the bodies that the five sizes are for, the outer ones too.
_CHEST, _WAIST, _HIP = (78, 88, 95, 103, 111, 119), (62, 72, 79, 87, 95, 103), (84, 95, 102, 110, 118, 126)


def _for_bodies(chart: GarmentChart, **borders: tuple[float, ...]) -> BodyChart:
    labels = list(chart.sizes)
    return BodyChart(
        {
            label: {name: (at[index], at[index + 1]) for name, at in borders.items()}
            for index, label in enumerate(labels)
        }
    )


CATALOGUE: Mapping[str, Design] = {
    "t-shirt": Design("T-shirt", t_shirt, T_SHIRT, _for_bodies(T_SHIRT, chest=_CHEST)),
    "hoodie": Design("Hoodie", hoodie, HOODIE, _for_bodies(HOODIE, chest=_CHEST)),
    "jeans": Design("Jeans", jeans, JEANS, _for_bodies(JEANS, waist=_WAIST, hip=_HIP)),
    "skirt": Design("Skirt", skirt, SKIRT, _for_bodies(SKIRT, waist=_WAIST, hip=_HIP)),
    "dress": Design("Dress", dress, DRESS, _for_bodies(DRESS, chest=_CHEST, waist=_WAIST)),
}


def write_catalogue(models: Path) -> None:
    """Write every garment, and the base body of each sex that garments are modelled on, under `models`/garments.

    Raises BodyModelMissing or BodyModelDamaged. Takes about half a minute.
    """
    folder = models / FOLDER
    folder.mkdir(exist_ok=True)
    entries = {}
    for sex in SEXES:
        arrays = load_arrays(models, sex)
        shape = BodyShape(arrays)
        mesh, joints = shape.mesh(arrays.template), shape.joints(arrays.template)
        body = write_body(mesh, joints, arrays.parents, compressed=False, extras={"sex": sex, "base": True})
        (folder / f"base-{sex}.glb").write_bytes(body)
    arrays = load_arrays(models, "neutral")
    base = base_of(arrays, arrays.template)
    floor = float(base.vertices[np.unique(base.faces), 1].min())
    for name, design in CATALOGUE.items():
        garment = replace(design.make(base), body_chart=design.body_chart)
        content = write_garment(garment, floor_m=floor)
        # What the intake would say of it, so that a shop that sells it need not wait for that.
        (folder / f"{name}.taken").write_bytes(take_in(content, {}, models).message().packed())
        (folder / f"{name}.glb").write_bytes(content)
        entries[name] = {
            "name": design.name,
            "kind": design.kind,
            "file": f"{name}.glb",
            "sha256": hashlib.sha256(content).hexdigest(),
            "chart": design.chart.as_json(),
        }
    (folder / MANIFEST).write_text(json.dumps(entries, indent=1) + "\n")


def read_catalogue(models: Path) -> dict[str, bytes]:
    """The garments' files by name. Raises FileNotFoundError before `write_catalogue`."""
    return {name: (models / FOLDER / f"{name}.glb").read_bytes() for name in CATALOGUE}
