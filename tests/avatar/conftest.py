"""The real body model, taken from the models folder that set-up filled."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from avatar.body_model import BodyModel, load_body

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
