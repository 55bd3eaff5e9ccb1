"""A girth is what a tape would read, on solids whose girth is known and on bodies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from scipy.special import ellipe

from avatar.body_model import BodyModel
from avatar.measure import DEFINITIONS, MEASURES, Tape
from avatar.section import edges_of, level_girths, plane_girth


def ellipse_perimeter(a: float, b: float) -> float:
    long, short = max(a, b), min(a, b)
    return float(4 * long * ellipe(1 - (short / long) ** 2))


def test_the_girth_of_an_elliptic_cylinder_is_the_ellipses() -> None:
    solid = trimesh.creation.cylinder(radius=1, height=2, sections=256)
    solid.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, [1, 0, 0]))
    vertices = np.asarray(solid.vertices) * [0.17, 1, 0.12]
    girths = level_girths(vertices, edges_of(np.asarray(solid.faces)), np.array([-0.5, 0.0, 0.31, 3.0]))
    np.testing.assert_allclose(girths[:3], ellipse_perimeter(0.17, 0.12), rtol=1e-3)
    assert girths[3] == 0


def test_a_slanted_limb_is_measured_square_to_its_axis() -> None:
    solid = trimesh.creation.cylinder(radius=0.05, height=0.5, sections=256)
    slant = trimesh.transformations.rotation_matrix(0.7, [1, 0.3, 0.2])
    solid.apply_transform(slant)
    edges = edges_of(np.asarray(solid.faces))
    square = plane_girth(np.asarray(solid.vertices), edges, np.zeros(3), slant[:3, 2])
    level = level_girths(np.asarray(solid.vertices), edges, np.zeros(1))[0]
    assert square == pytest.approx(2 * np.pi * 0.05, rel=1e-3)
    assert level > 1.1 * square


def test_a_tape_spans_hollows() -> None:
    """Two pillars of radius r whose axes are d apart: the tape runs 2 pi r + 2 d."""
    pillars = []
    for side in (-0.1, 0.1):
        pillar = trimesh.creation.cylinder(radius=0.05, height=1, sections=256)
        pillar.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, [1, 0, 0]))
        pillar.apply_translation([side, 0, 0])
        pillars.append(pillar)
    both = trimesh.util.concatenate(pillars)
    girth = level_girths(np.asarray(both.vertices), edges_of(np.asarray(both.faces)), np.zeros(1))[0]
    assert girth == pytest.approx(2 * np.pi * 0.05 + 2 * 0.2, rel=1e-3)


def test_there_are_at_least_twenty_measures_and_each_is_defined(woman: BodyModel) -> None:
    measured = Tape(woman.arrays).measure(woman.arrays.template)
    assert len(MEASURES) >= 20
    assert tuple(measured) == MEASURES == tuple(DEFINITIONS)
    assert all(np.isfinite(value) and value > 5 for value in measured.values())


def test_an_average_woman_measures_like_one(woman: BodyModel) -> None:
    """Plausible intervals for a woman of 163 cm and a body mass index near 26."""
    tape = Tape(woman.arrays)
    measured = tape.measure(woman.arrays.template)
    expected = {
        "height": (160, 167), "chest": (90, 104), "underbust": (78, 95), "waist": (76, 95), "high_hip": (88, 108),
        "hip": (96, 112), "neck": (30, 38), "upper_arm": (25, 33), "wrist": (14, 19), "thigh": (52, 66),
        "knee": (34, 44), "calf": (33, 42), "ankle": (20, 27), "inside_leg": (68, 82), "shoulder_width": (33, 44),
        "back_length": (36, 44), "arm_length": (48, 62), "crotch_length": (58, 80),
    }  # fmt: skip
    outside = {name: measured[name] for name, (low, high) in expected.items() if not low < measured[name] < high}
    assert not outside
    assert 60 < tape.mass_kg(woman.arrays.template) < 80


def test_a_body_half_as_large_again_measures_half_as_much_again(man: BodyModel) -> None:
    """Lengths scale with the body; only the thigh's tape lies at a fixed 3 cm below the crotch."""
    tape = Tape(man.arrays)
    once, more = tape.measure(man.arrays.template), tape.measure(man.arrays.template * np.float32(1.5))
    for name in set(MEASURES) - {"thigh"}:
        assert more[name] == pytest.approx(1.5 * once[name], rel=0.02), name


def test_the_arms_are_not_in_the_chest(woman: BodyModel) -> None:
    """Lifting the arms' skin away from the body changes no girth of the trunk."""
    tape = Tape(woman.arrays)
    moved = woman.arrays.template.copy()
    arms = woman.arrays.weights[:, 18:].sum(1) > 0.5
    assert arms.sum() > 1000
    moved[arms] *= 2
    before, after = tape.measure(woman.arrays.template), tape.measure(moved)
    for name in ("chest", "underbust", "waist", "high_hip", "hip"):
        assert after[name] == pytest.approx(before[name]), name


def test_a_wider_waist_is_measured_by_as_much_as_it_was_widened(woman: BodyModel) -> None:
    """The trunk pushed out by 1 cm all round is 2 pi cm more in girth, at chest, waist and hip alike."""
    tape = Tape(woman.arrays)
    mesh = trimesh.Trimesh(woman.arrays.template, woman.arrays.faces, process=False)
    outward = np.array(mesh.vertex_normals)
    outward[:, 1] = 0
    outward /= np.linalg.norm(outward, axis=1, keepdims=True).clip(1e-9)
    before = tape.measure(woman.arrays.template)
    after = tape.measure(woman.arrays.template + 0.01 * outward.astype(np.float32))
    for name in ("chest", "underbust", "waist", "high_hip", "hip"):
        assert after[name] - before[name] == pytest.approx(2 * np.pi, abs=0.6), name


def test_a_girth_moves_smoothly_with_the_shape(woman: BodyModel) -> None:
    """The fit takes derivatives of the measures: no jumps as the shape changes a little."""
    tape = Tape(woman.arrays)
    betas = torch.zeros(21, woman.arrays.betas)
    betas[:, 1] = torch.linspace(-1, 1, 21)
    bodies = woman.shaped(betas).numpy()
    for name in ("chest", "waist", "hip", "thigh", "inside_leg", "shoulder_width"):
        values = np.array([tape.measure(body)[name] for body in bodies])
        bends = np.abs(np.diff(values, 2))
        assert bends.max() < 0.25, name


def test_licensed_meshes_get_landmarks_of_their_own(models: Path, woman: BodyModel) -> None:
    """Landmarks are found by rule, so that any SMPL-layout mesh can be measured: found again, they are the same."""
    from avatar.body_model import JOINT_NAMES, load_arrays
    from avatar.landmarks import ANNY_BUST, find_landmarks

    arrays = load_arrays(models, "neutral")
    skin = np.setdiff1d(np.unique(arrays.faces), np.arange(13380, len(arrays.template)))
    found = find_landmarks(
        arrays.template,
        arrays.weights,
        arrays.joint_regressor @ arrays.template,
        names=JOINT_NAMES,
        bust=ANNY_BUST,
        skin=skin,
    )
    assert {name: index.tolist() for name, index in found.items()} == {
        name: index.tolist() for name, index in arrays.landmarks.items()
    }
