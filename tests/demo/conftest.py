"""Every wearable of the demo shop, built once and taken apart again."""

import io
import json
import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytest
import trimesh

from demo.shop import WEARABLES, Demo


@dataclass(frozen=True)
class Built:
    demo: Demo
    glb: bytes

    @cached_property
    def document(self) -> dict[str, Any]:
        (length,) = struct.unpack_from("<I", self.glb, 12)
        return json.loads(self.glb[20 : 20 + length])

    @cached_property
    def binary(self) -> bytes:
        (length,) = struct.unpack_from("<I", self.glb, 12)
        return self.glb[28 + length :]

    @cached_property
    def meshes(self) -> dict[str, trimesh.Trimesh]:
        """Part name -> mesh in millimetres, vertices as they are in the file."""
        scene = trimesh.load_scene(io.BytesIO(self.glb), file_type="glb", process=False)
        parts = {}
        for node in scene.graph.nodes_geometry:
            transform, name = scene.graph[node]
            mesh = scene.geometry[name].copy()
            mesh.apply_transform(transform)
            mesh.apply_scale(1000.0)
            parts[node] = mesh
        return parts

    def welded(self, name: str) -> trimesh.Trimesh:
        """One part with the vertices that hard edges and texture seams split put together again."""
        mesh = self.meshes[name]
        _, first, inverse = np.unique(mesh.vertices, axis=0, return_index=True, return_inverse=True)
        faces = inverse.reshape(-1)[mesh.faces]
        return trimesh.Trimesh(mesh.vertices[first], faces, process=False)

    def attribute(self, part: str, name: str) -> np.ndarray:
        """A float vertex attribute of one part, (N, components), straight from the file."""
        (primitive,) = next(m for m in self.document["meshes"] if m["name"] == part)["primitives"]
        accessor = self.document["accessors"][primitive["attributes"][name]]
        view = self.document["bufferViews"][accessor["bufferView"]]
        count = accessor["count"] * int(accessor["type"][-1])
        return np.frombuffer(self.binary, "<f4", count, view["byteOffset"]).reshape(accessor["count"], -1)

    @property
    def stated(self) -> dict[str, Any]:
        return self.document["asset"]["extras"]["vitrine"]


CATALOGUE = {demo.name: demo for demo in WEARABLES}
GLASSES = [demo.name for demo in WEARABLES if demo.kind == "glasses"]
HATS = [demo.name for demo in WEARABLES if demo.kind == "hat"]
_built: dict[str, Built] = {}


def built(name: str) -> Built:
    if name not in _built:
        _built[name] = Built(CATALOGUE[name], CATALOGUE[name].build())
    return _built[name]


@pytest.fixture(params=list(CATALOGUE))
def wearable(request: pytest.FixtureRequest) -> Built:
    return built(request.param)


@pytest.fixture(params=GLASSES)
def glasses(request: pytest.FixtureRequest) -> Built:
    return built(request.param)


@pytest.fixture(params=HATS)
def hat(request: pytest.FixtureRequest) -> Built:
    return built(request.param)
