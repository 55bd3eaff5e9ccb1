"""The models folder: build it once, verify it at every start."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from ops.models.errors import BuildDiffers, ModelsError, ModelsMissing, ModelsOutdated, ModelsTampered
from ops.models.lock import Lock, read_lock, sha256
from ops.models.wheel import source_models

MANIFEST = "manifest.json"


def verify(folder: Path, lock: Lock | None = None) -> None:
    """Hold the folder against the lock, byte for byte (some 20 ms).

    Raises ModelsMissing, ModelsOutdated or ModelsTampered.
    """
    lock = lock or read_lock()
    advice = "run `python -m ops.models`"
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except FileNotFoundError as error:
        raise ModelsMissing(f"{folder / MANIFEST} is missing; {advice}") from error
    except ValueError as error:
        raise ModelsTampered(f"{folder / MANIFEST} is not JSON; {advice}") from error
    if manifest != lock.manifest():
        raise ModelsOutdated(f"{folder / MANIFEST} describes other models than this release uses; {advice}")
    for name, bundle in lock.bundles.items():
        try:
            content = (folder / name).read_bytes()
        except FileNotFoundError as error:
            raise ModelsMissing(f"{folder / name} is missing; {advice}") from error
        if sha256(content) != bundle.sha256:
            raise ModelsTampered(f"{folder / name} is not the locked {bundle.version}; {advice}")


def build(folder: Path, *, wheel: Path | None = None, lock: Lock | None = None) -> bool:
    """Make the folder match the lock; True if anything had to be done.

    `wheel` is the mediapipe wheel already on disk; without it pip takes it from the package index.
    Files are replaced whole, the manifest last, so a reader never sees half a model.
    Raises WheelUnavailable, WheelRejected, BuildDiffers.
    """
    lock = lock or read_lock()
    try:
        verify(folder, lock)
    except ModelsError:
        pass
    else:
        return False
    # Brings mediapipe and flatbuffers along, which verifying at start must not wait for.
    from ops.models.assembly import assemble  # noqa: PLC0415

    bundles = assemble(lock, source_models(lock, wheel))
    for name, content in bundles.items():
        if sha256(content) != lock.bundles[name].sha256:
            raise BuildDiffers(
                f"{name} came out as {sha256(content)}, the lock says {lock.bundles[name].sha256}; "
                "is flatbuffers the locked version?"
            )
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in bundles.items():
        _replace(folder / name, content)
    _replace(folder / MANIFEST, (json.dumps(lock.manifest(), indent=2) + "\n").encode())
    return True


def _replace(path: Path, content: bytes) -> None:
    descriptor, scratch = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes it private; the service may run as another user than the installer.
        Path(scratch).chmod(0o644)
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
