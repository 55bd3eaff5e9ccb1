"""Coverage-guided fuzzing of the intake: `python -m tests.render.fuzz_intake FOLDER -max_total_time=600`.

FOLDER keeps the inputs that reached something new. A crash, an input that takes 20 seconds of CPU, one that hangs for
two minutes, or memory over 1 GB ends the run with another status than 0 and leaves the input in the current folder.
The options are libFuzzer's.
"""

from __future__ import annotations

import copy
import json
import operator
import random
import struct
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import atheris
import numpy as np

ROOMS = ["glb", "gltf", "intake", "upright_glasses", "upright_hat", "canonical", "simplify"]

with atheris.instrument_imports(include=[f"render.{name}" for name in ROOMS]):
    from render.canonical import write_canonical
    from render.glb import ProductError
    from render.intake import prepare

from tests.render.hostile import FILES  # noqa: E402  it loads the rooms that are instrumented above
from tests.render.hostile_makers import container  # noqa: E402
from tests.render.products import cap, glasses  # noqa: E402

MOST_CPU_S = 20.0  # by the processor's clock: on a busy machine the wall's tells nothing of an input
_COMPARISONS = (operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge)  # as dis.cmp_op
ODD: tuple[Any, ...] = (
    *(0, 1, -1, 2, 3, 255, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63, 10**400, 0.5, -0.0, 1e-320, 1e300),
    *(True, False, None, "", "VEC3", "MASK", "\0", "\ud800", [], {}, [[]], [0], {"index": 0}),
)


def take(data: bytes) -> None:
    """An upload. Anything but an answer with a code is a finding, and so is one that was long in coming."""
    _keep_arrays_out()
    began = time.process_time()
    _answer(data)
    assert time.process_time() - began < MOST_CPU_S


def _answer(data: bytes) -> None:
    try:
        prepared = prepare(data, None)
    except ProductError as refused:
        assert refused.code, refused
        assert refused.detail.endswith("."), refused
        return
    json.dumps([prepared.findings, prepared.dimensions], allow_nan=False)
    write_canonical(prepared.model, {"kind": prepared.kind, "name": prepared.name, **prepared.dimensions})


def _keep_arrays_out() -> None:
    """Atheris 3.0 never frees what an instrumented comparison gave: nothing where that is a truth value, six megabytes
    an input where it is an array, of which the fuzzer learns nothing. Its own way is laid when it starts, so it is
    replaced at the first input."""
    trace = atheris._trace_cmp

    def compare(left: Any, right: Any, operation: int, place: int, constant: bool) -> Any:
        if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
            return _COMPARISONS[operation](left, right)
        return trace(left, right, operation, place, constant)

    if trace.__name__ != compare.__name__:
        atheris._trace_cmp = compare


def mutate(data: bytes, most: int, seed: int) -> bytes:
    """The document's values, its text, or the geometry; then packed again so that the lengths agree, mostly."""
    chance = random.Random(seed)
    if len(data) < 28 or data[:4] != b"glTF" or chance.random() < 0.1:
        return atheris.Mutate(data, most)
    length = min(struct.unpack_from("<I", data, 12)[0], len(data) - 20)
    text, binary = data[20 : 20 + length], data[28 + length :]
    kind = chance.random()
    if kind < 0.6:
        try:
            document = json.loads(text)
            _change(document, chance)
            text = json.dumps(document).encode()
        except (ValueError, RecursionError):
            text = atheris.Mutate(text, max(1, most - len(binary) - 40))
    elif kind < 0.75:
        text = atheris.Mutate(text, max(1, most - len(binary) - 40))
    elif binary:
        binary = atheris.Mutate(binary, len(binary))
    return container(text, binary + bytes(-len(binary) % 4))[:most]


def _change(document: Any, chance: random.Random) -> None:
    """One place anywhere in the document gets another value, is doubled, or goes."""
    places: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting:
        item = waiting.pop()
        keys = list(item) if isinstance(item, dict) else range(len(item)) if isinstance(item, list) else ()
        for key in keys:
            places.append((item, key))
            if isinstance(item[key], dict | list):
                waiting.append(item[key])
    if not places:
        return
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        owner, key = chance.choice(places)
        try:
            match chance.randrange(5):
                case 0 | 1:
                    owner[key] = copy.deepcopy(chance.choice(ODD))  # else what is put into it stays for ever
                case 2:
                    there, other = chance.choice(places)
                    owner[key] = there[other]
                case 3 if isinstance(owner, list):
                    owner.insert(chance.randrange(len(owner) + 1), owner[key])
                case _:
                    del owner[key]
        except (KeyError, IndexError):
            continue


def seed_folder(folder: Path) -> None:
    """What the tests know already, as a beginning."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in (("glasses", glasses().pack()), ("plain", glasses(kind=False).pack()), ("cap", cap().pack())):
        (folder / name).write_bytes(data)
    for number, (make, _) in enumerate(FILES.values()):
        data = make()
        if len(data) < 200_000:
            (folder / f"hostile-{number}").write_bytes(data)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    seed_folder(Path(sys.argv[1]))
    atheris.Setup([*sys.argv, "-timeout=120", "-rss_limit_mb=1024", "-max_len=200000"], take, custom_mutator=mutate)
    atheris.Fuzz()
