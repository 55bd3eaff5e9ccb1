"""Small products made of tubes and shells, in canonical metres, for tests that need a real GLB."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from render.glb import GlbWriter, Json
from render.gltf import smooth_normals

Mesh = tuple[NDArray[np.float64], NDArray[np.uint32]]


def tube(path: NDArray[np.float64], radius: float, *, closed: bool = False, sides: int = 8) -> Mesh:
    """A round tube along a path (n, 3)."""
    ahead = np.roll(path, -1, 0) - np.roll(path, 1, 0) if closed else np.gradient(path, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    side = np.cross(ahead, np.where(np.abs(ahead[:, 1:2]) < 0.9, [[0, 1.0, 0]], [[1.0, 0, 0]]))
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    over = np.cross(ahead, side)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)[None, :, None]
    points = path[:, None] + radius * (np.cos(angle) * side[:, None] + np.sin(angle) * over[:, None])
    return points.reshape(-1, 3), grid(len(path), sides, wrap_rows=closed, wrap_columns=True)


def grid(rows: int, columns: int, *, wrap_rows: bool = False, wrap_columns: bool = False) -> NDArray[np.uint32]:
    r, c = np.arange(rows if wrap_rows else rows - 1), np.arange(columns if wrap_columns else columns - 1)
    a = (r[:, None] * columns + c[None]).ravel()
    b = (r[:, None] * columns + (c[None] + 1) % columns).ravel()
    d = ((r[:, None] + 1) % rows * columns + c[None]).ravel()
    e = ((r[:, None] + 1) % rows * columns + (c[None] + 1) % columns).ravel()
    return np.concatenate([np.stack([a, b, d], 1), np.stack([b, e, d], 1)]).astype(np.uint32)


def disc(centre: tuple[float, float], radius: float, rings: int = 5, around: int = 24) -> Mesh:
    angle = np.linspace(0, 2 * np.pi, around, endpoint=False)
    r = np.linspace(0.02, 1, rings)[:, None] * radius
    flat = np.stack([centre[0] + r * np.cos(angle), centre[1] + r * np.sin(angle), np.zeros((rings, around))], -1)
    return flat.reshape(-1, 3), grid(rings, around, wrap_columns=True)


def glasses(
    *, width_mm: float = 138.0, lens_alpha: float = 0.3, kind: bool = True, temples: str = "left right"
) -> GlbWriter:
    """Round metal glasses; nothing in them is loaded from a file."""
    half, radius = width_mm / 2000, 0.024
    eye = 0.033
    loop = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    parts: list[tuple[str, Mesh, int]] = []
    for side, name in ((-1, "left"), (1, "right")):
        ring = np.stack([side * eye + radius * np.cos(loop), radius * np.sin(loop), np.zeros(40)], 1)
        parts.append((f"front_{name}", tube(ring, 0.0012, closed=True), 0))
        hinge = np.array([[side * (eye + radius), 0.012, 0.0], [side * half, 0.013, -0.003]])
        parts.append((f"hinge_{name}", tube(hinge, 0.0015), 0))
        z = np.array([-0.003, -0.03, -0.06, -0.09, -0.105, -0.12, -0.14])
        y = np.array([0.013, 0.013, 0.013, 0.012, 0.008, -0.006, -0.026])
        arm = np.stack([np.full(7, side * (half - 0.001)), y, z], 1)
        if name in temples:
            parts.append((f"temple_{name}", tube(arm, 0.0013), 0))
        parts.append((f"lens_{name}", disc((side * eye, 0.0), radius), 1))
    bridge = np.stack(
        [np.linspace(-0.009, 0.009, 9), 0.006 + 0.003 * np.cos(np.linspace(-1.5, 1.5, 9)), np.zeros(9)], 1
    )
    parts.append(("bridge", tube(bridge, 0.0013), 0))
    lens = {"name": "lens_tint", "alphaMode": "BLEND", "doubleSided": True}
    lens |= {"pbrMetallicRoughness": {"baseColorFactor": [0.1, 0.1, 0.12, lens_alpha], "metallicFactor": 0.0}}
    metal = {
        "name": "metal",
        "pbrMetallicRoughness": {"baseColorFactor": [0.05, 0.05, 0.05, 1], "roughnessFactor": 0.4},
    }
    return _write(parts, [metal, lens], {"kind": "glasses", "name": "Test", "frame_width_mm": width_mm} if kind else {})


def cap(*, kind: bool = True) -> GlbWriter:
    """A domed crown with a visor to the front."""
    around = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    up = np.linspace(0, np.pi / 2 * 0.98, 12)[:, None]
    crown = np.stack(
        [0.079 * np.cos(up) * np.sin(around), 0.12 * np.sin(up) + 0 * around, 0.1 * np.cos(up) * np.cos(around)], -1
    )
    sweep = np.linspace(-1.1, 1.1, 20)
    out = np.linspace(0, 0.065, 6)[:, None]
    visor = np.stack(
        [
            (0.079 + 0.2 * out) * np.sin(sweep),
            -0.25 * out + 0 * sweep,
            0.1 * np.cos(sweep) + out * np.cos(sweep) ** 2,
        ],
        -1,
    )
    parts: list[tuple[str, Mesh, int]] = [
        ("crown", (crown.reshape(-1, 3), grid(12, 40, wrap_columns=True)), 0),
        ("visor", (visor.reshape(-1, 3), grid(6, 20)), 0),
    ]
    cloth = {"name": "cloth", "doubleSided": True}
    cloth |= {"pbrMetallicRoughness": {"baseColorFactor": [0.4, 0.02, 0.02, 1], "metallicFactor": 0.0}}
    return _write(parts, [cloth], {"kind": "hat", "name": "Cap", "head_circumference_mm": 565.0} if kind else {})


def _write(parts: list[tuple[str, Mesh, int]], materials: list[Json], vitrine: Json) -> GlbWriter:
    writer = GlbWriter()
    meshes = []
    for name, (points, faces), material in parts:
        positions = points.astype(np.float32)
        attributes = {
            "POSITION": writer.accessor(positions, "VEC3"),
            "NORMAL": writer.accessor(smooth_normals(positions, faces), "VEC3"),
        }
        indices = writer.accessor(faces.ravel(), "SCALAR", index=True)
        meshes.append(
            {"name": name, "primitives": [{"attributes": attributes, "indices": indices, "material": material}]}
        )
    extras = {"vitrine": vitrine} if vitrine else {}
    writer.document |= {
        "asset": {"version": "2.0", "extras": extras},
        "scenes": [{"nodes": list(range(len(meshes)))}],
        "nodes": [{"mesh": index} for index in range(len(meshes))],
        "meshes": meshes,
        "materials": materials,
    }
    return writer


def turned(writer: GlbWriter, matrix: NDArray[np.float64]) -> bytes:
    """The product under one more node, with a (4, 4) matrix: another axis convention, another unit."""
    document = writer.document
    roots = document["scenes"][0]["nodes"]
    document["nodes"].append({"children": roots, "matrix": matrix.T.ravel().tolist()})
    document["scenes"] = [{"nodes": [len(document["nodes"]) - 1]}]
    return writer.pack()


def edited(writer: GlbWriter, edit: Callable[[Json], object]) -> bytes:
    """The file after `edit` had its way with the document."""
    edit(writer.document)
    return writer.pack()
