"""Finds faces in a whole frame: MediaPipe's BlazeFace of short range (up to some two metres).

Anchors, decoding and suppression are those of MediaPipe's face detector graph (`face_detector_graph.cc`, Apache-2.0).
"""

from dataclasses import dataclass
from math import atan2

import cv2
import numpy as np
from numpy.typing import NDArray

from render.face_crop import MARGIN, FaceBox
from render.networks import FaceNetworks
from render.planes import Plane

PICTURE = 128
# Cells of the two output grids, and the anchors in each cell: one grid counts for three of the model's four layers.
GRIDS = ((16, 2), (8, 6))
LEAST_SCORE = 0.5
# Boxes that share more than this part of their union are one face.
SAME_FACE = 0.3


@dataclass(frozen=True)
class SeenFace:
    """score: 0..1; corners: (2, 2) pixels, upper left and lower right of the box; eyes: (2, 2) pixels, the one on
    the picture's left first."""

    score: float
    corners: NDArray[np.float64]
    eyes: NDArray[np.float64]

    @property
    def height(self) -> float:
        """Pixels from brow to chin."""
        return float(self.corners[1, 1] - self.corners[0, 1])

    def box(self) -> FaceBox:
        """Where to look for its landmarks."""
        x, y = self.eyes[1] - self.eyes[0]
        centre, size = self.corners.mean(0), np.ptp(self.corners, axis=0)
        return FaceBox(float(centre[0]), float(centre[1]), float(size.max()) * MARGIN, atan2(y, x))


class FaceDetector:
    """Looks at one frame at a time and remembers nothing."""

    def __init__(self, networks: FaceNetworks) -> None:
        self._network = networks.detector
        self._anchors = np.concatenate([_anchors(cells, each) for cells, each in GRIDS])

    def find(self, planes: tuple[Plane, Plane, Plane]) -> list[SeenFace]:
        """The faces in a yuv420p frame, the surest first. Upright ones, give or take some 45 degrees."""
        height, width = planes[0].shape
        pixels = max(width, height) / PICTURE
        inner = (max(2, round(width / pixels / 2) * 2), max(2, round(height / pixels / 2) * 2))
        left, top = (PICTURE - inner[0]) // 2, (PICTURE - inner[1]) // 2
        # What the frame does not fill is black, which is -1.
        picture = self._network.input()[0]
        picture[...] = -1.0
        part = picture[top : top + inner[1], left : left + inner[0]]
        np.multiply(_small_rgb(planes, inner), np.float32(2 / 255), out=part)
        part -= 1.0
        del picture, part
        self._network.run()
        faces = self._decode(np.array([left, top]), np.array([width / inner[0], height / inner[1]]))
        return _without_doubles(faces)

    def _decode(self, origin: NDArray[np.int_], pixels: NDArray[np.float64]) -> list[SeenFace]:
        logits = np.clip(self._network.output(1).reshape(-1), -100.0, 100.0)
        found = np.flatnonzero(logits > np.log(LEAST_SCORE / (1 - LEAST_SCORE)))
        # Per anchor: centre and size of the box, then six points, all as x, y in pixels of the picture.
        values = self._network.output(0).reshape(-1, 8, 2)[found].astype(np.float64)
        anchors = self._anchors[found]
        centres, sizes, eyes = values[:, 0] + anchors, values[:, 1], values[:, 2:4] + anchors[:, None]
        corners = np.stack([centres - sizes / 2, centres + sizes / 2], 1)
        scores = 1 / (1 + np.exp(-logits[found].astype(np.float64)))
        return [
            SeenFace(float(score), (box - origin) * pixels, (pair - origin) * pixels)
            for score, box, pair in zip(scores, corners, eyes, strict=True)
        ]


def _anchors(cells: int, each: int) -> NDArray[np.float64]:
    """(cells * cells * each, 2) middles of the cells, pixels of the picture, row by row."""
    middles = (np.arange(cells) + 0.5) * (PICTURE / cells)
    x, y = np.meshgrid(middles, middles)
    return np.repeat(np.stack([x.ravel(), y.ravel()], 1), each, axis=0)


def _small_rgb(planes: tuple[Plane, Plane, Plane], size: tuple[int, int]) -> Plane:
    """The whole frame made small by area, then converted; size: even width and height."""
    width, height = size
    yuv = np.empty((height * 3 // 2, width), np.uint8)
    yuv[:height] = cv2.resize(planes[0], (width, height), interpolation=cv2.INTER_AREA)
    chroma = [
        cv2.resize(plane, (width // 2, height // 2), interpolation=cv2.INTER_AREA).reshape(-1) for plane in planes[1:]
    ]
    yuv[height:] = np.concatenate(chroma).reshape(-1, width)
    return np.asarray(cv2.cvtColor(yuv, cv2.COLOR_YUV2RGB_I420), np.uint8)


def _without_doubles(faces: list[SeenFace]) -> list[SeenFace]:
    """Weighted non-maximum suppression: boxes of one face become their mean, weighted by score."""
    rest = sorted(faces, key=lambda face: -face.score)
    kept = []
    while rest:
        best = rest[0]
        same = [face for face in rest if face is best or _overlap(best, face) > SAME_FACE]
        rest = [face for face in rest if not any(face is other for other in same)]
        weights = np.array([face.score for face in same])
        corners = np.average([face.corners for face in same], axis=0, weights=weights)
        eyes = np.average([face.eyes for face in same], axis=0, weights=weights)
        kept.append(SeenFace(best.score, corners, eyes))
    return kept


def _overlap(a: SeenFace, b: SeenFace) -> float:
    """Intersection over union of the boxes."""
    low, high = np.maximum(a.corners[0], b.corners[0]), np.minimum(a.corners[1], b.corners[1])
    shared = float(np.prod(np.maximum(high - low, 0.0)))
    areas = float(np.prod(a.corners[1] - a.corners[0]) + np.prod(b.corners[1] - b.corners[0]))
    return shared / max(areas - shared, 1e-9)
