"""What hostile files are made of: containers, scenes, numbers and pictures that lie."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from render.glb import GlbWriter
from tests.render.products import edited, glasses

Json = dict[str, Any]
Edit = Callable[[Json], object]
Make = Callable[[], bytes]


def patched(data: bytes, offset: int, value: bytes) -> bytes:
    return data[:offset] + value + data[offset + len(value) :]


def container(text: bytes, binary: bytes | None = None, *, kind: int = 0x004E4942) -> bytes:
    """A GLB with any text for its document."""
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
    if binary is not None:
        chunks += struct.pack("<II", len(binary), kind) + binary
    return struct.pack("<III", 0x46546C67, 2, 12 + len(chunks)) + chunks


def with_document(edit: Edit) -> Make:
    return lambda: edited(glasses(kind=False), edit)


def with_text(old: bytes, new: bytes) -> Make:
    """The document with one piece of its text replaced, so that it can be what no JSON writer would write."""

    def make() -> bytes:
        whole = glasses(kind=False).pack()
        length = struct.unpack_from("<I", whole, 12)[0]
        text, rest = whole[20 : 20 + length], whole[20 + length :]
        assert old in text, text[:200]
        return container(text.replace(old, new, 1), rest[8:])

    return make


def set_in(path: str, value: object) -> Edit:
    def edit(document: Json) -> None:
        *way, last = path.split("/")
        place: Any = document
        for step in way:
            place = place[int(step) if step.isdigit() else step]
        place[int(last) if last.isdigit() else last] = value

    return edit


def changed(path: str, value: object) -> Make:
    return with_document(set_in(path, value))


def positions(first: float) -> Make:
    """The first coordinate of the first vertex is this."""

    def make() -> bytes:
        writer = glasses(kind=False)
        data = bytearray(writer.pack())
        start = len(data) - len(writer._binary)
        data[start : start + 4] = struct.pack("<f", first)
        return bytes(data)

    return make


def triangles(points: np.ndarray, faces: np.ndarray | None = None, **attributes: np.ndarray) -> Make:
    """A mesh of these alone."""

    def make() -> bytes:
        writer = glasses(kind=False)
        named = {"POSITION": writer.accessor(points.astype(np.float32), "VEC3")}
        kinds = {2: "VEC2", 3: "VEC3", 4: "VEC4"}
        named |= {name: writer.accessor(values, kinds[values.shape[1]]) for name, values in attributes.items()}
        primitive: Json = {"attributes": named}
        if faces is not None:
            primitive["indices"] = writer.accessor(faces.ravel(), "SCALAR", index=True)
        writer.document |= {"meshes": [{"primitives": [primitive]}], "nodes": [{"mesh": 0}], "scenes": [{"nodes": [0]}]}
        return writer.pack()

    return make


def attribute(name: str, value: float, width: int) -> Make:
    """An attribute of the first part that holds nothing but this."""

    def make() -> bytes:
        writer = glasses(kind=False)
        primitive = writer.document["meshes"][0]["primitives"][0]
        count = writer.document["accessors"][primitive["attributes"]["POSITION"]]["count"]
        view = writer.view(np.full((count, width), value, "<f4").tobytes())
        writer.document["accessors"].append(
            {"bufferView": view, "componentType": 5126, "count": count, "type": f"VEC{width}"}
        )
        primitive["attributes"][name] = len(writer.document["accessors"]) - 1
        return writer.pack()

    return make


# --- the scene -----------------------------------------------------------------------------------------------


def cycle(document: Json) -> None:
    document["nodes"][0]["children"] = [1]
    document["nodes"][1]["children"] = [0]


def diamonds(document: Json) -> None:
    """Every node leads to the next one twice: 2^60 ways to the end."""
    first = len(document["nodes"])
    document["nodes"] += [{"children": [first + k + 1, first + k + 1]} for k in range(60)] + [{"mesh": 0}]
    document["scenes"][0]["nodes"] = [first]


def deep(document: Json) -> None:
    first = len(document["nodes"])
    document["nodes"] += [{"children": [first + k + 1]} for k in range(200)] + [{}]
    document["scenes"][0]["nodes"] = [first]


def growing(document: Json) -> None:
    first = len(document["nodes"])
    document["nodes"] += [{"scale": [1e9] * 3, "children": [first + k + 1]} for k in range(40)] + [{"mesh": 0}]
    document["scenes"][0]["nodes"] = [first]


def crowd(document: Json) -> None:
    document["meshes"][0]["primitives"] *= 200
    document["nodes"] = [{"mesh": 0} for _ in range(3000)]
    document["scenes"][0]["nodes"] = list(range(3000))


def costly_nothings() -> bytes:
    """Parts of half a million vertices each, of which one degenerate strip is drawn: all work and no triangles."""
    writer = glasses(kind=False)
    points = writer.accessor(np.zeros((500_000, 3), np.float32), "VEC3")
    strip = writer.accessor(np.zeros(2), "SCALAR", index=True)
    writer.document["meshes"] = [
        {"primitives": [{"attributes": {"POSITION": points}, "indices": strip, "mode": 5}] * 500}
    ]
    writer.document["nodes"], writer.document["scenes"] = [{"mesh": 0}], [{"nodes": [0]}]
    return writer.pack()


def many(name: str, count: int) -> Make:
    text = b'{"asset":{"version":"2.0"},"' + name.encode() + b'":[' + b",".join([b"{}"] * count) + b"]}"
    return lambda: container(text, b"")


def nested(depth: int) -> Make:
    return lambda: container(b'{"asset":' + b"[" * depth + b"]" * depth + b"}")


def nested_extras(depth: int) -> Make:
    return with_text(b'"extras":{}', b'"extras":{"vitrine":{"name":' + b"[" * depth + b"]" * depth + b"}}")


# --- pictures ------------------------------------------------------------------------------------------------


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *chunks: bytes, pixels: bytes = b"") -> bytes:
    """A PNG of 8 grey bits whose header says what it likes."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b"")


def flat_png(side: int) -> bytes:
    """All zeros: 16 million pixels in 16 kB."""
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(b"\0" * (side + 1)) for _ in range(side)) + packer.flush()
    return png(side, side, pixels=rows)


def zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(b"\0" * (1 << 20)) for _ in range(megabytes)) + packer.flush()


def jpeg_of(width: int, height: int) -> bytes:
    """A JPEG of eight pixels that says that it has more."""
    sink = io.BytesIO()
    Image.new("RGB", (8, 8)).save(sink, "JPEG")
    raw = sink.getvalue()
    at = raw.index(b"\xff\xc0") + 5
    return patched(raw, at, struct.pack(">HH", height, width))


def webp_of(width: int, height: int) -> bytes:
    extended = b"VP8X" + struct.pack("<II", 10, 0x10) + (width - 1).to_bytes(3, "little")
    body = b"WEBP" + extended + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", len(body)) + body


def with_pictures(*pictures: bytes, materials: int = 0) -> Make:
    """The first material has them all, and so many more materials share the first of them."""

    def make() -> bytes:
        writer = glasses(kind=False)
        document = writer.document
        document["images"] = [{"bufferView": writer.view(raw)} for raw in pictures]
        document["textures"] = [{"source": index} for index in range(len(pictures))]
        first = document["materials"][0]
        first["pbrMetallicRoughness"]["baseColorTexture"] = {"index": 0}
        document["materials"] += [
            {"pbrMetallicRoughness": {"baseColorTexture": {"index": k}}} for k in range(1, len(pictures))
        ]
        document["materials"] += [json.loads(json.dumps(first)) for _ in range(materials)]
        part = document["meshes"][0]["primitives"][0]
        uv = writer.accessor(np.zeros((document["accessors"][part["attributes"]["POSITION"]]["count"], 2)), "VEC2")
        part["attributes"]["TEXCOORD_0"] = uv
        shared = [{**part, "material": len(document["materials"]) - 1 - k} for k in range(materials)]
        document["meshes"][0]["primitives"] += shared
        return writer.pack()

    return make


def smuggled() -> bytes:
    """A whole zip in bytes that no accessor names."""
    writer = glasses(kind=False)
    writer.view(a_zip())
    return writer.pack()


def a_zip() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("../../etc/cron.d/x", "* * * * * root true")
    return sink.getvalue()


def named(name: str) -> Make:
    """Every name in the file is this."""

    def edit(document: Json) -> None:
        for item in (*document["materials"], *document["meshes"], *document["nodes"]):
            item["name"] = name
        document["asset"]["extras"] = {"vitrine": {"name": name}}

    return with_document(edit)


def whole() -> bytes:
    return glasses(kind=False).pack()


def unpacked(writer: GlbWriter) -> bytes:
    return json.dumps(writer.document).encode()


def two_buffers() -> bytes:
    """The writer gives a file one buffer, so the second is written into the text."""
    return with_text(b'"buffers":[', b'"buffers":[{"uri":"x.bin","byteLength":4},')()


def without(listed: str, key: str) -> bytes:
    def edit(document: Json) -> None:
        del document[listed][0][key]

    return with_document(edit)()


def undeclared_draco() -> bytes:
    """As it says in the extension, the geometry is elsewhere; what glTF itself would read is not there."""

    def edit(document: Json) -> None:
        primitive = document["meshes"][0]["primitives"][0]
        primitive["extensions"] = {"KHR_draco_mesh_compression": {"bufferView": 0, "attributes": {"POSITION": 0}}}
        for accessor in document["accessors"]:
            accessor.pop("bufferView")

    return with_document(edit)()


def meshopt_fallback() -> bytes:
    """As gltfpack writes it: a second buffer that is not there, to be filled by whoever unpacks."""
    fallback = b'{"byteLength":4294967295,"extensions":{"EXT_meshopt_compression":{"fallback":true}}},'
    return with_text(b'"buffers":[', b'"buffers":[' + fallback)()
