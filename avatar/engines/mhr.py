"""Regressors of the Momentum Human Rig, as SAM 3D Body is one, from TorchScript files that the operator brings.

The folder holds `mhr_model.pt`, as Meta publishes it under Apache-2.0: identity (B, 45), pose (B, 204) and expression
(B, 72) to vertices in centimetres; and `regressor.pt`, an operator's export of a network: a standardised square
(B, 3, S, S) about the person to identity (B, 45). TorchScript is code: a folder is trusted as a program is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from avatar.engines.crop import person_crop
from avatar.engines.engine import Scene
from avatar.errors import EngineFailed, EngineUnavailable

RIG, REGRESSOR, SIZES = "mhr_model.pt", "regressor.pt", "regressor.json"
IDENTITY, POSE, EXPRESSION = 45, 204, 72
_SIDE, _ASPECT = 512, 0.75


class Mhr:
    """Meshes of the rig at rest, of the identity that the regressor sees in the front photo."""

    def __init__(self, folder: Path) -> None:
        """Raises EngineUnavailable. `regressor.json` may state the side of the square, `{"side": 256}`."""
        self._rig, self._net = (_script(folder / name) for name in (RIG, REGRESSOR))
        stated = folder / SIZES
        self._side = int(json.loads(stated.read_text())["side"]) if stated.exists() else _SIDE

    def points(self, scene: Scene) -> NDArray[np.float64]:
        """Vertices (N, 3) at rest, centimetres, y up, facing z. Raises EngineFailed."""
        crop = person_crop(scene.photos["front"], scene.sightings["front"], side=self._side, aspect=_ASPECT)
        with torch.inference_mode():
            identity = _first(self._net(crop))
            if identity.shape != (1, IDENTITY):
                raise EngineFailed("engine-answer", f"the regressor gave {tuple(identity.shape)}, not (1, {IDENTITY})")
            scene.on_share(0.7)
            vertices = _first(self._rig(identity, torch.zeros(1, POSE), torch.zeros(1, EXPRESSION)))
        return np.asarray(vertices.reshape(-1, 3).numpy(), np.float64)

    def close(self) -> None:
        """Nothing outlives the process."""


def _first(answer: Any) -> Tensor:
    return cast(Tensor, answer[0] if isinstance(answer, tuple) else answer)


def _script(path: Path) -> Any:
    try:
        return torch.jit.load(str(path), map_location="cpu").eval()  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        raise EngineUnavailable(f"{path.name} is not there, or no TorchScript: {error}") from error
