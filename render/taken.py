"""What the intake makes of an upload, for those who start it and must not load what it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class IntakeResult:
    """glb: canonical file; thumbnail_png: 512 x 512 with transparency; dimensions in mm by name;
    report: {"findings": [{"code", "text"}], "triangles", "unit"} in words an owner can act on."""

    glb: bytes
    thumbnail_png: bytes
    kind: str
    dimensions: dict[str, float]
    report: dict[str, Any]
