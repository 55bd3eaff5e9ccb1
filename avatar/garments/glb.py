"""Garments as GLB files: plain as modelled, and skinned for a body."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from avatar.garments.fabric import Material
from avatar.garments.garment import Garment
from avatar.gltf import GlbWriter, vertex_normals

Float = NDArray[np.float64]


def write_garment(garment: Garment, *, floor_m: float) -> bytes:
    """The garment as it was modelled, as an owner would upload it: metres, feet of the base body at y = 0."""
    writer = GlbWriter(compressed=False)
    points = garment.points - [0.0, floor_m, 0.0]
    normals = vertex_normals(points, garment.faces)
    nodes = []
    for part in garment.parts:
        used, compact = np.unique(part.faces, return_inverse=True)
        attributes = {
            "POSITION": writer.attribute(points[used].astype(np.float32), bounds=True),
            "NORMAL": writer.attribute(normals[used].astype(np.float32)),
            "TEXCOORD_0": writer.attribute(garment.uv[used].astype(np.float32)),
            "COLOR_0": writer.attribute(shades(garment.shade[used]), normalized=True),
        }
        primitive = {
            "attributes": attributes,
            "indices": writer.triangles(compact.reshape(-1, 3), len(used)),
            "material": add_material(writer, part.material),
        }
        entry: dict[str, Any] = {"name": part.name, "primitives": [primitive]}
        if not garment.main[used].any():
            entry["extras"] = {"vitrine": {"rides": True}}
        mesh = writer.add("meshes", entry)
        nodes.append(writer.add("nodes", {"name": part.name, "mesh": mesh}))
    writer.root(*nodes)
    extras: dict[str, Any] = {"kind": "garment", "garment": garment.kind, "name": garment.name, "base": garment.base}
    if garment.chart is not None:
        extras["chart"] = garment.chart.as_json()
    if garment.body_chart is not None:
        extras["body_chart"] = garment.body_chart.as_json()
    writer.extras(extras)
    return writer.content()


def shades(shade: Float) -> NDArray[np.uint8]:
    """Light (N,) 0..1 as vertex colours (N, 4)."""
    grey = np.round(shade.clip(0, 1) * 255).astype(np.uint8)
    return np.stack([grey, grey, grey, np.full_like(grey, 255)], 1)


def add_material(writer: GlbWriter, material: Material) -> int:
    """A material with its textures; the same one is added once."""
    known = writer.shared.get(material)
    if known is not None:
        return known
    entry: dict[str, Any] = {
        "name": material.name,
        "doubleSided": material.double_sided,
        "pbrMetallicRoughness": {
            "baseColorFactor": list(material.color),
            "metallicFactor": material.metallic,
            "roughnessFactor": material.roughness,
        },
    }
    if material.texture is not None:
        texture = writer.texture(material.texture, media_type(material.texture))
        entry["pbrMetallicRoughness"]["baseColorTexture"] = {"index": texture}
    if material.normal_map is not None:
        texture = writer.texture(material.normal_map, media_type(material.normal_map))
        entry["normalTexture"] = {"index": texture, "scale": material.normal_scale}
    writer.shared[material] = writer.add("materials", entry)
    return writer.shared[material]


def media_type(content: bytes) -> str:
    """Of a JPEG or PNG, by its first bytes."""
    return "image/png" if content.startswith(b"\x89PNG") else "image/jpeg"
