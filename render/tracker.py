"""Finds and follows one face: 478 landmarks a frame, through MediaPipe's FaceLandmarker."""

from pathlib import Path

import av
import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision
from numpy.typing import NDArray

# The network looks at a crop of 256 by 256 around the face; more pixels than this teach it nothing.
LONGEST_SIDE_PX = 640


class FaceTracker:
    """Follows the most visible face of one stream; not shared between streams."""

    def __init__(self, model: Path) -> None:
        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(model)),
            running_mode=vision.RunningMode.VIDEO,
            num_faces=1,
        )
        self._landmarker = vision.FaceLandmarker.create_from_options(options)
        self._last_ms = -1

    def track(self, frame: av.VideoFrame, time_ms: int) -> NDArray[np.float32] | None:
        """Landmarks (478, 3) float32 in pixels of the frame, or None without a face.

        x right, y down, z towards the camera negative, in the scale of x. time_ms must grow; it is nudged if not.
        """
        shrink = min(1.0, LONGEST_SIDE_PX / max(frame.width, frame.height))
        small = frame.reformat(width=round(frame.width * shrink), height=round(frame.height * shrink), format="rgb24")
        self._last_ms = max(self._last_ms + 1, time_ms)
        image = mp.Image(image_format=mp.ImageFormat.SRGB, data=small.to_ndarray())
        result = self._landmarker.detect_for_video(image, self._last_ms)
        if not result.face_landmarks:
            return None
        points = np.array([(p.x, p.y, p.z) for p in result.face_landmarks[0]], np.float32)
        return points * np.array([frame.width, frame.height, frame.width], np.float32)

    def close(self) -> None:
        """Free the network."""
        self._landmarker.close()
