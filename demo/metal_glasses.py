"""Glasses of metal wire: thin round, aviator with a double bridge, rimless."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from demo.curves import spline
from demo.fittings import coil, hinge, nose_pad, pad_arm
from demo.glasses import CLEAR, GOLD, SILICONE, TITANIUM, both, finished, sides
from demo.gltf import Material, Part, linear
from demo.lenses import LensSeat, gradient, lens, seat_lens
from demo.mesh import Floats, Surface, joined
from demo.sweep import cylinder, rounded_rectangle, sweep, wire
from demo.temples import TempleCurve, blade, rod
from demo.wire_frames import bridge, end_piece, rim

CIRCLE = [(float(np.cos(a)), float(np.sin(a))) for a in np.arange(16) * np.pi / 8]
TEARDROP = [
    (-24.5, 22.0), (-4.0, 24.6), (16.0, 23.0), (26.0, 16.5), (29.0, 5.0), (27.0, -9.0), (20.0, -19.5),
    (8.0, -25.0), (-4.0, -24.0), (-14.0, -18.5), (-22.0, -9.0), (-27.3, 3.0), (-29.0, 12.0), (-28.0, 18.3),
]  # fmt: skip
SOFT_RECTANGLE = [
    (26.0, 3.0), (24.6, 12.0), (18.0, 16.4), (0.0, 18.0), (-17.0, 16.6), (-24.3, 11.5), (-26.0, 2.0),
    (-24.0, -9.0), (-17.0, -15.8), (-2.0, -18.0), (14.0, -16.6), (23.4, -9.5),
]  # fmt: skip


def _lug(root: Floats, rise: float, outer: float, depth: float) -> Floats:
    """(K, 3) points from the rim round the corner back to the hinge, `outer` mm from the middle at the side."""
    y = root[1] + rise
    return np.array(
        [
            root,
            [root[0] + (outer - root[0]) * 0.35, root[1] + rise * 0.7, root[2] + 0.1],
            [outer - 1.5, y, root[2] - 0.8],
            [outer - 0.12, y, root[2] - 2.6],
            [outer, y, root[2] - depth],
        ]
    )


def _pads(seat: LensSeat, x: float, drop: float, root_deg: float, metal: Material) -> list[Part]:
    """Silicone pads `x` mm off the middle and `drop` mm under the lens middle, on arms from the rims' backs."""
    middle = np.array([x, seat.centre[1] - drop, -8.4])
    arm = pad_arm(seat.edge_at(root_deg, grow=0.3, lift=-0.7), middle)
    return [
        Part("nose_pad_arms", both(arm), metal),
        Part("nose_pads", both(nose_pad(middle)), SILICONE, crease_deg=80),
    ]


def round_wire(name: str) -> bytes:
    """Thin round gold wire, 49□21, saddle bridge, havana tips."""
    width, length = 137.0, 145.0
    tip_color = Material("acetate_havana", linear("#4a2411"), roughness=0.16, clearcoat=0.6)
    seat = seat_lens(CIRCLE, width=49.0, height=47.0, bridge=21.0, centre_y=-2.5, wrap_deg=4.5, base=5.0, count=80)
    x, y, z = seat.edge_at(150, grow=0.35)
    bar = bridge(
        [(x, y, z), (x - 1.6, y + 2.0, z + 0.6), (x - 5.2, y + 3.7, z + 1.5), (0.0, y + 4.4, z + 1.9)],
        height=1.6,
        depth=2.1,
    )
    lug = _lug(seat.edge_at(17, grow=0.2), 0.6, width / 2 - 0.75, 6.4)
    pin = lug[-1] + np.array([-0.7, 0.0, -0.8])
    curve = TempleCurve(pin + np.array([0.7, 0.0, 0.2]), length, bend_at=97.0)
    temple = rod(
        curve,
        heights=[(0, 3.0), (16, 2.3), (70, 1.6), (145, 1.4)],
        thicknesses=[(0, 1.5), (16, 1.2), (70, 1.3), (145, 1.3)],
        end=length - 2,
    )
    tip = blade(
        curve,
        heights=[(80, 2.6), (100, 3.6), (136, 5.2), (145, 5.0)],
        thicknesses=[(80, 2.3), (100, 2.7), (145, 2.5)],
        start=80.0,
        start_rounding=1.6,
        end_rounding=2.6,
    )
    front = [both(rim(seat)), bar, both(end_piece(lug, height=3.0, thickness=1.5, taper=0.9))]
    lock = cylinder(lug[1] + [-1.6, -2.3, -1.0], lug[1] + [-1.6, 1.2, -1.0], 1.9)
    parts = [
        Part("front", joined([*front, both(lock)]), GOLD),
        Part("hinges", both(hinge(pin)), GOLD),
        *_pads(seat, 9.3, 5.5, 187, GOLD),
        *sides("temple", temple, GOLD),
        *sides("tip", tip, tip_color),
        Part("lenses", both(lens(seat)), CLEAR, crease_deg=30),
    ]
    return finished(name, parts, seat, frame_width=width, temple=length)


def aviator(name: str) -> bytes:
    """Aviator sunglasses, 58□14, double bridge, brown lenses that clear towards the cheek."""
    width, length = 141.0, 140.0
    tip_color = Material("acetate_black", linear("#141312"), roughness=0.2, clearcoat=0.5)
    glass = Material("lens_brown_gradient", linear("#4a2a10", 0.93), roughness=0.03, blend=True)
    seat = seat_lens(TEARDROP, width=58.0, height=49.5, bridge=14.0, centre_y=-5.0, wrap_deg=6.5, base=6.0, count=88)
    ends = [seat.edge_at(angle, grow=0.25) for angle in (94, 101)]
    lift = seat.edge_at(110, grow=0.8)
    brow = bridge(
        [
            *((x, y, z) for x, y, z in ends),
            (*lift,),
            (lift[0] - 7.0, lift[1] + 0.5, lift[2] + 1.4),
            (0.0, lift[1] + 0.6, lift[2] + 2.5),
        ],
        height=1.7,
        depth=1.7,
        count=41,
    )
    x, y, z = seat.edge_at(158, grow=0.4)
    saddle = bridge(
        [(x, y, z), (x - 1.4, y + 1.3, z + 0.7), (x - 3.9, y + 2.5, z + 1.6), (0.0, y + 3.0, z + 2.0)],
        height=1.6,
        depth=2.0,
    )
    lug = _lug(seat.edge_at(28, grow=0.2), 0.4, width / 2 - 0.8, 6.0)
    pin = lug[-1] + np.array([-0.7, 0.0, -0.8])
    curve = TempleCurve(pin + np.array([0.7, 0.0, 0.2]), length, bend_at=95.0, fall_deg=3.0)
    temple = rod(
        curve,
        heights=[(0, 4.0), (12, 3.1), (60, 1.9), (140, 1.4)],
        thicknesses=[(0, 1.6), (12, 1.1), (60, 1.2), (140, 1.3)],
        end=length - 2,
    )
    tip = blade(
        curve,
        heights=[(76, 2.6), (96, 3.8), (132, 5.6), (140, 5.2)],
        thicknesses=[(76, 2.2), (96, 2.6), (140, 2.4)],
        start=76.0,
        start_rounding=1.6,
        end_rounding=2.6,
    )
    front = [both(rim(seat, width=1.35, depth=1.9)), brow, saddle]
    lock = cylinder(lug[1] + [-1.5, -2.9, -0.9], lug[1] + [-1.5, 1.6, -0.9], 2.1)
    parts = [
        Part("front", joined([*front, both(end_piece(lug, height=3.8, thickness=1.6, taper=0.9)), both(lock)]), GOLD),
        Part("hinges", both(hinge(pin, height=4.6)), GOLD),
        *_pads(seat, 8.6, 1.5, 180, GOLD),
        *sides("temple", temple, GOLD),
        *sides("tip", tip, tip_color),
        Part("lenses", both(lens(seat, tint=gradient(1.0, 0.3))), glass, crease_deg=30),
    ]
    return finished(name, parts, seat, frame_width=width, temple=length)


def _bushing(seat: LensSeat, uv: tuple[float, float]) -> Surface:
    """The pin through a drilled lens, with its head in front and its nut behind."""
    front, back = seat.place(np.array([uv, uv]), np.array([1.4, -1.9]))
    return joined(
        [
            cylinder(back, front, 1.1, 10),
            cylinder(front + (back - front) * 0.12, front, 2.1, 12),
            cylinder(back, back + (front - back) * 0.24, 2.3, 12),
        ]
    )


def rimless(name: str) -> bytes:
    """Rimless, 52□18: drilled lenses, one titanium wire from the lens round a coil to the ear."""
    width, length, gauge = 138.0, 140.0, 1.15
    edge_glass = Material("lens_edge", linear("#dfeae6", 0.38), roughness=0.12, blend=True)
    seat = seat_lens(
        SOFT_RECTANGLE, width=52.0, height=35.5, bridge=18.0, centre_y=-2.5, wrap_deg=5.0, base=4.5, count=80
    )
    half = seat.outline[:, 0].max()
    nasal, temporal = (-half + 3.4, 5.0), (half - 3.6, 6.5)
    x, y, z = seat.place(np.array(nasal), -1.6)
    bar = bridge(
        [(x, y, z), (x - 2.6, y + 0.3, z - 0.2), (x - 6.0, y + 1.9, z + 1.2), (0.0, y + 3.7, z + 2.9)],
        height=1.35,
        depth=1.35,
        count=31,
    )
    x, y, z = seat.place(np.array(temporal), -1.6)
    outer = width / 2 - gauge / 2
    lug = spline(
        np.array([(x, y, z), (x + 2.6, y, z - 0.4), (x + 6.0, y + 0.1, z - 0.8), (outer - 0.5, y - 0.5, z - 2.6),
                  (outer, y - 1.2, z - 5.4), (outer, y - 1.4, z - 8.0)]), 26)  # fmt: skip
    curve = TempleCurve(lug[-1] + np.array([0.0, 3 * 1.15, 0.4]), length, bend_at=96.0)
    temple = rod(
        curve,
        heights=[(0, gauge), (60, gauge), (140, 1.0)],
        thicknesses=[(0, gauge), (140, 1.0)],
        end=length - 2,
    )
    tip = blade(
        curve,
        heights=[(88, 1.8), (100, 2.6), (134, 3.8), (140, 3.6)],
        thicknesses=[(88, 1.8), (100, 2.2), (140, 2.3)],
        start=88.0,
        start_rounding=1.2,
        end_rounding=2.2,
        arc=3,
    )
    pads = np.array([8.4, seat.centre[1] - 4.0, -8.4])
    arm = pad_arm(seat.place(np.array([nasal[0] - 1.2, nasal[1] - 0.2]), -1.9), pads)
    glass = lens(seat, thickness=2.0, bevel=0.18)
    parts = [
        Part(
            "front",
            joined([bar, both(wire(lug, gauge, 9)), both(_bushing(seat, nasal)), both(_bushing(seat, temporal))]),
            TITANIUM,
        ),
        Part("hinges", both(coil(lug[-1], diameter=2.8, turns=3, pitch=1.15, wire_mm=gauge)), TITANIUM),
        Part("nose_pad_arms", both(arm), TITANIUM),
        Part("nose_pads", both(nose_pad(pads)), SILICONE, crease_deg=80),
        *sides("temple", temple, TITANIUM),
        *sides("tip", tip, replace(SILICONE, name="silicone_smoke", color=linear("#5b5a58", 0.85))),
        Part("lenses", both(glass), CLEAR, crease_deg=30),
        Part("lens_edges", both(_edge_ring(seat, 2.0)), edge_glass, crease_deg=30),
    ]
    return finished(name, parts, seat, frame_width=width, temple=length)


def _edge_ring(seat: LensSeat, thickness: float) -> Surface:
    """The polished edge of a rimless lens, a shade denser than the glass: a thin closed ring just outside it."""
    return sweep(
        seat.edge(grow=0.02), rounded_rectangle(0.3, thickness + 0.04, 0.12, 2), seat.edge_outward(), closed=True
    )
