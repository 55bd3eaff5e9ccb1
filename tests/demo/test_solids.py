"""Every part is a closed solid that faces outward, with normals that agree, and glasses are the same on both sides."""

import numpy as np
from scipy.spatial import cKDTree

from tests.demo.conftest import Built


def test_every_part_is_closed_and_faces_outward(wearable: Built) -> None:
    for name in wearable.meshes:
        mesh = wearable.welded(name)
        assert mesh.is_watertight, f"{name} has open edges"
        assert mesh.is_winding_consistent, f"{name} has faces turned against their neighbours"
        for piece in mesh.split(only_watertight=False):
            assert piece.volume > 0, f"a piece of {name} is inside out"


def test_normals_are_unit_and_on_the_outer_side_of_their_faces(wearable: Built) -> None:
    for name, mesh in wearable.meshes.items():
        normals = wearable.attribute(name, "NORMAL")
        assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-3), name
        agreement = np.einsum("fij,fj->fi", normals[mesh.faces], mesh.face_normals)
        assert (agreement[mesh.area_faces > 1e-3] > 0.05).all(), f"{name} has normals that point inside"


def test_glasses_are_symmetrical(glasses: Built) -> None:
    points = np.concatenate([mesh.vertices for mesh in glasses.meshes.values()])
    distance, _ = cKDTree(points).query(points * [-1, 1, 1])
    assert distance.max() < 0.05


def test_left_is_the_wearers_left(glasses: Built) -> None:
    assert glasses.meshes["temple_left"].vertices[:, 0].min() > 0
    assert glasses.meshes["temple_right"].vertices[:, 0].max() < 0
