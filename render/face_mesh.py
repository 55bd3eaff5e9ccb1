"""478 landmarks from a picture of a face: MediaPipe's mesh, with eyes and irises refined by their own heads.

In the model the heads look at samples of an early feature map, which MediaPipe takes with custom operators
(`mediapipe/util/tflite/operations/`, Apache-2.0). Here the model is cut in two and the samples are taken between. The
lips have a head too; it is left out, for nothing is worn on them, and they keep the mesh's points.
"""

import json
from dataclasses import dataclass
from math import hypot
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from render.networks import FaceNetworks

PICTURE = 192
MESH_POINTS, POINTS = 468, 478
MAP = 48
SAMPLE = 16
# The heads count in quarters of a sample's cell, as the mesh counts in quarters of the map's.
UNITS_PER_CELL = 4
CELLS_PER_PIXEL = MAP / PICTURE
# A sample is half as wide again as its eye: the map's cells in one of its own, for an eye one pixel wide.
STEP = 1.5 / SAMPLE * CELLS_PER_PIXEL
# The corners of the left and the right eye, each from the picture's left to its right.
CORNERS = np.array([(33, 133), (362, 263)])
# So many of an eye's points, the first ones, are its contour; their mean depth is the iris's.
CONTOUR = 16
IRIS_POINTS = 5
TABLE = Path(__file__).parent / "data" / "eye_landmarks.json"


@dataclass(frozen=True)
class MeasuredFace:
    """landmarks: (478, 3) float32, pixels, z in the same scale; presence: the logit of there being a face.

    eyes: (152, 2) float32, pixels: how far the heads moved the eyes' points from where the mesh has them.
    """

    landmarks: NDArray[np.float32]
    presence: float
    eyes: NDArray[np.float32]


class FaceMesh:
    """Looks at one picture of a face at a time and remembers nothing."""

    def __init__(self, networks: FaceNetworks) -> None:
        self._mesh, self._eyes = networks.mesh, networks.eyes
        table = json.loads(TABLE.read_text())
        self._points = np.array([table["left"], table["right"]])
        irises = np.arange(MESH_POINTS, POINTS).reshape(2, IRIS_POINTS)
        self._refined = np.concatenate([self._points, irises], axis=1).ravel()
        self._contours = self._points[:, :CONTOUR]

    def measure(self, picture: NDArray[np.uint8], eyes: NDArray[np.float32] | None = None) -> MeasuredFace | None:
        """The face in a picture (192, 192, 3) RGB, in pixels of that picture; None if it shows no face.

        eyes: of a face just measured, in whose place the heads need not look again.
        """
        np.multiply(picture, np.float32(1 / 255), out=self._mesh.input()[0])
        self._mesh.run()
        presence = float(self._mesh.output(2).item())
        if presence <= 0.0:
            return None
        landmarks = np.empty((POINTS, 3), np.float32)
        landmarks[:MESH_POINTS] = self._mesh.output(1).reshape(MESH_POINTS, 3)
        known = self._known_of_eyes(landmarks)
        if eyes is None:
            eyes = self._look_at_eyes(landmarks) - known
        landmarks[self._refined, :2] = known + eyes
        return MeasuredFace(landmarks, presence, eyes)

    def _known_of_eyes(self, landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
        """Where the mesh has the eyes' points (152, 2), the irises in the middle of their eyes; fills in the irises'
        depth, which the heads do not tell."""
        contours = landmarks[self._contours].sum(1) / CONTOUR
        landmarks[MESH_POINTS:] = contours.repeat(IRIS_POINTS, 0)
        known: NDArray[np.float32] = landmarks[self._refined, :2]
        return known

    def _look_at_eyes(self, landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
        """Where the heads see the eyes' points (152, 2), by the features of the last picture."""
        around = self._around_eyes(landmarks)
        features = self._mesh.output(0)[0]
        for eye in range(2):
            self._eyes.input(eye)[0] = _sample(features, around[eye])
        self._eyes.run()
        seen = self._eyes.output().reshape(2, -1, 2)
        # A cell's size is the same in both units, so only the origin is scaled.
        placed = seen @ around[:, :, :2].transpose(0, 2, 1) + around[:, None, :, 2] * UNITS_PER_CELL
        return placed.reshape(-1, 2).astype(np.float32)

    def _around_eyes(self, landmarks: NDArray[np.float32]) -> NDArray[np.float64]:
        """For each eye a (2, 3) matrix from cells of the sample around it to cells of the map."""
        (left_a, left_b), (right_a, right_b) = landmarks[CORNERS, :2].tolist()
        turns = []
        for (from_x, from_y), (to_x, to_y) in ((left_a, left_b), (right_a, right_b)):
            length = hypot(to_x - from_x, to_y - from_y)
            turns.append(((to_x - from_x) / length, (to_y - from_y) / length))
        (cosines, sines) = np.array(turns, np.float32).T[:, :, None]
        x, y = landmarks.T[:2, self._points]
        across, down = x * cosines + y * sines, y * cosines - x * sines
        edges = np.stack([across.min(1), across.max(1), down.min(1), down.max(1)], axis=1).tolist()
        around = []
        for (cosine, sine), (low_u, high_u, low_v, high_v) in zip(turns, edges, strict=True):
            wide, high = (high_u - low_u) * STEP, (high_v - low_v) * STEP
            u = (low_u + high_u) / 2 * CELLS_PER_PIXEL - wide * SAMPLE / 2
            v = (low_v + high_v) / 2 * CELLS_PER_PIXEL - high * SAMPLE / 2
            around.append(
                [
                    [wide * cosine, -high * sine, u * cosine - v * sine],
                    [wide * sine, high * cosine, u * sine + v * cosine],
                ]
            )
        return np.array(around)


def _sample(features: NDArray[np.float32], around: NDArray[np.float64]) -> NDArray[np.float32]:
    """Bilinear samples (16, 16, 32) of the map (48, 48, 32), zero outside; OpenCV counts cells by their middles."""
    matrix = around.copy()
    matrix[:, 2] += (around[:, 0] + around[:, 1]) / 2 - 0.5
    sample = cv2.warpAffine(features, matrix, (SAMPLE, SAMPLE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return np.asarray(sample, np.float32)
