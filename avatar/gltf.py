"""Writes skinned GLB files: plain glTF 2.0, or quantized and compressed with EXT_meshopt_compression.

A compressed view lies in the file's own buffer; the buffer it decodes into has no bytes in the file, as the extension
wants it of files without a fallback. Metres, y up, z to the front.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Hashable
from typing import Any

import meshoptimizer
import numpy as np
from numpy.typing import NDArray

BYTE, UNSIGNED_BYTE, SHORT, UNSIGNED_SHORT, UNSIGNED_INT, FLOAT = 5120, 5121, 5122, 5123, 5125, 5126
_COMPONENT = {"int8": BYTE, "uint8": UNSIGNED_BYTE, "int16": SHORT, "uint16": UNSIGNED_SHORT, "float32": FLOAT}
_ARRAY, _ELEMENTS = 34962, 34963
_TYPE = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
MESHOPT, QUANTIZATION, LEVELS = "EXT_meshopt_compression", "KHR_mesh_quantization", "MSFT_lod"
_GLB, _JSON, _BIN = 0x46546C67, 0x4E4F534A, 0x004E4942


class GlbWriter:
    """Collects accessors, images and nodes, and gives the file's bytes; the same input gives the same bytes."""

    def __init__(self, *, compressed: bool) -> None:
        self.compressed = compressed
        self.shared: dict[Hashable, int] = {}  # what is in the document already, for whoever adds it
        self.document: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": "Vitrine"},
            "accessors": [],
            "bufferViews": [],
            "materials": [],
            "meshes": [],
            "nodes": [],
            "scene": 0,
            "scenes": [{"nodes": []}],
        }
        self._binary = bytearray()
        self._decoded = 0
        self._used = {MESHOPT, QUANTIZATION} if compressed else set()
        self._required = set(self._used)

    def extension(self, name: str) -> None:
        """Name an optional extension that the document uses."""
        self._used.add(name)

    def add(self, kind: str, entry: dict[str, Any]) -> int:
        """Append to one of the document's lists (`nodes`, `materials`, ...); its index there."""
        entries = self.document.setdefault(kind, [])
        entries.append(entry)
        return len(entries) - 1

    def attribute(self, values: NDArray[Any], *, normalized: bool = False, bounds: bool = False) -> int:
        """An accessor of per-vertex values (N, C) in the array's own component type."""
        rows = np.ascontiguousarray(values.reshape(len(values), -1))
        size = rows.dtype.itemsize * rows.shape[1]
        stride = -(-size // 4) * 4
        padded = np.zeros((len(rows), stride), np.uint8)
        padded[:, :size] = rows.view(np.uint8).reshape(len(rows), size)
        view: dict[str, Any] = {"target": _ARRAY, "byteStride": stride}
        if self.compressed:
            meshoptimizer.encode_vertex_version(0)
            self._compress(view, meshoptimizer.encode_vertex_buffer(padded, len(rows), stride), padded.nbytes)
            view["extensions"][MESHOPT] |= {"byteStride": stride, "mode": "ATTRIBUTES", "count": len(rows)}
        else:
            self._store(view, padded.tobytes())
        entry: dict[str, Any] = {
            "bufferView": self.add("bufferViews", view),
            "componentType": _COMPONENT[rows.dtype.name],
            "count": len(rows),
            "type": _TYPE[rows.shape[1]],
        }
        if normalized:
            entry["normalized"] = True
        if bounds:
            entry |= {"min": rows.min(0).tolist(), "max": rows.max(0).tolist()}
        return self.add("accessors", entry)

    def triangles(self, faces: NDArray[np.int64], vertices: int) -> int:
        """An accessor of triangles (F, 3) into that many vertices, in an order kind to a GPU's cache."""
        flat = np.ascontiguousarray(faces, np.uint32).reshape(-1)
        ordered = np.empty_like(flat)
        meshoptimizer.optimize_vertex_cache(ordered, flat, flat.size, vertices)
        kind = np.uint16 if vertices < 65535 else np.uint32
        view: dict[str, Any] = {"target": _ELEMENTS}
        if self.compressed:
            meshoptimizer.encode_index_version(1)
            size = np.dtype(kind).itemsize
            self._compress(view, meshoptimizer.encode_index_buffer(ordered, flat.size, vertices), flat.size * size)
            view["extensions"][MESHOPT] |= {"byteStride": size, "mode": "TRIANGLES", "count": flat.size}
        else:
            self._store(view, ordered.astype(kind).tobytes())
        entry = {
            "bufferView": self.add("bufferViews", view),
            "componentType": UNSIGNED_SHORT if kind is np.uint16 else UNSIGNED_INT,
            "count": flat.size,
            "type": "SCALAR",
        }
        return self.add("accessors", entry)

    def matrices(self, matrices: NDArray[np.float64]) -> int:
        """An accessor of matrices (N, 4, 4), written column by column as glTF has them."""
        rows = np.ascontiguousarray(matrices.transpose(0, 2, 1), np.float32).reshape(-1, 16)
        view: dict[str, Any] = {}
        self._store(view, rows.tobytes())
        entry = {"bufferView": self.add("bufferViews", view), "componentType": FLOAT, "count": len(rows)}
        return self.add("accessors", entry | {"type": "MAT4"})

    def texture(self, content: bytes, media_type: str) -> int:
        """A repeated texture of an encoded image."""
        view: dict[str, Any] = {}
        self._store(view, content)
        image = self.add("images", {"bufferView": self.add("bufferViews", view), "mimeType": media_type})
        if "samplers" not in self.document:
            self.add("samplers", {"magFilter": 9729, "minFilter": 9987, "wrapS": 10497, "wrapT": 10497})
        return self.add("textures", {"source": image, "sampler": 0})

    def root(self, *nodes: int) -> None:
        """Put nodes into the scene."""
        self.document["scenes"][0]["nodes"] += nodes

    def extras(self, values: dict[str, Any]) -> None:
        """What the file says of itself, under `asset.extras.vitrine`."""
        self.document["asset"]["extras"] = {"vitrine": values}

    def content(self) -> bytes:
        """The file."""
        binary = bytes(self._binary) + b"\0" * (-len(self._binary) % 4)
        buffers: list[dict[str, Any]] = [{"byteLength": len(binary)}]
        if self.compressed:
            buffers.append({"byteLength": self._decoded, "extensions": {MESHOPT: {"fallback": True}}})
        document = {key: value for key, value in self.document.items() if value != []} | {"buffers": buffers}
        if self._used:
            document["extensionsUsed"] = sorted(self._used)
        if self._required:
            document["extensionsRequired"] = sorted(self._required)
        text = json.dumps(document, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        total = 12 + 8 + len(text) + 8 + len(binary)
        return (
            struct.pack("<III", _GLB, 2, total)
            + struct.pack("<II", len(text), _JSON)
            + text
            + struct.pack("<II", len(binary), _BIN)
            + binary
        )

    def _store(self, view: dict[str, Any], content: bytes) -> None:
        self._binary += b"\0" * (-len(self._binary) % 4)
        view |= {"buffer": 0, "byteOffset": len(self._binary), "byteLength": len(content)}
        self._binary += content

    def _compress(self, view: dict[str, Any], encoded: bytes, decoded: int) -> None:
        packed: dict[str, Any] = {}
        self._store(packed, encoded)
        start = -(-self._decoded // 4) * 4
        self._decoded = start + decoded
        view |= {"buffer": 1, "byteOffset": start, "byteLength": decoded, "extensions": {MESHOPT: packed}}


def linear(color: str, alpha: float = 1.0) -> list[float]:
    """A screen colour "#rrggbb" as the linear RGBA of glTF's factors (IEC 61966-2-1)."""
    srgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0
    values = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return [*values.round(5).tolist(), alpha]


def read_document(content: bytes) -> tuple[dict[str, Any], bytes]:
    """JSON and binary chunk of one of our own files."""
    length = struct.unpack_from("<I", content, 12)[0]
    return json.loads(content[20 : 20 + length]), content[20 + length + 8 :]


def unit_bytes(weights: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Skinning weights (N, 4) that sum to 1 as bytes that sum to 255."""
    scaled = np.asarray(weights, np.float64) * 255
    whole = np.floor(scaled).astype(np.int64)
    missing = 255 - whole.sum(1)
    order = np.argsort(whole - scaled, axis=1)
    for place in range(weights.shape[1]):
        np.put_along_axis(
            whole,
            order[:, [place]],
            np.take_along_axis(whole, order[:, [place]], 1) + (missing > place)[:, None],
            1,
        )
    return whole.astype(np.uint8)


def vertex_normals(vertices: NDArray[np.floating[Any]], faces: NDArray[np.int64]) -> NDArray[np.float64]:
    """Area-weighted unit normals (V, 3)."""
    corners = np.asarray(vertices, np.float64)[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.stack(
        [np.bincount(faces.reshape(-1), np.repeat(across[:, axis], 3), len(vertices)) for axis in range(3)], 1
    )
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.where(length > 1e-15, total / np.maximum(length, 1e-15), [0.0, 1.0, 0.0])
