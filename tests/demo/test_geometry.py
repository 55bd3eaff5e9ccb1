"""The shapes everything is made of: surfaces, curves, sweeps, the oval of a head."""

import numpy as np
import pytest

from demo.curves import along, arc_lengths, boxed, resampled, spline
from demo.gltf import linear
from demo.lathe import around, head_oval, perimeter
from demo.lenses import gradient, seat_lens
from demo.mesh import Surface, joined, mirrored, outward, shaded, signed_volume
from demo.sweep import cylinder, ellipse, sweep, wire
from demo.temples import TempleCurve

CIRCLE = [(np.cos(a), np.sin(a)) for a in np.arange(12) * np.pi / 6]


def cube() -> Surface:
    path = np.array([[0.0, 0, 0], [0, 0, 2]])
    return sweep(path, np.array([[1.0, 1], [-1, 1], [-1, -1], [1, -1]]), np.array([1.0, 0, 0]))


def test_hard_edges_split_and_soft_edges_do_not() -> None:
    hard = shaded(cube(), crease_deg=40)
    assert {tuple(n) for n in np.round(hard.normals, 6) + 0.0} == {
        (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1),
    }  # fmt: skip
    soft = shaded(cube(), crease_deg=120)
    assert len(soft.positions) < len(hard.positions)


def test_normals_of_a_round_wire_point_away_from_its_middle() -> None:
    path = np.column_stack([np.zeros(9), np.zeros(9), np.linspace(0, 40, 9)])
    surface = shaded(wire(path, 2.0, 16, rounded=False), crease_deg=60)
    side = np.abs(surface.normals[:, 2]) < 0.1
    outwards = surface.positions[side] * [1, 1, 0]
    assert np.allclose(surface.normals[side], outwards / np.linalg.norm(outwards, axis=1, keepdims=True), atol=0.02)


def test_outward_turns_a_surface_that_is_inside_out() -> None:
    inside_out = Surface(cube().positions, cube().faces[:, ::-1])
    assert signed_volume(inside_out) == pytest.approx(-8)
    assert signed_volume(outward(inside_out)) == pytest.approx(8)


def test_a_mirrored_part_still_faces_outward() -> None:
    part = cylinder(np.array([3.0, 0, 0]), np.array([3.0, 0, 5]), 2.0)
    assert signed_volume(mirrored(part)) == pytest.approx(signed_volume(part))
    assert mirrored(part).positions[:, 0].max() < 0


def test_parts_with_and_without_texture_do_not_join() -> None:
    with_uv = Surface(cube().positions, cube().faces, uv=np.zeros((len(cube().positions), 2)))
    with pytest.raises(ValueError, match="same attributes"):
        joined([with_uv, cube()])


def test_a_swept_ring_has_the_volume_of_a_torus() -> None:
    angle = np.arange(240)[:, None] * 2 * np.pi / 240
    loop = 20 * np.hstack([np.cos(angle), np.sin(angle), 0 * angle])
    ring = sweep(loop, ellipse(2, 2, 48), loop / 20, closed=True)
    assert signed_volume(ring) == pytest.approx(2 * np.pi**2 * 20, rel=0.01)


def test_resampling_spaces_points_evenly_and_keeps_the_ends() -> None:
    path = spline(np.array([[0.0, 0], [10, 3], [30, -4], [40, 0]]), 41)
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert np.ptp(steps) / steps.mean() < 0.02
    assert np.allclose(path[[0, -1]], [[0, 0], [40, 0]])
    assert len(resampled(path, 12, closed=True)) == 12


def test_values_along_a_part_never_overshoot_their_knots() -> None:
    values = along(np.linspace(-5, 150, 400), [(0, 3.0), (10, 2.9), (60, 1.2), (140, 1.2)])
    assert values.min() >= 1.2 - 1e-9
    assert values.max() <= 3.0 + 1e-9


def test_an_outline_is_boxed_to_the_millimetre() -> None:
    box = boxed(np.array(CIRCLE) * 7 + 3, 50, 40)
    assert np.allclose([np.ptp(box, axis=0), box.min(axis=0) + box.max(axis=0)], [[50, 40], [0, 0]])


@pytest.mark.parametrize("wrap_deg", [0.0, 5.0, 12.0])
def test_a_wrapped_lens_keeps_its_width_and_bridge(wrap_deg: float) -> None:
    seat = seat_lens(CIRCLE, width=50, height=45, bridge=19, centre_y=-3, wrap_deg=wrap_deg, base=6)
    edge = seat.edge()
    assert np.ptp(edge[:, 0]) == pytest.approx(50, abs=0.02)
    assert edge[:, 0].min() == pytest.approx(9.5, abs=0.02)
    temple_side, nose_side = edge[np.argmax(edge[:, 0])], edge[np.argmin(edge[:, 0])]
    assert nose_side[2] - temple_side[2] == pytest.approx(50 * np.tan(np.radians(wrap_deg)), abs=0.3)


def test_a_lens_has_its_base_curve() -> None:
    seat = seat_lens(CIRCLE, width=50, height=50, bridge=19, centre_y=0, wrap_deg=0, base=5)
    sag = seat.place(np.zeros(2))[2] - seat.place(np.array([20.0, 0.0]))[2]
    assert sag == pytest.approx(20**2 / (2 * 530 / 5))


def test_a_gradient_never_brightens_upwards() -> None:
    alpha = gradient(1.0, 0.3)(np.linspace(0, 1, 50))[:, 3]
    assert (np.diff(alpha) >= 0).all()
    assert alpha[[0, -1]] == pytest.approx([0.3, 1.0])


def test_a_temple_is_as_long_as_asked_wherever_it_bends() -> None:
    for bend_at in (90.0, 98.0, 105.0):
        line = TempleCurve(np.zeros(3), 145.0, bend_at=bend_at).at(np.linspace(0, 145, 600))
        assert arc_lengths(line)[-1] == pytest.approx(145, abs=0.05)


def test_the_heads_oval_has_the_stated_girth_and_grows_by_2_pi_a_millimetre() -> None:
    theta = around(720)[:-1]
    oval, grown = head_oval(theta, 580.0), head_oval(theta, 580.0, 5.0)
    assert perimeter(oval) == pytest.approx(580, abs=0.1)
    assert perimeter(grown) == pytest.approx(580 + 10 * np.pi, abs=0.2)
    assert np.ptp(oval[:, 1]) / np.ptp(oval[:, 0]) == pytest.approx(1.27, abs=0.01)
    assert oval[0, 1] > 90
    assert abs(oval[0, 0]) < 1e-6


def test_colours_are_written_linear() -> None:
    assert linear("#ffffff") == (1.0, 1.0, 1.0, 1.0)
    assert linear("#808080", 0.5) == pytest.approx((0.21586, 0.21586, 0.21586, 0.5), abs=1e-4)
