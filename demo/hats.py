"""What every hat of the demo shop shares: its stated millimetres."""

from __future__ import annotations

from demo.gltf import Part, write_glb


def finished(name: str, parts: list[Part], *, circumference: float, brim: float) -> bytes:
    """The hat as GLB; circumference: inside of the sweatband at its lower edge, brim: its greatest width, mm."""
    dimensions = {"head_circumference_mm": round(circumference, 1), "brim_mm": round(brim, 1)}
    return write_glb(name, parts, {"vitrine": {"kind": "hat", "name": name, **dimensions}})
