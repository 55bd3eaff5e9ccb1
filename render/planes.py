"""The three planes of a camera frame, as NumPy sees them."""

from typing import Any, cast

import av
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]


def planes_of(frame: av.VideoFrame) -> tuple[Plane, Plane, Plane]:
    """Writable views (h, w), (h/2, w/2), (h/2, w/2) of a yuv420p frame's planes, without padding."""
    views = []
    for plane in frame.planes:
        rows = np.frombuffer(cast(Any, plane), np.uint8).reshape(-1, plane.line_size)
        views.append(rows[: plane.height, : plane.width])
    return views[0], views[1], views[2]
