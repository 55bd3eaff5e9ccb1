"""What a fit says beside the shape: the same, whichever side she shows, and where the camera was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from avatar.body_model import BodyModel
from avatar.circumstances import circumstances
from avatar.fit import Fit, Fitter
from avatar.photo import open_photo
from avatar.sighting import Onlooker, Sighting
from bench.bodies_photo import Studio
from tests.avatar.test_fit import person_of

A_PHOTO_S = 23
UP_Z, FRONT_X, FRONT_Z, LOG_DISTANCE = 1, 2, 4, 7
HIPS_AND_KNEES = slice(12, 16)  # what is left over of the outline there, cm


def mirrored(seen: Sighting) -> Sighting:
    """What would be seen in the mirror: left and right change places."""
    order = np.arange(33)
    order[1:7] = [4, 5, 6, 1, 2, 3]  # eyes, three points each
    order[7::2], order[8::2] = np.arange(8, 33, 2), np.arange(7, 33, 2)
    landmarks, world = seen.landmarks[order].copy(), seen.world[order].copy()
    landmarks[:, 0] = seen.mask.shape[1] - landmarks[:, 0]
    world[:, 0] *= -1
    mask = np.ascontiguousarray(seen.mask[:, ::-1])
    return replace(seen, landmarks=landmarks, visibility=seen.visibility[order], world=world, mask=mask)


@pytest.fixture(scope="module")
def sightings(woman: BodyModel, models: Path) -> dict[str, Sighting]:
    studio, person = Studio(woman.arrays), person_of(woman)
    shots = {view: open_photo(studio.shoot(person, "tight", view).jpeg) for view in ("front", "side")}
    studio.close()
    with Onlooker(models) as onlooker:
        return {view: onlooker.look(photo)[0] for view, photo in shots.items()}


@pytest.fixture(scope="module")
def fit(woman: BodyModel, sightings: dict[str, Sighting]) -> Fit:
    return Fitter(woman.arrays).fit(sightings, person_of(woman).stated_height_cm)


def test_they_say_where_the_camera_was(fit: Fit) -> None:
    numbers = circumstances(fit)
    assert numbers.shape == (2 * A_PHOTO_S + 1,)
    assert np.isfinite(numbers).all()
    front, side = numbers[:A_PHOTO_S], numbers[A_PHOTO_S:-1]
    assert front[FRONT_Z] < -0.9  # towards the camera
    assert side[FRONT_X] > 0.9  # to the right, whichever side she shows
    for photo in (front, side):
        assert -0.7 < photo[UP_Z] < 0.2  # the bench's phones look down, if anything
        assert 1.2 < np.exp(photo[LOG_DISTANCE]) < 2.6


def test_it_does_not_matter_which_side_she_shows(woman: BodyModel, sightings: dict[str, Sighting], fit: Fit) -> None:
    other = sightings | {"side": mirrored(sightings["side"])}
    again = Fitter(woman.arrays).fit(other, person_of(woman).stated_height_cm)
    one, two = circumstances(fit), circumstances(again)
    assert np.sign(fit.states["side"].turns[0][0, 2]) != np.sign(again.states["side"].turns[0][0, 2])
    np.testing.assert_allclose(two[A_PHOTO_S:][:8], one[A_PHOTO_S:][:8], atol=0.02)
    sides = slice(A_PHOTO_S + HIPS_AND_KNEES.start, A_PHOTO_S + HIPS_AND_KNEES.stop)
    assert np.ptp(one[sides]) > 0.08
    np.testing.assert_allclose(two[sides], one[sides], atol=0.04)
