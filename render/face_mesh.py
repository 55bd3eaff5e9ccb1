"""478 landmarks from a picture of a face: MediaPipe's mesh, with eyes and irises refined by their own heads.

In the model the heads look at samples of an early feature map, which MediaPipe takes with custom operators
(`mediapipe/util/tflite/operations/`, Apache-2.0). Here the model is cut in two and the samples are taken between. The
lips have a head too; it is left out, for nothing is worn on them, and they keep the mesh's points.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from render.networks import FaceNetworks

PICTURE = 192
MESH_POINTS, POINTS = 468, 478
MAP = 48
CHANNELS = 32
SAMPLE = 16
# The heads count in quarters of a sample's cell, as the mesh counts in quarters of the map's.
UNITS_PER_CELL = 4
SAMPLE_MARGIN = 1.5
# The corners of the left and the right eye, each from the picture's left to its right.
CORNERS = np.array([(33, 133), (362, 263)])
# So many of an eye's points, the first ones, are its contour; their mean depth is the iris's.
CONTOUR = 16
IRIS_POINTS = 5
TABLE = Path(__file__).parent / "data" / "eye_landmarks.json"


@dataclass(frozen=True)
class MeasuredFace:
    """landmarks: (478, 3) float32, pixels, z in the same scale; presence: the logit of there being a face."""

    landmarks: NDArray[np.float32]
    presence: float


class FaceMesh:
    """Looks at one picture of a face at a time and remembers nothing."""

    def __init__(self, networks: FaceNetworks) -> None:
        self._mesh, self._eyes = networks.mesh, networks.eyes
        table = json.loads(TABLE.read_text())
        self._points = np.array([table["left"], table["right"]])
        irises = np.arange(MESH_POINTS, POINTS).reshape(2, IRIS_POINTS)
        self._refined = np.concatenate([self._points, irises], axis=1)

    def measure(self, picture: NDArray[np.uint8]) -> MeasuredFace | None:
        """The face in a picture (192, 192, 3) RGB, in pixels of that picture; None if it shows no face."""
        np.multiply(picture, np.float32(1 / 255), out=self._mesh.input()[0])
        self._mesh.run()
        presence = float(self._mesh.output(2).item())
        if presence <= 0.0:
            return None
        landmarks = np.empty((POINTS, 3), np.float32)
        landmarks[:MESH_POINTS] = self._mesh.output(1).reshape(MESH_POINTS, 3)
        steps, origins = self._around_eyes(landmarks)
        features = self._mesh.output(0)[0]
        for eye in range(2):
            self._eyes.input(eye)[0] = _sample(features, steps[eye], origins[eye])
        self._eyes.run()
        self._refine(landmarks, steps, origins)
        return MeasuredFace(landmarks, presence)

    def _around_eyes(self, landmarks: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Steps (2, 2, 2) and origins (2, 2): a point p of the sample around an eye is step @ p + origin in the map."""
        corners = landmarks[CORNERS, :2]
        along = corners[:, 1] - corners[:, 0]
        cosine, sine = (along / np.sqrt((along * along).sum(1, keepdims=True))).T[..., None]
        # Points as rows, for NumPy is slow to reduce a short last axis.
        x, y = landmarks.T[:2, self._points]
        across, down = cosine * x + sine * y, cosine * y - sine * x
        left, right, top, bottom = across.min(1), across.max(1), down.min(1), down.max(1)
        turn = np.array([[cosine[:, 0], -sine[:, 0]], [sine[:, 0], cosine[:, 0]]]).transpose(2, 0, 1)
        middle = turn @ np.array([left + right, top + bottom]).T[..., None] / 2
        size = np.array([right - left, bottom - top]).T[:, None]
        steps = turn * (size * np.float32(SAMPLE_MARGIN / SAMPLE * MAP / PICTURE))
        origins = middle[..., 0] * np.float32(MAP / PICTURE) - steps.sum(2) * np.float32(SAMPLE / 2)
        return steps, origins

    def _refine(self, landmarks: NDArray[np.float32], steps: NDArray[np.float32], origins: NDArray[np.float32]) -> None:
        """Overwrite x and y of the eyes, which keep the mesh's depth, and fill in the irises."""
        seen = self._eyes.output().reshape(2, -1, 2)
        # A cell's size is the same in both units, so only the origin is scaled.
        landmarks[self._refined, :2] = seen @ steps.transpose(0, 2, 1) + origins[:, None] * np.float32(UNITS_PER_CELL)
        landmarks[MESH_POINTS:, 2] = landmarks[self._points[:, :CONTOUR], 2].mean(1).repeat(IRIS_POINTS)


def _sample(
    features: NDArray[np.float32], step: NDArray[np.float32], origin: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Bilinear samples (16, 16, 32) of the map (48, 48, 32), zero outside; OpenCV counts cells by their middles."""
    matrix = np.column_stack([step, origin + step.sum(1) * np.float32(0.5) - np.float32(0.5)])
    sample = cv2.warpAffine(features, matrix, (SAMPLE, SAMPLE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return np.asarray(sample, np.float32)
