"""An engine that is a program: it gets the photos in memory, is watched, and leaves nothing but a mesh."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from avatar.body_model import BodyModel
from avatar.engines.command import Command
from avatar.engines.engine import Scene
from avatar.errors import EngineFailed

PROGRAM = """
import json, os, struct, sys, time, zlib
folder = sys.argv[1]
assert os.path.samefile(os.getcwd(), folder) and sorted(os.listdir(folder)) == ["front.png", "job.json", "side.png"]
assert "DATABASE_URL" not in os.environ and os.environ["HOME"] == folder
picture, kinds = open("front.png", "rb").read()[8:], set()
while picture:
    kinds.add(picture[4:8])
    picture = picture[12 + struct.unpack(">I", picture[:4])[0]:]
assert kinds == {{b"IHDR", b"IDAT", b"IEND"}}, kinds  # pixels, and nothing that the upload said beside them
stated = json.load(open("job.json"))
for share in (0.25, 0.5, 0.505, "x", 7):
    print("progress", share, flush=True)
{then}
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Command]:
    monkeypatch.setenv("DATABASE_URL", "a secret")
    memory = tmp_path / "memory"
    memory.mkdir()

    def write(then: str, within_s: float = 60) -> Command:
        path = tmp_path / "engine.py"
        path.write_text(PROGRAM.format(then=then))
        return Command(f"{shlex.quote(sys.executable)} {shlex.quote(str(path))}", within_s=within_s, memory=memory)

    return write


def left_in(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "memory").iterdir())


@pytest.mark.parametrize("form", ["npz", "obj", "ply"])
def test_a_program_gets_the_photos_tells_its_progress_and_hands_in_a_mesh(
    program: Callable[..., Command], scene: Scene, woman: BodyModel, tmp_path: Path, form: str
) -> None:
    skin, faces = np.unique(woman.arrays.faces, return_inverse=True)
    mesh = woman.arrays.template[skin]
    np.savez(tmp_path / "her.npz", points=mesh, faces=faces.reshape(-1, 3))
    save = {
        "npz": "numpy.savez('mesh.npz', vertices=points)",
        "obj": "file = open('mesh.obj', 'w'); file.write('mtllib /etc/passwd\\n'); "
        "file.writelines(f'v {x} {y} {z}\\n' for x, y, z in points); "
        "file.writelines(f'f {a} {b} {c}\\n' for a, b, c in faces + 1); file.close()",
        "ply": "import trimesh; trimesh.Trimesh(points, faces, process=False).export('mesh.ply')",
    }[form]
    told: list[float] = []
    watched = Scene(scene.photos, scene.sightings, scene.height_cm, None, told.append)
    engine = program(
        f"import numpy; her = numpy.load({str(tmp_path / 'her.npz')!r}); "
        f"points, faces = her['points'], her['faces']; {save}"
    )
    points = engine.points(watched)
    assert len(points) == len(mesh)
    assert np.sort(points, 0) == pytest.approx(np.sort(mesh, 0), abs=1e-4)  # a reader may order them anew
    assert told == sorted(told) and told[-1] in (0.5, 0.505)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("then", "code"),
    [
        ("sys.exit(3)", "engine-ended"),
        ("pass", "engine-answer"),
        ("open('mesh.npz', 'wb').write(b'PK')", "engine-answer"),
        ("os.symlink('../../elsewhere.npz', 'mesh.npz')", "engine-answer"),
        ("import numpy; numpy.savez('mesh.npz', vertices=numpy.array([open], object))", "engine-answer"),
    ],
    ids=["fails", "nothing", "broken", "link", "pickle"],
)
def test_what_a_program_does_wrong_is_said_by_code_and_leaves_nothing(
    program: Callable[..., Command], scene: Scene, tmp_path: Path, then: str, code: str
) -> None:
    np.savez(tmp_path / "elsewhere.npz", vertices=np.zeros((900, 3)))
    with pytest.raises(EngineFailed) as failed:
        program(then).points(scene)
    assert failed.value.code == code
    assert left_in(tmp_path) == []


def test_a_program_that_takes_too_long_is_ended_with_all_it_started(
    program: Callable[..., Command], scene: Scene, tmp_path: Path
) -> None:
    child = tmp_path / "child"
    then = f"import subprocess; open({str(child)!r}, 'w').write(str(subprocess.Popen(['sleep', '600']).pid)); "
    with pytest.raises(EngineFailed) as failed:
        program(then + "time.sleep(600)", within_s=3).points(scene)
    assert failed.value.code == "engine-too-slow"
    assert left_in(tmp_path) == []
    with pytest.raises(psutil.NoSuchProcess):
        psutil.Process(int(child.read_text())).wait(5)
        raise psutil.NoSuchProcess(0)


def test_a_killed_workers_folder_is_cleared_away_by_the_next(tmp_path: Path) -> None:
    old, ours = tmp_path / "vitrine-job-4194304-x", tmp_path / "vitrine-job-1-x"
    for folder in (old, ours):
        folder.mkdir()
        (folder / "front.png").write_bytes(b"a face")
    Command("true", within_s=1, memory=tmp_path)
    assert not old.exists() and ours.exists()  # the first process runs
