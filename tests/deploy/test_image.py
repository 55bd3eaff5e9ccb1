"""The image's build stage: what it copies from the tree is enough for the set-up steps that it takes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT_OF_THE_TREE = shutil.ignore_patterns("node_modules", "__pycache__")
STEPS = """
import importlib
from deploy import install
for step in ("ops.models.__main__", "avatar.anny.__main__"):
    importlib.import_module(step)
install.build_bodies()
install.build_browser_code()
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the build stage copies, and what its network steps would have brought already there."""
    folder = tmp_path_factory.mktemp("stage")
    for source, target in copies_of_the_build_stage():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, folder / target, ignore=NOT_OF_THE_TREE, dirs_exist_ok=True)
        else:
            (folder / target).mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, folder / target)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    (folder / "web/client/node_modules").symlink_to(ROOT / "web/client/node_modules")
    shutil.copytree(ROOT / "models", folder / "models")
    (folder / "models/.garments-made").unlink()
    return folder


def copies_of_the_build_stage() -> Iterator[tuple[str, str]]:
    """Source and target of every COPY up to the end of the stage named `build`."""
    text = (ROOT / "Dockerfile").read_text()
    until_built = text[: text.index("\nFROM", text.index(" AS build"))]
    for line in re.findall(r"^COPY (.+)$", until_built, flags=re.MULTILINE):
        *sources, target = line.split()
        for source in sources:
            yield source, target


def test_the_build_stage_copies_all_that_its_set_up_steps_read(stage: Path) -> None:
    command = [sys.executable, "-c", STEPS]
    went = subprocess.run(command, check=False, cwd=stage, capture_output=True, text=True, timeout=300)
    assert went.returncode == 0, went.stdout + went.stderr
    assert (stage / "web/static/app/.vitrine-built").exists()
    assert (stage / "models/.garments-made").exists()
