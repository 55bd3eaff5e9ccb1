"""`python -m ops.models`: have the models folder ready. Does nothing if it already is."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ops.models.errors import ModelsError
from ops.models.folder import build, verify


def main(arguments: list[str] | None = None) -> int:
    """Build, or with --check only verify. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ops.models", description=__doc__)
    default = Path(os.environ.get("VITRINE_MODELS", "models"))
    parser.add_argument("--folder", type=Path, default=default, help="default: VITRINE_MODELS, or models")
    parser.add_argument("--wheel", type=Path, help="the mediapipe wheel, if the package index is out of reach")
    parser.add_argument("--check", action="store_true", help="only verify")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            verify(options.folder)
            done = "are as locked"
        else:
            done = "built" if build(options.folder, wheel=options.wheel) else "are up to date"
    except ModelsError as error:
        sys.stderr.write(f"{error.code}: {error}\n")
        return 1
    sys.stdout.write(f"Models in {options.folder} {done}.\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
