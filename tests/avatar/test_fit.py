"""A rendered person of known shape, through a photo file, back to her measurements; and photos that will not do."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from avatar.body_model import BodyModel
from avatar.checks import ADVICE, check
from avatar.differential import Camera, Puppet, State, project, projected_slopes, turned
from avatar.fit import Fitter
from avatar.measure import Tape
from avatar.photo import Photo, open_photo
from avatar.sighting import Onlooker
from bench.bodies_people import Person
from bench.bodies_photo import Studio
from bench.bodies_stance import stance

BETAS = {1: -0.9, 2: 0.7, 3: 0.8, 5: -0.6, 7: 0.5}


def person_of(model: BodyModel) -> Person:
    betas = torch.zeros(1, model.arrays.betas)
    for index, value in BETAS.items():
        betas[0, index] = value
    vertices = model.shaped(betas)[0].numpy()
    tape = Tape(model.arrays)
    return Person(
        seed=41, sex="female", vertices=vertices, truth=tape.measure(vertices), mass_kg=tape.mass_kg(vertices)
    )


@pytest.fixture(scope="module")
def studio(woman: BodyModel) -> Iterator[Studio]:
    studio = Studio(woman.arrays)
    yield studio
    studio.close()


@pytest.fixture(scope="module")
def onlooker(models: Path) -> Iterator[Onlooker]:
    with Onlooker(models) as onlooker:
        yield onlooker


@pytest.fixture(scope="module")
def person(woman: BodyModel) -> Person:
    return person_of(woman)


@pytest.fixture(scope="module")
def front(studio: Studio, person: Person) -> Photo:
    return open_photo(studio.shoot(person, "tight", "front").jpeg)


@pytest.fixture(scope="module")
def side(studio: Studio, person: Person) -> Photo:
    return open_photo(studio.shoot(person, "tight", "side").jpeg)


def codes(onlooker: Onlooker, photo: Photo, view: str = "front") -> list[str]:
    return [finding.code for finding in check(photo, onlooker.look(photo), view)]


def changed(photo: Photo, image: Image.Image) -> Photo:
    return Photo(np.array(image.convert("RGB")), photo.focal_px)


def test_a_person_is_measured_from_two_photos(
    woman: BodyModel, onlooker: Onlooker, front: Photo, side: Photo, person: Person
) -> None:
    """Before the learned correction: clothes and skin make the outline some millimetres wide."""
    sightings = {"front": onlooker.look(front)[0], "side": onlooker.look(side)[0]}
    fit = Fitter(woman.arrays).fit(sightings, person.stated_height_cm)
    body = woman.shaped(torch.as_tensor(fit.betas[None], dtype=torch.float32))[0].numpy()
    measured = Tape(woman.arrays).measure(body)
    assert measured["height"] == pytest.approx(person.truth["height"], abs=1)
    average = Tape(woman.arrays).measure(woman.arrays.template)
    for name in ("chest", "waist", "hip"):
        assert measured[name] == pytest.approx(person.truth[name], abs=7), name
    assert sum(abs(measured[n] - person.truth[n]) for n in ("chest", "waist", "hip", "thigh")) < sum(
        abs(average[n] - person.truth[n]) for n in ("chest", "waist", "hip", "thigh")
    )
    assert fit.outline_error_m < 0.008
    assert np.linalg.eigvalsh(fit.covariance).min() > 0


def test_good_photos_pass(onlooker: Onlooker, front: Photo, side: Photo) -> None:
    assert codes(onlooker, front) == []
    assert codes(onlooker, side, "side") == []


def test_an_empty_room_holds_nobody(onlooker: Onlooker, front: Photo) -> None:
    assert codes(onlooker, Photo(np.full_like(front.pixels, 128), None)) == ["nobody"]


def test_feet_outside_the_picture_are_missed(onlooker: Onlooker, front: Photo) -> None:
    height = int(front.pixels.shape[0] * 0.72)
    assert "cut-off" in codes(onlooker, Photo(np.ascontiguousarray(front.pixels[:height]), None))


def test_a_small_figure_is_too_small(onlooker: Onlooker, front: Photo) -> None:
    assert "too-small" in codes(onlooker, changed(front, Image.fromarray(front.pixels).resize((300, 400))))


def test_a_blurred_photo_is_blurred(onlooker: Onlooker, front: Photo) -> None:
    assert "blurred" in codes(
        onlooker, changed(front, Image.fromarray(front.pixels).filter(ImageFilter.GaussianBlur(6)))
    )


def test_a_dark_photo_is_too_dark(onlooker: Onlooker, front: Photo) -> None:
    assert "too-dark" in codes(onlooker, Photo((front.pixels * 0.12).astype(np.uint8), None))


def test_each_view_wants_its_own_turn(onlooker: Onlooker, front: Photo, side: Photo) -> None:
    assert "not-frontal" in codes(onlooker, side, "front")
    assert "not-sideways" in codes(onlooker, front, "side")


def test_two_people_are_several(onlooker: Onlooker, front: Photo) -> None:
    beside = np.concatenate([front.pixels, front.pixels[:, ::-1]], axis=1)
    assert "several-people" in codes(onlooker, Photo(np.ascontiguousarray(beside), None))


def test_arms_and_legs_together_hide_the_outline(
    onlooker: Onlooker, studio: Studio, person: Person, woman: BodyModel
) -> None:
    rest = woman.arrays.joint_regressor.astype(np.float64) @ person.vertices
    pose = stance(rest, "side", np.random.default_rng(0))
    pose[0] = 0
    pose[1] += [0, 0, -0.06]
    pose[2] += [0, 0, 0.06]
    found = codes(onlooker, open_photo(studio.shoot(person, "tight", "front", pose).jpeg))
    assert "arms-against-body" in found
    assert "legs-closed" in found


def test_every_code_has_advice() -> None:
    assert all(len(text) > 20 for text in ADVICE.values())


def test_the_derivatives_are_the_differences(woman: BodyModel) -> None:
    """What Gauss-Newton is told about points, against moving each unknown a little."""
    random = np.random.default_rng(3)
    puppet = Puppet(woman.arrays)
    betas = random.normal(0, 1, puppet.count)
    moving = [0, 1, 4, 16, 18]
    turns = turned(np.tile(np.eye(3), (24, 1, 1)), list(range(24)), random.normal(0, 0.3, (24, 3)))
    state = State(turns, np.array([0.1, -0.1, 2.5]), 0.05)
    camera = Camera(800.0, np.array([360.0, 480.0]))
    vertices = np.array([50, 4000, 8440, 9000, 11000])

    def seen(b: np.ndarray, s: State) -> np.ndarray:
        return project(puppet.points(b, puppet.frames(b, s), vertices), camera, s.log_focal)

    points, slopes = puppet.vertex_slopes(betas, puppet.frames(betas, state), vertices, moving)
    np.testing.assert_allclose(project(points, camera, state.log_focal), seen(betas, state), atol=1e-6)
    J = projected_slopes(points, slopes, camera, state.log_focal)
    step = 1e-5
    for index in range(J.shape[2]):
        b, s = betas.copy(), state
        if index < puppet.count:
            b[index] += step
        elif index < puppet.count + 3 * len(moving):
            small = np.zeros(3 * len(moving))
            small[index - puppet.count] = step
            s = State(turned(turns, moving, small.reshape(-1, 3)), state.place, state.log_focal)
        elif index < J.shape[2] - 1:
            place = state.place.copy()
            place[index - J.shape[2] + 4] += step
            s = State(turns, place, state.log_focal)
        else:
            s = State(turns, state.place, state.log_focal + step)
        np.testing.assert_allclose((seen(b, s) - seen(betas, state)) / step, J[:, :, index], rtol=2e-3, atol=0.05)


def test_a_photo_file_is_what_the_bench_takes(studio: Studio, person: Person) -> None:
    shot = studio.shoot(person, "everyday", "front")
    assert Image.open(io.BytesIO(shot.jpeg)).format == "JPEG"
    assert shot.mask.any()
    assert shot.joints_px.shape == (24, 2)
