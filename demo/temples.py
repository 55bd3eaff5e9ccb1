"""Temples: from the hinge straight back, over the ear, down behind it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo.curves import along, arc_lengths
from demo.mesh import Floats, Surface
from demo.sweep import ellipse, rounded_ends, rounded_rectangle, rounded_stations, sweep

SIDEWAYS = np.array([1.0, 0.0, 0.0])


@dataclass(frozen=True)
class TempleCurve:
    """The middle line of the wearer's left temple (x > 0), lengths in mm.

    hinge: (3,) where it starts; length: along the curve; bend_at: from the hinge to the middle of the ear bend.
    The line runs `fall_deg` below horizontal, drops to `drop_deg` over the ear, bows out by `bow` in the middle
    and turns in by `inward` at the tip, as a fitted temple does.
    """

    hinge: Floats
    length: float
    bend_at: float
    fall_deg: float = 2.0
    drop_deg: float = 42.0
    bend_length: float = 34.0
    bow: float = 1.2
    inward: float = 6.0

    def at(self, stations: Floats) -> Floats:
        """(K, 3) points of the middle line at distances (K,) from the hinge."""
        fine = np.linspace(0.0, self.length, 1200)
        turn = np.clip((fine - self.bend_at) / self.bend_length + 0.5, 0.0, 1.0)
        turn = turn * turn * (3 - 2 * turn)
        heading = np.radians(self.fall_deg + (self.drop_deg - self.fall_deg) * turn)
        behind = np.clip((fine - self.bend_at + 25) / (self.length - self.bend_at + 25), 0.0, 1.0)
        x = self.bow * np.sin(np.pi * np.clip(fine / self.bend_at, 0, 1)) - self.inward * behind**2
        slope = np.gradient(x, fine)
        forward = np.sqrt(1 - slope**2)
        pace = np.gradient(fine)
        y = -np.cumsum(np.sin(heading) * forward * pace)
        z = -np.cumsum(np.cos(heading) * forward * pace)
        points = np.column_stack([x, y - y[0], z - z[0]])
        points *= self.length / arc_lengths(points)[-1]
        lengths = arc_lengths(points)
        line = np.column_stack([np.interp(stations, lengths, axis) for axis in points.T])
        return np.asarray(self.hinge + line)


def blade(
    curve: TempleCurve,
    *,
    heights: list[tuple[float, float]],
    thicknesses: list[tuple[float, float]],
    start: float = 0.0,
    end: float | None = None,
    start_rounding: float = 0.0,
    end_rounding: float = 3.0,
    edge_radius: float = 1.2,
    drop: list[tuple[float, float]] | None = None,
    step: float = 2.5,
    arc: int = 4,
) -> Surface:
    """A temple, or a sleeve over part of one, with height and thickness (mm) given at distances from the hinge.

    `drop` moves the section down by so many mm at a distance from the hinge, so that a tall blade can keep its
    upper edge level while it tapers.
    """
    end = curve.length if end is None else end
    stations = rounded_stations(start, end, step, (start_rounding, end_rounding))
    height, thickness = along(stations, heights), along(stations, thicknesses)
    ends = rounded_ends(stations - start, start_rounding, end_rounding)
    offset = np.zeros_like(stations) if drop is None else along(stations, drop)
    sections = np.stack(
        [
            rounded_rectangle(t * (0.4 + 0.6 * e), h * e, min(edge_radius, t * 0.49), arc) + np.array([0.0, o])
            for t, h, e, o in zip(thickness, height, ends, offset, strict=True)
        ]
    )
    return sweep(curve.at(stations), sections, SIDEWAYS)


def rod(
    curve: TempleCurve,
    *,
    heights: list[tuple[float, float]],
    thicknesses: list[tuple[float, float]],
    start: float = 0.0,
    end: float | None = None,
    sides: int = 12,
    rounding: float = 0.8,
) -> Surface:
    """A metal temple of oval section."""
    end = curve.length if end is None else end
    stations = rounded_stations(start, end, 3.5, (rounding, rounding))
    height, thickness = along(stations, heights), along(stations, thicknesses)
    ends = rounded_ends(stations - start, rounding, rounding)
    sections = np.stack([ellipse(t * e, h * e, sides) for t, h, e in zip(thickness, height, ends, strict=True)])
    return sweep(curve.at(stations), sections, SIDEWAYS)
