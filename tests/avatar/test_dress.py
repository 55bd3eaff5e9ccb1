"""Garments keep their size on any body, lie outside it and over one another, move with it, and say what they hide."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from avatar.body_model import BodyModel, rotations
from avatar.charts import GarmentChart
from avatar.errors import GarmentInvalid
from avatar.garments.catalogue import CATALOGUE, read_catalogue
from avatar.garments.cloth import border_loops, edges_and_bends
from avatar.garments.cover import closed, hidden, unpacked
from avatar.garments.dress import Dresser, Worn
from avatar.garments.fitted import EASE, Fitted
from avatar.garments.intake import read_garment
from avatar.garments.skin import Skin
from avatar.garments.stance import arm_share
from avatar.garments.surface import Surface
from avatar.gltf import read_document, vertex_normals
from tests.avatar.test_gltf import node


@pytest.fixture(scope="module")
def catalogue(models: Path) -> dict[str, bytes]:
    return read_catalogue(models)


@pytest.fixture(scope="module")
def dresser(models: Path) -> Dresser:
    return Dresser(models)


@pytest.fixture(scope="module")
def betas(woman: BodyModel) -> np.ndarray:
    return np.zeros(woman.arrays.betas)


@pytest.fixture(scope="module")
def outfit(dresser: Dresser, catalogue: dict[str, bytes], betas: np.ndarray) -> tuple[list[Fitted], np.ndarray]:
    """Given the other way round than it is worn."""
    return dresser.fitted("female", betas, [Worn(catalogue["t-shirt"], "M"), Worn(catalogue["jeans"], "M")])


@pytest.fixture(scope="module")
def skirt(dresser: Dresser, catalogue: dict[str, bytes], betas: np.ndarray) -> Fitted:
    return dresser.fitted("female", betas, [Worn(catalogue["skirt"], "M")])[0][0]


@pytest.fixture(scope="module")
def dress(dresser: Dresser, catalogue: dict[str, bytes], betas: np.ndarray) -> Fitted:
    return dresser.fitted("female", betas, [Worn(catalogue["dress"], "M")])[0][0]


@pytest.fixture(scope="module")
def three(dresser: Dresser, catalogue: dict[str, bytes]) -> tuple[np.ndarray, list[Fitted], np.ndarray]:
    """A hoodie over a T-shirt over jeans, on somebody else: her betas, the layers, what is covered."""
    betas = np.zeros(32)
    betas[:8] = np.random.default_rng(3).normal(0, 1.2, 8)
    worn = [Worn(catalogue[name], "M") for name in ("hoodie", "t-shirt", "jeans")]
    return betas, *dresser.fitted("female", betas, worn)


def stands_out(points: np.ndarray, normals: np.ndarray, over: Fitted) -> np.ndarray:
    """By how much (m) points under a garment stand out of it; beside its hems none counts as under it."""
    cover = Skin(over.cloth, vertex_normals(over.cloth, over.cloth_faces))
    contact = cover.contact(points)
    hems = np.concatenate([loop for loop in border_loops(over.cloth_faces) if len(loop) > 12])
    aside = np.linalg.norm(points - cover.points[contact.index] - contact.height[:, None] * contact.normal, axis=1)
    alike = np.einsum("nx,nx->n", normals, contact.normal) > 0.5
    inside = cKDTree(over.cloth[hems]).query(points)[0] > 0.018
    under = (aside < 0.006) & alike & inside & (contact.height < 0.012)
    exact = Surface.of(over.cloth, over.cloth_faces).standing(points, normals)
    # Where triangles are large, the plane at the nearest corner is not the cloth.
    return np.where(under & exact.inside, np.minimum(contact.height, exact.height), 0)


def changed(content: bytes, change: dict) -> bytes:
    """The GLB with its JSON changed."""
    document, binary = read_document(content)
    text = json.dumps(document | change).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def test_the_catalogue_has_five_garments_in_five_sizes(catalogue: dict[str, bytes]) -> None:
    for name, content in catalogue.items():
        garment = read_garment(content)
        assert garment.chart == CATALOGUE[name].chart
        assert len(garment.chart.sizes) == 5
        assert garment.kind == CATALOGUE[name].kind
        assert any(part.material.texture for part in garment.parts)
        assert 0.5 < garment.main.mean() <= 1
    assert {"top", "jacket", "bottom", "skirt", "dress"} == {design.kind for design in CATALOGUE.values()}


def test_catalogue_files_are_sound(models: Path) -> None:
    names = [*(f"{name}.glb" for name in CATALOGUE), "base-female.glb", "base-male.glb", "base-neutral.glb"]
    for report in node("validate.mjs", *(models / "garments" / name for name in names)):
        assert report["errors"] == 0


def test_layers_go_from_the_skin_outward(outfit: tuple[list[Fitted], np.ndarray]) -> None:
    assert [layer.name for layer in outfit[0]] == ["Jeans", "T-shirt"]


def test_no_cloth_is_inside_the_body(outfit: tuple[list[Fitted], np.ndarray], woman: BodyModel) -> None:
    skin = Skin.of(woman.arrays.template, woman.arrays.faces)
    for layer in outfit[0]:
        assert skin.contact(layer.cloth).height.min() > 0.001


def test_the_top_lies_over_the_trousers(outfit: tuple[list[Fitted], np.ndarray]) -> None:
    jeans, top = outfit[0]
    over = Skin.of(jeans.cloth, jeans.cloth_faces)
    contact = over.contact(top.cloth)
    near = np.linalg.norm(over.points[contact.index] - top.cloth, axis=1) < 0.02
    assert near.sum() > 300
    assert (contact.height[near] > 0).mean() > 0.9


def test_of_what_is_drawn_nothing_pokes_through_what_is_worn_over_it(
    three: tuple[np.ndarray, list[Fitted], np.ndarray], woman: BodyModel
) -> None:
    betas, layers, covered = three
    assert [layer.name for layer in layers] == ["Jeans", "T-shirt", "Hoodie"]
    body = (woman.arrays.template + woman.arrays.shapedirs @ betas.astype(np.float32)).astype(np.float64)
    seen = np.unique(woman.arrays.faces[~covered[woman.arrays.faces].all(1)])
    bare = vertex_normals(body, woman.arrays.faces)[seen]
    for layer in layers:
        assert Skin.of(body, woman.arrays.faces).contact(layer.cloth).height.min() > -0.002
        assert stands_out(body[seen], bare, layer).max() < 0.002
    for number, below in enumerate(layers):
        drawn = np.unique(np.concatenate([part.faces for part in below.parts]))
        for over in layers[number + 1 :]:
            assert stands_out(below.points[drawn], below.normals[drawn], over).max() < 0.002


def test_a_shirt_goes_into_trousers_where_it_is_tucked(
    dresser: Dresser, catalogue: dict[str, bytes], betas: np.ndarray
) -> None:
    """The trousers are whole, and of the shirt what they hide is left out."""
    worn = [Worn(catalogue["t-shirt"], "M"), Worn(catalogue["jeans"], "M")]
    shirt, jeans = dresser.fitted("female", betas, worn, tucked=True)[0]
    assert (shirt.name, jeans.name) == ("T-shirt", "Jeans")
    whole = [len(read_garment(catalogue[name]).faces) for name in ("t-shirt", "jeans")]
    left = [sum(len(part.faces) for part in layer.parts) for layer in (shirt, jeans)]
    assert left[1] == whole[1]
    assert 0.5 < left[0] / whole[0] < 0.95


def test_trousers_under_a_top_are_left_out_where_it_hides_them(
    outfit: tuple[list[Fitted], np.ndarray], catalogue: dict[str, bytes]
) -> None:
    whole = read_garment(catalogue["jeans"])
    left = sum(len(part.faces) for part in outfit[0][0].parts)
    assert 0.6 < left / len(whole.faces) < 0.97


def test_covered_skin_is_hidden_and_bare_skin_is_not(outfit: tuple[list[Fitted], np.ndarray], woman: BodyModel) -> None:
    hidden = outfit[1]
    part = woman.arrays.weights.argmax(1)
    assert hidden[np.isin(part, [3, 6])].mean() > 0.85  # spine
    assert hidden[np.isin(part, [4, 5])].mean() > 0.7  # shins
    assert hidden[np.isin(part, [15, 20, 21, 22, 23])].mean() == 0  # head and hands


def cut_open(garment: Fitted, inside: np.ndarray) -> Fitted:
    """The garment without the triangles of its cloth that have a corner inside (M,)."""
    return replace(garment, cloth_faces=garment.cloth_faces[~inside[garment.cloth_faces].any(1)])


def test_skin_in_a_cut_out_is_not_hidden(dress: Fitted, woman: BodyModel) -> None:
    """A dress with a hole of 8 cm at the back shows her back in it; of the same dress without it nothing is open."""
    body, faces = woman.arrays.template.astype(np.float64), woman.arrays.faces
    normals = vertex_normals(body, faces)
    back = np.linalg.norm((dress.cloth - [0, 0.25, 0])[:, :2], axis=1)
    keyhole = cut_open(dress, (back < 0.04) & (dress.cloth[:, 2] < 0))
    assert len(border_loops(keyhole.cloth_faces)) == len(border_loops(dress.cloth_faces)) + 1
    within = (np.linalg.norm((body - [0, 0.25, 0])[:, :2], axis=1) < 0.03) & (normals[:, 2] < -0.5)
    assert within.sum() > 5
    for garment, share in ((dress, 1), (keyhole, 0)):
        covered = closed(*hidden(body, normals, garment.cloth, garment.cloth_faces), faces)
        assert covered[within].mean() == share


def test_a_closed_shell_holds_nothing_in(outfit: tuple[list[Fitted], np.ndarray], woman: BodyModel) -> None:
    """A jacket without an opening has no hem: what is under it is no farther below that than anything else."""
    top, skin = outfit[0][1], Skin.of(woman.arrays.template, woman.arrays.faces)
    caps = [
        np.stack([loop[1:-1], np.full(len(loop) - 2, loop[0]), loop[2:]], 1) for loop in border_loops(top.cloth_faces)
    ]
    for kind in ("jacket", "skirt"):
        shell = replace(top, kind=kind, cloth_faces=np.concatenate([top.cloth_faces, *caps]))
        assert not border_loops(shell.cloth_faces)
        assert not shell.holds_in(top)
        assert (shell.beyond(top.cloth) == -np.inf).all()
        assert np.isfinite(top.beneath(shell, skin).points).all()


def test_a_jackets_hem_is_no_front_neck_or_cuff(outfit: tuple[list[Fitted], np.ndarray]) -> None:
    """Open in front, hem and neck are one loop; cropped, its cuffs hang lowest. Its hem is where it was."""
    jacket = replace(outfit[0][1], kind="jacket")
    front = (np.abs(jacket.cloth[:, 0]) < 0.03) & (jacket.cloth[:, 2] > 0)
    parted = cut_open(jacket, front)
    assert len(border_loops(parted.cloth_faces)[0]) > 250
    cropped = cut_open(jacket, (jacket.cloth[:, 1] < 0.26) & (arm_share(jacket.cloth_weights) < 0.5))
    for one, hem in ((parted, jacket.cloth[:, 1].min()), (cropped, 0.26)):
        below = np.abs(one.cloth[:, 0]) < 0.25
        at = np.stack([one.cloth[below, 0], np.full(below.sum(), hem - 0.1), one.cloth[below, 2]], 1)
        assert 0.08 < one.beyond(at).min() < one.beyond(at).max() < 0.16


def test_cloth_keeps_the_lengths_of_its_size(
    outfit: tuple[list[Fitted], np.ndarray], catalogue: dict[str, bytes]
) -> None:
    """M as modelled: the cloth's own edges are as long as in the file, within what jersey gives."""
    top = outfit[0][1]
    garment = read_garment(catalogue["t-shirt"])
    faces = np.concatenate([part.faces for part in garment.parts if part.name == "jersey"])
    edges, _ = edges_and_bends(faces)
    before, after = (
        np.linalg.norm(np.diff(points[edges], axis=1)[:, 0], axis=1) for points in (garment.points, top.points)
    )
    assert np.median(after / before) == pytest.approx(1, abs=0.03)
    assert np.percentile(after / before, 95) < 1.25


def test_a_larger_size_is_larger_on_the_same_body(
    dresser: Dresser, catalogue: dict[str, bytes], betas: np.ndarray, outfit: tuple[list[Fitted], np.ndarray]
) -> None:
    large = dresser.fitted("female", betas, [Worn(catalogue["t-shirt"], "XL")])[0][0]
    medium = outfit[0][1]
    assert large.size == "XL"
    difference = np.median(large.ease) - np.median(medium.ease)
    assert 8 < difference < 22  # the chart says 16 cm at the chest
    assert large.points[:, 1].min() < medium.points[:, 1].min() - 0.015  # and longer


def test_ease_is_what_chart_and_tape_say(outfit: tuple[list[Fitted], np.ndarray]) -> None:
    """At the bust: 106 cm of shirt over 97.8 cm of chest."""
    top = outfit[0][1]
    at_bust = (np.abs(top.points[:, 1] - 0.298) < 0.01) & (np.abs(top.points[:, 0]) < 0.12)
    assert at_bust.sum() > 20
    assert np.median(top.ease[at_bust]) == pytest.approx(106 - 97.8, abs=2.5)


STEPS = {"a step": {(1, 0): -0.45, (2, 0): 0.35}, "legs apart": {(1, 2): 0.4, (2, 2): -0.4}}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("which", ["skirt", "dress"])
def test_skirts_do_not_split_between_the_legs(
    request: pytest.FixtureRequest, woman: BodyModel, which: str, step: str
) -> None:
    """One leg forward and one back, or both outward: no edge is torn, and the cloth goes on from leg to leg."""
    garment: Fitted = request.getfixturevalue(which)
    pose = torch.zeros(1, 24, 3)
    for (joint, axis), angle in STEPS[step].items():
        pose[0, joint, axis] = angle
    rest = woman.posed(torch.zeros(1, woman.arrays.betas), torch.zeros(1, 24, 3)).joints[0]
    turn = rotations(pose)[0].numpy()
    world, place = [turn[0]], [rest[0].numpy()]
    for joint in range(1, 24):
        parent = int(woman.arrays.parents[joint])
        place.append(place[parent] + world[parent] @ (rest[joint] - rest[parent]).numpy())
        world.append(world[parent] @ turn[joint])
    points, weights = garment.cloth, garment.weights[cKDTree(garment.points).query(garment.cloth)[1]]
    moved = sum(weights[:, [j]] * ((points - rest[j].numpy()) @ world[j].T + place[j]) for j in range(24))
    edges, _ = edges_and_bends(garment.cloth_faces)
    before, after = (np.linalg.norm(np.diff(p[edges], axis=1)[:, 0], axis=1) for p in (points, moved))
    stretch = after[before > 2e-3] / before[before > 2e-3]
    assert stretch.max() < 2.4
    assert np.percentile(stretch, 99) < 1.6
    # At the hem the cloth is one tube: between the legs, no gap wider than a hand between neighbours around it.
    below = points[:, 1] < points[:, 1].min() + 0.05
    across = np.sort(moved[below, 0])
    assert np.diff(across).max() < 0.05


def test_weights_are_four_at_most_and_whole(outfit: tuple[list[Fitted], np.ndarray], skirt: Fitted) -> None:
    for layer in (*outfit[0], skirt):
        assert (layer.weights > 0).sum(1).max() <= 4
        np.testing.assert_allclose(layer.weights.sum(1), 1, atol=1e-6)


def test_files_are_sound_small_and_tell_what_is_hidden(
    dresser: Dresser, catalogue: dict[str, bytes], betas: np.ndarray, tmp_path: Path, woman: BodyModel
) -> None:
    outfit = dresser.dress("female", betas, [Worn(catalogue["skirt"], "S", product="p1")])
    content, dressed = outfit.file(compressed=True), outfit.file(compressed=True, body_color="#b98264")
    plain = outfit.file(compressed=False, body_color="#b98264")
    assert len(content) < 1_500_000
    assert max(len(dressed), len(plain)) < 3_000_000
    files = {"garment": content, "dressed": dressed, "plain": plain}
    for name, file in files.items():
        (tmp_path / f"{name}.glb").write_bytes(file)
    for report in node("validate.mjs", *(tmp_path / f"{name}.glb" for name in files)):
        assert report["errors"] == 0
    document, _ = read_document(content)
    said = document["asset"]["extras"]["vitrine"]
    assert said["garments"] == [{"product": "p1", "name": "Skirt", "worn_as": "skirt", "size": "S"}]
    hidden = unpacked(said["hidden"], said["vertices"])
    assert 300 < hidden.sum() < 4000
    assert all(EASE in primitive["attributes"] for mesh in document["meshes"] for primitive in mesh["primitives"])
    drawn = [document["nodes"][index] for index in document["scenes"][0]["nodes"] if "mesh" in document["nodes"][index]]
    assert [one["name"] for one in drawn] == ["p1"]
    (coarse,) = drawn[0]["extensions"]["MSFT_lod"]["ids"]
    fine, rough = (
        sum(document["accessors"][p["indices"]]["count"] for p in document["meshes"][one["mesh"]]["primitives"])
        for one in (drawn[0], document["nodes"][coarse])
    )
    assert rough < 0.5 * fine
    assert "extensionsUsed" not in read_document(plain)[0]
    whole, _ = read_document(dressed)
    body = next(mesh for mesh in whole["meshes"] if mesh["name"] == "body")
    count = sum(whole["accessors"][part["indices"]]["count"] for part in body["primitives"]) // 3
    assert count < len(woman.arrays.faces) - 500


def test_a_size_that_is_not_there_is_refused(dresser: Dresser, catalogue: dict[str, bytes], betas: np.ndarray) -> None:
    with pytest.raises(GarmentInvalid) as refusal:
        dresser.fitted("female", betas, [Worn(catalogue["skirt"], "52")])
    assert refusal.value.code == "garment-size-unknown"


def test_a_garment_beside_the_body_is_refused(dresser: Dresser, catalogue: dict[str, bytes], betas: np.ndarray) -> None:
    document, _ = read_document(catalogue["skirt"])
    aside = [{**entry, "translation": [0.7, 0, 0]} for entry in document["nodes"]]
    with pytest.raises(GarmentInvalid) as refusal:
        dresser.fitted("female", betas, [Worn(changed(catalogue["skirt"], {"nodes": aside}), "M")])
    assert refusal.value.code == "garment-off-body"


def hostile(content: bytes) -> dict[str, tuple[bytes, str]]:
    """Files that lie, and the code each is refused with."""
    document, _ = read_document(content)
    longer = [{**entry, "count": 10**9} for entry in document["accessors"]]
    circle = [{**entry, "children": [0]} for entry in document["nodes"]]
    giant = [{**entry, "scale": [100, 100, 100]} for entry in document["nodes"]]
    outside = [{"uri": "https://example.com/x.png"} for _ in document["images"]]
    anonymous = {"asset": {"version": "2.0"}}
    draco = {"extensionsRequired": ["KHR_draco_mesh_compression"]}
    return {
        "empty": (b"", "garment-unreadable"),
        "cut": (content[: len(content) // 2], "garment-unreadable"),
        "not a GLB": (b"PK\x03\x04" + content, "garment-unreadable"),
        "counts": (changed(content, {"accessors": longer}), "garment-unreadable"),
        "circle": (changed(content, {"nodes": circle}), "garment-unreadable"),
        "giant": (changed(content, {"nodes": giant}), "garment-units"),
        "outside": (changed(content, {"images": outside}), "garment-textures-outside"),
        "kind": (changed(content, anonymous), "garment-kind"),
        "draco": (changed(content, draco), "garment-compressed"),
        "no meshes": (changed(content, {"scenes": [{"nodes": []}]}), "garment-empty"),
    }


@pytest.mark.parametrize(
    "what", ["empty", "cut", "not a GLB", "counts", "circle", "giant", "outside", "kind", "draco", "no meshes"]
)
def test_files_that_lie_are_refused_with_a_code(catalogue: dict[str, bytes], what: str) -> None:
    content, code = hostile(catalogue["skirt"])[what]
    with pytest.raises(GarmentInvalid) as refusal:
        read_garment(content)
    assert refusal.value.code == code


def test_an_owners_chart_overrules_the_files(catalogue: dict[str, bytes]) -> None:
    chart = GarmentChart("skirt", {"36": {"waist": 70.0, "hip": 96.0}}, {"waist": (0.0, 2.0, 4.0)}, modelled="36")
    assert read_garment(catalogue["skirt"], chart=chart).chart == chart


def test_borders_are_whole_loops() -> None:
    grid = np.arange(20).reshape(4, 5)
    a, b, c, d = grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    (loop,) = border_loops(faces)
    assert len(loop) == 14


def test_hoods_cords_and_stitches_ride_on_the_cloth(
    outfit: tuple[list[Fitted], np.ndarray], catalogue: dict[str, bytes]
) -> None:
    hoodie = read_garment(catalogue["hoodie"])
    by_name = {part.name: hoodie.main[part.faces].any() for part in hoodie.parts}
    assert by_name["fleece"]
    assert not any(by_name[name] for name in ("hood", "cord", "thread"))
    jeans = outfit[0][0]
    stitches = np.unique(next(part.faces for part in jeans.parts if part.name == "thread"))
    contact = Skin.of(jeans.cloth, jeans.cloth_faces).contact(jeans.points[stitches])
    assert np.abs(contact.height).max() < 0.008
