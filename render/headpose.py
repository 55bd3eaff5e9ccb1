"""Metric head pose from face landmarks.

The canonical face (`data/canonical_face_model.obj`, MediaPipe, Apache-2.0) is fitted to the image points by
Gauss-Newton on the reprojection error, over rotation and translation. That says where the face is. How it is turned is
said by a second fit, of the places where the network sees the landmarks of a face so turned (`seen_face.py`): the rigid
face seems to turn less than the head does. A single camera cannot tell a small
head nearby from a large one far away, so the person's own size comes from the iris, whose visible diameter is
11.7 mm in nearly everyone (Rüfer et al., Cornea 2005: 11.71 ± 0.42 mm).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from math import cos, hypot, sin, sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from render.errors import RenderError
from render.own_shape import OwnShape
from render.seen_face import SeenFace

DATA = Path(__file__).parent / "data"
IRIS_MM = 11.7
IRIS_SIGMA_MM = 0.42
# An eye turns about a point some 13.5 mm behind the cornea; the pupil is seen 3 mm behind it.
PUPIL_FROM_PIVOT_MM = 10.5
# Horizontal and vertical extremes of each iris, and its centre, among the 478 landmarks.
IRISES = ((468, 469, 471, 470, 472), (473, 474, 476, 475, 477))
ITERATIONS = 6
SHAPE_EVERY_FRAMES = 6
FRAMES_UNTIL_ANOTHER_PERSON = 24
# A camera whose lens nobody told us: 60 degrees across the longer side, the middle of the webcams and phones.
DEFAULT_FIELD_OF_VIEW_DEG = 60.0


# The root of the nose on the canonical face, where glasses sit: it stays where the rigid fit has it.
BRIDGE_MM = np.array([0.0, 26.4, 58.0])
FARTHEST_CORRECTION = np.radians(20.0)
# From the rigid fit to the other, in the rigid one's head frame: a turn and a shift.
NO_CORRECTION = (np.eye(3), np.zeros(3))

# The points of a face (N, 3) for a rotation and a translation.
_Face = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


class PoseNotFound(RenderError):
    """The landmarks do not look like a face seen by this camera."""

    code = "pose-not-found"


@dataclass(frozen=True)
class Intrinsics:
    """A pinhole camera without distortion; all in pixels."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    @classmethod
    def assumed(cls, width: int, height: int) -> "Intrinsics":
        """A plausible camera for this picture size: square pixels, centred, 60° across the longer side."""
        focal = max(width, height) / 2 / np.tan(np.radians(DEFAULT_FIELD_OF_VIEW_DEG / 2))
        return cls(width, height, float(focal), float(focal), width / 2, height / 2)


@dataclass(frozen=True)
class HeadPose:
    """Where a head is, in the camera frame (OpenGL: x right, y up, z towards the viewer; millimetres).

    rotation: (3, 3) float64, head frame to camera frame; the head frame is the canonical face's.
    translation_mm: (3,) float64, the head frame's origin.
    scale: this person's head over the canonical face; a head point X is seen at
        rotation @ (scale * X) + translation_mm.
    """

    rotation: NDArray[np.float64]
    translation_mm: NDArray[np.float64]
    scale: float = 1.0

    @property
    def yaw_deg(self) -> float:
        """Turn about the vertical, degrees; positive when the nose points to the picture's right."""
        return float(np.degrees(np.arctan2(self.rotation[0, 2], self.rotation[2, 2])))

    @property
    def pitch_deg(self) -> float:
        """Nod, degrees; positive when the nose points up."""
        return float(np.degrees(np.arcsin(np.clip(self.rotation[1, 2], -1.0, 1.0))))

    def project(self, points_mm: NDArray[np.float64], camera: Intrinsics) -> NDArray[np.float64]:
        """Pixels (N, 2) of head-frame points (N, 3) in canonical millimetres."""
        in_camera = points_mm * self.scale @ self.rotation.T + self.translation_mm
        depth = -in_camera[:, 2:]
        flipped = in_camera[:, :2] * (camera.fx, -camera.fy)
        return np.asarray(flipped / depth + (camera.cx, camera.cy))


def load_canonical_face() -> NDArray[np.float64]:
    """The canonical face's vertices: (468, 3) float64, millimetres, head frame, in landmark order."""
    rows = (line.split()[1:4] for line in (DATA / "canonical_face_model.obj").open() if line.startswith("v "))
    return np.array([[float(x) for x in row] for row in rows]) * 10.0


@dataclass(frozen=True)
class _Fit:
    """A pose, the RMS of what is left over the face's size, and the last step's weighted equations, in pixels."""

    pose: HeadPose
    error: float
    by_pose: NDArray[np.float64]
    left: NDArray[np.float64]


class HeadPoseSolver:
    """Fits the canonical face to landmarks; remembers the last pose as the next one's first guess, and what a person's
    face is like while she is seen."""

    def __init__(self) -> None:
        weights = json.loads((DATA / "procrustes_weights.json").read_text())
        self._picked = np.array([int(index) for index in weights])
        self._weights = np.array(list(weights.values()))
        self._weights /= self._weights.sum()
        self._root_weights = np.sqrt(self._weights)
        self._model: NDArray[np.float64] = load_canonical_face()[self._picked]
        self._face = SeenFace(self._picked)
        self._own = OwnShape(len(self._face.shapes))
        self._own_shape = self._face.with_shape(self._own.coefficients)
        self._last: HeadPose | None = None
        self._correction = NO_CORRECTION
        self._frames, self._frames_without_face = 0, 0

    def forget(self) -> None:
        """Drop the first guess. Called once for each frame without a face: after some the next one is another's."""
        self._last, self._correction = None, NO_CORRECTION
        self._frames_without_face += 1
        if self._frames_without_face == FRAMES_UNTIL_ANOTHER_PERSON:
            self._own.forget()
            self._own_shape = self._face.with_shape(self._own.coefficients)

    def solve(self, landmarks: NDArray[np.float32], camera: Intrinsics) -> HeadPose:
        """The pose (scale 1) that puts the canonical face on the landmarks.

        landmarks: (478, 3) float32, pixels, x right, y down. Raises PoseNotFound when nothing plausible fits.
        """
        rigid = self.rigid(landmarks, camera)
        return self._turned(rigid, landmarks[self._picked, :2].astype(np.float64), camera)

    def rigid(self, landmarks: NDArray[np.float32], camera: Intrinsics) -> HeadPose:
        """The same by the first fit alone, which turns too little."""
        seen = landmarks[self._picked, :2].astype(np.float64)
        fit = self._refine(self._last or self._guess(landmarks, camera), seen, camera, self._rigid)
        if self._last is not None and fit.error > 0.08:
            fit = self._refine(self._guess(landmarks, camera), seen, camera, self._rigid)
        if not np.isfinite(fit.error) or fit.error > 0.2 or fit.pose.translation_mm[2] > -50.0:
            self._last, self._correction = None, NO_CORRECTION
            raise PoseNotFound("no head pose explains these landmarks")
        self._last = fit.pose
        self._frames_without_face = 0
        return fit.pose

    def _turned(self, rigid: HeadPose, seen: NDArray[np.float64], camera: Intrinsics) -> HeadPose:
        """The rigid face's place, turned as the head is."""
        # The correction changes little from frame to frame, so one step mostly does.
        turn, shift = self._correction
        first = HeadPose(rigid.rotation @ turn, rigid.translation_mm + rigid.rotation @ shift)
        fit = self._refine(first, seen, camera, self._as_seen)
        rotation = fit.pose.rotation
        turn = rigid.rotation.T @ rotation
        # A trace is 1 + 2 cos(angle). Farther apart, one of the two fits has gone astray.
        if not np.isfinite(fit.error) or np.trace(turn) < 1 + 2 * np.cos(FARTHEST_CORRECTION):
            self._correction = NO_CORRECTION
            return rigid
        self._correction = turn, (fit.pose.translation_mm - rigid.translation_mm) @ rigid.rotation
        self._frames += 1
        if self._frames % SHAPE_EVERY_FRAMES == 0:
            self._learn(fit, camera)
        return HeadPose(rotation, np.asarray(rigid.translation_mm + (rigid.rotation - rotation) @ BRIDGE_MM))

    def _rigid(self, rotation: NDArray[np.float64], translation: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._model

    def _as_seen(self, rotation: NDArray[np.float64], translation: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(self._face.seen_from(_direction_to_camera(rotation, translation)) + self._own_shape)

    def _learn(self, fit: _Fit, camera: Intrinsics) -> None:
        """What this frame tells of the person's own shape."""
        rotation, translation = fit.pose.rotation, fit.pose.translation_mm
        view = _direction_to_camera(rotation, translation)
        point = self._as_seen(rotation, translation) @ rotation.T + translation
        moved = self._face.shapes @ rotation.T
        inverse = -1.0 / point[:, 2:]
        # A shape moves a point; the perspective divide sees the part along the view as well.
        by_shape = (moved[..., :2] + moved[..., 2:] * point[:, :2] * inverse) * inverse * (camera.fx, -camera.fy)
        # As in the fit: all points' x, then their y.
        by_shape = (by_shape * self._root_weights[:, None]).transpose(0, 2, 1).reshape(len(moved), -1).T
        to_mm = -translation[2] / camera.fx
        self._own.add(view, fit.by_pose * to_mm, by_shape * to_mm, fit.left * to_mm)
        self._own_shape = self._face.with_shape(self._own.coefficients)

    def _guess(self, landmarks: NDArray[np.float32], camera: Intrinsics) -> HeadPose:
        """Weighted orthogonal Procrustes under weak perspective, with the landmarks' own relative depth."""
        points = landmarks[self._picked].astype(np.float64) * (1.0, -1.0, -1.0)
        weights = self._weights[:, None]
        seen_centre, model_centre = (weights * points).sum(0), (weights * self._model).sum(0)
        seen, model = points - seen_centre, self._model - model_centre
        u, s, vt = np.linalg.svd(seen.T @ (weights * model))
        u[:, 2] *= np.sign(np.linalg.det(u @ vt))
        rotation = u @ vt
        pixels_per_mm = s[:2].sum() / max(float((weights * model**2).sum() * (2 / 3)), 1e-9)
        depth = camera.fx / max(pixels_per_mm, 1e-6)
        centre = np.array(
            [
                (seen_centre[0] - camera.cx) * depth / camera.fx,
                (seen_centre[1] + camera.cy) * depth / camera.fy,
                -depth,
            ]
        )
        return HeadPose(rotation, centre - rotation @ model_centre)

    def _refine(self, pose: HeadPose, seen: NDArray[np.float64], camera: Intrinsics, face: _Face) -> _Fit:
        """Gauss-Newton on the weighted reprojection error."""
        rotation, translation = pose.rotation, pose.translation_mm
        # One row for each unknown, with the weighted x of all points and then their y: a few dozen numbers in a row are
        # what NumPy is quick with, and each call costs more than its arithmetic.
        rows, residual = np.zeros((6, 2, len(self._model))), np.empty((2, len(self._model)))
        a, b = rows.reshape(6, -1), residual.reshape(-1)
        normal = np.empty((6, 6))
        diagonal = normal.reshape(-1)[::7]
        root_weights = self._root_weights
        focal = np.array([[camera.fx], [-camera.fy]])
        seen_xy = seen.T - np.array([[camera.cx], [camera.cy]])
        for _ in range(ITERATIONS):
            x, y, z = turned = rotation @ face(rotation, translation).T
            inverse = -1.0 / np.minimum(z + translation[2], -1.0)
            flat = (turned[:2] + translation[:2, None]) * inverse
            np.multiply(seen_xy - focal * flat, root_weights, out=residual)
            # d(pixel)/d(point): x and y act directly, z through the perspective divide.
            across, down = by = focal * (inverse * root_weights)
            by_z = np.multiply(by, flat, out=rows[5])
            np.multiply(by_z, y, out=rows[0])
            rows[0, 1] -= down * z
            np.multiply(by_z, -x, out=rows[1])
            rows[1, 0] += across * z
            np.multiply(across, -y, out=rows[2, 0])
            np.multiply(down, x, out=rows[2, 1])
            rows[3, 0], rows[4, 1] = across, down
            np.matmul(a, a.T, out=normal)
            diagonal *= 1.0 + 1e-6
            diagonal += 1e-12
            step = np.asarray(np.linalg.solve(normal, a @ b), np.float64)
            rotation = rotation_from_vector(step[:3]) @ rotation
            translation = translation + step[3:]
            turn_x, turn_y, turn_z, *moves = step.tolist()
            # What is left after so small a step is a tenth of it at most, far below what landmarks tell.
            if max(abs(turn_x), abs(turn_y), abs(turn_z)) < 2e-3 and max(map(abs, moves)) < 0.3:
                break
        rms = float(np.sqrt(b @ b))
        wide, high = (seen_xy.max(1) - seen_xy.min(1)).tolist()
        return _Fit(HeadPose(rotation, translation), rms / max(hypot(wide, high), 1.0), a.T, b)


def _direction_to_camera(rotation: NDArray[np.float64], translation: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3,) unit vector in the head frame. The head is far away for its size: its origin's direction does for all."""
    return np.asarray(-translation @ rotation / np.sqrt(translation @ translation))


def rotation_from_vector(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rotation matrix (3, 3) of a rotation vector (3,), radians (Rodrigues)."""
    x, y, z = vector.tolist()
    angle = sqrt(x * x + y * y + z * z)
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = x / angle, y / angle, z / angle
    c, s = cos(angle), sin(angle)
    d = 1.0 - c
    return np.array(
        [
            [c + d * x * x, d * x * y - s * z, d * x * z + s * y],
            [d * x * y + s * z, c + d * y * y, d * y * z - s * x],
            [d * x * z - s * y, d * y * z + s * x, c + d * z * z],
        ]
    )


@dataclass(frozen=True)
class EyeMeasure:
    """What the two irises tell in one frame, before any averaging.

    scale: this head over the canonical face; pupils_canonical_mm: pupil distance on the canonical-sized head.
    """

    scale: float
    pupils_canonical_mm: float


def measure_eyes(
    landmarks: NDArray[np.float32], pose: HeadPose, camera: Intrinsics, face: NDArray[np.float64]
) -> EyeMeasure:
    """Size of the head from the irises, and the distance of the pupils.

    The irises' vertical extent is hidden by the lids, so only the horizontal diameter counts, widened for the
    turn of the head. Each eye is lifted to the depth of its own socket on the fitted face. A shopper looks at her
    screen, beside the camera: her eyes converge, and the pupils' distance for a gaze into the far is a little more.
    """
    diameters, centres = [], []
    for (centre, side_a, side_b, _, _), corners in zip(IRISES, ((33, 133), (362, 263)), strict=True):
        socket = pose.rotation @ face[list(corners)].mean(0) + pose.translation_mm
        mm_per_px = -socket[2] / camera.fx
        width_px = float(np.linalg.norm(landmarks[side_a, :2] - landmarks[side_b, :2]))
        diameters.append(width_px * mm_per_px / max(abs(float(pose.rotation[0, 0])), 0.5))
        offset = landmarks[centre, :2] - (camera.cx, camera.cy)
        centres.append(np.array([offset[0] * mm_per_px, -offset[1] * mm_per_px, socket[2]]))
    scale = IRIS_MM / float(np.mean(diameters))
    near = float(np.linalg.norm(centres[0] - centres[1]))
    away = -float(centres[0][2] + centres[1][2]) / 2 * scale
    return EyeMeasure(scale=scale, pupils_canonical_mm=near / (1 - PUPIL_FROM_PIVOT_MM / max(away, 100.0)))
