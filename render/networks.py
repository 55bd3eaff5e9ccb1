"""The face networks, each in a LiteRT interpreter on one thread."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from render.errors import RenderError

Tensor = NDArray[np.float32]


class NetworkUnusable(RenderError):
    """A model file is missing, or LiteRT cannot run it."""

    code = "network-unusable"


class Network:
    """One model. Its tensors are read and written in place; LiteRT lets go of the GIL while it computes.

    LiteRT refuses to run while anybody holds a view, so views are asked for when needed and soon dropped.
    """

    def __init__(self, model: Path) -> None:
        try:
            self._interpreter = Interpreter(model_path=str(model), num_threads=1)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise NetworkUnusable(f"{model.name}: {error}") from error
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self._inputs = [self._interpreter.tensor(detail["index"]) for detail in inputs]
        self._outputs = [self._interpreter.tensor(detail["index"]) for detail in outputs]

    def input(self, index: int = 0) -> Tensor:
        """A writable view of an input, float32 with a leading batch axis."""
        view: Tensor = self._inputs[index]()
        return view

    def run(self) -> None:
        """Compute the outputs from the inputs."""
        self._interpreter.invoke()

    def output(self, index: int = 0) -> Tensor:
        """A view of an output, valid until the next run."""
        view: Tensor = self._outputs[index]()
        return view


@dataclass(frozen=True)
class FaceNetworks:
    """What finding and following faces takes. One thread's; its sessions share it, for it remembers no frame.

    detector: picture (1, 128, 128, 3) in -1..1 to box regressors (1, 896, 16) and score logits (1, 896, 1).
    mesh: picture (1, 192, 192, 3) in 0..1 to features (1, 48, 48, 32), 468 points and the presence logit.
    eyes: two samples (1, 16, 16, 32) of the features to the points of both eyes and irises.
    """

    detector: Network
    mesh: Network
    eyes: Network

    @classmethod
    def load(cls, folder: Path) -> "FaceNetworks":
        """Read the models from the folder that `python -m ops.models` builds. Raises NetworkUnusable."""
        return cls(*(Network(folder / f"face_{name}.tflite") for name in ("detector", "mesh", "eyes")))
