"""One shopper's try-on: a camera frame in, the same frame with the products on it out.

The stages are told in the order in which a frame passes them: track, fit the head, smooth, estimate the light, draw
the product's region, blend. The pose of a frame is only ever drawn on the pixels of that frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from time import perf_counter

import av
import numpy as np
from numpy.typing import NDArray

from render.compositor import Plane, blend, planes_of
from render.eyes import EyeStatistics, Fit
from render.headpose import (
    HeadPose,
    HeadPoseSolver,
    Intrinsics,
    PoseNotFound,
    load_canonical_face,
    measure_eyes,
)
from render.lighting import Light, estimate_light
from render.product import Wearable
from render.scene import SceneRenderer
from render.smoothing import PoseSmoother
from render.tracker import FaceTracker

RTP_CLOCK_HZ = 90_000
DARK_LUMA = 45  # mean of the Y plane (16 is black) under which no face can be found
FAR_SHARE = 0.09  # a face narrower than this part of the frame's shorter side is too far away
NEAR_SHARE = 1.1
OUT_SHARE = 0.35  # a face with more than this part of its landmarks outside the frame is half out of it
TURNED_DEG = 60.0
LIGHT_EVERY_FRAMES = 4
# Once the person's size is known: how often the eyes are measured, and looked at closely, which EYES is a multiple of.
EYES_EVERY_FRAMES = 4
LOOK_EVERY_FRAMES = 2
LIGHT_FOLLOWING = 0.25


class FaceState(StrEnum):
    """What the shopper should be told about her face."""

    FOUND = "found"
    LOST = "lost"
    TOO_DARK = "too_dark"
    TOO_FAR = "too_far"
    TOO_CLOSE = "too_close"
    PARTLY_OUT = "partly_out"
    TURNED = "turned"
    TWO_FACES = "two_faces"
    UNWATCHED = "unwatched"  # nobody looks for one: her avatar is shown


# In these states the pose is too uncertain to hang a product on.
BARE_STATES = frozenset({FaceState.LOST, FaceState.TOO_DARK, FaceState.TURNED})


@dataclass(frozen=True)
class Outcome:
    """What one frame told: the face's state, the person's measures if known, and how long each stage took.

    resting: nothing had to be found or drawn anew, so that it cost less than the next one may.
    """

    state: FaceState
    fit: Fit | None
    drawn: bool
    stage_ms: dict[str, float]
    resting: bool = False


class TryOn:
    """One session's try-on; lives on the renderer's thread."""

    def __init__(self, tracker: FaceTracker, renderer: SceneRenderer) -> None:
        self._tracker = tracker
        self._renderer = renderer
        self._face = load_canonical_face()
        self._solver = HeadPoseSolver()
        self._smoother = PoseSmoother()
        self._eyes = EyeStatistics()
        self._size = (0, 0)
        self._camera = Intrinsics.assumed(2, 2)
        self._last_time_s = 0.0
        self._light: Light | None = None
        self._frames_in_light = 0
        self._frames_with_face = 0
        self.worn: Sequence[Wearable] = ()
        self.detail = 1.0

    def process(self, frame: av.VideoFrame) -> Outcome:
        """Draw what is worn onto a yuv420p frame, in place. The frame's pts counts at 90 kHz."""
        clock = _Stopwatch()
        self._follow_size(frame)
        time_s = (frame.pts or 0) / RTP_CLOCK_HZ
        planes = planes_of(frame)
        # Every frame until her size is known, then now and then: a person does not grow.
        number, unknown = self._frames_with_face + 1, self._eyes.fit is None
        look = unknown or number % LOOK_EVERY_FRAMES == 0
        landmarks = self._tracker.track_planes(planes, round(time_s * 1000), eyes=look)
        clock.lap("track")
        if landmarks is None:
            self._forget_face()
            dark = float(planes[0][::16, ::16].mean()) < DARK_LUMA
            return Outcome(FaceState.TOO_DARK if dark else FaceState.LOST, None, False, clock.laps)
        try:
            pose = self._solver.solve(landmarks, self._camera)
        except PoseNotFound:
            self._forget_face()
            return Outcome(FaceState.LOST, None, False, clock.laps)
        self._frames_with_face = number
        if (unknown or number % EYES_EVERY_FRAMES == 0) and abs(pose.yaw_deg) < 25:
            self._eyes.add(measure_eyes(landmarks, pose, self._camera, self._face))
        pose = self._smoother.smooth(pose, time_s - self._last_time_s)
        self._last_time_s = time_s
        pose = self._eyes.to_true_size(pose)
        state = self._judge(landmarks, pose)
        clock.lap("pose")
        drawn = bool(self.worn) and state not in BARE_STATES and self._draw(planes, landmarks, pose, clock)
        return Outcome(state, self._eyes.fit, drawn, clock.laps)

    def rest(self) -> None:
        """Forget the face: when the next frame comes, she may be elsewhere."""
        self._tracker.close()
        self._forget_face()

    def close(self) -> None:
        """Free the tracker; the renderer belongs to all sessions."""
        self._tracker.close()

    def _draw(
        self,
        planes: tuple[Plane, Plane, Plane],
        landmarks: NDArray[np.float32],
        pose: HeadPose,
        clock: "_Stopwatch",
    ) -> bool:
        overlays = self._renderer.draw(
            self.worn, pose, self._camera, self._see_light(planes, landmarks), detail=self.detail
        )
        clock.lap("render")
        for overlay in overlays:
            blend(planes, overlay)
        clock.lap("blend")
        return bool(overlays)

    def _see_light(self, planes: tuple[Plane, Plane, Plane], landmarks: NDArray[np.float32]) -> Light:
        """The room's light, looked at now and then and followed slowly: a room changes less often than a frame."""
        self._frames_in_light += 1
        if self._light is None or self._frames_in_light % LIGHT_EVERY_FRAMES == 0:
            low, high = landmarks[:468, :2].min(0), landmarks[:468, :2].max(0)
            seen = estimate_light(*planes, (float(low[0]), float(low[1]), float(high[0]), float(high[1])))
            self._light = seen if self._light is None else self._light.towards(seen, LIGHT_FOLLOWING)
        return self._light

    def _judge(self, landmarks: NDArray[np.float32], pose: HeadPose) -> FaceState:
        width, height = self._size
        x, y = landmarks[:468, :2].T.copy()
        left, right, top, bottom = float(x.min()), float(x.max()), float(y.min()), float(y.max())
        if abs(pose.yaw_deg) > TURNED_DEG:
            return FaceState.TURNED
        if left < 0 or top < 0 or right >= width or bottom >= height:
            inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            if 1.0 - float(inside.mean()) > OUT_SHARE:
                return FaceState.PARTLY_OUT
        span = max(right - left, bottom - top)
        if span < FAR_SHARE * min(width, height):
            return FaceState.TOO_FAR
        if span > NEAR_SHARE * min(width, height):
            return FaceState.TOO_CLOSE
        return FaceState.TWO_FACES if self._tracker.faces_seen > 1 else FaceState.FOUND

    def _follow_size(self, frame: av.VideoFrame) -> None:
        """A camera may change its resolution in mid-stream, as when a phone is turned."""
        if (frame.width, frame.height) != self._size:
            self._size = (frame.width, frame.height)
            self._camera = Intrinsics.assumed(*self._size)
            self._solver.forget()
            self._smoother.forget()

    def _forget_face(self) -> None:
        self._solver.forget()
        self._smoother.forget()
        self._eyes.face_lost()
        self._light = None


class _Stopwatch:
    """Milliseconds of each stage since the last one."""

    def __init__(self) -> None:
        self._last = perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now = perf_counter()
        self.laps[stage] = (now - self._last) * 1000
        self._last = now
