"""Nobody is seen naked: every body's file has a plain suit about the trunk, cut along a smooth edge, in every level."""

from __future__ import annotations

import numpy as np
import pytest

from avatar.body_model import JOINT_NAMES, BodyModel
from avatar.export import MANNEQUIN, SUIT, BodyShape, write_body
from avatar.gltf import linear, read_document
from avatar.suit import suit_color


@pytest.fixture(scope="module", params=["woman", "man", "anyone"])
def model(request: pytest.FixtureRequest) -> BodyModel:
    return request.getfixturevalue(request.param)


def area(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = (points[faces[:, corner]] for corner in range(3))
    return 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)


def test_chest_and_hips_are_covered_and_limbs_are_not(model: BodyModel) -> None:
    shape, arrays = BodyShape(model.arrays), model.arrays
    part = arrays.weights.argmax(1)
    worn = np.zeros(len(arrays.template), bool)
    own = int(arrays.faces.max()) + 1
    worn[[corner for corner in np.unique(shape.suit[0]) if corner < own]] = True
    for name, least, most in (("spine2", 0.99, 1), ("pelvis", 0.95, 1), ("left_knee", 0, 0), ("head", 0, 0)):
        share = worn[(part == JOINT_NAMES.index(name)) & (np.arange(len(part)) < own)].mean()
        assert least <= share <= most, name


def test_suit_and_skin_are_the_whole_body_in_every_level(model: BodyModel) -> None:
    shape = BodyShape(model.arrays)
    mesh = shape.mesh(model.arrays.template)
    points = mesh.vertices.astype(np.float64)
    whole = area(model.arrays.template.astype(np.float64), model.arrays.faces).sum()
    for number, (bare, worn) in enumerate(zip(shape.levels, shape.suit, strict=True)):
        assert area(points, bare).sum() + area(points, worn).sum() == pytest.approx(whole, rel=0.002 + 0.02 * number)
        # They meet along one line: each edge at the one's border is an edge of the other's.
        edges = [
            {tuple(sorted(e)) for f in faces.tolist() for e in zip(f, f[1:] + f[:1], strict=True)}
            for faces in (bare, worn)
        ]
        added = set(range(int(model.arrays.faces.max()) + 1, shape.count))
        seam = [{edge for edge in found if set(edge) <= added} for found in edges]
        assert len(seam[0] & seam[1]) > 150
    np.testing.assert_allclose(shape.weights.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("skin", [MANNEQUIN, "#f0d5c0", "#a97650", "#54352a"])
def test_the_suit_stands_off_from_every_skin(model: BodyModel, skin: str) -> None:
    shape, arrays = BodyShape(model.arrays), model.arrays
    mesh = shape.mesh(arrays.template, skin)
    document, _ = read_document(write_body(mesh, shape.joints(arrays.template), arrays.parents, compressed=False))
    colors = {one["name"]: one["pbrMetallicRoughness"]["baseColorFactor"][:3] for one in document["materials"]}
    assert colors["body"] == linear(skin)[:3]
    assert colors[SUIT] == linear(suit_color(skin, MANNEQUIN))[:3]
    light, dark = sorted((np.mean(colors["body"]), np.mean(colors[SUIT])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) > 1.9
