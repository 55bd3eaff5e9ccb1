"""Flat pieces laid on a hat: bows, patches and tails that follow the oval of the head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo.lathe import head_oval
from demo.mesh import Floats, Surface, joined
from demo.sweep import rounded_rectangle, sweep


@dataclass(frozen=True)
class Wall:
    """The outside of a hat where a trim is laid: `scale` of the head's oval, and `grow` mm outside of that."""

    circumference: float
    scale: float
    grow: float

    def strip(
        self,
        middle: float,
        around_mm: Floats,
        *,
        height: float,
        lift: Floats | float,
        width: Floats | float,
        thickness: float,
    ) -> Surface:
        """A ribbon lying level: `around_mm` (K,) along the wall from the angle `middle`, `lift` mm off it."""
        theta = middle + around_mm / (self.circumference / (2 * np.pi))
        oval = head_oval(theta, self.circumference)
        out = head_oval(theta, self.circumference, 10.0) - oval
        out /= np.linalg.norm(out, axis=1, keepdims=True)
        plan = oval * self.scale + out * (self.grow + np.broadcast_to(lift, theta.shape))[:, None]
        path = np.column_stack([plan[:, 0], np.full(len(theta), height), plan[:, 1]])
        widths = np.broadcast_to(width, theta.shape)
        sections = np.stack([rounded_rectangle(thickness, w, 0.45, 3) for w in widths])
        return sweep(path, sections, np.column_stack([out[:, 0], np.zeros(len(theta)), out[:, 1]]))


def flat_bow(wall: Wall, middle: float, height: float, ribbon_mm: float) -> Surface:
    """A hatter's bow: two pressed loops, a tail under them, a knot around the middle."""
    span = np.linspace(-1.0, 1.0, 25)
    loops = wall.strip(
        middle,
        span * 29.0,
        height=height,
        lift=1.9 + 3.2 * np.abs(np.sin(np.pi * span)) ** 0.8,
        width=ribbon_mm * (0.64 + 0.28 * np.abs(span) ** 0.7),
        thickness=1.1,
    )
    tail = wall.strip(
        middle,
        np.linspace(4.0, 40.0, 12),
        height=height - 1.5,
        lift=np.linspace(2.0, 0.9, 12),
        width=np.linspace(0.66, 0.86, 12) * ribbon_mm,
        thickness=1.0,
    )
    knot = wall.strip(
        middle,
        span * 6.0,
        height=height,
        lift=4.6 + 1.4 * np.sqrt(np.clip(1 - span**2, 0, 1)),
        width=ribbon_mm * 0.74,
        thickness=1.5,
    )
    return joined([loops, tail, knot])
