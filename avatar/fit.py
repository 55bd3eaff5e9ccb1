"""Fit the body model to one or two photos: pose and shape from landmarks and outline, under a population prior.

A maximum a posteriori estimate by Gauss-Newton steps. Shared between the photos: the shape components, which the model
scales so that adults are normally distributed with unit variance. Of each photo: where the body stands and how it is
turned, its pose about the instructed one, and the camera's focal length about what EXIF or phones in general say. The
stated height fixes the scale. Girths come from the outline alone, never from landmarks: joints say nothing of flesh.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from avatar.body_model import JOINT_NAMES, BodyArrays
from avatar.differential import Camera, Puppet, State, project, projected_slopes, turned
from avatar.outline import Outline, Rim, offsets
from avatar.sighting import LEFT_EAR, NOSE, RIGHT_EAR, Sighting, View

Float = NDArray[np.float64]

_J = {name: index for index, name in enumerate(JOINT_NAMES)}


@dataclass(frozen=True)
class _Mark:
    """A landmark as a point fixed to a joint: shift in metres in the joint's frame; spread seen from front and side."""

    landmark: int
    joint: str
    shift: tuple[float, float, float]
    front_m: float
    side_m: float


# Of the left side and the middle; the right mirrors the left. Means over the bench's training people.
_LEFT_MARKS = (
    _Mark(11, "left_shoulder", (-0.009, 0.024, -0.002), 0.012, 0.026),
    _Mark(13, "left_elbow", (-0.014, 0.012, -0.005), 0.012, 0.026),
    _Mark(15, "left_wrist", (-0.007, -0.002, 0.003), 0.012, 0.026),
    _Mark(23, "left_hip", (-0.006, 0.001, 0.020), 0.015, 0.024),
    _Mark(25, "left_knee", (-0.008, -0.023, 0.009), 0.016, 0.022),
    _Mark(27, "left_ankle", (-0.003, 0.005, 0.008), 0.013, 0.021),
    _Mark(29, "left_ankle", (-0.010, -0.049, -0.033), 0.016, 0.023),
    _Mark(31, "left_foot", (-0.019, -0.013, 0.062), 0.013, 0.024),
    _Mark(2, "head", (0.031, 0.079, 0.081), 0.012, 0.015),
    _Mark(7, "head", (0.060, 0.053, 0.034), 0.011, 0.015),
    _Mark(9, "head", (0.024, 0.008, 0.094), 0.012, 0.015),
)
_OTHER_SIDE = {2: 5, 7: 8, 9: 10} | {left: left + 1 for left in range(11, 32, 2)}
_MARKS = (
    _Mark(NOSE, "head", (0.0, 0.049, 0.109), 0.013, 0.016),
    *_LEFT_MARKS,
    *(
        _Mark(
            _OTHER_SIDE[mark.landmark],
            mark.joint.replace("left", "right"),
            (-mark.shift[0], mark.shift[1], mark.shift[2]),
            mark.front_m,
            mark.side_m,
        )
        for mark in _LEFT_MARKS
    ),
)
# Joints whose rotation is fitted, and how far they stray from the instructed pose, radians.
_MOVING: tuple[tuple[str, float], ...] = (
    ("left_hip", 0.15), ("right_hip", 0.15), ("left_knee", 0.12), ("right_knee", 0.12), ("spine1", 0.06),
    ("spine3", 0.06), ("neck", 0.1), ("head", 0.1), ("left_ankle", 0.15), ("right_ankle", 0.15),
    ("left_collar", 0.06), ("right_collar", 0.06), ("left_shoulder", 0.4),
    ("right_shoulder", 0.4), ("left_elbow", 0.4), ("right_elbow", 0.4),
)  # fmt: skip
_MOVED = [_J[name] for name, _ in _MOVING]
_FOCAL_SHARE = 26.0 / 43.27  # of the diagonal: the main camera of phones
_FOCAL_SIGMA, _EXIF_SIGMA = 0.08, 0.03
_HEIGHT_SIGMA_M = 0.006  # stated to the centimetre, and people are taller in the morning
_RIM_SIGMA_M = 0.005  # of one rim point; neighbours err alike, so this is more than the outline's own error
_RIM_ROBUST_M = 0.012
_LANDMARK_ROBUST = 2.5
_LANDMARK_DOUBT = 2.0  # times their spread once the outline is there: landmarks of one photo err alike
# The outline's highest and lowest point, beyond the body's: hair above; below, the mask ends a little early. They say
# how large a metre is in the picture, more surely than landmarks do.
_HAIR_M, _HAIR_SIGMA_M = 0.012, 0.008
_SOLE_M, _SOLE_SIGMA_M = -0.004, 0.004
_END_ROBUST = 10.0
_END_WIDTH_PX = 3
_LANDMARK_STEPS, _RIM_STEPS = 6, 9
# Order of a photo's unknowns: the root's turn and the moving joints', place, focal length.
_TURNS = 3 * (1 + len(_MOVED))
_VIEW_SIZE = _TURNS + 4
# Of the root's turn, radians about the body's own axes. Phones stand low or high and are tilted: that is a turn about
# the body's x from the front and about its z from the side. Sideways they tilt less; people turn more than they lean.
_ROOT_SIGMA: Mapping[View, tuple[float, float, float]] = {"front": (0.35, 0.2, 0.08), "side": (0.08, 0.2, 0.35)}


@dataclass(frozen=True)
class Fit:
    """betas (K,) and their covariance (K, K); how the body stands in each photo; residual_m: outline beyond the body's,
    mean by view and joint, metres (positive: the picture's outline lies outside the fitted body's).
    """

    betas: Float
    covariance: Float
    states: Mapping[View, State]
    cameras: Mapping[View, Camera]
    residual_m: Mapping[View, Mapping[str, float]]
    outline_error_m: float


@dataclass(frozen=True)
class _End:
    """Where the outline ends: down is 1 at the soles, -1 at the crown; beyond_m, sigma_m: how far beyond the body."""

    row: float
    down: int
    beyond_m: float
    sigma_m: float


@dataclass
class _Seen:
    """One photo in the fit. upright: the root's rotation the instructions ask for; instructed (24, 3): the pose."""

    view: View
    sighting: Sighting
    camera: Camera
    focal_sigma: float
    upright: Float
    instructed: Float
    state: State
    ends: tuple[_End, ...]

    @property
    def px_per_m(self) -> float:
        """At the pelvis's distance."""
        return float(self.camera.focal * np.exp(self.state.log_focal) / self.state.place[2])


class Fitter:
    """Fits bodies of one model."""

    def __init__(self, arrays: BodyArrays) -> None:
        self._arrays = arrays
        self._puppet = Puppet(arrays)
        self._outline = Outline(arrays)
        self._skin = np.unique(arrays.faces)

    def fit(self, sightings: Mapping[View, Sighting], height_cm: float) -> Fit:
        """The body of the person in the photos. `front` must be among them; height as stated."""
        betas = np.zeros(self._arrays.betas)
        views = [self._start(view, seen, height_cm) for view, seen in sightings.items()]
        information = np.eye(len(betas))
        for step in range(_LANDMARK_STEPS + _RIM_STEPS):
            reach = None if step < _LANDMARK_STEPS else max(0.03, 0.09 * 0.7 ** (step - _LANDMARK_STEPS))
            betas, information = self._step(betas, views, height_cm, reach)
        residuals, error = self._residuals(betas, views)
        return Fit(
            betas=betas,
            covariance=np.asarray(np.linalg.inv(information)[: len(betas), : len(betas)], np.float64),
            states={view.view: view.state for view in views},
            cameras={view.view: view.camera for view in views},
            residual_m=residuals,
            outline_error_m=error,
        )

    def _start(self, view: View, seen: Sighting, height_cm: float) -> _Seen:
        height, width = seen.mask.shape
        focal = seen.focal_px or _FOCAL_SHARE * float(np.hypot(height, width))
        yaw = 0.0
        if view == "side":
            ears = seen.landmarks[[LEFT_EAR, RIGHT_EAR], 0].mean()
            yaw = np.pi / 2 if seen.landmarks[NOSE, 0] > ears else -np.pi / 2
        depth = focal * height_cm / 100 / seen.tall_px
        hips = (seen.landmarks[[23, 24]].mean(0) - [width / 2, height / 2]) * depth / focal
        upright = _facing(yaw)
        instructed = _instructed(self._puppet.rest_joints(np.zeros(self._puppet.count)), view)
        turns = Rotation.from_rotvec(instructed).as_matrix()
        turns[0] = upright
        return _Seen(
            view=view,
            sighting=seen,
            camera=Camera(focal, np.array([width / 2, height / 2])),
            focal_sigma=_EXIF_SIGMA if seen.focal_px else _FOCAL_SIGMA,
            upright=upright,
            instructed=instructed,
            state=State(turns, np.array([*hips, depth]), 0.0),
            ends=_ends(seen.mask),
        )

    def _rim(self, points: Float, view: _Seen) -> Rim:
        """The rim of the present estimate; points (V, 3): its vertices in the camera's frame."""
        pixels = project(points, view.camera, view.state.log_focal)
        return self._outline.rim(points, pixels, view.px_per_m)

    def _step(self, betas: Float, views: list[_Seen], height_cm: float, reach_m: float | None) -> tuple[Float, Float]:
        """One Gauss-Newton step on shape and views; the new shape, and the information matrix it came from."""
        count = len(betas)
        size = count + _VIEW_SIZE * len(views)
        H, g = np.zeros((size, size)), np.zeros(size)
        H[:count, :count] = np.eye(count)
        g[:count] = -betas
        self._add_height(H, g, betas, height_cm)
        for number, view in enumerate(views):
            start = count + number * _VIEW_SIZE
            columns = np.r_[:count, start : start + _VIEW_SIZE]
            J, r = self._view_equations(betas, view, reach_m)
            H[np.ix_(columns, columns)] += J.T @ J
            g[columns] += J.T @ r
            precision, pull = _prior(view)
            rows = columns[count:]
            H[rows, rows] += precision
            g[rows] += precision * pull
        step: Float = np.asarray(np.linalg.solve(H, g), np.float64)
        for number, view in enumerate(views):
            change = step[count + number * _VIEW_SIZE :][:_VIEW_SIZE]
            view.state = State(
                turned(view.state.turns, [0, *_MOVED], change[:_TURNS].reshape(-1, 3)),
                view.state.place + change[_TURNS : _TURNS + 3],
                view.state.log_focal + float(change[-1]),
            )
        return betas + step[:count], H

    def _add_height(self, H: Float, g: Float, betas: Float, height_cm: float) -> None:
        shaped = self._arrays.template[self._skin, 1] + self._arrays.shapedirs[self._skin, 1] @ betas
        top, sole = self._skin[shaped.argmax()], self._skin[shaped.argmin()]
        row = (self._arrays.shapedirs[top, 1] - self._arrays.shapedirs[sole, 1]).astype(np.float64) / _HEIGHT_SIGMA_M
        residual = (height_cm / 100 - float(np.ptp(shaped))) / _HEIGHT_SIGMA_M
        count = len(betas)
        H[:count, :count] += np.outer(row, row)
        g[:count] += row * residual

    def _view_equations(self, betas: Float, view: _Seen, reach_m: float | None) -> tuple[Float, Float]:
        """Rows of the whitened Jacobian (N, K + a photo's unknowns) and residuals (N,) of one photo."""
        seen, px_per_m = view.sighting, view.px_per_m
        frames = self._puppet.frames(betas, view.state)
        moving = [0, *_MOVED]

        def in_picture(points: Float, slopes: Float) -> tuple[Float, Float]:
            log_focal = view.state.log_focal
            return project(points, view.camera, log_focal), projected_slopes(points, slopes, view.camera, log_focal)

        points = self._puppet.points(betas, frames, slice(None))
        joints = [_J[mark.joint] for mark in _MARKS]
        shifts = np.array([mark.shift for mark in _MARKS])
        at, J = in_picture(*self._puppet.joint_slopes(frames, joints, shifts, moving))
        names = [mark.landmark for mark in _MARKS]
        sigma = np.array([mark.front_m if view.view == "front" else mark.side_m for mark in _MARKS]) * px_per_m
        sigma = sigma * (1 if reach_m is None else _LANDMARK_DOUBT) / np.sqrt(seen.visibility[names].clip(0.1, 1))
        error = (seen.landmarks[names] - at) / sigma[:, None]
        weight = 1 / (1 + (error / _LANDMARK_ROBUST) ** 2)
        rows = [(J / sigma[:, None, None] * weight[..., None]).reshape(-1, J.shape[-1])]
        residuals = [(error * weight).reshape(-1)]
        for end in view.ends:
            # Which vertex it is changes from step to step; where the outline ends does not.
            vertex = self._skin[(points[self._skin, 1] / points[self._skin, 2] * end.down).argmax()]
            at, J = in_picture(*self._puppet.vertex_slopes(betas, frames, np.array([vertex]), moving))
            error = (end.row - end.down * end.beyond_m * px_per_m - at[0, 1]) / (end.sigma_m * px_per_m)
            weight = 1 / (1 + (error / _END_ROBUST) ** 2)
            rows.append(J[:, 1] / (end.sigma_m * px_per_m) * weight)
            residuals.append(np.array([error * weight]))
        if reach_m is not None:
            rim = self._rim(points, view)
            used, place = np.unique(rim.ends, return_inverse=True)
            at, J = in_picture(*self._puppet.vertex_slopes(betas, frames, used, moving))
            place = place.reshape(-1, 2)
            distance = offsets(seen.mask, at[place].mean(1), rim.outward, reach_m * px_per_m) / px_per_m
            good = np.isfinite(distance)
            slope = np.einsum("npk,np->nk", J[place[good]].mean(1), rim.outward[good]) / px_per_m
            trust = 1 / (1 + (distance[good] / max(_RIM_ROBUST_M, 0.4 * reach_m)) ** 2) / _RIM_SIGMA_M
            rows.append(slope * trust[:, None])
            residuals.append(distance[good] * trust)
        return np.concatenate(rows), np.concatenate(residuals)

    def _residuals(self, betas: Float, views: list[_Seen]) -> tuple[dict[View, dict[str, float]], float]:
        """Mean signed outline residual by view and joint, and the root mean square of all, metres."""
        by_view: dict[View, dict[str, float]] = {}
        squares = []
        for view in views:
            frames = self._puppet.frames(betas, view.state)
            rim = self._rim(self._puppet.points(betas, frames, slice(None)), view)
            pixels = project(
                self._puppet.points(betas, frames, rim.ends.reshape(-1)), view.camera, view.state.log_focal
            )
            middle = pixels.reshape(-1, 2, 2).mean(1)
            distance = offsets(view.sighting.mask, middle, rim.outward, 0.05 * view.px_per_m) / view.px_per_m
            good = np.isfinite(distance)
            squares.append(distance[good] ** 2)
            by_view[view.view] = {
                name: float(distance[good & (rim.joint == joint)].mean())
                for name, joint in _J.items()
                if (good & (rim.joint == joint)).sum() >= 3
            }
        everything = np.concatenate(squares)
        return by_view, float(np.sqrt(everything.mean())) if len(everything) else float("nan")


def _ends(mask: NDArray[np.float32]) -> tuple[_End, ...]:
    """Where the outline of the largest thing in the mask ends above and below, unless the picture ends there."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((mask > 0.5).astype(np.uint8))
    if len(stats) < 2:
        return ()
    person = labels == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()
    rows = np.flatnonzero(person.sum(1) >= _END_WIDTH_PX)
    found = []
    if len(rows) and rows[0] > 2:
        found.append(_End(float(rows[0]), -1, _HAIR_M, _HAIR_SIGMA_M))
    if len(rows) and rows[-1] < len(mask) - 3:
        found.append(_End(float(rows[-1] + 1), 1, _SOLE_M, _SOLE_SIGMA_M))
    return tuple(found)


def _prior(view: _Seen) -> tuple[Float, Float]:
    """Precision (diagonal) of a photo's unknowns before anything is seen, and how far each is from its mean."""
    root = Rotation.from_matrix(view.upright.T @ view.state.turns[0]).as_rotvec()
    pose = Rotation.from_matrix(view.state.turns[_MOVED]).as_rotvec()
    pull = np.zeros(_VIEW_SIZE)
    pull[:3] = -root
    pull[3:_TURNS] = (view.instructed[_MOVED] - pose).reshape(-1)
    pull[-1] = -view.state.log_focal
    sigma = np.concatenate(
        [_ROOT_SIGMA[view.view], np.repeat([spread for _, spread in _MOVING], 3), np.full(3, np.inf)]
    )
    return 1 / np.append(sigma, view.focal_sigma) ** 2, pull


def _facing(yaw: float) -> Float:
    """Body frame (y up, z forward) to camera frame (y down, z away), after a turn about the vertical."""
    about = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    return np.asarray(np.diag([1.0, -1.0, -1.0]) @ about)


def _instructed(rest: Float, view: View) -> Float:
    """The pose (24, 3) the instructions ask for, from joints (24, 3) at rest: straight arms, away or hanging."""
    pose = np.zeros((24, 3))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        upper = _unit(rest[_J[f"{side}_elbow"]] - rest[_J[f"{side}_shoulder"]])
        lower = _unit(rest[_J[f"{side}_wrist"]] - rest[_J[f"{side}_elbow"]])
        from_body = np.radians(30 if view == "front" else 8)
        pose[_J[f"{side}_shoulder"]] = _between(upper, np.array([sign * np.sin(from_body), -np.cos(from_body), 0.0]))
        pose[_J[f"{side}_elbow"]] = _between(lower, upper) * 0.75
    return pose


def _unit(vector: Float) -> Float:
    return np.asarray(vector / np.linalg.norm(vector))


def _between(first: Float, second: Float) -> Float:
    """The axis-angle that turns one unit vector onto another."""
    axis = np.cross(first, second)
    sine = float(np.linalg.norm(axis))
    return np.asarray(axis / max(sine, 1e-9) * np.arctan2(sine, float(first @ second)))
