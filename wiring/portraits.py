"""Pictures of bodies and garments, drawn by a process that ends with this one."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from avatar.garments.desk import TakenIn
from ops.lifeline import bound_to_parent
from render.portrait_child import PortraitDesk


def portrait_desk() -> PortraitDesk:
    """Its process starts with the first picture."""
    return PortraitDesk(before_exec=bound_to_parent(signal.SIGKILL))


@dataclass(frozen=True)
class PicturedGarment:
    """A garment taken in, and its picture (`tenancy.products.TakenGarment`)."""

    taken: TakenIn
    thumbnail_png: bytes

    @property
    def glb(self) -> bytes:
        return self.taken.glb

    @property
    def kind(self) -> str:
        return self.taken.kind

    @property
    def dimensions(self) -> Mapping[str, float]:
        return self.taken.dimensions

    @property
    def report(self) -> Mapping[str, Any]:
        return self.taken.report

    @property
    def garment(self) -> Mapping[str, Any]:
        return self.taken.garment
