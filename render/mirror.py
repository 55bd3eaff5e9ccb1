"""What one session's pictures become: the shopper herself with what she wears, or her avatar in the picture's place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Final, Literal

import av
import numpy as np

from render.backdrop import Planes, Room, studio
from render.compositor import blend, planes_of
from render.figure import Figure
from render.figure_scene import FigureScene, View
from render.lighting import Light, estimate_light
from render.pipeline import RTP_CLOCK_HZ, FaceState, Outcome, TryOn
from render.product import Wearable
from render.scene import Overlay, SceneRenderer
from render.turning import Turntable

Scene = Literal["room", "studio"]

STUDIO_LIGHT: Final = Light(exposure=1.0, direction=(-0.45, 0.62, 0.64), softness=0.6)
WALL_MM: Final = 1500.0  # behind the figure
LIGHT_EVERY_FRAMES: Final = 12
LIGHT_FOLLOWING: Final = 0.2
LIGHT_STEP: Final = 0.03  # a smaller change of the room's light is not worth a new picture of the figure
EXPOSURES: Final = (0.5, 1.1)
# Samples along a side of a pixel, by the figure's region in pixels.
OVERSAMPLING: Final = ((150_000, 2.0), (400_000, 1.5))


@dataclass
class Showing:
    """The figure that is shown, and how. yaw_deg: where it is to be turned; positive: to the picture's right."""

    figure: Figure
    scene: Scene = "studio"
    yaw_deg: float = 0.0


class Mirror:
    """The effect of one session; lives on the renderer's thread. showing: None for the try-on."""

    def __init__(self, try_on: TryOn, renderer: SceneRenderer) -> None:
        self._try_on = try_on
        self._renderer = renderer
        self._stand: _Stand | None = None
        self.worn: Sequence[Wearable] = ()
        self.detail = 1.0
        self.showing: Showing | None = None

    def process(self, frame: av.VideoFrame) -> Outcome:
        """Change a yuv420p frame in place. The frame's pts counts at 90 kHz."""
        showing = self.showing
        if showing is None:
            self._leave()
            self._try_on.worn, self._try_on.detail = self.worn, self.detail
            return self._try_on.process(frame)
        if self._stand is None:
            self._try_on.rest()
        if self._stand is None or self._stand.figure is not showing.figure:
            yaw = showing.yaw_deg if self._stand is None else self._stand.yaw_deg
            self._leave()
            self._stand = _Stand(self._renderer, showing.figure, yaw)
        return self._stand.process(frame, showing, self.detail)

    def close(self) -> None:
        """Free the tracker and the figure; the renderer belongs to all sessions."""
        self._leave()
        self._try_on.close()

    def _leave(self) -> None:
        if self._stand is not None:
            self._stand.close()
            self._stand = None


class _Stand:
    """One figure on its turntable. What was drawn is kept, and blended again while nothing turns."""

    def __init__(self, renderer: SceneRenderer, figure: Figure, yaw_deg: float) -> None:
        self._drawing = FigureScene(renderer, figure)
        self._table = Turntable(yaw_deg)
        self._size = (0, 0)
        self._view = View(2, 2, figure.height_mm)
        self._overlays: list[Overlay] | None = None
        self._drawn: tuple[Light, float] | None = None  # with this light and detail
        self._studio: Planes | None = None
        self._picture: Planes | None = None  # of the figure in the studio, as long as nothing turns
        self._room: Room | None = None
        self._light: Light | None = None
        self._frames = 0
        self._last_s: float | None = None

    @property
    def figure(self) -> Figure:
        return self._drawing.figure

    @property
    def yaw_deg(self) -> float:
        return self._table.yaw_deg

    def process(self, frame: av.VideoFrame, showing: Showing, detail: float) -> Outcome:
        started = perf_counter()
        planes = planes_of(frame)
        self._follow_size(frame.width, frame.height)
        now_s = (frame.pts or 0) / RTP_CLOCK_HZ
        turned = self._table.towards(showing.yaw_deg, 0.0 if self._last_s is None else now_s - self._last_s)
        self._last_s = now_s
        light = STUDIO_LIGHT if showing.scene == "studio" else self._see_light(planes)
        overlays = None if turned or self._is_another(light, detail) else self._overlays
        resting = overlays is not None
        if overlays is None:
            overlays = self._overlays = self._draw(light, detail)
            self._picture = None
        drawn = perf_counter()
        if showing.scene == "room":
            self._before_room(planes, overlays)
        else:
            self._before_studio(planes, overlays, keep=not turned)
        laps = {"render": (drawn - started) * 1000, "blend": (perf_counter() - drawn) * 1000}
        return Outcome(FaceState.UNWATCHED, None, True, laps, resting)

    def close(self) -> None:
        self._drawing.close()

    def _draw(self, light: Light, detail: float) -> list[Overlay]:
        self._drawn = (light, detail)
        samples = self._view.camera.height * self._view.pixels_per_mm * 700
        factor = next((factor for most, factor in OVERSAMPLING if samples <= most), 1.0)
        return self._drawing.draw(self._view, self._table.yaw_deg, light, factor=max(1.0, factor * detail))

    def _is_another(self, light: Light, detail: float) -> bool:
        """Whether light or detail are too far from those of what was drawn."""
        if self._drawn is None or self._drawn[1] != detail:
            return True
        before = self._drawn[0]
        mine, its = np.array([light.exposure, *light.tint]), np.array([before.exposure, *before.tint])
        return bool(np.abs(mine - its).max() > LIGHT_STEP) or light.direction != before.direction

    def _before_studio(self, planes: Planes, overlays: list[Overlay], *, keep: bool) -> None:
        if self._studio is None:
            self._studio = studio(*self._size, round(self._floor_y / 4) * 4)
        if self._picture is None:
            _copy(self._studio, planes)
            for overlay in overlays:
                blend(planes, overlay)
            if keep:
                self._picture = (planes[0].copy(), planes[1].copy(), planes[2].copy())
        else:
            _copy(self._picture, planes)

    def _before_room(self, planes: Planes, overlays: list[Overlay]) -> None:
        if self._room is None:
            self._room = Room(*self._size, self._floor_y)
        self._room.behind(planes)
        for overlay in overlays:
            blend(planes, overlay)

    @property
    def _floor_y(self) -> float:
        return float(self._view.seen(np.array([[0.0, 0.0, -WALL_MM]]))[0, 1])

    def _see_light(self, planes: Planes) -> Light:
        """The room's, looked at now and then and followed slowly; its lamp stays where it flatters."""
        self._frames += 1
        if self._light is None or self._frames % LIGHT_EVERY_FRAMES == 0:
            wide, tall = self._size
            seen = estimate_light(*planes, (0.35 * wide, 0.2 * tall, 0.65 * wide, 0.7 * tall))
            exposure = min(max(seen.exposure, EXPOSURES[0]), EXPOSURES[1])
            red, green, blue = (0.5 + 0.5 * channel for channel in seen.tint)
            room = Light(exposure, (red, green, blue), STUDIO_LIGHT.direction, STUDIO_LIGHT.softness)
            self._light = room if self._light is None else _between(self._light, room)
        return self._light

    def _follow_size(self, width: int, height: int) -> None:
        if (width, height) != self._size:
            self._size = (width, height)
            self._view = View(width, height, self.figure.height_mm)
            self._overlays = self._studio = self._picture = self._room = None


def _between(known: Light, seen: Light) -> Light:
    moved = known.towards(seen, LIGHT_FOLLOWING)
    return Light(moved.exposure, moved.tint, known.direction, known.softness)


def _copy(source: Planes, target: Planes) -> None:
    for before, after in zip(source, target, strict=True):
        after[: before.shape[0], : before.shape[1]] = before
        # A picture of odd sides has one more row or column of its own.
        if after.shape[0] > before.shape[0]:
            after[before.shape[0] :, : before.shape[1]] = before[-1:]
        if after.shape[1] > before.shape[1]:
            after[:, before.shape[1] :] = after[:, before.shape[1] - 1 : before.shape[1]]
