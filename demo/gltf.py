"""Writes parts as one canonical GLB file (glTF 2.0 binary, metres), the same bytes each time."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from demo.mesh import Floats, Surface, shaded

FLOAT, UNSIGNED_SHORT, UNSIGNED_INT = 5126, 5123, 5125
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
MM_PER_METRE = 1000.0


@dataclass(frozen=True)
class Texture:
    """An encoded image, sRGB, repeated in both directions; media_type is image/png or image/jpeg."""

    data: bytes
    media_type: str


@dataclass(frozen=True)
class Material:
    """glTF metallic-roughness. color: linear RGBA; a texture multiplies it; `blend` mixes by alpha."""

    name: str
    color: tuple[float, float, float, float]
    metallic: float = 0.0
    roughness: float = 0.5
    texture: Texture | None = None
    blend: bool = False
    clearcoat: float = 0.0


@dataclass(frozen=True)
class Part:
    """One named piece of a product in one material; edges folded by more than crease_deg are hard."""

    name: str
    surface: Surface
    material: Material
    crease_deg: float = 40.0


def linear(hex_color: str, alpha: float = 1.0) -> tuple[float, float, float, float]:
    """A colour picked on a screen ("#rrggbb", sRGB) as the linear RGBA that glTF factors are (IEC 61966-2-1)."""
    srgb = np.array([int(hex_color[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0
    r, g, b = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4).round(5).tolist()
    return (r, g, b, alpha)


class _Writer:
    """Collects buffer views and the JSON that points at them."""

    def __init__(self) -> None:
        self.binary = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self.materials: list[dict[str, Any]] = []
        self.textures: list[Texture] = []
        self.image_views: list[int] = []
        self.extensions: set[str] = set()
        self._known: dict[Material, int] = {}

    def view(self, data: bytes, target: int | None = None) -> int:
        self.binary += b"\0" * (-len(self.binary) % 4)
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(data)}
        if target is not None:
            view["target"] = target
        self.binary += data
        self.views.append(view)
        return len(self.views) - 1

    def vertices(self, values: Floats, *, bounds: bool = False) -> int:
        array = np.ascontiguousarray(values, "<f4")
        accessor: dict[str, Any] = {
            "bufferView": self.view(array.tobytes(), ARRAY_BUFFER),
            "componentType": FLOAT,
            "count": len(array),
            "type": f"VEC{array.shape[1]}",
        }
        if bounds:
            accessor |= {"min": array.min(axis=0).tolist(), "max": array.max(axis=0).tolist()}
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def indices(self, faces: np.ndarray[Any, Any], vertex_count: int) -> int:
        short = vertex_count < 65535
        array = np.ascontiguousarray(faces.reshape(-1), "<u2" if short else "<u4")
        self.accessors.append(
            {
                "bufferView": self.view(array.tobytes(), ELEMENT_ARRAY_BUFFER),
                "componentType": UNSIGNED_SHORT if short else UNSIGNED_INT,
                "count": array.size,
                "type": "SCALAR",
            }
        )
        return len(self.accessors) - 1

    def material(self, material: Material) -> int:
        if material in self._known:
            return self._known[material]
        shading: dict[str, Any] = {
            "baseColorFactor": list(material.color),
            "metallicFactor": material.metallic,
            "roughnessFactor": material.roughness,
        }
        if material.texture is not None:
            if material.texture not in self.textures:
                self.textures.append(material.texture)
                self.image_views.append(self.view(material.texture.data))
            shading["baseColorTexture"] = {"index": self.textures.index(material.texture)}
        entry: dict[str, Any] = {"name": material.name, "pbrMetallicRoughness": shading}
        if material.blend:
            entry["alphaMode"] = "BLEND"
        if material.clearcoat > 0:
            self.extensions.add("KHR_materials_clearcoat")
            entry["extensions"] = {
                "KHR_materials_clearcoat": {"clearcoatFactor": material.clearcoat, "clearcoatRoughnessFactor": 0.05}
            }
        self.materials.append(entry)
        self._known[material] = len(self.materials) - 1
        return self._known[material]

    def part(self, part: Part) -> dict[str, Any]:
        surface = shaded(part.surface, crease_deg=part.crease_deg)
        attributes = {
            "POSITION": self.vertices(surface.positions / MM_PER_METRE, bounds=True),
            "NORMAL": self.vertices(surface.normals),
        }
        if surface.uv is not None and part.material.texture is not None:
            attributes["TEXCOORD_0"] = self.vertices(surface.uv)
        if surface.colors is not None:
            attributes["COLOR_0"] = self.vertices(surface.colors)
        primitive = {
            "attributes": attributes,
            "indices": self.indices(surface.faces, len(surface.positions)),
            "material": self.material(part.material),
        }
        return {"name": part.name, "primitives": [primitive]}


def write_glb(name: str, parts: Sequence[Part], extras: Mapping[str, Any]) -> bytes:
    """The parts as GLB bytes; positions go from mm to metres, `extras` lands in `asset.extras`."""
    writer = _Writer()
    meshes = [writer.part(part) for part in parts]
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "Vitrine", "extras": dict(extras)},
        "scene": 0,
        "scenes": [{"name": name, "nodes": [0]}],
        "nodes": [
            {"name": name, "children": list(range(1, len(parts) + 1))},
            *({"name": part.name, "mesh": i} for i, part in enumerate(parts)),
        ],
        "meshes": meshes,
        "materials": writer.materials,
        "accessors": writer.accessors,
        "bufferViews": writer.views,
    }
    if writer.textures:
        document["samplers"] = [{"magFilter": 9729, "minFilter": 9987, "wrapS": 10497, "wrapT": 10497}]
        document["images"] = [
            {"bufferView": view, "mimeType": texture.media_type}
            for view, texture in zip(writer.image_views, writer.textures, strict=True)
        ]
        document["textures"] = [{"source": i, "sampler": 0} for i in range(len(writer.textures))]
    if writer.extensions:
        document["extensionsUsed"] = sorted(writer.extensions)
    binary = bytes(writer.binary) + b"\0" * (-len(writer.binary) % 4)
    document["buffers"] = [{"byteLength": len(binary)}]
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 4)
    total = 12 + 8 + len(text) + 8 + len(binary)
    return b"".join(
        [
            struct.pack("<4sII", b"glTF", 2, total),
            struct.pack("<I4s", len(text), b"JSON"),
            text,
            struct.pack("<I4s", len(binary), b"BIN\0"),
            binary,
        ]
    )
