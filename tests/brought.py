"""What another shop's fitting room exported, for tests and benches that need a body but not the way to it."""

from __future__ import annotations

import json
from pathlib import Path

from tests import bodies


def write_archive(folder: Path) -> Path:
    """The average woman's `avatar.json` in a folder."""
    built = bodies.built()
    told = {
        "format": "vitrine-avatar/1",
        "stated": {"height_cm": round(built.measures["height"].value_cm), "sex": "female"},
        "body": {"sex": "female", "betas": built.betas.tolist()},
        "measures": {name: {"value_cm": m.value_cm, "sigma_cm": m.sigma_cm} for name, m in built.measures.items()},
        "corrections_cm": {},
    }
    path = folder / "avatar.json"
    path.write_text(json.dumps(told))
    return path
