"""A fake camera with a real face: NASA's public-domain portrait that scikit-image carries, cut out and moved.

The person is cut out of the photo once, laid over a composed background and moved, turned and scaled over time
along a path that closes after ten seconds, so a file of ten seconds loops without a jump. Everything is made when
the test starts and is the same on every machine. `FaceCamera.rgb` gives frames to Python peers, `write_y4m` and
`write_mjpeg` give files to Chromium's `--use-file-for-fake-video-capture`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

LOOP_SECONDS = 10.0
# Pupils in the 512x512 photo, pixels, read off an enlargement; "left" is the viewer's left.
LEFT_PUPIL = (203.5, 101.0)
RIGHT_PUPIL = (246.5, 103.5)
_EYES = ((LEFT_PUPIL[0] + RIGHT_PUPIL[0]) / 2, (LEFT_PUPIL[1] + RIGHT_PUPIL[1]) / 2)


@dataclass(frozen=True)
class Stance:
    """Where the face is: middle of the eyes as a fraction of the frame, pupil distance as a fraction of the
    frame's shorter side, turn in the image plane in degrees (positive: clockwise as seen)."""

    x: float = 0.5
    y: float = 0.42
    pupils: float = 0.16
    turn_deg: float = 0.0


def sway(t: float) -> Stance:
    """Stance at t seconds of someone who looks at themselves: sideways, nearer and farther, head tilted."""
    w = 2 * math.pi * t / LOOP_SECONDS
    return Stance(
        x=0.5 + 0.09 * math.sin(w),
        y=0.43 + 0.02 * math.sin(2 * w),
        pupils=0.155 + 0.02 * math.sin(w + 1.0),
        turn_deg=9.0 * math.sin(3 * w),
    )


def still(t: float) -> Stance:
    """A face that does not move."""
    return Stance()


class FaceCamera:
    """Frames of one or more faces, or of an empty room (`faces=0`).

    `path` gives the stance of the first face at a time in seconds; further faces stand beside it and smaller.
    `brightness` scales the light (0 is a black frame); `grain` is the sensor noise's sigma in 8-bit steps.
    """

    def __init__(
        self,
        width: int = 640,
        height: int = 480,
        fps: float = 24.0,
        *,
        faces: int = 1,
        path: Callable[[float], Stance] = sway,
        brightness: float = 1.0,
        grain: float = 1.5,
    ) -> None:
        self.width, self.height, self.fps = width, height, fps
        self._faces, self._path, self._brightness = faces, path, brightness
        self._room = _room(width, height)
        rng = np.random.default_rng(7)
        self._grain = rng.normal(0.0, grain, (height + 64, width + 64, 3)).astype(np.int8) if grain > 0 else None

    def rgb(self, index: int) -> Picture:
        """Frame `index`: (height, width, 3) uint8 RGB."""
        picture = self._room.copy()
        for face in range(self._faces):
            _lay(picture, self._to_frame(self._stance(index, face)))
        if self._brightness != 1.0:
            picture = cv2.convertScaleAbs(picture, alpha=self._brightness).astype(np.uint8)
        if self._grain is not None and self._brightness > 0:
            # A step by two numbers prime to 64 walks through the noise without a visible pattern.
            dx, dy = index * 29 % 64, index * 43 % 64
            noise = self._grain[dy : dy + self.height, dx : dx + self.width]
            picture = cv2.add(picture, noise, dtype=cv2.CV_8U).astype(np.uint8)
        return picture

    def pupils(self, index: int, face: int = 0) -> NDArray[np.float64]:
        """(2, 2) pixels: the viewer's left and right pupil (x, y) of `face` in frame `index`."""
        matrix = self._to_frame(self._stance(index, face))
        points = np.array([[*LEFT_PUPIL, 1.0], [*RIGHT_PUPIL, 1.0]])
        return np.asarray(points @ matrix.T, dtype=np.float64)

    def write_y4m(self, path: Path, seconds: float = LOOP_SECONDS, stamp: Stamp | None = None) -> Path:
        """Write 4:2:0 frames, 1.5 bytes a pixel; Chromium plays the file at its own rate, in a loop."""
        rate = f"{round(self.fps * 1000)}:1000"
        with path.open("wb") as file:
            file.write(f"YUV4MPEG2 W{self.width} H{self.height} F{rate} Ip A1:1 C420jpeg\n".encode())
            for index in range(round(seconds * self.fps)):
                yuv = self.yuv(index)
                if stamp is not None:
                    stamp(yuv[: self.height], index)
                file.write(b"FRAME\n" + yuv.tobytes())
        return path

    def write_mjpeg(self, path: Path, seconds: float = LOOP_SECONDS) -> Path:
        """Write JPEG frames one after the other; small, but Chromium plays them at 30 frames a second always."""
        with path.open("wb") as file:
            for index in range(round(seconds * self.fps)):
                bgr = cv2.cvtColor(self.rgb(index), cv2.COLOR_RGB2BGR)
                ok, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 88])
                if not ok:
                    raise RuntimeError("jpeg encoding failed")
                file.write(jpeg.tobytes())
        return path

    def yuv(self, index: int) -> Picture:
        """Frame `index` as I420, BT.601 limited range: (height * 3 / 2, width) uint8, planes one below the other."""
        return np.asarray(cv2.cvtColor(self.rgb(index), cv2.COLOR_RGB2YUV_I420), dtype=np.uint8)

    def _stance(self, index: int, face: int) -> Stance:
        first = self._path(index / self.fps)
        if face == 0:
            return first
        side = 1 if face % 2 else -1
        return Stance(first.x + side * 0.28, first.y + 0.08, first.pupils * 0.6, -first.turn_deg)

    def _to_frame(self, stance: Stance) -> NDArray[np.float64]:
        """(2, 3) matrix from pixels of the photo to pixels of the frame."""
        apart = math.dist(LEFT_PUPIL, RIGHT_PUPIL)
        scale = stance.pupils * min(self.width, self.height) / apart
        matrix = np.asarray(cv2.getRotationMatrix2D(_EYES, -stance.turn_deg, scale), dtype=np.float64)
        matrix[:, 2] += (stance.x * self.width - _EYES[0], stance.y * self.height - _EYES[1])
        return matrix


Stamp = Callable[[Picture, int], None]


def _lay(picture: Picture, matrix: NDArray[np.float64]) -> None:
    person, alpha = _person()
    size = (picture.shape[1], picture.shape[0])
    pixels = cv2.warpAffine(person, matrix, size, flags=cv2.INTER_LINEAR)
    cover = cv2.warpAffine(alpha, matrix, size, flags=cv2.INTER_LINEAR)[..., None].astype(np.uint16)
    picture[:] = (pixels.astype(np.uint16) * cover + picture.astype(np.uint16) * (255 - cover)) // 255


def _room(width: int, height: int) -> Picture:
    """A softly lit wall with a window and a shelf: something for an encoder to keep, nothing like a face."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x / width, y / height
    wall = 150 + 40 * np.exp(-((x - 0.2) ** 2 + (y - 0.3) ** 2) * 4) - 25 * y
    room = np.stack([wall * 1.02, wall * 0.98, wall * 0.9], axis=-1)
    room[(x > 0.76) & (x < 0.95) & (y > 0.08) & (y < 0.5)] = (205, 222, 235)
    room[(abs(x - 0.855) < 0.004) & (y > 0.08) & (y < 0.5)] = (140, 132, 120)
    room[(x < 0.22) & (abs(y - 0.62) < 0.012)] = (120, 86, 60)
    for book in range(7):
        left = 0.02 + book * 0.026
        shade = np.array([90 + 20 * (book * 3 % 5), 70 + 25 * (book * 2 % 4), 80 + 18 * (book % 6)])
        room[(x > left) & (x < left + 0.021) & (y > 0.47 + 0.015 * (book % 3)) & (y < 0.608)] = shade
    return cv2.GaussianBlur(room, (0, 0), max(1.0, width / 500)).clip(0, 255).astype(np.uint8)


@functools.cache
def _person() -> tuple[Picture, Picture]:
    """The photo, (512, 512, 3) RGB, and the person's coverage in it, (512, 512), both uint8."""
    from skimage import data

    photo = np.ascontiguousarray(data.astronaut(), dtype=np.uint8)  # type: ignore[no-untyped-call]
    mask = np.full(photo.shape[:2], cv2.GC_BGD, dtype=np.uint8)
    mask[10:, 60:440] = cv2.GC_PR_BGD
    cv2.ellipse(mask, (224, 110), (75, 100), 0, 0, 360, cv2.GC_PR_FGD, -1)
    cv2.rectangle(mask, (90, 230), (370, 511), cv2.GC_PR_FGD, -1)
    cv2.ellipse(mask, (224, 120), (45, 65), 0, 0, 360, cv2.GC_FGD, -1)
    cv2.rectangle(mask, (150, 260), (310, 511), cv2.GC_FGD, -1)
    neck = np.array([(188, 175), (255, 172), (275, 200), (295, 262), (150, 262), (140, 225)])
    cv2.fillPoly(mask, [neck], cv2.GC_FGD)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(1)
    cv2.grabCut(
        cv2.cvtColor(photo, cv2.COLOR_RGB2BGR), mask, (0, 0, 512, 512), background, foreground, 4, cv2.GC_INIT_WITH_MASK
    )
    kept = ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(kept)
    kept = (labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
    # One pixel off and a soft edge: the photo's pale background would glow around the hair.
    kept = cv2.erode(kept, np.ones((3, 3), np.uint8)).astype(np.uint8)
    return photo, cv2.GaussianBlur(kept * 255, (0, 0), 1.2).astype(np.uint8)
