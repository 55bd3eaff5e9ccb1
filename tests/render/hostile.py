"""Files that an attacker, or a broken exporter, would upload: each by name, with the code it must be refused with.

An empty code means that the file is taken in all the same, because what is wrong in it is left out.
"""

from __future__ import annotations

import gzip
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


FILES: dict[str, tuple[Make, str]] = {
    # The container
    "nothing": (lambda: b"", "not-glb"),
    "a text": (lambda: b"solid glasses\n" * 50, "not-glb"),
    "a zip": (a_zip, "not-glb"),
    "a GLB in gzip": (lambda: gzip.compress(whole()), "not-glb"),
    "a picture": (lambda: flat_png(64), "not-glb"),
    "a glTF text": (lambda: unpacked(glasses()), "not-glb"),
    "another magic": (lambda: patched(whole(), 0, b"FTlg"), "not-glb"),
    "version 1": (lambda: patched(whole(), 4, struct.pack("<I", 1)), "version-unsupported"),
    "cut off": (lambda: whole()[:-100], "glb-truncated"),
    "longer than it says": (lambda: whole() + b"\0" * 8, "glb-truncated"),
    "a zip behind it": (lambda: whole() + a_zip(), "glb-truncated"),
    "shorter than it says": (lambda: patched(whole(), 8, struct.pack("<I", 2**32 - 1)), "glb-truncated"),
    "49 MB": (lambda: patched(whole() + bytes(49 << 20), 8, struct.pack("<I", len(whole()) + (49 << 20))), "too-large"),
    "JSON of 4 GB": (lambda: patched(whole(), 12, struct.pack("<I", 2**32 - 16)), "json-too-large"),
    "JSON past the end": (lambda: patched(whole(), 12, struct.pack("<I", 900_000)), "glb-truncated"),
    "JSON of 2 MB": (lambda: container(b'{"asset":{}}' + b" " * (2 << 20)), "json-too-large"),
    "no JSON first": (lambda: patched(whole(), 16, b"BIN\0"), "glb-truncated"),
    "half a chunk header": (lambda: container(b"{}") + b"", "version-unsupported"),
    "another chunk": (lambda: container(b'{"asset":{"version":"2.0"}}', b"abcd", kind=0x4C495645), "glb-truncated"),
    # The document
    "garbage": (lambda: patched(whole(), 20, b"\xff\xfe{{"), "json-invalid"),
    "empty JSON": (lambda: container(b""), "json-invalid"),
    "a list": (lambda: container(b"[1,2]"), "json-invalid"),
    "UTF-16": (lambda: container('{"asset":{"version":"2.0"}}'.encode("utf-16")), "json-invalid"),
    "NaN": (with_text(b'"nodes":[', b'"x":NaN,"nodes":['), "json-invalid"),
    "a hundred thousand brackets": (nested(100_000), "json-invalid"),
    "a number of 5,000 digits": (with_text(b'"nodes":[', b'"x":' + b"9" * 5000 + b',"nodes":['), "json-invalid"),
    "extras nine hundred deep": (nested_extras(900), ""),
    "a size of 400 digits": (
        with_text(b'"extras":{}', b'"extras":{"vitrine":{"kind":"glasses","frame_width_mm":1' + b"0" * 400 + b"}}"),
        "",
    ),
    "an infinite size": (
        with_text(b'"extras":{}', b'"extras":{"vitrine":{"kind":"glasses","frame_width_mm":1e999}}'),
        "",
    ),
    "a version that is a list": (changed("asset/version", [[["2.0"]]]), "version-unsupported"),
    "needs that are lists": (changed("extensionsRequired", [[[]], {"a": 1}]), "extension-unsupported"),
    "an unknown need": (changed("extensionsRequired", ["EVIL_ext"]), "extension-unsupported"),
    "a third of a million nodes": (many("nodes", 340_000), "too-many-parts"),
    "a third of a million accessors": (many("accessors", 340_000), "too-many-parts"),
    "a third of a million views": (many("bufferViews", 340_000), "too-many-parts"),
    "nodes that are numbers": (changed("nodes", [1, 2, 3]), "json-invalid"),
    # What it points to
    "an external buffer": (with_text(b'"buffers":[{', b'"buffers":[{"uri":"https://192.0.2.1/x.bin",'), "external-uri"),
    "two buffers": (two_buffers, "external-uri"),
    "a picture elsewhere": (changed("images", [{"uri": "http://169.254.169.254/latest/meta-data"}]), "external-uri"),
    "a local file": (changed("images", [{"uri": "file:///etc/passwd"}]), "external-uri"),
    "a path upwards": (changed("images", [{"uri": "../../../etc/passwd"}]), "external-uri"),
    "a data URI": (changed("images", [{"uri": "data:image/png;base64," + "A" * 100_000}]), "external-uri"),
    # Compressed geometry: never unpacked here, so there is nothing to blow up
    "Draco": (changed("extensionsRequired", ["KHR_draco_mesh_compression"]), "compressed"),
    "meshopt": (changed("extensionsRequired", ["EXT_meshopt_compression"]), "compressed"),
    "Basis textures": (changed("extensionsRequired", ["KHR_texture_basisu"]), "compressed"),
    "Draco that nobody said it needs": (undeclared_draco, "json-invalid"),
    "meshopt with a fallback of 4 GB": (meshopt_fallback, "external-uri"),
    # The scene
    "a node that is its own parent": (changed("nodes/0/children", [0]), "node-cycle"),
    "a cycle": (with_document(cycle), "node-cycle"),
    "sixty diamonds": (with_document(diamonds), "node-cycle"),
    "a deep tree": (with_document(deep), "node-too-deep"),
    "five thousand nodes": (changed("nodes", [{}] * 5000), "too-many-nodes"),
    "six hundred thousand parts": (with_document(crowd), "too-many"),
    "a hundred thousand primitives": (changed("meshes/0/primitives", [{"mode": 0}] * 70_000), "too-many-parts"),
    "a child that is a text": (changed("nodes/0/children", ["1"]), "json-invalid"),
    "a child that is true": (changed("nodes/0/children", [True]), "json-invalid"),
    "a negative child": (changed("nodes/0/children", [-1]), "json-invalid"),
    "a child that is not there": (changed("nodes/0/children", [2**31]), "index-out-of-range"),
    "a scene that is not there": (changed("scene", 7), "index-out-of-range"),
    "a mesh that is not there": (changed("nodes/0/mesh", 99), "index-out-of-range"),
    "a matrix of 15": (changed("nodes/0/matrix", [1.0] * 15), "json-invalid"),
    "a matrix beyond floats": (changed("nodes/0/matrix", [1e300] * 16), "number-invalid"),
    "an infinite place": (with_text(b'"mesh":0}', b'"mesh":0,"translation":[1e999,0,0]}'), "number-invalid"),
    "forty scales in a row": (with_document(growing), "number-invalid"),
    "a scale of nothing": (changed("nodes", [{"mesh": 0, "scale": [0, 0, 0]}] * 11), "no-geometry"),
    "no scene": (changed("scenes", [{"nodes": []}]), "no-geometry"),
    # Numbers and counts
    "a count of 2^31": (changed("accessors/0/count", 2**31), "too-many-vertices"),
    "a count of 2^64": (changed("accessors/0/count", 2**64), "json-invalid"),
    "a count past its view": (changed("accessors/0/count", 5000), "accessor-out-of-bounds"),
    "a count of nothing": (changed("accessors/0/count", 0), "too-many-vertices"),
    "a count that is a text": (changed("accessors/0/count", "12"), "json-invalid"),
    "a count that is true": (changed("accessors/0/count", True), "json-invalid"),
    "an offset of 2^31": (changed("accessors/0/byteOffset", 2**31), "accessor-out-of-bounds"),
    "an offset that wraps round": (changed("accessors/0/byteOffset", 2**32 - 4), "accessor-out-of-bounds"),
    "a view past the end": (changed("bufferViews/0/byteLength", 2**31), "accessor-out-of-bounds"),
    "a view before the beginning": (changed("bufferViews/0/byteOffset", -4), "json-invalid"),
    "a stride of one": (changed("bufferViews/0/byteStride", 1), "accessor-out-of-bounds"),
    "a stride too long": (changed("bufferViews/0/byteStride", 4096), "accessor-out-of-bounds"),
    "a stride shorter than a point": (changed("bufferViews/0/byteStride", 4), "accessor-out-of-bounds"),
    "no view": (lambda: without("accessors", "bufferView"), "json-invalid"),
    "a matrix for a point": (changed("accessors/0/type", "MAT4"), "accessor-invalid"),
    "a type that is a list": (changed("accessors/0/type", ["VEC3"]), "accessor-invalid"),
    "a component that is none": (changed("accessors/0/componentType", 5124), "accessor-invalid"),
    "sparse": (changed("accessors/0/sparse", {"count": 2**31}), "accessor-invalid"),
    "an index beyond": (changed("accessors/0/count", 3), "index-out-of-range"),
    "indices that are points": (changed("meshes/0/primitives/0/indices", 0), "accessor-invalid"),
    "a material that is not there": (changed("meshes/0/primitives/0/material", 12), "index-out-of-range"),
    "half a million vertices for nothing": (costly_nothings, "too-many-vertices"),
    "an infinite point": (positions(float("inf")), "number-invalid"),
    "a point that is no number": (positions(float("nan")), "number-invalid"),
    "a point at the end of floats": (positions(3e38), "number-invalid"),
    "all points the same": (triangles(np.ones((300, 3))), "no-geometry"),
    "all points on a line": (triangles(np.outer(np.arange(300.0), [1, 2, 3])), "no-geometry"),
    "denormal points": (triangles(np.random.default_rng(1).normal(size=(300, 3)) * 1e-42), "shape-unknown"),
    "a point far from all triangles": (
        triangles(np.vstack([np.random.default_rng(1).normal(size=(300, 3)), [[1e8] * 3]]), np.arange(300)),
        "shape-unknown",
    ),
    "normals that are no numbers": (attribute("NORMAL", float("nan"), 3), ""),
    "infinite colours": (attribute("COLOR_0", float("inf"), 4), ""),
    "texture places that are no numbers": (attribute("TEXCOORD_0", float("nan"), 2), ""),
    # Pictures
    "a picture of 3.6 billion pixels": (with_pictures(png(60_000, 60_000)), "texture-too-large"),
    "a JPEG of 4 billion pixels": (with_pictures(jpeg_of(65_500, 65_500)), "texture-too-large"),
    "a WebP of 280 million pixels": (with_pictures(webp_of(16_383, 16_383)), "texture-"),
    "ten pictures of 16 million pixels": (with_pictures(*[flat_png(4096)] * 10), "texture-too-large"),
    "seventeen pictures": (with_pictures(*[flat_png(8)] * 17), "texture-too-large"),
    "a picture cut off": (with_pictures(flat_png(512)[:120]), "texture-invalid"),
    "a picture of garbage": (with_pictures(b"\x89PNG\r\n\x1a\n" + b"x" * 100), "texture-invalid"),
    "text that unpacks to 200 MB": (
        with_pictures(png(8, 8, png_chunk(b"zTXt", b"Comment\0\0" + zeros(200)), pixels=zlib.compress(bytes(72)))),
        "texture-invalid",
    ),
    "a colour profile that unpacks to 200 MB": (
        with_pictures(png(8, 8, png_chunk(b"iCCP", b"p\0\0" + zeros(200)), pixels=zlib.compress(bytes(72)))),
        "texture-invalid",
    ),
    "pixels that unpack to 200 MB more": (with_pictures(png(8, 8, pixels=zeros(200))), ""),
    "PostScript for a picture": (
        with_pictures(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
        "texture-invalid",
    ),
    "SVG for a picture": (with_pictures(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "texture-invalid"),
    "a zip for a picture": (with_pictures(a_zip()), "texture-invalid"),
    "a hundred materials with one picture": (with_pictures(flat_png(4096), materials=100), ""),
    "a thousand materials": (changed("materials", [{}] * 1000), "too-many-parts"),
    # What it says and what it carries
    "names with control characters": (named("a\0b\x1b[2J\r\n\u202e"), ""),
    "names with half a surrogate": (named("\ud800"), ""),
    "names of 100,000 letters": (with_document(set_in("meshes/0/name", "x" * 100_000)), ""),
    "names that are pages": (named("<img src=x onerror=alert(1)>{{7*7}}'; DROP TABLE products; --"), ""),
    "a zip within": (smuggled, ""),
}
