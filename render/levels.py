"""A product's levels of detail, kept inside its canonical GLB: made once by the intake, read in milliseconds.

They lie in a buffer view of their own, which `asset.extras.vitrine.levels` names; other readers pass it by. It holds
one zlib stream: a JSON line that counts vertices and triangles, then the arrays of all batches, one kind after the
other, little-endian.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from render.glb import Glb, GlbWriter, Json, ProductError, mapping, read_glb, view_bytes, whole
from render.gltf import MAX_TRIANGLES, MAX_VERTICES, Material

# Of what is written here; what was written otherwise is made anew. Raise it with every change to how levels are made.
REVISION: Final = 2
# How each array of a batch is kept: 11 bits are more than a screen shows of a colour or a direction.
_KEPT: Final = {"positions": "<f4", "normals": "<f2", "surface": "<f2", "colors": "<f2", "uv": "<f4", "faces": "<u4"}
_WIDTHS: Final = {"positions": 3, "normals": 3, "surface": 4, "colors": 4, "uv": 2, "faces": 3}
_MOST_BYTES: Final = 8 * (MAX_VERTICES * 46 + MAX_TRIANGLES * 12)


@dataclass(frozen=True)
class Batch:
    """Triangles drawn in one call. positions (n, 3) float32 mm; normals (n, 3); surface (n, 4) metallic, roughness,
    transmission, emissive strength; colors (n, 4) linear RGBA; uv (n, 2) or None with texture None; faces (m, 3),
    counter-clockwise seen from where the normals point."""

    lens: bool
    positions: NDArray[np.float32]
    normals: NDArray[np.float32]
    surface: NDArray[np.float32]
    colors: NDArray[np.float32]
    uv: NDArray[np.float32] | None
    faces: NDArray[np.uint32]
    texture: NDArray[np.uint8] | None = None
    double_sided: bool = False


@dataclass(frozen=True)
class Level:
    """One level of detail: nowhere further than `error_mm` from the product."""

    error_mm: float
    batches: tuple[Batch, ...]

    @property
    def triangles(self) -> int:
        return sum(len(batch.faces) for batch in self.batches)


def with_levels(canonical: bytes, levels: Sequence[Level], materials: Sequence[Material]) -> bytes:
    """The canonical GLB with `levels` in it; materials: those of the model as read from `canonical`."""
    writer = GlbWriter.of(read_glb(canonical))
    view = writer.view(_pack(levels, materials))
    extras = writer.document["asset"]["extras"]["vitrine"]
    extras["levels"] = {"revision": REVISION, "view": view}
    return writer.pack()


def kept_levels(glb: Glb, materials: Sequence[Material]) -> tuple[Level, ...] | None:
    """What `with_levels` put there; None if nothing is there, or something of another revision.

    Raises ProductError `levels-damaged`.
    """
    extras: Json = mapping(mapping(mapping(glb.document, "asset"), "extras"), "vitrine")
    told = mapping(extras, "levels")
    if told.get("revision") != REVISION:
        return None
    raw, _ = view_bytes(glb, whole(told, "view"))
    try:
        return _unpack(raw, materials)
    except (ValueError, KeyError, IndexError, TypeError, zlib.error) as error:
        raise ProductError("levels-damaged", "The product's file is damaged. Upload the model again.") from error


def _pack(levels: Sequence[Level], materials: Sequence[Material]) -> bytes:
    arrays: dict[str, list[bytes]] = {name: [] for name in _KEPT}
    told = []
    for level in levels:
        batches = []
        for batch in level.batches:
            textured = next((i for i, m in enumerate(materials) if m.texture is batch.texture is not None), -1)
            batches.append([batch.lens, batch.double_sided, textured, len(batch.positions), len(batch.faces)])
            for name, kind in _KEPT.items():
                values = getattr(batch, name)
                if values is not None:
                    arrays[name].append(np.ascontiguousarray(values, kind).tobytes())
        told.append([level.error_mm, batches])
    body = b"".join(piece for pieces in arrays.values() for piece in pieces)
    return zlib.compress(json.dumps(told).encode() + b"\n" + body, 6)


def _unpack(raw: memoryview, materials: Sequence[Material]) -> tuple[Level, ...]:
    stream = zlib.decompressobj()
    whole_text = stream.decompress(raw, _MOST_BYTES)
    if not stream.eof:
        raise ValueError("larger than any product")
    head, _, body = whole_text.partition(b"\n")
    told = json.loads(head)
    counts = [batch for _, batches in told for batch in batches]
    at = 0

    def take(name: str) -> list[NDArray[Any] | None]:
        nonlocal at
        taken: list[NDArray[Any] | None] = []
        for _, _, textured, vertices, triangles in counts:
            if name == "uv" and textured < 0:
                taken.append(None)
                continue
            rows, width = (triangles if name == "faces" else vertices), _WIDTHS[name]
            values = np.frombuffer(body, _KEPT[name], rows * width, at)
            at += values.nbytes
            taken.append(values.reshape(rows, width).astype(np.uint32 if name == "faces" else np.float32))
        return taken

    arrays = {name: iter(take(name)) for name in _KEPT}
    levels = []
    for error_mm, batches in told:
        made = []
        for lens, double_sided, textured, vertices, _ in batches:
            values: dict[str, Any] = {name: next(found) for name, found in arrays.items()}
            if len(values["faces"]) and int(values["faces"].max()) >= vertices:
                raise ValueError("a triangle without its corners")
            texture = materials[textured].texture if textured >= 0 else None
            made.append(Batch(bool(lens), **values, texture=texture, double_sided=bool(double_sided)))
        levels.append(Level(float(error_mm), tuple(made)))
    return tuple(levels)
