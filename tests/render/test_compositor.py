"""An overlay lands in its region, exactly as its alpha says, and nowhere else."""

import av
import numpy as np

from render.compositor import blend, planes_of
from render.scene import Overlay, Region


def grey_frame() -> av.VideoFrame:
    frame = av.VideoFrame(322, 242, "yuv420p")  # a width that the codec pads
    for plane in planes_of(frame):
        plane[...] = 100
    return frame


def test_blending_follows_the_premultiplied_over_rule() -> None:
    frame = grey_frame()
    yuva = np.zeros((20, 40, 4), np.uint8)
    yuva[..., :] = (60, 30, 90, 128)
    blend(planes_of(frame), Overlay(Region(10, 20, 50, 40), yuva))
    y, u, v = planes_of(frame)
    expected = 100 * (255 - 128) / 255
    assert np.abs(y[20:40, 10:50].astype(float) - expected - 60).max() <= 1
    assert np.abs(u[10:20, 5:25].astype(float) - expected - 30).max() <= 1
    assert np.abs(v[10:20, 5:25].astype(float) - expected - 90).max() <= 1


def test_nothing_outside_the_region_changes() -> None:
    frame = grey_frame()
    yuva = np.full((20, 40, 4), 255, np.uint8)
    blend(planes_of(frame), Overlay(Region(10, 20, 50, 40), yuva))
    y, u, _ = planes_of(frame)
    assert (y[20:40, 10:50] == 255).all()
    y[20:40, 10:50] = 100
    u[10:20, 5:25] = 100
    assert (y == 100).all()
    assert (u == 100).all()


def test_a_transparent_overlay_leaves_every_pixel_as_it_was() -> None:
    frame = grey_frame()
    for plane in planes_of(frame):
        plane[...] = np.arange(plane.shape[1], dtype=np.uint8)
    before = [plane.copy() for plane in planes_of(frame)]
    blend(planes_of(frame), Overlay(Region(0, 0, 322, 242), np.zeros((242, 322, 4), np.uint8)))
    for plane, old in zip(planes_of(frame), before, strict=True):
        np.testing.assert_array_equal(plane, old)
