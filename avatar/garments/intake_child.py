"""The intake of one garment in a process of its own: what an upload may cost, and that it can hurt nobody else."""

from __future__ import annotations

import argparse
import os
import resource
import sys
from pathlib import Path

from avatar.messages import Message, read

NICER = 10
MEMORY, CPU_S, ANSWER_BYTES = 3 << 30, 60, 64 << 20


def main() -> None:
    """Take in the garment in the one order on standard input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=Path, required=True)
    options = parser.parse_args()
    from avatar.errors import AvatarError  # noqa: PLC0415
    from avatar.garments.take_in import take_in  # noqa: PLC0415

    os.nice(NICER)
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(what, (most, most))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    answers.write(Message({"ready": True}).packed())
    answers.flush()
    order = read(sys.stdin.buffer)
    if order is None:
        return
    try:
        answer = take_in(order.parts["glb"], order.head["details"], options.models).message()
    except AvatarError as error:
        answer = Message({"refused": error.code, "why": str(error)})
    except MemoryError:
        answer = Message({"refused": "too-heavy", "why": "it needs more memory than a garment may: simplify it"})
    except Exception as error:  # what nobody foresaw is still the file's doing, and its owner deserves an answer
        why = f"the file cannot be prepared ({type(error).__name__}): export it anew with another program"
        answer = Message({"refused": "garment-unreadable", "why": why})
    answers.write(answer.packed())
    answers.flush()


if __name__ == "__main__":
    main()
