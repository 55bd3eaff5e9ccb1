"""The process that computes: it keeps the models warm, takes an order over a pipe, tells how far it is, hands back.

`python -m avatar.workbench --models folder`. A photo is in this process's memory only, from the order to the answer. A
hostile photo meets its decoder here, where it can hurt one job: memory and files are limited, no secret is in the
environment, and the worker that started it starts another one.
"""

from __future__ import annotations

import argparse
import importlib
import os
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from avatar.messages import Message, read

NICER = 5
NO_BODY = "No body could be made of these photos. Please take others, or try again later."
MOST_MEMORY = 12 << 30  # address space: torch maps far more than it uses


class Maker(Protocol):
    """What makes a body: `avatar.build.Builder`, or another class of the same two methods."""

    def build(self, request: Any, on_stage: Any) -> Any: ...

    def refit(
        self, betas: Any, measures: Any, corrections_cm: Mapping[str, float], *, sex: str, skin: str | None
    ) -> Any: ...


def serve(maker: Maker, orders: BinaryIO, answers: BinaryIO) -> None:
    """Carry out orders until the pipe ends."""

    def tell(message: Message) -> None:
        answers.write(message.packed())
        answers.flush()

    tell(Message({"ready": True}))
    while (order := read(orders)) is not None:
        tell(_carried_out(maker, order, lambda stage, share: tell(Message({"stage": stage, "share": share}))))


def _carried_out(maker: Maker, order: Message, on_stage: Any) -> Message:
    from avatar.errors import AvatarError, EngineFailed, PhotoRejected  # noqa: PLC0415

    try:
        built = _corrected(maker, order) if order.head["body"] else _built(maker, order, on_stage)
    except PhotoRejected as error:
        return Message({"failed": error.code, "advice": error.advice, "view": error.view})
    except EngineFailed as error:  # what it says is for the operator; a shopper can only try another photo
        return Message({"failed": error.code, "advice": NO_BODY, "why": str(error)})
    except AvatarError as error:
        return Message({"failed": error.code, "advice": f"{str(error).capitalize()}."})
    except MemoryError:
        return Message({"failed": "photo-too-large", "advice": "The photo is too large. Send a smaller one."})
    measures = {name: {"value_cm": m.value_cm, "sigma_cm": m.sigma_cm} for name, m in built.measures.items()}
    head = {
        "body": {"sex": built.sex, "betas": [float(beta) for beta in built.betas]},
        "measures": measures,
        "findings": [
            {"code": finding.code, "advice": finding.advice, "view": finding.view} for finding in built.findings
        ],
        "skin": built.skin,
    }
    parts = {"body.glb": built.body_glb, "plain.glb": built.plain_glb, "thumbnail.png": built.thumbnail_png}
    return Message({"made": head}, parts)


def _built(maker: Maker, order: Message, on_stage: Any) -> Any:
    from avatar.build import Request  # noqa: PLC0415

    stated = order.head["stated"]
    request = Request(
        front=order.parts["front"],
        side=order.parts.get("side"),
        height_cm=stated["height_cm"],
        weight_kg=stated["weight_kg"],
        sex=stated["sex"],
        clothing=stated["clothing"],
        skin=stated["skin"],
        corrections_cm=order.head["corrections_cm"],
    )
    return maker.build(request, on_stage)


def _corrected(maker: Maker, order: Message) -> Any:
    import numpy as np  # noqa: PLC0415

    from avatar.build import Measure  # noqa: PLC0415

    body, stated = order.head["body"], order.head["stated"]
    skin = stated["skin"] if stated["skin"].startswith("#") else None
    measures = {name: Measure(m["value_cm"], m["sigma_cm"]) for name, m in order.head["measures"].items()}
    return maker.refit(np.array(body["betas"]), measures, order.head["corrections_cm"], sex=body["sex"], skin=skin)


def _maker(name: str, models: Path) -> Maker:
    """`module:Class`, made of the folder of models."""
    module, _, attribute = name.partition(":")
    return cast(Maker, getattr(importlib.import_module(module), attribute)(models))


def _builder(models: Path, engine: str, seconds: float) -> Maker:
    """Our own builder, with another engine where one is configured."""
    from avatar.build import Builder  # noqa: PLC0415
    from avatar.engines.engine import engine_from  # noqa: PLC0415

    return cast(Maker, Builder(models, engine_from(engine, models, seconds=seconds)))


def main() -> None:
    """Serve standard input; what libraries print goes to standard error and never between the answers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--maker", help="module:Class in the place of avatar.build:Builder")
    parser.add_argument("--engine", default="own")
    parser.add_argument("--engine-seconds", type=float, default=0.0)
    options = parser.parse_args()
    os.nice(NICER)  # who stands before the mirror comes first
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a photo is in memory
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 20, 64 << 20))
    if not any(Path("/dev").glob("nvidia[0-9]*")):  # CUDA reserves more address space than there is memory
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    if options.maker:
        maker = _maker(options.maker, options.models)
    else:
        maker = _builder(options.models, options.engine, options.engine_seconds)
    serve(maker, sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
