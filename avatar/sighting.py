"""See the person in a photo: body landmarks, an outline that follows the picture's own edges, and what is wrong.

Landmarks and a coarse mask come from MediaPipe's pose landmarker; a guided filter (He et al., 2010) then pulls the
mask's border onto the edges of the picture, which brings it from some 4 px to under 1 px of the true outline.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import cv2
import mediapipe
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision
from numpy.typing import NDArray

from avatar.photo import Photo

View = Literal["front", "side"]
NOSE, LEFT_EAR, RIGHT_EAR = 0, 7, 8
SHOULDERS, ELBOWS, WRISTS, HIPS, KNEES, ANKLES = (11, 12), (13, 14), (15, 16), (23, 24), (25, 26), (27, 28)
HEELS, TOES = (29, 30), (31, 32)
MODEL = "pose_landmarker.task"
_FRAMES = ((0.0, 0.0), (-0.2, 0.0), (0.25, 0.06), (0.15, 0.15), (0.5, 0.15), (-0.1, 0.0), (-0.35, 0.0))
_FEET_ABOVE, _FEET_BELOW = 0.055, 0.03  # of the person's height: feet off the outline's end; 99 of 100 lie within
_GUIDE_SHARE = 0.009  # of the person's height in pixels: the filter's radius, some 1.5 cm
_GUIDE_EPSILON = 6.5  # variance of grey levels below which a patch counts as flat


@dataclass(frozen=True)
class Sighting:
    """One person in one photo.

    landmarks (33, 2) px, x right, y down; visibility (33,) 0..1; world (33, 3) m, MediaPipe's guess, x right, y down,
    z away from the camera, about the hips; mask (H, W) float32 0..1; focal_px or None.
    """

    landmarks: NDArray[np.float64]
    visibility: NDArray[np.float64]
    world: NDArray[np.float64]
    mask: NDArray[np.float32]
    focal_px: float | None

    @property
    def tall_px(self) -> float:
        """From the top of the mask to its lowest point."""
        rows = np.flatnonzero((self.mask > 0.5).any(1))
        return float(rows[-1] - rows[0] + 1) if len(rows) else 0.0

    @property
    def whole(self) -> bool:
        """Whether the feet lie where the outline ends: they do not where a trunk was taken for a whole person."""
        rows = np.flatnonzero((self.mask > 0.5).any(1))
        if not len(rows):
            return False
        below = float(rows[-1] - self.landmarks[[*HEELS, *TOES], 1].max()) / self.tall_px
        return -_FEET_BELOW < below < _FEET_ABOVE

    @property
    def yaw_deg(self) -> float:
        """How far shoulders and hips are turned from facing the camera, 0..180, by MediaPipe's depth."""
        across = sum(self.world[left] - self.world[right] for left, right in (SHOULDERS, HIPS))
        return float(np.degrees(np.arctan2(abs(across[2]), across[0])))


class Onlooker:
    """Finds people in photos. One thread at a time; close it, or use it as a context."""

    def __init__(self, models: Path) -> None:
        options = vision.PoseLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(models / MODEL)),
            num_poses=2,
            output_segmentation_masks=True,
        )
        self._landmarker = vision.PoseLandmarker.create_from_options(options)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the model."""
        self._landmarker.close()

    def look(self, photo: Photo) -> list[Sighting]:
        """The people in the photo, the largest first; none, one or two. Only the first one's mask is refined.

        The detector now and then misses a whole person seen from the side, or takes the trunk for one: it is asked
        again about the middle of the picture, and about the picture with wider borders, before that is believed.
        """
        seen: list[Sighting] = []
        for margins in _FRAMES:
            found = self._found(photo, margins)
            found.sort(key=lambda person: -person.tall_px)
            if not seen or (found and found[0].whole):
                seen = found
            if seen and seen[0].whole:
                break
        if seen:
            seen[0] = _refined(seen[0], photo)
        return seen

    def _found(self, photo: Photo, margins: tuple[float, float]) -> list[Sighting]:
        """The people in the picture with borders of these shares of its width and height added, or cut off."""
        height, width = photo.pixels.shape[:2]
        across, down = (round(share * side) for share, side in zip(margins, (width, height), strict=True))
        pixels = _framed(photo.pixels, across, down)
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(pixels))
        found = self._landmarker.detect(image)
        framed_height, framed_width = pixels.shape[:2]
        seen = []
        for points, world, mask in zip(
            found.pose_landmarks, found.pose_world_landmarks, found.segmentation_masks or [], strict=True
        ):
            whole = np.array(mask.numpy_view(), np.float32).reshape(framed_height, framed_width)
            seen.append(
                Sighting(
                    landmarks=np.array([[p.x * framed_width - across, p.y * framed_height - down] for p in points]),
                    visibility=np.array([point.visibility for point in points]),
                    world=np.array([[point.x, point.y, point.z] for point in world]),
                    mask=np.ascontiguousarray(_framed(whole, -across, -down)),
                    focal_px=photo.focal_px,
                )
            )
        return seen


def _framed(picture: NDArray[Any], across: int, down: int) -> NDArray[Any]:
    """A picture with borders of that many pixels left and right, above and below; a negative number cuts them off.

    Added borders repeat the edge of a photo; a mask is empty there.
    """
    rows, columns = max(down, 0), max(across, 0)
    if rows or columns:
        margins = [(rows, rows), (columns, columns), *([(0, 0)] * (picture.ndim - 2))]
        picture = np.pad(picture, margins, mode="edge" if picture.ndim == 3 else "constant")
    top, left = max(-down, 0), max(-across, 0)
    return picture[top : picture.shape[0] - top, left : picture.shape[1] - left]


def _refined(seen: Sighting, photo: Photo) -> Sighting:
    """The same person with a mask whose border lies on the edges of the picture."""
    radius = max(3, round(_GUIDE_SHARE * seen.tall_px))
    mask = np.asarray(cv2.ximgproc.guidedFilter(photo.pixels, seen.mask, radius, _GUIDE_EPSILON), np.float32)
    return Sighting(seen.landmarks, seen.visibility, seen.world, mask, seen.focal_px)
