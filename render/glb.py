"""The GLB container: read with suspicion, written plainly (glTF 2.0, section 4 "GLB File Format Specification").

Nothing here trusts a number in the file: every length, offset and count is checked against the bytes that are there
before an array is made of it. No URI of any kind is followed.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

Json = dict[str, Any]

MAX_FILE_BYTES: Final = 48 << 20
MAX_JSON_BYTES: Final = 1 << 20
# What a list of the document may hold; the reader looks things up in them again and again.
MAX_ENTRIES: Final = 16_384
_LISTS: Final = ("accessors", "bufferViews", "images", "materials", "meshes", "nodes", "scenes", "textures")

_MAGIC: Final = 0x46546C67
_JSON_CHUNK: Final = 0x4E4F534A
_BIN_CHUNK: Final = 0x004E4942
_COMPONENTS: Final[dict[int, np.dtype[Any]]] = {
    5120: np.dtype("<i1"),
    5121: np.dtype("<u1"),
    5122: np.dtype("<i2"),
    5123: np.dtype("<u2"),
    5125: np.dtype("<u4"),
    5126: np.dtype("<f4"),
}
_WIDTHS: Final = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_COMPRESSED: Final = {"KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_texture_basisu"}
_READ_EXTENSIONS: Final = {
    "KHR_mesh_quantization",
    "KHR_texture_transform",
    "KHR_materials_transmission",
    "KHR_materials_ior",
    "KHR_materials_volume",
    "KHR_materials_clearcoat",
    "KHR_materials_specular",
    "KHR_materials_sheen",
    "KHR_materials_unlit",
    "KHR_materials_iridescence",
    "KHR_materials_emissive_strength",
    "KHR_materials_pbrSpecularGlossiness",
}


class ProductError(Exception):
    """A product file that cannot be used. `code` is stable; `detail` is a sentence for the owner of the shop."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Glb:
    """A checked container: the glTF document and its one binary chunk."""

    document: Json
    binary: memoryview


def read_glb(data: bytes) -> Glb:
    """The container's two chunks. Raises ProductError: `too-large`, `not-glb`, `glb-truncated`, `json-too-large`,
    `json-invalid`, `version-unsupported`, `compressed`, `extension-unsupported`, `external-uri`, `too-many-parts`."""
    if len(data) > MAX_FILE_BYTES:
        raise ProductError("too-large", f"The file has more than {MAX_FILE_BYTES >> 20} MB.")
    if len(data) < 20:
        raise ProductError("not-glb", "The file is not a binary glTF (.glb).")
    magic, version, length, json_length, json_kind = struct.unpack_from("<IIIII", data)
    if magic != _MAGIC:
        raise ProductError("not-glb", "The file is not a binary glTF (.glb).")
    if version != 2:
        raise ProductError("version-unsupported", "Only glTF 2.0 can be read.")
    if length != len(data) or json_kind != _JSON_CHUNK:
        raise ProductError("glb-truncated", "The file's length does not match its header: it is cut off or damaged.")
    if json_length > MAX_JSON_BYTES:
        raise ProductError("json-too-large", "The description inside the file is larger than 1 MB.")
    if 20 + json_length > length:
        raise ProductError("glb-truncated", "A chunk reaches past the end of the file.")
    document = _parse_json(data[20 : 20 + json_length])
    binary = _binary_chunk(data, 20 + json_length)
    _check_document(document)
    return Glb(document, binary)


def _parse_json(raw: bytes) -> Json:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        document = json.loads(raw.decode("utf-8"), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise ProductError("json-invalid", "The description inside the file cannot be read.") from error
    if not isinstance(document, dict):
        raise ProductError("json-invalid", "The description inside the file is not a glTF document.")
    return document


def _binary_chunk(data: bytes, offset: int) -> memoryview:
    view = memoryview(data)
    if offset == len(data):
        return view[:0]
    if offset + 8 > len(data):
        raise ProductError("glb-truncated", "A chunk header is cut off.")
    length, kind = struct.unpack_from("<II", data, offset)
    end = offset + 8 + length
    if kind != _BIN_CHUNK or end > len(data):
        raise ProductError("glb-truncated", "The geometry chunk is missing or reaches past the end of the file.")
    if end != len(data):
        raise ProductError("glb-truncated", "There is something after the geometry chunk.")
    return view[offset + 8 : end]


def _check_document(document: Json) -> None:
    if words(mapping(document, "asset").get("version")).split(".")[0] != "2":
        raise ProductError("version-unsupported", "Only glTF 2.0 can be read.")
    required = {words(name) for name in sequence(document, "extensionsRequired")}
    if required & _COMPRESSED:
        names = ", ".join(sorted(required & _COMPRESSED))
        raise ProductError("compressed", f"The file is compressed ({names}). Export it again without compression.")
    if required - _READ_EXTENSIONS:
        names = ", ".join(sorted(required - _READ_EXTENSIONS)[:5])
        raise ProductError("extension-unsupported", f"The file needs extensions that are not read here: {names}.")
    for name in _LISTS:
        if len(sequence(document, name)) > MAX_ENTRIES:
            raise ProductError("too-many-parts", f"The file lists more than {MAX_ENTRIES} {name}.")
    buffers = entries(document, "buffers")
    if len(buffers) > 1:
        raise ProductError("external-uri", "The file has more than one buffer; pack everything into one .glb.")
    for owner in (*buffers, *entries(document, "images")):
        if "uri" in owner:
            raise ProductError("external-uri", "The file points to other files. Pack everything into one .glb.")


def mapping(owner: Json, key: str) -> Json:
    """The object under `key`, or an empty one. Raises ProductError `json-invalid` for another type."""
    value = owner.get(key, {})
    if not isinstance(value, dict):
        raise ProductError("json-invalid", f"“{key}” should be an object.")
    return value


def sequence(owner: Json, key: str) -> list[Any]:
    """The array under `key`, or an empty one. Raises ProductError `json-invalid` for another type."""
    value = owner.get(key, [])
    if not isinstance(value, list):
        raise ProductError("json-invalid", f"“{key}” should be a list.")
    return value


def entries(owner: Json, key: str) -> list[Json]:
    """The array of objects under `key`, or an empty one."""
    values = sequence(owner, key)
    if not all(isinstance(value, dict) for value in values):
        raise ProductError("json-invalid", f"“{key}” should be a list of objects.")
    return values


def words(value: Any, most: int = 80) -> str:
    """A name in the file as it may be shown and stored: no control characters, no half of a surrogate pair. What is
    no text is none."""
    return "".join(filter(str.isprintable, value[: 4 * most]))[:most] if isinstance(value, str) else ""


def whole(owner: Json, key: str, default: int | None = None) -> int:
    """A non-negative integer under `key`. Raises ProductError `json-invalid` for anything else."""
    value = owner.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 32:
        raise ProductError("json-invalid", f"“{key}” should be a whole number.")
    return value


def numbers(owner: Json, key: str, default: Sequence[float]) -> NDArray[np.float64]:
    """(len(default),) finite numbers under `key`."""
    values = owner.get(key, list(default))
    if not isinstance(values, list) or len(values) != len(default):
        raise ProductError("json-invalid", f"“{key}” should be {len(default)} numbers.")
    if not all(isinstance(value, int | float) and abs(value) < 1e12 for value in values):
        raise ProductError("number-invalid", f"“{key}” holds something that is not a sensible number.")
    return np.array(values, np.float64)


def number(owner: Json, key: str, default: float) -> float:
    """One finite number under `key`."""
    return float(numbers({key: [owner.get(key, default)]}, key, (default,))[0])


def entry(owner: Json, key: str, index: int) -> Json:
    """`owner[key][index]`. Raises ProductError `index-out-of-range`."""
    values = sequence(owner, key)
    if index >= len(values):
        raise ProductError("index-out-of-range", f"The file refers to {key} {index}, which is not there.")
    value = values[index]
    if not isinstance(value, dict):
        raise ProductError("json-invalid", f"“{key}” should be a list of objects.")
    return value


def view_bytes(glb: Glb, index: int) -> tuple[memoryview, int]:
    """The bytes of a bufferView and its stride in bytes (0: tightly packed)."""
    view = entry(glb.document, "bufferViews", index)
    if whole(view, "buffer") != 0:
        raise ProductError("index-out-of-range", "A buffer view refers to a buffer that is not there.")
    offset, length = whole(view, "byteOffset", 0), whole(view, "byteLength")
    if offset + length > len(glb.binary):
        raise ProductError("accessor-out-of-bounds", "The file refers to data past its end.")
    stride = whole(view, "byteStride", 0)
    if stride and not 4 <= stride <= 252:
        raise ProductError("accessor-out-of-bounds", "A buffer view has an impossible stride.")
    return glb.binary[offset : offset + length], stride


def read_accessor(glb: Glb, index: int, kinds: tuple[str, ...], *, max_count: int) -> NDArray[Any]:
    """(count, width) array, normalised integers turned into float32; a copy that owns its memory.

    Raises ProductError: `accessor-invalid`, `accessor-out-of-bounds`, `too-many-vertices`.
    """
    accessor = entry(glb.document, "accessors", index)
    kind = accessor.get("type")
    dtype = _COMPONENTS.get(whole(accessor, "componentType"))
    if kind not in kinds or dtype is None:
        raise ProductError("accessor-invalid", f"Geometry of type {words(kind, 20)!r} stands where {kinds} belongs.")
    if "sparse" in accessor:
        raise ProductError("accessor-invalid", "Sparse geometry is not read. Export it again without sparse accessors.")
    count, width = whole(accessor, "count"), _WIDTHS[str(kind)]
    if not 0 < count <= max_count:
        raise ProductError("too-many-vertices", f"A part has {count} values; at most {max_count} are read.")
    raw, stride = view_bytes(glb, whole(accessor, "bufferView"))
    start, item = whole(accessor, "byteOffset", 0), dtype.itemsize * width
    step = stride or item
    if step < item or start + step * (count - 1) + item > len(raw):
        raise ProductError("accessor-out-of-bounds", "The file refers to data past the end of a buffer view.")
    window = np.frombuffer(raw, np.uint8)[start : start + step * (count - 1) + item]
    rows = np.lib.stride_tricks.as_strided(window, (count, item), (step, 1), writeable=False)
    values = np.ascontiguousarray(rows).view(dtype).reshape(count, width)
    if accessor.get("normalized") and dtype.kind in "iu":
        return np.asarray(np.maximum(values.astype(np.float32) / np.float32(np.iinfo(dtype).max), -1.0))
    return np.asarray(values)


class GlbWriter:
    """Collects arrays and images into one binary chunk, then packs the container."""

    def __init__(self) -> None:
        self.document: Json = {"accessors": [], "bufferViews": [], "buffers": []}
        self._binary = bytearray()

    @classmethod
    def of(cls, glb: Glb) -> Self:
        """A writer that goes on where `glb` ended."""
        writer = cls()
        writer.document, writer._binary = glb.document, bytearray(glb.binary)
        return writer

    def view(self, raw: bytes, target: int | None = None) -> int:
        """Append bytes, return the index of their bufferView."""
        self._binary += b"\0" * (-len(self._binary) % 4)
        view: Json = {"buffer": 0, "byteOffset": len(self._binary), "byteLength": len(raw)}
        if target is not None:
            view["target"] = target
        self._binary += raw
        self.document["bufferViews"].append(view)
        return len(self.document["bufferViews"]) - 1

    def accessor(self, values: NDArray[Any], kind: str, *, index: bool = False) -> int:
        """Append a float32 (n, width) or uint32 (n,) array, return the index of its accessor."""
        packed = np.ascontiguousarray(values, "<u4" if index else "<f4")
        accessor: Json = {
            "bufferView": self.view(packed.tobytes(), 34963 if index else 34962),
            "componentType": 5125 if index else 5126,
            "count": len(packed),
            "type": kind,
        }
        if kind == "VEC3":
            accessor |= {"min": packed.min(0).tolist(), "max": packed.max(0).tolist()}
        self.document["accessors"].append(accessor)
        return len(self.document["accessors"]) - 1

    def pack(self) -> bytes:
        """The finished file."""
        self._binary += b"\0" * (-len(self._binary) % 4)
        document = self.document | {"buffers": [{"byteLength": len(self._binary)}]}
        text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
        text += b" " * (-len(text) % 4)
        length = 12 + 8 + len(text) + 8 + len(self._binary)
        head = struct.pack("<IIIII", _MAGIC, 2, length, len(text), _JSON_CHUNK)
        return head + text + struct.pack("<II", len(self._binary), _BIN_CHUNK) + bytes(self._binary)
