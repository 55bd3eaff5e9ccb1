"""Synthetic frames: a proof that this process can still dress a picture, and a rehearsal of all it may be asked."""

import itertools

import av
import numpy as np

from render.compositor import blend, planes_of
from render.errors import RenderError
from render.figure import Figure
from render.headpose import HeadPose, Intrinsics
from render.lighting import estimate_light
from render.mirror import Mirror, Showing
from render.openness import FLOOR_CELLS
from render.product import Batch, Level, Wearable
from render.scene import Overlay, SceneRenderer

WIDTH, HEIGHT, GREY = 320, 240, 128
BAR_MM = np.array([(-70, -20, 0), (70, -20, 0), (70, 20, 0), (-70, 20, 0)], np.float32)


class PictureUnchanged(RenderError):
    """The renderer drew nothing where it should have."""

    code = "picture-unchanged"


def prove(renderer: SceneRenderer) -> None:
    """Hang a dark bar on a head in a grey picture; raises PictureUnchanged if none is seen. Renderer's thread only."""
    planes = planes_of(_grey())
    for overlay in _draw(renderer, _bar()):
        blend(planes, overlay)
    changed = planes[0] != GREY
    if not 0.01 < float(changed.mean()) < 0.5:
        raise PictureUnchanged("a synthetic picture came back without its product")


def rehearse(renderer: SceneRenderer, effect: Mirror) -> None:
    """Do once what is slow the first time, so that no shopper waits for it: shaders of every kind of surface, the
    search for a product's outline, the networks. Renderer's thread only.
    """
    kinds = itertools.product((False, True), repeat=3)
    surfaces = tuple(
        _surface(lens=lens, textured=textured, double_sided=double_sided)
        for lens, textured, double_sided in kinds
        if not (lens and textured)
    )
    _draw(renderer, _wearable(*surfaces))
    effect.process(_grey())
    solid = tuple(surface for surface in surfaces if not surface.lens)
    shadow = np.ones((FLOOR_CELLS, FLOOR_CELLS), np.float32)
    effect.showing = Showing(Figure((Level(0.0, solid),), 1700.0, shadow, BAR_MM.astype(np.float64)))
    effect.process(_grey())
    effect.showing = None
    effect.process(_grey())


def _grey() -> av.VideoFrame:
    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    for plane in planes_of(frame):
        plane[...] = GREY
    return frame


def _draw(renderer: SceneRenderer, product: Wearable) -> list[Overlay]:
    """Before a head in the middle of a grey picture."""
    pose = HeadPose(np.eye(3), np.array([0.0, 0.0, -450.0]))
    light = estimate_light(*planes_of(_grey()), (100.0, 60.0, 220.0, 200.0))
    return renderer.draw([product], pose, Intrinsics.assumed(WIDTH, HEIGHT), light)


def _bar() -> Wearable:
    """A flat dark bar, as wide as glasses."""
    return _wearable(_surface())


def _surface(*, lens: bool = False, textured: bool = False, double_sided: bool = False) -> Batch:
    corners = len(BAR_MM)
    return Batch(
        lens=lens,
        positions=BAR_MM,
        normals=np.tile(np.array([0, 0, 1], np.float32), (corners, 1)),
        surface=np.tile(np.array([0, 0.9, 0, 0], np.float32), (corners, 1)),
        colors=np.tile(np.array([0.02, 0.02, 0.02, 1], np.float32), (corners, 1)),
        uv=BAR_MM[:, :2] / 140.0 if textured else None,
        faces=np.array([(0, 1, 2), (0, 2, 3)], np.uint32),
        texture=np.full((32, 32, 4), 40, np.uint8) if textured else None,
        double_sided=double_sided,
    )


def _wearable(*batches: Batch) -> Wearable:
    bounds = np.stack([BAR_MM.min(0), BAR_MM.max(0)]).astype(np.float64)
    return Wearable("glasses", "bar", {"frame_width_mm": 140.0}, (Level(0.0, batches),), bounds)
