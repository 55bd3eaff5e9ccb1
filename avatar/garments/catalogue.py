"""The project's own garments and base bodies as files: made once, at set-up, from the body model alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avatar.body_arrays import SEXES, load_arrays
from avatar.charts import GarmentChart, Kind
from avatar.export import BodyShape, write_body
from avatar.garments.drape import Base, base_of
from avatar.garments.garment import Garment
from avatar.garments.glb import write_garment
from avatar.garments.jeans import JEANS, jeans
from avatar.garments.skirts import DRESS, SKIRT, dress, skirt
from avatar.garments.tops import HOODIE, T_SHIRT, hoodie, t_shirt

FOLDER = "garments"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Design:
    """One garment of the catalogue: how it is made, and its chart of five sizes."""

    name: str
    make: Callable[[Base], Garment]
    chart: GarmentChart

    @property
    def kind(self) -> Kind:
        """What it is worn as."""
        return self.chart.kind


CATALOGUE: Mapping[str, Design] = {
    "t-shirt": Design("T-shirt", t_shirt, T_SHIRT),
    "hoodie": Design("Hoodie", hoodie, HOODIE),
    "jeans": Design("Jeans", jeans, JEANS),
    "skirt": Design("Skirt", skirt, SKIRT),
    "dress": Design("Dress", dress, DRESS),
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
        content = write_garment(design.make(base), floor_m=floor)
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
