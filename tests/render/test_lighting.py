"""The light guessed from a frame follows the frame: level, cast, side."""

from time import thread_time

import numpy as np
import pytest
from numpy.typing import NDArray

from render.lighting import Light, estimate_light

Planes = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]
BOX = (240.0, 120.0, 400.0, 340.0)


def planes(y: float = 120, u: float = 128, v: float = 128, size: tuple[int, int] = (480, 640)) -> Planes:
    height, width = size
    half = ((height + 1) // 2, (width + 1) // 2)
    return np.full(size, y, np.uint8), np.full(half, u, np.uint8), np.full(half, v, np.uint8)


def test_brighter_rooms_give_more_exposure() -> None:
    exposures = [estimate_light(*planes(y), BOX).exposure for y in (20, 60, 110, 180)]
    assert exposures == sorted(exposures)
    assert exposures[0] < 0.3
    assert 0.45 < exposures[2] < exposures[3] < 1.4


def test_a_warm_lamp_tints_the_product_warm() -> None:
    red, green, blue = estimate_light(*planes(u=110, v=145), BOX).tint
    assert red > 1.05 > green > 0.9 > blue
    assert (red + green + blue) / 3 == pytest.approx(1, abs=0.05)
    assert estimate_light(*planes(), BOX).tint == pytest.approx((1, 1, 1), abs=0.01)


def test_the_brighter_side_of_the_face_is_where_the_light_is() -> None:
    for bright, sign in ((slice(240, 320), -1), (slice(320, 400), 1)):
        y, u, v = planes(90)
        y[120:340, bright] = 190
        light = estimate_light(y, u, v, BOX)
        assert light.direction[0] * sign > 0.3
        assert np.linalg.norm(light.direction) == pytest.approx(1)
        assert light.softness < estimate_light(*planes(90), BOX).softness


def test_skin_is_the_face_and_not_the_room() -> None:
    y, u, v = planes(60)
    y[120:340, 240:400], u[60:170, 120:200], v[60:170, 120:200] = 150, 112, 150
    red, green, blue = estimate_light(y, u, v, BOX).skin
    assert red > green > blue
    assert 0.5 < red < 0.9


@pytest.mark.parametrize("box", [(-50, -50, -10, -10), (700, 500, 900, 800), (0, 0, 0, 0), (-1e6, -1e6, 1e6, 1e6)])
@pytest.mark.parametrize("size", [(480, 640), (241, 321), (1920, 1080), (2, 2), (16, 16)])
def test_any_box_on_any_frame_gives_a_usable_light(
    box: tuple[float, float, float, float], size: tuple[int, int]
) -> None:
    for level in (0, 16, 128, 255):
        light = estimate_light(*planes(level, size=size), box)
        numbers = [light.exposure, *light.tint, *light.direction, light.softness, *light.skin]
        assert np.isfinite(numbers).all()
        assert light.exposure > 0


def test_smoothing_moves_part_of_the_way() -> None:
    dark, bright = Light(exposure=0.4, direction=(-1, 0, 0)), Light(exposure=1.0, direction=(0, 1, 0))
    between = dark.towards(bright, 0.25)
    assert between.exposure == pytest.approx(0.55)
    assert np.linalg.norm(between.direction) == pytest.approx(1)


def test_it_costs_next_to_nothing() -> None:
    frame = planes(size=(1080, 1920))
    costs = []
    for _ in range(30):
        start = thread_time()
        for _ in range(5):
            estimate_light(*frame, (700, 300, 1200, 900))
        costs.append((thread_time() - start) / 5)
    assert min(costs) < 0.0004  # 0.1 ms on an idle core
