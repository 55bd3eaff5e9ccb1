"""The real body model, taken from the models folder that set-up filled."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from avatar.body_model import BodyModel, load_body
from avatar.engines.engine import Scene
from avatar.photo import open_photo
from avatar.sighting import Onlooker
from tests.photographs import photographed

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def models() -> Path:
    folder = Path(os.environ.get("VITRINE_MODELS", "models"))
    assert (folder / "body.npz").exists(), "no body model: run `python -m avatar.anny`"
    return folder


@pytest.fixture(scope="session")
def woman(models: Path) -> BodyModel:
    return load_body(models, "female")


@pytest.fixture(scope="session")
def man(models: Path) -> BodyModel:
    return load_body(models, "male")


@pytest.fixture(scope="session")
def anyone(models: Path) -> BodyModel:
    return load_body(models, "neutral")


@pytest.fixture(scope="session")
def scene(models: Path) -> Scene:
    """A real rendered woman, found in her photos."""
    her = photographed(models)
    photos = {"front": open_photo(her.front), "side": open_photo(her.side)}
    with Onlooker(models) as onlooker:
        sightings = {view: onlooker.look(photo)[0] for view, photo in photos.items()}
    return Scene(photos, sightings, her.person.truth["height"], None, lambda _: None)
