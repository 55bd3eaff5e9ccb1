"""An engine that is a program in an environment of its own: a job folder in, a mesh out.

The folder lies in memory (`/dev/shm`), closed to other users, and is gone when the program has ended, however it ended.
In it: `front.png` and perhaps `side.png`, upright and without metadata, and `job.json` with `height_cm` and
`weight_kg`. The program is started there with the folder's path behind its own words, tells how far it is in lines
`progress 0.4` on standard output, and leaves one of `mesh.npz` (an array `vertices`), `mesh.ply` or `mesh.obj`: the
person standing, y up, facing z, such as SMPL-X at rest. What it prints besides is not kept: it could hold a face.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import trimesh
from numpy.typing import NDArray

from avatar.engines.engine import Scene
from avatar.errors import EngineFailed, EngineUnavailable

MEMORY = Path("/dev/shm")  # noqa: S108  a file system in memory, so that no photo reaches a disk
MESHES = ("mesh.npz", "mesh.ply", "mesh.obj")
MOST_BYTES = 64 << 20
_PREFIX = "vitrine-job-"
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "CUDA_VISIBLE_DEVICES")
_LONGEST_LINE = 4096
_STEP = 0.02  # a program may tell more often than anybody wants to know
# Dies with us, however we die; is not held to the memory that bounds our decoders.
_BOUND = ("prlimit", "--as=unlimited", "setpriv", "--pdeathsig", "KILL", "--")


class Command:
    """Meshes of a program. `words` as in a shell, without one; `within_s`: how long it may take."""

    def __init__(self, words: str, *, within_s: float, memory: Path = MEMORY) -> None:
        """Raises EngineUnavailable if there is no such program. Clears away what a killed predecessor left."""
        self._words = shlex.split(words)
        self._within_s, self._memory = within_s, memory
        if not self._words or shutil.which(self._words[0]) is None:
            raise EngineUnavailable(f"{words!r} names no program that can be run")
        for left in memory.glob(f"{_PREFIX}*"):
            if not _runs(left.name.removeprefix(_PREFIX).split("-")[0]):
                shutil.rmtree(left, ignore_errors=True)

    def points(self, scene: Scene) -> NDArray[np.float64]:
        """Vertices (N, 3) of the program's mesh. Raises EngineFailed."""
        folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=self._memory))
        try:
            _lay_out(scene, folder)
            self._run(scene, folder)
            return _mesh_in(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Nothing outlives a job."""

    def _run(self, scene: Scene, folder: Path) -> None:
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        program = subprocess.Popen(
            [*_BOUND, *self._words, str(folder)],
            cwd=folder,
            env={**environment, "HOME": str(folder), "TMPDIR": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            if not self._followed(program, scene):
                raise EngineFailed("engine-too-slow", "the engine took too long")
            if program.returncode != 0:
                raise EngineFailed("engine-ended", f"the engine ended with {program.returncode}")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)  # whatever it left running
            program.wait()
            assert program.stdout is not None
            program.stdout.close()

    def _followed(self, program: subprocess.Popen[bytes], scene: Scene) -> bool:
        """Pass its progress on until it has ended; False if it does not end in time."""
        assert program.stdout is not None
        until, line, done = time.monotonic() + self._within_s, b"", 0.0
        with selectors.DefaultSelector() as selector:
            selector.register(program.stdout, selectors.EVENT_READ)
            while (left := until - time.monotonic()) > 0:
                if not selector.select(left):
                    return False
                read = os.read(program.stdout.fileno(), 4096)
                if not read:
                    break
                *lines, line = (line + read).split(b"\n")
                line = line[-_LONGEST_LINE:]
                shares = [share for share in map(_share, lines) if share is not None]
                if shares and shares[-1] >= done + _STEP:
                    done = shares[-1]
                    scene.on_share(done)
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.wait(max(0.0, until - time.monotonic()))
        return program.returncode is not None


def _share(line: bytes) -> float | None:
    """What a line says of the progress, if it does."""
    word, _, told = line.strip().partition(b" ")
    try:
        share = float(told) if word == b"progress" else -1.0
    except ValueError:
        return None
    return share if 0 <= share <= 1 else None


def _lay_out(scene: Scene, folder: Path) -> None:
    for view, photo in scene.photos.items():
        cv2.imwrite(str(folder / f"{view}.png"), photo.pixels[:, :, ::-1])
    (folder / "job.json").write_text(json.dumps({"height_cm": scene.height_cm, "weight_kg": scene.weight_kg}))


def _mesh_in(folder: Path) -> NDArray[np.float64]:
    """The vertices that the program left; a link to elsewhere is no mesh."""
    path = next((folder / name for name in MESHES if (folder / name).is_file()), None)
    if path is None or path.is_symlink():
        raise EngineFailed("engine-answer", f"the engine left none of {', '.join(MESHES)}")
    if path.stat().st_size > MOST_BYTES:
        raise EngineFailed("engine-answer", "the engine's mesh is too large")
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as file:
                return np.asarray(file["vertices"], np.float64)
        with path.open("rb") as file:
            mesh = trimesh.load_mesh(file, file_type=path.suffix[1:], process=False, skip_materials=True)
        return np.asarray(mesh.vertices, np.float64)
    except Exception as error:  # whatever a parser makes of a broken file
        raise EngineFailed("engine-answer", "the engine's mesh cannot be read") from error


def _runs(pid: str) -> bool:
    return pid.isdigit() and Path(f"/proc/{pid}").exists()
