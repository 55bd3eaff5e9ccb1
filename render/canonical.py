"""Writes a product's canonical GLB: what is served afterwards was written here, whatever was uploaded."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from numpy.typing import NDArray

from render.glb import GlbWriter, Json
from render.gltf import Material, Model

KEPT_TEXTURE: Final = 1024


def write_canonical(model: Model, vitrine: Json) -> bytes:
    """The canonical GLB of a model that is upright and in metres already: one node a part, pictures encoded anew.

    vitrine: what `asset.extras.vitrine` says of the product: kind, name, dimensions in mm.
    """
    writer = GlbWriter()
    used = sorted({part.material for part in model.parts})
    textures: list[Json] = []
    images: list[Json] = []
    written: dict[int, int] = {}
    materials = []
    for index in used:
        material = model.materials[index]
        item = _material_json(material)
        if material.texture is not None:
            # Materials may share a picture, and a file may make a hundred of them do so: it is written once.
            shared = id(material.texture)
            if shared not in written:
                raw, media_type = _encode(material.texture)
                images.append({"bufferView": writer.view(raw), "mimeType": media_type})
                textures.append({"source": len(images) - 1})
                written[shared] = len(textures) - 1
            item["pbrMetallicRoughness"]["baseColorTexture"] = {"index": written[shared]}
        materials.append(item)
    meshes, nodes = [], []
    for part in model.parts:
        attributes = {
            "POSITION": writer.accessor(part.positions, "VEC3"),
            "NORMAL": writer.accessor(part.normals, "VEC3"),
        }
        if part.uv is not None and model.materials[part.material].texture is not None:
            attributes["TEXCOORD_0"] = writer.accessor(part.uv, "VEC2")
        if part.colors is not None:
            attributes["COLOR_0"] = writer.accessor(part.colors, "VEC4")
        indices = writer.accessor(part.faces.ravel(), "SCALAR", index=True)
        primitive = {"attributes": attributes, "indices": indices, "material": used.index(part.material)}
        meshes.append({"name": part.name, "primitives": [primitive]})
        nodes.append({"name": part.name, "mesh": len(meshes) - 1})
    writer.document |= {
        "asset": {"version": "2.0", "generator": "Vitrine", "extras": {"vitrine": vitrine}},
        "scene": 0,
        "scenes": [{"nodes": list(range(len(nodes)))}],
        "nodes": nodes,
        "meshes": meshes,
        "materials": materials,
    }
    if images:
        writer.document |= {"images": images, "textures": textures}
    return writer.pack()


def _material_json(material: Material) -> Json:
    item: Json = {
        "name": material.name,
        "pbrMetallicRoughness": {
            "baseColorFactor": list(material.color),
            "metallicFactor": material.metallic,
            "roughnessFactor": material.roughness,
        },
    }
    if material.blend or material.is_lens:
        item["alphaMode"] = "BLEND"
    elif material.mask:
        item["alphaMode"] = "MASK"
    if material.double_sided:
        item["doubleSided"] = True
    if any(material.emissive):
        item["emissiveFactor"] = list(material.emissive)
    return item


def _encode(pixels: NDArray[np.uint8]) -> tuple[bytes, str]:
    from PIL import Image  # noqa: PLC0415

    image = Image.fromarray(pixels, "RGBA")
    image.thumbnail((KEPT_TEXTURE, KEPT_TEXTURE))
    encoded = io.BytesIO()
    if int(pixels[..., 3].min()) < 255:
        image.save(encoded, "PNG")
        return encoded.getvalue(), "image/png"
    image.convert("RGB").save(encoded, "JPEG", quality=90)
    return encoded.getvalue(), "image/jpeg"
