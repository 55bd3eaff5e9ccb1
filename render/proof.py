"""Proof that this process can still dress a picture: a synthetic frame must come back wearing something."""

import av
import numpy as np

from render.compositor import blend, planes_of
from render.errors import RenderError
from render.headpose import HeadPose, Intrinsics
from render.lighting import estimate_light
from render.product import Batch, Level, Wearable
from render.scene import SceneRenderer

WIDTH, HEIGHT, GREY = 320, 240, 128
BAR_MM = np.array([(-70, -20, 0), (70, -20, 0), (70, 20, 0), (-70, 20, 0)], np.float32)


class PictureUnchanged(RenderError):
    """The renderer drew nothing where it should have."""

    code = "picture-unchanged"


def prove(renderer: SceneRenderer) -> None:
    """Hang a dark bar on a head in a grey picture; raises PictureUnchanged if none is seen. Renderer's thread only."""
    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    planes = planes_of(frame)
    for plane in planes:
        plane[...] = GREY
    camera = Intrinsics.assumed(WIDTH, HEIGHT)
    pose = HeadPose(np.eye(3), np.array([0.0, 0.0, -450.0]))
    light = estimate_light(*planes, (100.0, 60.0, 220.0, 200.0))
    for overlay in renderer.draw([_bar()], pose, camera, light):
        blend(planes, overlay)
    changed = planes[0] != GREY
    if not 0.01 < float(changed.mean()) < 0.5:
        raise PictureUnchanged("a synthetic picture came back without its product")


def _bar() -> Wearable:
    """A flat dark bar, as wide as glasses."""
    corners = len(BAR_MM)
    batch = Batch(
        lens=False,
        positions=BAR_MM,
        normals=np.tile(np.array([0, 0, 1], np.float32), (corners, 1)),
        surface=np.tile(np.array([0, 0.9, 0, 0], np.float32), (corners, 1)),
        colors=np.tile(np.array([0.02, 0.02, 0.02, 1], np.float32), (corners, 1)),
        uv=None,
        faces=np.array([(0, 1, 2), (0, 2, 3)], np.uint32),
    )
    bounds = np.stack([BAR_MM.min(0), BAR_MM.max(0)]).astype(np.float64)
    return Wearable("glasses", "bar", {"frame_width_mm": 140.0}, (Level(0.0, (batch,)),), bounds)
