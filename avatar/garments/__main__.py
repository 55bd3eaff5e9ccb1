"""`python -m avatar.garments`: make the catalogue's garments and the base bodies owners model on."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from avatar.errors import AvatarError
from avatar.garments.catalogue import CATALOGUE, write_catalogue


def main(arguments: list[str] | None = None) -> int:
    """Write the files. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m avatar.garments", description=__doc__)
    default = Path(os.environ.get("VITRINE_MODELS", "models"))
    parser.add_argument("--folder", type=Path, default=default, help="default: VITRINE_MODELS, or models")
    options = parser.parse_args(arguments)
    try:
        write_catalogue(options.folder)
    except AvatarError as error:
        sys.stderr.write(f"{error.code}: {error}\n")
        return 1
    sys.stdout.write(f"{', '.join(CATALOGUE)}: made in {options.folder}.\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
