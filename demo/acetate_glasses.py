"""Glasses milled from acetate: bold square, panto with a keyhole bridge, cat-eye."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from demo.acetate import Plate, front_outline, milled, widened
from demo.fittings import hinge, leaf, nose_pad, stud
from demo.glasses import CLEAR, GOLD, STEEL, both, finished, sides
from demo.gltf import Material, Part, linear
from demo.lenses import LensSeat, Tint, gradient, lens, seat_lens
from demo.mesh import Surface, joined, projected
from demo.temples import TempleCurve, blade
from demo.textures import tortoise

Points = list[tuple[float, float]]
BELLY = (2.0, -15.0, -35.0, -55.0, -75.0, -95.0, -115.0, -135.0, -150.0, -165.0)
TILE_MM = 80.0


@dataclass(frozen=True)
class Acetate:
    """One model, mm. Lens points run counter-clockwise with the temple at +u; outline points are in plan (x, y)."""

    shape: Points
    lens: tuple[float, float]
    bridge: float
    frame_width: float
    temple: float
    plate: Plate
    rim: Points
    brow: tuple[float, ...]
    end_piece: Points
    bridge_top: Points
    bridge_under: Points
    hinge_y: float
    blade_heights: Points
    blade_thicknesses: Points
    material: Material
    temple_material: Material
    glass: Material
    tint: Tint | None = None
    belly: tuple[float, ...] = BELLY
    centre_y: float = -3.0
    wrap_deg: float = 7.0
    base: float = 4.0
    pad: tuple[float, float] = (8.6, -6.0)
    studs: tuple[float, float] = (5.2, 2.2)
    metal: Material = field(default=STEEL)


def _dressed(surface: Surface, material: Material, across: tuple[float, float, float]) -> Surface:
    if material.texture is None:
        return surface
    return projected(surface, across, (0.0, -1.0, 0.0), TILE_MM)


def _seat(model: Acetate) -> LensSeat:
    """The lens in the middle of the bent sheet's thickness."""
    seat = seat_lens(
        model.shape,
        width=model.lens[0],
        height=model.lens[1],
        bridge=model.bridge,
        centre_y=model.centre_y,
        wrap_deg=model.wrap_deg,
        base=model.base,
    )
    edge = seat.edge()
    return seat.moved(float((model.plate.sag(edge[:, :2]) - edge[:, 2]).mean()))


def acetate_pair(name: str, model: Acetate) -> bytes:
    """The model as GLB."""
    seat, plate = _seat(model), model.plate
    outline = widened(
        front_outline(
            seat,
            rim=model.rim,
            brow=model.brow,
            end_piece=model.end_piece,
            belly=model.belly,
            bridge_top=model.bridge_top,
            bridge_under=model.bridge_under,
        ),
        plate,
        model.frame_width,
    )
    hole = seat.edge(grow=-0.6)[:, :2]
    front = milled(outline, [hole, (hole * np.array([-1.0, 1.0]))[::-1]], plate)

    thick = model.blade_thicknesses[0][1]
    x = model.frame_width / 2 - thick / 2 - 0.7
    start = plate.place(np.array([x, model.hinge_y]), -plate.thickness / 2)
    root = np.array([x, model.hinge_y, start[2] + 0.7])
    curve = TempleCurve(root, model.temple, bend_at=model.temple * 0.68, fall_deg=1.5, bow=0.8)
    temple = blade(
        curve,
        heights=model.blade_heights,
        thicknesses=model.blade_thicknesses,
        start_rounding=0.0,
        end_rounding=4.0,
        drop=[(s, (h - model.blade_heights[0][1]) / 5) for s, h in model.blade_heights],
        step=3.0,
    )
    inner = x - thick / 2
    pin = np.array([inner - 0.5, model.hinge_y, root[2] - 1.6])
    metal = joined(
        [
            hinge(pin, diameter=2.4, height=5.4, knuckles=5),
            leaf(np.array([inner - 0.1, model.hinge_y, pin[2] - 6.0]), length=11.0, height=3.6),
        ]
    )
    lozenge_at = np.array([x - 1.6, model.hinge_y + 0.6])
    face = plate.place(lozenge_at, np.array(plate.thickness / 2))
    normal = face - plate.place(lozenge_at, np.array(0.0))
    lozenges = [
        stud(face, normal / np.linalg.norm(normal), length=model.studs[0], height=model.studs[1]),
        stud(
            curve.at(np.array([7.5]))[0] + np.array([thick / 2 + 0.05, 0.0, 0.0]),
            np.array([1.0, 0.0, 0.0]),
            length=model.studs[0],
            height=model.studs[1],
            rise=0.7,
        ),
    ]
    pad_plan = np.array(model.pad)
    pad = plate.place(pad_plan, np.array(-plate.thickness / 2)) + np.array([0.3, 0.0, -0.6])
    pads = nose_pad(pad, length=14.0, width=7.0, thickness=4.4, frontal_deg=17.0, splay_deg=24.0)
    parts = [
        Part("front", _dressed(front, model.material, (1.0, 0.0, 0.0)), model.material, crease_deg=35),
        Part("nose_pads", _dressed(both(pads), model.material, (1.0, 0.0, 0.0)), model.material, crease_deg=80),
        Part("hinges", both(metal), model.metal),
        Part("studs", both(joined(lozenges)), model.metal),
        *sides("temple", _dressed(temple, model.temple_material, (0.0, 0.0, 1.0)), model.temple_material),
        Part("lenses", both(lens(seat, tint=model.tint, rings=5)), model.glass, crease_deg=30),
    ]
    return finished(name, parts, seat, frame_width=model.frame_width, temple=model.temple)


SQUARE: Points = [
    (25.0, 11.0), (24.3, 16.8), (20.0, 19.5), (0.0, 20.0), (-19.0, 18.8), (-24.0, 15.5), (-25.0, 8.0),
    (-22.3, -6.0), (-16.5, -16.0), (-6.0, -20.0), (4.0, -20.0), (14.5, -17.3), (22.0, -7.5),
]  # fmt: skip
PANTO: Points = [
    (23.2, 5.0), (22.0, 11.8), (17.4, 17.4), (9.5, 20.6), (0.0, 21.4), (-9.8, 20.5), (-17.4, 17.0), (-22.0, 11.0),
    (-23.2, 4.0), (-21.4, -5.5), (-15.6, -14.8), (-6.5, -20.4), (4.0, -21.2), (14.2, -16.4), (20.6, -7.0),
]  # fmt: skip
CATEYE: Points = [
    (26.5, 13.5), (24.0, 19.0), (15.0, 18.9), (0.0, 17.0), (-15.0, 15.2), (-23.0, 11.5), (-26.0, 3.5),
    (-24.0, -7.0), (-17.0, -15.8), (-5.0, -20.0), (7.0, -19.2), (18.0, -12.6), (24.6, -1.5),
]  # fmt: skip


def bold_square(name: str) -> bytes:
    """Thick black acetate, 50□21, with clear lenses."""
    black = Material("acetate_black", linear("#0b0b0c"), roughness=0.12, clearcoat=0.6)
    return acetate_pair(name, _square(black, CLEAR, None))


def bold_square_sun(name: str) -> bytes:
    """The same frame in tortoise, with green sun lenses."""
    shell = Material("acetate_tortoise", linear("#ffffff"), roughness=0.13, clearcoat=0.6, texture=tortoise())
    green = Material("lens_green", linear("#1c2a20", 0.86), roughness=0.03, blend=True)
    return acetate_pair(name, _square(shell, green, None))


def _square(material: Material, glass: Material, tint: Tint | None) -> Acetate:
    return Acetate(
        shape=SQUARE,
        lens=(50.0, 40.0),
        bridge=21.0,
        frame_width=146.0,
        temple=145.0,
        plate=Plate(thickness=4.8),
        rim=[(-170, 4.4), (-90, 4.6), (-20, 5.0), (20, 6.2), (62, 6.6), (90, 6.2), (122, 5.6), (190, 4.4)],
        brow=(118.0, 92.0, 64.0),
        end_piece=[(65.8, 23.4), (71.4, 22.8), (73.0, 19.4), (72.2, 13.0), (69.4, 8.4)],
        bridge_top=[(0, 18.6), (5.5, 19.0)],
        bridge_under=[(6.6, -2.0), (5.0, 3.4), (0, 6.4)],
        hinge_y=15.9,
        blade_heights=[(0, 11.8), (12, 11.2), (45, 8.8), (95, 6.4), (118, 7.4), (138, 9.0), (145, 8.6)],
        blade_thicknesses=[(0, 4.6), (45, 4.0), (100, 3.6), (145, 3.4)],
        material=material,
        temple_material=material,
        glass=glass,
        tint=tint,
    )


def panto(name: str) -> bytes:
    """Panto shape in honey tortoise, 46□22, keyhole bridge."""
    shell = Material(
        "acetate_honey", linear("#ffffff"), roughness=0.13, clearcoat=0.6,
        texture=tortoise(ground="#8a4e1a", light="#b0742f", dark="#3a1a0a", seed=29, cover=0.42),
    )  # fmt: skip
    model = Acetate(
        shape=PANTO,
        lens=(46.4, 42.6),
        bridge=22.0,
        frame_width=135.0,
        temple=145.0,
        plate=Plate(thickness=4.2, bend_x=270.0, front_round=1.5),
        rim=[(-170, 3.6), (-90, 3.8), (-20, 3.9), (20, 4.4), (90, 4.3), (150, 4.4), (190, 3.6)],
        brow=(126.0, 100.0, 74.0, 50.0),
        end_piece=[(60.8, 12.4), (65.4, 12.2), (67.5, 10.2), (67.2, 6.8), (64.2, 4.0), (62.0, -0.6)],
        bridge_top=[(0, 10.6), (5.0, 11.8), (9.0, 14.0)],
        bridge_under=[(7.4, -6.0), (6.6, -2.6), (4.6, -1.2), (4.5, 1.8), (2.6, 3.8), (0, 4.4)],
        belly=(-14.0, -30.0, -50.0, -70.0, -90.0, -110.0, -130.0, -148.0, -162.0),
        hinge_y=8.9,
        blade_heights=[(0, 7.6), (14, 7.0), (60, 5.4), (98, 5.0), (120, 6.4), (138, 8.2), (145, 7.8)],
        blade_thicknesses=[(0, 4.0), (45, 3.6), (100, 3.4), (145, 3.2)],
        material=shell,
        temple_material=shell,
        glass=CLEAR,
        base=4.5,
        wrap_deg=5.5,
        centre_y=-2.0,
        pad=(9.6, -7.6),
        studs=(2.4, 2.4),
        metal=GOLD,
    )
    return acetate_pair(name, model)


def cat_eye(name: str) -> bytes:
    """Cat-eye sunglasses in burgundy, 53□17, smoke gradient lenses."""
    wine = Material("acetate_burgundy", linear("#4a0d18"), roughness=0.12, clearcoat=0.6)
    smoke = Material("lens_smoke_gradient", linear("#1d1a1f", 0.92), roughness=0.03, blend=True)
    model = Acetate(
        shape=CATEYE,
        lens=(53.0, 39.0),
        bridge=17.0,
        frame_width=144.0,
        temple=140.0,
        plate=Plate(thickness=4.4, bend_x=255.0, front_round=1.4),
        rim=[(-170, 4.3), (-90, 4.2), (-20, 4.8), (30, 6.4), (60, 5.8), (120, 4.8), (190, 4.3)],
        brow=(94.0,),
        end_piece=[(60.5, 21.6), (66.5, 23.8), (71.2, 25.2), (72.6, 22.6), (70.6, 14.8), (67.2, 7.6)],
        bridge_top=[(0, 11.6), (6.0, 12.6)],
        bridge_under=[(5.0, -3.0), (3.9, 1.4), (0, 4.2)],
        belly=(-8.0, -25.0, -45.0, -65.0, -85.0, -105.0, -125.0, -145.0, -162.0),
        hinge_y=17.4,
        blade_heights=[(0, 11.0), (14, 10.0), (50, 7.0), (95, 5.6), (115, 6.6), (134, 8.0), (140, 7.6)],
        blade_thicknesses=[(0, 4.2), (45, 3.7), (100, 3.4), (140, 3.2)],
        material=wine,
        temple_material=wine,
        glass=smoke,
        tint=gradient(1.0, 0.42),
        pad=(7.2, -7.0),
        studs=(2.2, 2.2),
        metal=GOLD,
    )
    return acetate_pair(name, model)
