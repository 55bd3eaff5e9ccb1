"""How large a metre is in the photo, and how the phone was tilted: both decide every girth."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from avatar.body_model import JOINT_NAMES, BodyModel
from avatar.checks import check
from avatar.differential import Camera, Puppet, State, project
from avatar.fit import _MARKS, Fit, Fitter, _facing, _instructed
from avatar.photo import Photo
from avatar.sighting import Sighting, View

HEIGHT, WIDTH = 960, 720
FOCAL = 740.0


def seen(model: BodyModel, view: View, tilt: float) -> tuple[Sighting, State]:
    """The average woman as a camera `tilt` radians above the level sees her, with landmarks and outline exact."""
    puppet = Puppet(model.arrays)
    betas = np.zeros(puppet.count)
    turns = Rotation.from_rotvec(_instructed(puppet.rest_joints(betas), view)).as_matrix()
    turns[0] = Rotation.from_rotvec([-tilt, 0, 0]).as_matrix() @ _facing(np.pi / 2 if view == "side" else 0.0)
    state = State(turns, np.array([0.0, 0.05, 1.75]), 0.0)
    camera = Camera(FOCAL, np.array([WIDTH / 2, HEIGHT / 2]))
    frames = puppet.frames(betas, state)
    pixels = project(puppet.points(betas, frames, slice(None)), camera, 0.0)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for triangle in np.round(pixels[model.arrays.faces]).astype(np.int32):
        cv2.fillConvexPoly(mask, triangle, 1)
    landmarks = np.tile(pixels.mean(0), (33, 1))
    for mark in _MARKS:
        joint = puppet.joint_slopes(frames, [JOINT_NAMES.index(mark.joint)], np.array([mark.shift]), [])[0]
        landmarks[mark.landmark] = project(joint, camera, 0.0)[0]
    return Sighting(landmarks, np.ones(33), np.zeros((33, 3)), mask.astype(np.float32), FOCAL), state


def stature_cm(model: BodyModel) -> float:
    return float(np.ptp(model.arrays.template[np.unique(model.arrays.faces), 1]) * 100)


def tilt_error_deg(fit: Fit, view: View, truth: State) -> NDArray[np.float64]:
    return np.degrees(Rotation.from_matrix(fit.states[view].turns[0] @ truth.turns[0].T).as_rotvec())


@pytest.mark.parametrize("tilt_deg", [-12.0, 18.0])
def test_a_tilted_phone_is_told_from_the_side_as_well_as_from_the_front(woman: BodyModel, tilt_deg: float) -> None:
    front, _ = seen(woman, "front", 0.1)
    side, truth = seen(woman, "side", np.radians(tilt_deg))
    fit = Fitter(woman.arrays).fit({"front": front, "side": side}, stature_cm(woman))
    assert abs(tilt_error_deg(fit, "side", truth)[0]) < 4


def test_the_outline_s_ends_say_how_large_a_metre_is(woman: BodyModel) -> None:
    """Landmarks that crowd together by a twentieth, as a detector's may, do not make her a twentieth wider."""
    front, truth = seen(woman, "front", 0.1)
    middle = front.landmarks[[11, 12, 27, 28]].mean(0)
    crowded = replace(front, landmarks=middle + 0.95 * (front.landmarks - middle))
    fit = Fitter(woman.arrays).fit({"front": crowded}, stature_cm(woman))
    far = fit.states["front"].place[2] / (fit.cameras["front"].focal * np.exp(fit.states["front"].log_focal))
    assert far == pytest.approx(truth.place[2] / FOCAL, rel=0.03)


def test_a_trunk_taken_for_a_person_is_not_whole(woman: BodyModel) -> None:
    side, _ = seen(woman, "side", 0.1)
    assert side.whole
    squeezed = replace(side, landmarks=side.landmarks * [1, 0.7])
    assert not squeezed.whole
    assert not replace(side, mask=np.zeros_like(side.mask)).whole
    photo = Photo(np.repeat((side.mask * 200).astype(np.uint8)[..., None], 3, axis=2), FOCAL)
    assert "cut-off" not in [finding.code for finding in check(photo, [side], "side")]
    assert "cut-off" in [finding.code for finding in check(photo, [squeezed], "side")]
