"""Reads a garment from a GLB that an owner modelled on the published base body.

Nothing in the file is believed: lengths and counts are held against the bytes that are there, no URI is followed, and
pictures are decoded and encoded anew. Run it in a process with limits of its own when the file is a stranger's.
"""

from __future__ import annotations

import io
import json
import struct
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avatar.body_arrays import SEXES, Sex
from avatar.charts import KINDS, GarmentChart, Kind, parse_chart
from avatar.errors import ChartInvalid, GarmentInvalid
from avatar.garments.fabric import Material
from avatar.garments.garment import Garment, Part, welded

Float = NDArray[np.float64]
Json = dict[str, Any]
MAX_BYTES, MAX_TRIANGLES, MAX_VERTICES, MAX_NODES = 40 << 20, 150_000, 200_000, 2000
TEXTURE_SIDE = 1024
_MAX_PIXELS = 64_000_000
_COMPONENT: dict[int, tuple[str, float]] = {
    5120: ("<i1", 127.0), 5121: ("<u1", 255.0), 5122: ("<i2", 32767.0), 5123: ("<u2", 65535.0), 5125: ("<u4", 1.0),
    5126: ("<f4", 1.0),
}  # fmt: skip
_WIDTH = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_PACKED = {"KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_texture_basisu"}
_TRIANGLES = 4
# What is smaller than this share of the largest piece rides on it: buttons, stitches, cords.
_RIDER_SHARE = 0.12


def read_garment(content: bytes, kind: str | None = None, chart: GarmentChart | None = None) -> Garment:
    """The garment in a GLB. `kind` and `chart`, where given, overrule what the file says in `asset.extras.vitrine`.

    Raises GarmentInvalid.
    """
    try:
        return _read(content, kind, chart)
    except (
        AttributeError,
        KeyError,
        IndexError,
        TypeError,
        ValueError,
        struct.error,
        RecursionError,
        OSError,
    ) as error:
        raise GarmentInvalid("garment-unreadable", f"the file is not a sound GLB ({type(error).__name__})") from error


def _read(content: bytes, kind: str | None, chart: GarmentChart | None) -> Garment:
    document, binary = _container(content)
    file = _File(document, binary)
    said = document["asset"].get("extras", {}).get("vitrine", {})
    said = said if isinstance(said, dict) else {}
    kind = kind or said.get("garment")
    if kind not in KINDS:
        raise GarmentInvalid("garment-kind", f"say what it is: {', '.join(KINDS)}")
    base = said.get("base", "neutral")
    if base not in SEXES:
        raise GarmentInvalid("garment-base", f"the base body is one of {', '.join(SEXES)}")
    if chart is None and "chart" in said:
        parsed = parse_chart(said["chart"])
        chart = parsed if isinstance(parsed, GarmentChart) else None
    body_chart = parse_chart(said["body_chart"]) if said.get("body_chart") is not None else None
    if isinstance(body_chart, GarmentChart):
        raise ChartInvalid("`body_chart` says whom a size is for; finished dimensions go to `chart`")
    pieces = file.pieces()
    if not pieces:
        raise GarmentInvalid("garment-empty", "there are no triangles in the file")
    points = np.concatenate([piece[1] for piece in pieces])
    starts = np.cumsum([0, *(len(piece[1]) for piece in pieces)])
    parts: dict[str, tuple[Material, list[NDArray[np.int64]]]] = {}
    rides = np.concatenate([np.full(len(piece[1]), piece[5]) for piece in pieces])
    for (material, at, _, _, faces, _), start in zip(pieces, starts[:-1], strict=True):
        if len(faces) and int(faces.max()) >= len(at):
            raise GarmentInvalid("garment-unreadable", "a triangle has a corner that is not there")
        parts.setdefault(material.name, (material, []))[1].append(faces + start)
    joined = [Part(name, np.concatenate(faces), material) for name, (material, faces) in parts.items()]
    faces = np.concatenate([part.faces for part in joined])
    _check(points, faces)
    return Garment(
        name=str(said.get("name", "Garment"))[:80],
        kind=cast(Kind, kind),
        base=cast(Sex, base),
        points=points,
        uv=np.concatenate([piece[2] for piece in pieces]),
        shade=np.concatenate([piece[3] for piece in pieces]),
        parts=joined,
        main=_main(points, faces) & ~rides,
        chart=chart,
        body_chart=body_chart,
    )


def _check(points: Float, faces: NDArray[np.int64]) -> None:
    if not np.isfinite(points).all():
        raise GarmentInvalid("garment-unreadable", "a position is not a number")
    if len(faces) > MAX_TRIANGLES:
        raise GarmentInvalid("garment-too-fine", f"more than {MAX_TRIANGLES} triangles: simplify it first")
    extent = float(np.ptp(points, axis=0).max())
    if not 0.1 < extent < 2.6:
        raise GarmentInvalid("garment-units", f"it is {extent:.2f} m large: model in metres, on the base body")


def _main(points: Float, faces: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which points are cloth (N,): those of the large connected pieces."""
    from scipy import sparse  # noqa: PLC0415
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    place, first = welded(points)
    sides = place[np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])]
    graph = sparse.coo_matrix((np.ones(len(sides)), sides.T), shape=(len(first), len(first)))
    _, label = connected_components(graph, directed=False)
    count = np.bincount(label)
    return np.asarray((count >= _RIDER_SHARE * count.max())[label][place])


def _container(content: bytes) -> tuple[Json, bytes]:
    if len(content) > MAX_BYTES:
        raise GarmentInvalid("garment-too-large", f"the file has more than {MAX_BYTES >> 20} MB")
    magic, version, total = struct.unpack_from("<4sII", content)
    if magic != b"glTF" or version != 2 or total > len(content):
        raise GarmentInvalid("garment-unreadable", "this is not a GLB of glTF 2.0")
    length, kind = struct.unpack_from("<I4s", content, 12)
    if kind != b"JSON" or 20 + length > len(content):
        raise GarmentInvalid("garment-unreadable", "the file's JSON is cut off")
    document = json.loads(content[20 : 20 + length])
    binary = b""
    if 20 + length + 8 <= len(content):
        size, _ = struct.unpack_from("<I4s", content, 20 + length)
        binary = content[28 + length : 28 + length + size]
    packed = _PACKED & set(document.get("extensionsRequired", []))
    if packed:
        raise GarmentInvalid("garment-compressed", f"export it without {', '.join(sorted(packed))}")
    return document, binary


class _File:
    """One GLB's document and bytes."""

    def __init__(self, document: Json, binary: bytes) -> None:
        self._document, self._binary = document, binary
        self._materials: dict[int | None, Material] = {}
        self._vertices = 0

    def pieces(self) -> list[tuple[Material, Float, Float, Float, NDArray[np.int64], bool]]:
        """Material, points m, uv, shade, triangles, and whether it rides on cloth, of every primitive in the scene."""
        nodes = self._document.get("nodes", [])
        if len(nodes) > MAX_NODES:
            raise GarmentInvalid("garment-unreadable", "too many nodes")
        scene = self._document["scenes"][self._document.get("scene", 0)]
        found = []
        stack = [(index, np.eye(4)) for index in scene.get("nodes", [])]
        visited: set[int] = set()
        while stack:
            index, above = stack.pop()
            if index in visited:
                raise GarmentInvalid("garment-unreadable", "a node has two parents, or the nodes run in a circle")
            visited.add(index)
            node = nodes[index]
            matrix = above @ _transform(node)
            stack += [(child, matrix) for child in node.get("children", [])]
            if "mesh" in node:
                mesh = self._document["meshes"][node["mesh"]]
                rides = bool(mesh.get("extras", {}).get("vitrine", {}).get("rides"))
                wanted = [one for one in mesh["primitives"] if one.get("mode", _TRIANGLES) == _TRIANGLES]
                found += [(*self._primitive(one, matrix), rides) for one in wanted]
        return found

    def _primitive(self, primitive: Json, matrix: Float) -> tuple[Material, Float, Float, Float, NDArray[np.int64]]:
        attributes = primitive["attributes"]
        points = self._accessor(attributes["POSITION"])
        self._vertices += len(points)
        if self._vertices > MAX_VERTICES:
            raise GarmentInvalid("garment-too-fine", f"more than {MAX_VERTICES} vertices: simplify it first")
        points = points @ matrix[:3, :3].T + matrix[:3, 3]
        uv = self._accessor(attributes["TEXCOORD_0"]) if "TEXCOORD_0" in attributes else np.zeros((len(points), 2))
        shade = np.ones(len(points))
        if "COLOR_0" in attributes:
            shade = self._accessor(attributes["COLOR_0"])[:, :3].mean(1)
        if "indices" in primitive:
            flat = self._accessor(primitive["indices"])[:, 0].astype(np.int64)
        else:
            flat = np.arange(len(points))
        faces = flat[: len(flat) // 3 * 3].reshape(-1, 3)
        if np.linalg.det(matrix[:3, :3]) < 0:
            faces = faces[:, ::-1]
        if len(uv) != len(points) or len(shade) != len(points):
            raise GarmentInvalid("garment-unreadable", "attributes of different lengths")
        return self._material(primitive.get("material")), points, uv, shade, faces

    def _accessor(self, index: int) -> Float:
        accessor = self._document["accessors"][index]
        if "sparse" in accessor or "bufferView" not in accessor:
            raise GarmentInvalid("garment-unreadable", "sparse accessors are not read")
        kind, whole = _COMPONENT[accessor["componentType"]]
        width, count = _WIDTH[accessor["type"]], int(accessor["count"])
        view = self._document["bufferViews"][accessor["bufferView"]]
        size = np.dtype(kind).itemsize * width
        stride = int(view.get("byteStride", size))
        start = int(view.get("byteOffset", 0)) + int(accessor.get("byteOffset", 0))
        if view["buffer"] != 0 or count < 1 or stride < size or start < 0:
            raise GarmentInvalid("garment-unreadable", "an accessor points nowhere")
        if start + (count - 1) * stride + size > len(self._binary):
            raise GarmentInvalid("garment-unreadable", "an accessor runs past the end of the file")
        raw = np.ndarray((count, width), kind, self._binary, start, (stride, np.dtype(kind).itemsize))
        values = raw.astype(np.float64)
        return values / whole if accessor.get("normalized") else values

    def _material(self, index: int | None) -> Material:
        if index not in self._materials:
            entry = self._document["materials"][index] if index is not None else {}
            shading = entry.get("pbrMetallicRoughness", {})
            color = tuple(float(value) for value in shading.get("baseColorFactor", (1, 1, 1, 1)))
            self._materials[index] = Material(
                name=str(entry.get("name", f"material{index}"))[:60],
                color=cast(tuple[float, float, float, float], color[:4]),
                roughness=float(shading.get("roughnessFactor", 1.0)),
                metallic=float(shading.get("metallicFactor", 1.0 if index is not None else 0.0)),
                texture=self._picture(shading.get("baseColorTexture")),
                normal_map=self._picture(entry.get("normalTexture")),
                normal_scale=float(entry.get("normalTexture", {}).get("scale", 1.0)),
            )
        return self._materials[index]

    def _picture(self, reference: Json | None) -> bytes | None:
        """A texture's picture, at most `TEXTURE_SIDE` pixels wide: decoded, and encoded anew unless it is a JPEG of
        that size without EXIF already."""
        if reference is None:
            return None
        source = self._document["images"][self._document["textures"][reference["index"]]["source"]]
        if "bufferView" not in source:
            raise GarmentInvalid("garment-textures-outside", "put the textures into the GLB")
        view = self._document["bufferViews"][source["bufferView"]]
        start = int(view.get("byteOffset", 0))
        content = self._binary[start : start + int(view["byteLength"])]
        image = Image.open(io.BytesIO(content), formats=["PNG", "JPEG"])
        if image.width * image.height > _MAX_PIXELS:
            raise GarmentInvalid("garment-texture-too-large", "a texture has more than 64 million pixels")
        if content.startswith(b"\xff\xd8") and max(image.size) <= TEXTURE_SIDE and not image.getexif():
            image.load()
            return content
        seen_through = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
        picture = image.convert("RGBA" if seen_through else "RGB")
        picture.thumbnail((TEXTURE_SIDE, TEXTURE_SIDE), Image.Resampling.LANCZOS)
        output = io.BytesIO()
        if seen_through:
            picture.save(output, "PNG", optimize=True)
        else:
            picture.save(output, "JPEG", quality=88)
        return output.getvalue()


def _transform(node: Json) -> Float:
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    matrix = np.eye(4)
    x, y, z, w = (float(value) for value in node.get("rotation", (0, 0, 0, 1)))
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, :3] *= np.array(node.get("scale", (1, 1, 1)), np.float64)
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix
