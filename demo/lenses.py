"""Lenses: a shape, the base curve it is cut from, the wrap at which it sits, and its glass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from demo.curves import boxed, outline_normals, signed_area, spline
from demo.mesh import Floats, Surface, outward
from demo.sweep import grid_faces

BASE_TO_RADIUS_MM = 530.0  # a front curve of D dioptres has radius 530 / D (refractive index 1.53)
BEVEL_MM = 0.5  # the edge is ground to a V that sits in the rim's groove


@dataclass(frozen=True)
class LensSeat:
    """The wearer's left lens (x > 0); its own plane has u towards the temple, v up, lift along its front.

    outline: (N, 2) mm, counter-clockwise, boxed around (0, 0); centre: (3,) mm, product frame.
    """

    outline: Floats
    centre: Floats
    wrap_deg: float
    radius_mm: float

    def rotate(self, vectors: Floats) -> Floats:
        """Directions (…, 3) of the lens plane in the product frame."""
        angle = np.radians(self.wrap_deg)
        c, s = np.cos(angle), np.sin(angle)
        return np.asarray(vectors @ np.array([[c, 0.0, -s], [0.0, 1.0, 0.0], [s, 0.0, c]]))

    def place(self, uv: Floats, lift: Floats | float = 0.0) -> Floats:
        """Points (…, 2) of the lens plane on its base curve, raised by `lift` mm: (…, 3) mm, product frame."""
        sag = (uv**2).sum(axis=-1) / (2 * self.radius_mm)
        local = np.concatenate([uv, (lift - sag)[..., None]], axis=-1)
        return self.centre + self.rotate(local)

    def moved(self, dz: float) -> LensSeat:
        """The same seat `dz` mm further out of the face."""
        return replace(self, centre=self.centre + np.array([0.0, 0.0, dz]))

    def edge(self, grow: float = 0.0, lift: float = 0.0) -> Floats:
        """(N, 3) points along the lens edge, `grow` mm outside it."""
        return self.place(self.outline + grow * outline_normals(self.outline), lift)

    def edge_outward(self) -> Floats:
        """(N, 3) unit vectors that point out of the lens in its own plane."""
        normals = outline_normals(self.outline)
        return self.rotate(np.column_stack([normals, np.zeros(len(normals))]))

    def edge_at(self, angle_deg: float, grow: float = 0.0, lift: float = 0.0) -> Floats:
        """The (3,) point of the edge seen from the lens middle at that angle (0 = temple side, 90 = up)."""
        angles = np.arctan2(self.outline[:, 1], self.outline[:, 0])
        turn = np.angle(np.exp(1j * (angles - np.radians(angle_deg))))
        return np.asarray(self.edge(grow, lift)[np.argmin(np.abs(turn))])


def seat_lens(
    shape: list[tuple[float, float]],
    *,
    width: float,
    height: float,
    bridge: float,
    centre_y: float,
    wrap_deg: float,
    base: float,
    count: int = 72,
) -> LensSeat:
    """A lens of `width` mm (along x) × `height` mm through the shape's control points, half a `bridge` off the middle.

    shape: (u, v) control points, counter-clockwise, in any scale.
    """
    outline = boxed(spline(np.array(shape, float), count, closed=True), 1.0, 1.0)
    if signed_area(outline) < 0:
        outline = outline[::-1]
    seat = LensSeat(outline, np.zeros(3), wrap_deg, BASE_TO_RADIUS_MM / base)
    stretch = 1.0 / np.cos(np.radians(wrap_deg))
    for _ in range(4):  # the sag moves the edges a little, so the true width along x is found in steps
        seat = LensSeat(boxed(outline, width * stretch, height), np.zeros(3), wrap_deg, seat.radius_mm)
        stretch *= width / np.ptp(seat.edge()[:, 0])
    edge = seat.edge()
    centre = np.array([bridge / 2 - edge[:, 0].min(), centre_y, -edge[np.argmin(edge[:, 0]), 2]])
    return LensSeat(seat.outline, centre, wrap_deg, seat.radius_mm)


Tint = Callable[[Floats], Floats]


def gradient(top: float, bottom: float) -> Tint:
    """Opacity multiplier from the lens's top to its bottom: full down to the pupil, then clearing to the cheek."""

    def tint(height: Floats) -> Floats:
        share = np.clip((height - 0.02) / 0.72, 0.0, 1.0)
        eased = share * share * (3 - 2 * share)
        alpha = bottom + (top - bottom) * eased
        return np.column_stack([np.ones((len(height), 3)), alpha])

    return tint


def lens(
    seat: LensSeat,
    *,
    thickness: float = 1.8,
    rings: int = 6,
    tint: Tint | None = None,
    bevel: float = BEVEL_MM,
) -> Surface:
    """The glass as a closed thin solid: front and back on parallel curves, a V-ground edge between them."""
    outline = seat.outline
    inner = outline - bevel * outline_normals(outline)
    steps = np.linspace(0.0, 1.0, rings + 1)[1:]
    front = [(inner * s, thickness / 2) for s in steps]
    back = [(inner * s, -thickness / 2) for s in steps[::-1]]
    rows = [*front, (outline, 0.0), *back]
    points = np.stack([seat.place(uv, lift) for uv, lift in rows])
    count, around = points.shape[:2]
    faces = grid_faces(count, around, wrap_columns=True)
    poles = seat.place(np.zeros((2, 2)), np.array([thickness / 2, -thickness / 2]))
    ring = np.arange(around)
    following = np.roll(ring, -1)
    last, pole = (count - 1) * around, count * around
    faces = np.concatenate(
        [
            faces,
            np.column_stack([np.full(around, pole), following, ring]),
            np.column_stack([np.full(around, pole + 1), last + ring, last + following]),
        ]
    )
    positions = np.concatenate([points.reshape(-1, 3), poles])
    colors = None
    if tint is not None:
        edge_v = seat.outline[:, 1]
        heights = (positions[:, 1] - seat.centre[1] - edge_v.min()) / np.ptp(edge_v)
        colors = tint(np.clip(heights, 0.0, 1.0))
    return outward(Surface(positions, faces, colors=colors))
