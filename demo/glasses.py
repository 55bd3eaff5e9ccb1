"""What every pair of the demo shop's glasses shares: materials, the two sides, the stated millimetres."""

from __future__ import annotations

import numpy as np

from demo.gltf import Material, Part, linear, write_glb
from demo.lenses import LensSeat
from demo.mesh import Surface, joined, mirrored

GOLD = Material("metal_gold", linear("#d8b06a"), metallic=1.0, roughness=0.2)
TITANIUM = Material("metal_titanium", linear("#9a9793"), metallic=1.0, roughness=0.32)
STEEL = Material("metal_steel", linear("#c4c4c6"), metallic=1.0, roughness=0.24)
SILICONE = Material("silicone", linear("#f1ebe4", 0.5), roughness=0.35, blend=True)
CLEAR = Material("lens_clear", linear("#f3f8f6", 0.08), roughness=0.03, blend=True)


def both(surface: Surface) -> Surface:
    """A part and its mirror image."""
    return joined([surface, mirrored(surface)])


def sides(name: str, surface: Surface, material: Material, *, crease_deg: float = 40.0) -> list[Part]:
    """The part on the wearer's left (x > 0) and on the right, each under its own name."""
    return [
        Part(f"{name}_left", surface, material, crease_deg),
        Part(f"{name}_right", mirrored(surface), material, crease_deg),
    ]


def finished(name: str, parts: list[Part], seat: LensSeat, *, frame_width: float, temple: float) -> bytes:
    """The pair as GLB, with its dimensions (mm, boxing system, ISO 8624) in `asset.extras.vitrine`."""
    edge = seat.edge()
    dimensions = {
        "frame_width_mm": round(frame_width, 1),
        "lens_width_mm": round(float(np.ptp(edge[:, 0])), 1),
        "lens_height_mm": round(float(np.ptp(edge[:, 1])), 1),
        "bridge_mm": round(float(2 * edge[:, 0].min()), 1),
        "temple_mm": round(temple, 1),
    }
    return write_glb(name, parts, {"vitrine": {"kind": "glasses", "name": name, **dimensions}})
