"""From a checked GLB to plain triangles: nodes flattened, materials reduced to what is drawn.

Limits are for hostile files: node cycles, depth, counts, triangle budget, picture sizes before decoding.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from render.glb import (
    Glb,
    Json,
    ProductError,
    entries,
    entry,
    mapping,
    number,
    numbers,
    read_accessor,
    sequence,
    view_bytes,
    whole,
    words,
)

MAX_NODES: Final = 4096
MAX_DEPTH: Final = 64
MAX_PRIMITIVES: Final = 512
MAX_MATERIALS: Final = 128
MAX_TRIANGLES: Final = 200_000
MAX_VERTICES: Final = 600_000
MAX_IMAGES: Final = 16
MAX_IMAGE_SIDE: Final = 4096
MAX_PIXELS: Final = 48 << 20
# A dressed body is a file of ours that holds a body and up to four garments, each within these limits by itself.
DRESSED: Final = 5


@dataclass(frozen=True)
class Material:
    """Metallic-roughness surface. Colours are linear; `texture` (h, w, 4) uint8 sRGB multiplies `color` or is None."""

    name: str
    color: tuple[float, float, float, float]
    metallic: float
    roughness: float
    blend: bool
    double_sided: bool
    transmission: float = 0.0
    emissive: tuple[float, float, float] = (0.0, 0.0, 0.0)
    texture: NDArray[np.uint8] | None = field(default=None, repr=False)
    mask: bool = False
    normals: NDArray[np.uint8] | None = field(default=None, repr=False)  # (h, w, 4) tangent-space map, read on demand
    normal_scale: float = 1.0

    @property
    def is_lens(self) -> bool:
        """Drawn in the lens pass: seen through, tinted, with a reflection on top."""
        return self.name.lower().startswith("lens") or self.transmission > 0.05


@dataclass(frozen=True)
class Hold:
    """How a part hangs on a skeleton: the index of its skin; joints (n, 4) of that skin, weights (n, 4)."""

    skin: int
    joints: NDArray[np.int64]
    weights: NDArray[np.float32]


@dataclass(frozen=True)
class Part:
    """Triangles of one material. positions, normals (n, 3) float32; uv (n, 2); colors (n, 4) linear; faces (m, 3)."""

    name: str
    material: int
    positions: NDArray[np.float32]
    normals: NDArray[np.float32]
    uv: NDArray[np.float32] | None
    colors: NDArray[np.float32] | None
    faces: NDArray[np.uint32]
    hold: Hold | None = None


@dataclass(frozen=True)
class Model:
    """All parts of the default scene in one frame, unit as in the file, and the materials they refer to."""

    parts: tuple[Part, ...]
    materials: tuple[Material, ...]
    extras: Json
    ignored: tuple[str, ...]


def read_model(glb: Glb, *, held: bool = False, relief: bool = False) -> Model:
    """held: a dressed body; read how parts hang on its skeleton, too. relief: and normal maps.

    Raises ProductError, among others `node-cycle`, `too-many-nodes`, `too-many-triangles`, `number-invalid`,
    `texture-too-large`, `texture-invalid`, `no-geometry`.
    """
    document = glb.document
    if len(entries(document, "nodes")) > MAX_NODES:
        raise ProductError("too-many-nodes", f"The file has more than {MAX_NODES} nodes.")
    ignored: set[str] = set()
    if document.get("animations"):
        ignored.add("animations")
    if document.get("skins"):
        ignored.add("skins")
    files = DRESSED if held else 1
    materials = _read_materials(glb, relief, files)
    parts: list[Part] = []
    examined = triangles = vertices = 0
    for name, mesh_index, matrix, skin in _placed_meshes(document):
        mesh = entry(document, "meshes", mesh_index)
        label = words(mesh.get("name")) or name
        for primitive in entries(mesh, "primitives"):
            examined += 1
            if examined > MAX_PRIMITIVES:
                raise ProductError("too-many-parts", f"The file has more than {MAX_PRIMITIVES} separate parts.")
            # Counted before it is read: a part of which nothing is left has cost its vertices all the same.
            vertices += _vertices(glb, primitive)
            if vertices > files * MAX_VERTICES:
                raise ProductError(
                    "too-many-vertices", f"The model has more than {MAX_VERTICES} vertices. Simplify it."
                )
            part = _read_primitive(glb, primitive, label, matrix, len(materials) - 1)
            if part is None:
                ignored.add("points and lines")
                continue
            if held and skin is not None:
                part = replace(part, hold=_read_hold(glb, primitive, skin, len(part.positions)))
            triangles += len(part.faces)
            if triangles > files * MAX_TRIANGLES:
                raise ProductError(
                    "too-many-triangles",
                    f"The model has more than {MAX_TRIANGLES} triangles. Simplify it and upload it again.",
                )
            parts.append(part)
    if not parts:
        raise ProductError("no-geometry", "There are no triangles in this file.")
    extras = mapping(mapping(document, "asset"), "extras")
    return Model(tuple(parts), tuple(materials), extras, tuple(sorted(ignored)))


def _placed_meshes(document: Json) -> list[tuple[str, int, NDArray[np.float64], int | None]]:
    """(name, mesh index, (4, 4) matrix, skin's index) of every mesh that the default scene shows. No recursion."""
    nodes = entries(document, "nodes")
    scenes = entries(document, "scenes")
    if scenes:
        roots = [_index(value) for value in sequence(entry(document, "scenes", whole(document, "scene", 0)), "nodes")]
    else:
        children = {_index(child) for node in nodes for child in sequence(node, "children")}
        roots = [index for index in range(len(nodes)) if index not in children]
    found: list[tuple[str, int, NDArray[np.float64], int | None]] = []
    seen: set[int] = set()
    stack = [(root, np.eye(4), 0) for root in reversed(roots)]
    while stack:
        index, parent, depth = stack.pop()
        if index in seen:
            raise ProductError("node-cycle", "A node appears twice in the scene tree.")
        if depth > MAX_DEPTH:
            raise ProductError("node-too-deep", f"The scene tree is deeper than {MAX_DEPTH}.")
        seen.add(index)
        node = entry(document, "nodes", index)
        matrix = parent @ node_matrix(node)
        if not np.isfinite(matrix).all() or np.abs(matrix).max() > 1e9:
            raise ProductError("number-invalid", "A node's placement is not a sensible number.")
        if "mesh" in node:
            skin = whole(node, "skin") if "skin" in node else None
            found.append((words(node.get("name")), whole(node, "mesh"), matrix, skin))
        stack.extend((_index(child), matrix, depth + 1) for child in reversed(sequence(node, "children")))
    return found


def _index(value: Any) -> int:
    return whole({"index": value}, "index")


def node_matrix(node: Json) -> NDArray[np.float64]:
    """(4, 4), from the node's frame to its parent's. Raises ProductError."""
    if "matrix" in node:
        return numbers(node, "matrix", [0.0] * 16).reshape(4, 4).T
    x, y, z, w = numbers(node, "rotation", (0.0, 0.0, 0.0, 1.0))
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * numbers(node, "scale", (1.0, 1.0, 1.0))
    matrix[:3, 3] = numbers(node, "translation", (0.0, 0.0, 0.0))
    return matrix


def _vertices(glb: Glb, primitive: Json) -> int:
    """How many vertices a primitive says it has."""
    attributes = mapping(primitive, "attributes")
    if "POSITION" not in attributes:
        return 0
    return whole(entry(glb.document, "accessors", whole(attributes, "POSITION")), "count")


def _read_primitive(
    glb: Glb, primitive: Json, name: str, matrix: NDArray[np.float64], default_material: int
) -> Part | None:
    mode = whole(primitive, "mode", 4)
    if mode not in (4, 5, 6):
        return None
    attributes = mapping(primitive, "attributes")
    if "POSITION" not in attributes:
        return None
    raw = read_accessor(glb, whole(attributes, "POSITION"), ("VEC3",), max_count=MAX_VERTICES).astype(np.float64)
    if not np.isfinite(raw).all() or np.abs(raw).max() > 1e9:
        raise ProductError("number-invalid", "A vertex position is not a sensible number.")
    count = len(raw)
    faces = _triangles(_indices(glb, primitive, count), mode)
    if not len(faces):
        return None
    positions = (raw @ matrix[:3, :3].T + matrix[:3, 3]).astype(np.float32)
    if np.linalg.det(matrix[:3, :3]) < 0:
        faces = np.ascontiguousarray(faces[:, ::-1])
    normals = _attribute(glb, attributes, "NORMAL", ("VEC3",), count)
    if normals is not None:
        with np.errstate(all="ignore"):
            turned = normals.astype(np.float64) @ np.linalg.pinv(matrix[:3, :3])
            normals = (turned / np.linalg.norm(turned, axis=1, keepdims=True)).astype(np.float32)
    if normals is None or not np.isfinite(normals).all():
        normals = smooth_normals(positions, faces)
    uv = _attribute(glb, attributes, "TEXCOORD_0", ("VEC2",), count)
    colors = _attribute(glb, attributes, "COLOR_0", ("VEC3", "VEC4"), count)
    if colors is not None:
        opaque = np.ones((count, 4), np.float32)
        opaque[:, : colors.shape[1]] = np.clip(colors, 0.0, 1.0)
        colors = opaque
    material = whole(primitive, "material", default_material)
    if material > default_material:
        raise ProductError("index-out-of-range", "A part refers to a material that is not there.")
    return Part(name, material, positions, normals, uv, colors, faces)


def _read_hold(glb: Glb, primitive: Json, skin: int, count: int) -> Hold | None:
    attributes = mapping(primitive, "attributes")
    weights = _attribute(glb, attributes, "WEIGHTS_0", ("VEC4",), count)
    joints = _attribute(glb, attributes, "JOINTS_0", ("VEC4",), count)
    if weights is None or joints is None:
        return None
    weights = np.clip(weights, 0.0, 1.0)
    return Hold(skin, joints.astype(np.int64), weights / np.maximum(weights.sum(1, keepdims=True), 1e-6))


def _indices(glb: Glb, primitive: Json, count: int) -> NDArray[np.uint32]:
    if "indices" not in primitive:
        return np.arange(count, dtype=np.uint32)
    flat = read_accessor(glb, whole(primitive, "indices"), ("SCALAR",), max_count=3 * MAX_TRIANGLES + 3)[:, 0]
    if flat.dtype.kind != "u":
        raise ProductError("accessor-invalid", "Triangle indices must be unsigned integers.")
    if int(flat.max()) >= count:
        raise ProductError("index-out-of-range", "A triangle refers to a vertex that is not there.")
    return flat.astype(np.uint32)


def _attribute(glb: Glb, attributes: Json, name: str, kinds: tuple[str, ...], count: int) -> NDArray[np.float32] | None:
    if name not in attributes:
        return None
    values = read_accessor(glb, whole(attributes, name), kinds, max_count=MAX_VERTICES).astype(np.float32)
    if len(values) != count:
        raise ProductError("accessor-invalid", f"{name} has another length than the positions.")
    return np.nan_to_num(values, posinf=0.0, neginf=0.0)


def _triangles(flat: NDArray[np.uint32], mode: int) -> NDArray[np.uint32]:
    if mode == 4:
        return np.ascontiguousarray(flat[: len(flat) // 3 * 3].reshape(-1, 3))
    if len(flat) < 3:
        return np.empty((0, 3), np.uint32)
    if mode == 5:
        strip = np.stack([flat[:-2], flat[1:-1], flat[2:]], 1)
        strip[1::2] = strip[1::2, [1, 0, 2]]
        return strip
    return np.stack([np.repeat(flat[:1], len(flat) - 2), flat[1:-1], flat[2:]], 1)


def smooth_normals(positions: NDArray[np.float32], faces: NDArray[np.uint32]) -> NDArray[np.float32]:
    """(n, 3) area-weighted vertex normals; straight up where a vertex has no area around it."""
    a, b, c = (positions[faces[:, k]].astype(np.float64) for k in range(3))
    face_normals = np.cross(b - a, c - a)
    total = np.zeros((len(positions), 3))
    for k in range(3):
        np.add.at(total, faces[:, k], face_normals)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.where(length > 1e-20, total / np.maximum(length, 1e-20), [0.0, 1.0, 0.0]).astype(np.float32)


def _read_materials(glb: Glb, relief: bool, files: int) -> list[Material]:
    """The file's materials and, last, glTF's default one."""
    listed = entries(glb.document, "materials")
    if len(listed) > MAX_MATERIALS:
        raise ProductError("too-many-parts", f"The file has more than {MAX_MATERIALS} materials.")
    if len(entries(glb.document, "images")) > files * MAX_IMAGES:
        raise ProductError("texture-too-large", f"The file has more than {MAX_IMAGES} pictures.")
    pictures: dict[int, NDArray[np.uint8]] = {}
    materials = [_read_material(glb, item, pictures, relief) for item in listed]
    return [*materials, Material("default", (1.0, 1.0, 1.0, 1.0), 0.0, 0.6, False, True)]


def _read_material(glb: Glb, item: Json, pictures: dict[int, NDArray[np.uint8]], relief: bool) -> Material:
    pbr, extensions = mapping(item, "pbrMetallicRoughness"), mapping(item, "extensions")
    color = numbers(pbr, "baseColorFactor", (1.0, 1.0, 1.0, 1.0))
    metallic, roughness = number(pbr, "metallicFactor", 1.0), number(pbr, "roughnessFactor", 1.0)
    slot = mapping(pbr, "baseColorTexture")
    glossy = mapping(extensions, "KHR_materials_pbrSpecularGlossiness")
    if glossy:
        color = numbers(glossy, "diffuseFactor", (1.0, 1.0, 1.0, 1.0))
        metallic, roughness = 0.0, 1.0 - number(glossy, "glossinessFactor", 1.0)
        slot = mapping(glossy, "diffuseTexture")
    surface = mapping(pbr, "metallicRoughnessTexture")
    if surface:
        # The map itself is not drawn: its mean is, which is what a product some 200 pixels wide shows of it.
        picture = _picture(glb, surface, pictures)
        roughness *= float(picture[..., 1].mean()) / 255.0
        metallic *= float(picture[..., 2].mean()) / 255.0
    raised = mapping(item, "normalTexture") if relief else {}
    alpha_mode = item.get("alphaMode", "OPAQUE")
    transmission = number(mapping(extensions, "KHR_materials_transmission"), "transmissionFactor", 0.0)
    return Material(
        name=words(item.get("name")),
        color=tuple(float(value) for value in np.clip(color, 0.0, 1.0)),  # type: ignore[arg-type]
        metallic=float(np.clip(metallic, 0.0, 1.0)),
        roughness=float(np.clip(roughness, 0.04, 1.0)),
        blend=alpha_mode == "BLEND",
        mask=alpha_mode == "MASK",
        double_sided=bool(item.get("doubleSided", False)),
        transmission=float(np.clip(transmission, 0.0, 1.0)),
        emissive=tuple(float(v) for v in np.clip(numbers(item, "emissiveFactor", (0.0, 0.0, 0.0)), 0, 1)),  # type: ignore[arg-type]
        texture=_picture(glb, slot, pictures) if slot else None,
        normals=_picture(glb, raised, pictures) if raised else None,
        normal_scale=number(raised, "scale", 1.0),
    )


def _picture(glb: Glb, slot: Json, pictures: dict[int, NDArray[np.uint8]]) -> NDArray[np.uint8]:
    texture = entry(glb.document, "textures", whole(slot, "index"))
    index = whole(texture, "source")
    if index not in pictures:
        image = entry(glb.document, "images", index)
        raw, _ = view_bytes(glb, whole(image, "bufferView"))
        pictures[index] = _decode(bytes(raw), sum(picture.size // 4 for picture in pictures.values()))
    return pictures[index]


def _decode(raw: bytes, spent_pixels: int) -> NDArray[np.uint8]:
    from PIL import Image  # noqa: PLC0415  only products with pictures need the decoder

    try:
        with Image.open(io.BytesIO(raw), formats=("PNG", "JPEG", "WEBP")) as image:
            width, height = image.size
            if max(width, height) > MAX_IMAGE_SIDE or spent_pixels + width * height > MAX_PIXELS:
                raise ProductError(
                    "texture-too-large", f"A picture has {width}×{height} pixels; 4096×4096 is the most."
                )
            return np.asarray(image.convert("RGBA"), np.uint8)
    except ProductError:
        raise
    except Image.DecompressionBombError as error:
        raise ProductError(
            "texture-too-large", "A picture inside the file is too large; 4096×4096 is the most."
        ) from error
    except Exception as error:
        raise ProductError("texture-invalid", "A picture inside the file cannot be read.") from error
