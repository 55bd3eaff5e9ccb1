"""The checked-in lock: which wheel, which models in it, and which bundles they must become."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LOCK_FILE = Path(__file__).parent / "data" / "lock.json"


@dataclass(frozen=True)
class Wheel:
    """One file of the package index, and the platform tags by which pip finds it."""

    package: str
    version: str
    file: str
    sha256: str
    platform: str
    python: str
    abi: str


@dataclass(frozen=True)
class Source:
    """A model inside the wheel."""

    member: str
    sha256: str


@dataclass(frozen=True)
class Bundle:
    """A file of the models folder: its version, its bytes' hash, and the names of its source models."""

    version: str
    sha256: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Lock:
    """Everything `build` produces and `verify` accepts."""

    wheel: Wheel
    sources: Mapping[str, Source]
    bundles: Mapping[str, Bundle]

    def manifest(self) -> dict[str, Any]:
        """What manifest.json says about the folder."""
        return {
            "origin": f"{self.wheel.package} {self.wheel.version}, The MediaPipe Authors",
            "license": "Apache-2.0",
            "changes": (
                "Models assembled into task bundles; the face model's outputs merged; metadata added; "
                "the face model cut into its mesh and the heads of the eyes."
            ),
            "models": [
                {
                    "name": name,
                    "version": bundle.version,
                    "sha256": bundle.sha256,
                    "sources": {source: self.sources[source].sha256 for source in bundle.sources},
                }
                for name, bundle in self.bundles.items()
            ],
        }


def read_lock(path: Path = _LOCK_FILE) -> Lock:
    """The lock of this release."""
    content = json.loads(path.read_text())
    return Lock(
        wheel=Wheel(**content["wheel"]),
        sources={name: Source(**source) for name, source in content["sources"].items()},
        bundles={
            name: Bundle(bundle["version"], bundle["sha256"], tuple(bundle["sources"]))
            for name, bundle in content["bundles"].items()
        },
    )


def sha256(content: bytes) -> str:
    """Lower-case hex digest."""
    return hashlib.sha256(content).hexdigest()
