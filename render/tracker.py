"""Finds and follows one face: 478 landmarks a frame, through MediaPipe's FaceLandmarker."""

import ctypes
from pathlib import Path

import av
import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision
from mediapipe.tasks.python.core.mediapipe_c_bindings import load_raw_library
from mediapipe.tasks.python.vision.face_landmarker import MpFaceLandmarkerResultC
from numpy.typing import NDArray

from render.errors import RenderError

# The network looks at a small crop around the face; in a larger picture its pixels are averaged away.
LONGEST_SIDE_PX = 640


class TrackerFailed(RenderError):
    """MediaPipe refused a frame."""

    code = "tracker-failed"


class FaceTracker:
    """Follows the most visible face of one stream; not shared between streams.

    MediaPipe's Python API sends each call through a thread of its own and turns 478 landmarks into objects, which
    costs a fifth of the network's own time. The C function behind it is called here directly, and its array is read
    in place. The version of mediapipe is pinned; tests hold this path against the public one.
    """

    def __init__(self, model: Path) -> None:
        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(model)),
            running_mode=vision.RunningMode.VIDEO,
            num_faces=1,
        )
        self._landmarker = vision.FaceLandmarker.create_from_options(options)
        self._library = load_raw_library()
        self._last_ms = -1

    def track(self, frame: av.VideoFrame, time_ms: int) -> NDArray[np.float32] | None:
        """Landmarks (478, 3) float32 in pixels of the frame, or None without a face.

        x right, y down, z towards the camera negative, in the scale of x. time_ms must grow; it is nudged if not.
        """
        shrink = min(1.0, LONGEST_SIDE_PX / max(frame.width, frame.height))
        width, height = round(frame.width * shrink), round(frame.height * shrink)
        # MediaPipe reads the rows as if there were no padding between them.
        rgb = np.ascontiguousarray(frame.reformat(width=width, height=height, format="rgb24").to_ndarray())
        self._last_ms = max(self._last_ms + 1, time_ms)
        points = self._detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=rgb), self._last_ms)
        if points is None:
            return None
        return points * np.array([frame.width, frame.height, frame.width], np.float32)

    def close(self) -> None:
        """Free the network."""
        self._landmarker.close()

    def _detect(self, image: mp.Image, time_ms: int) -> NDArray[np.float32] | None:
        """Normalized landmarks (478, 3) of the first face."""
        result, error = MpFaceLandmarkerResultC(), ctypes.c_char_p()
        status = self._library.MpFaceLandmarkerDetectForVideo(
            self._landmarker._handle,
            image._image_ptr,
            None,
            ctypes.c_int64(time_ms),
            ctypes.byref(result),
            ctypes.byref(error),
        )
        if status != 0:
            self._library.MpErrorFree(error)
            raise TrackerFailed(f"status {status}")
        try:
            if not result.face_landmarks_count:
                return None
            face = result.face_landmarks[0]
            step = ctypes.sizeof(face.landmarks._type_) // 4
            floats = ctypes.cast(face.landmarks, ctypes.POINTER(ctypes.c_float))
            rows = np.ctypeslib.as_array(floats, (face.landmarks_count, step))
            return rows[:, :3].copy()
        finally:
            self._library.MpFaceLandmarkerCloseResult(ctypes.byref(result))
