"""Finds and follows one face: 478 landmarks a frame, by MediaPipe's networks in a loop of our own.

The detector looks at the whole frame only until there is a face. From then on the landmarks of one frame say where to
look in the next, so a frame costs one small crop and two small networks. Points are not smoothed here; the pose is.
"""

from dataclasses import replace
from math import pi
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from render.face_crop import FaceBox, crop
from render.face_detector import FaceDetector, SeenFace
from render.face_mesh import PICTURE, FaceMesh, MeasuredFace
from render.networks import FaceNetworks
from render.planes import Plane, planes_of

Planes = tuple[Plane, Plane, Plane]

# How often a tracked face's company is counted.
COUNT_EVERY_MS = 2000
# A face lower than this part of the largest one is a passer-by or a picture on the wall.
COMPANY_SHARE = 0.4
# The network's logit for faces as they stand is 18 to 33, for the same faces turned over at most 12.
SURE_PRESENCE = 14.0
# A smaller square holds nothing that could be told from noise, pixels.
LEAST_SIDE_PX = 16.0


class FaceTracker:
    """Follows one face of one stream; the networks may be shared with other streams of the same thread."""

    def __init__(self, models: Path | FaceNetworks) -> None:
        """models: the folder, or the networks loaded from it. Raises NetworkUnusable."""
        self._networks = models if isinstance(models, FaceNetworks) else FaceNetworks.load(models)
        self._detector, self._mesh = FaceDetector(self._networks), FaceMesh(self._networks)
        self._box: FaceBox | None = None
        self._eyes: NDArray[np.float32] | None = None
        self._counted_ms = 0
        self.faces_seen = 0

    def track(self, frame: av.VideoFrame, time_ms: int, *, eyes: bool = True) -> NDArray[np.float32] | None:
        """Landmarks (478, 3) float32 in pixels of the frame, or None without a face.

        x right, y down, z towards the camera negative, in the scale of x; the picture's corner is (0, 0), so a
        pixel's middle is at a half. time_ms says when to count faces again, no more. `faces_seen` is how many of
        comparable size there were when that was last done. eyes: whether the eyes are looked at more closely again; if
        not, they and the irises are where they were last seen on the face, which is exact enough for its pose, and not
        for the distance of the pupils.
        """
        planes = planes_of(frame if frame.format.name == "yuv420p" else frame.reformat(format="yuv420p"))
        return self.track_planes(planes, time_ms, eyes=eyes)

    def track_planes(self, planes: Planes, time_ms: int, *, eyes: bool = True) -> NDArray[np.float32] | None:
        """As `track`, from the planes of a yuv420p frame."""
        face = self._follow(planes, None if eyes else self._eyes)
        if face is None:
            face = self._search(planes)
            self._counted_ms = time_ms
        elif abs(time_ms - self._counted_ms) >= COUNT_EVERY_MS:
            self.faces_seen = max(1, _count(self._detector.find(planes)))
            self._counted_ms = time_ms
        if face is None:
            self._box = None
            return None
        self._box, self._eyes = FaceBox.around_landmarks(face.landmarks), face.eyes
        return face.landmarks

    def close(self) -> None:
        """Forget the face."""
        self._box = None

    def _follow(self, planes: Planes, eyes: NDArray[np.float32] | None) -> MeasuredFace | None:
        return None if self._box is None else self._measure(planes, self._box, eyes)

    def _search(self, planes: Planes) -> MeasuredFace | None:
        """The largest face: the shopper is nearer than who passes behind her."""
        seen = self._detector.find(planes)
        self.faces_seen = _count(seen)
        for face in sorted(seen, key=lambda face: -face.height):
            found = self._take_up(planes, face.box())
            if found is not None:
                return found
        return None

    def _take_up(self, planes: Planes, box: FaceBox) -> MeasuredFace | None:
        """Measure a detected face. The detector takes an upside-down face for an upright one; the network is surer
        of the way it stands, so a doubtful one is turned by quarters and the surest is taken."""
        best = self._measure_twice(planes, box)
        for quarter in range(1, 4):
            if best is not None and best.presence > SURE_PRESENCE:
                break
            turned = self._measure_twice(planes, replace(box, tilt=box.tilt + quarter * pi / 2))
            best = max((face for face in (best, turned) if face), key=lambda face: face.presence, default=None)
        return best

    def _measure_twice(self, planes: Planes, box: FaceBox) -> MeasuredFace | None:
        """The detector's square is rough; the landmarks' own is what the network knows best."""
        first = self._measure(planes, box)
        return None if first is None else self._measure(planes, FaceBox.around_landmarks(first.landmarks))

    def _measure(self, planes: Planes, box: FaceBox, eyes: NDArray[np.float32] | None = None) -> MeasuredFace | None:
        if box.side < LEAST_SIDE_PX:
            return None
        seen = self._mesh.measure(crop(planes, box, PICTURE), eyes)
        if seen is None:
            return None
        matrix = box.to_frame(PICTURE).astype(np.float32)
        points = seen.landmarks
        points[:, :2] = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        points[:, 2] *= np.float32(box.side / PICTURE)
        return seen


def _count(faces: list[SeenFace]) -> int:
    tallest = max((face.height for face in faces), default=0.0)
    return sum(face.height >= COMPANY_SHARE * tallest for face in faces)
