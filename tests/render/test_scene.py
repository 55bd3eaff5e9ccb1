"""What is worn appears where the head is, is hidden by the head, and stays inside its region."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from render.headpose import HeadPose, Intrinsics
from render.hiders import KEPT_VIEWS, Hiders
from render.lighting import Light
from render.product import Wearable, load_wearable
from render.scene import KEPT_SIZES, Overlay, SceneRenderer
from render.seat import Seat, seat
from tests.render.products import cap, glasses

CAMERA = Intrinsics.assumed(640, 480)


@pytest.fixture(scope="module")
def spectacles() -> Wearable:
    return load_wearable(glasses().pack())


@pytest.fixture(scope="module")
def hat() -> Wearable:
    return load_wearable(cap().pack())


def turn(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> NDArray[np.float64]:
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)


def pose(
    yaw: float = 0.0,
    *,
    x: float = 0.0,
    y: float = 0.0,
    z: float = -550.0,
    pitch: float = 0.0,
    roll: float = 0.0,
    scale: float = 0.95,
) -> HeadPose:
    return HeadPose(turn(yaw, pitch, roll), np.array([x, y, z]), scale)


def only(overlays: list[Overlay]) -> Overlay:
    assert len(overlays) == 1
    return overlays[0]


def on_frame(overlay: Overlay, camera: Intrinsics = CAMERA) -> NDArray[np.uint8]:
    alpha = np.zeros((camera.height, camera.width), np.uint8)
    r = overlay.region
    alpha[r.y0 : r.y1, r.x0 : r.x1] = overlay.yuva[..., 3]
    return alpha


def test_less_detail_covers_the_same_from_fewer_samples(renderer: SceneRenderer, hat: Wearable) -> None:
    full, coarse = (only(renderer.draw([hat], pose(z=-900.0), CAMERA, Light(), detail=detail)) for detail in (1.0, 0.5))
    fine_samples, coarse_samples = list(renderer._targets)[-2:]
    assert np.prod(coarse_samples) <= np.prod(fine_samples) / 3
    assert full.region == coarse.region
    covered = [int((overlay.yuva[..., 3] > 128).sum()) for overlay in (full, coarse)]
    assert covered[1] == pytest.approx(covered[0], rel=0.05)


def test_glasses_sit_on_the_eyes_at_their_true_width(renderer: SceneRenderer, spectacles: Wearable) -> None:
    head = pose()
    alpha = on_frame(only(renderer.draw([spectacles], head, CAMERA, Light())))
    columns, rows = np.flatnonzero(alpha.max(0) > 128), np.flatnonzero(alpha.max(1) > 40)
    placed = seat(spectacles, head.scale)
    width_px = 138.0 * CAMERA.fx / (550.0 - placed.translation_mm[2])
    assert abs((columns[-1] - columns[0]) - width_px) < 4
    eyes = head.project(np.array([[-31.5, 26.4, 37.0], [31.5, 26.4, 37.0]]), CAMERA)
    assert rows[0] < eyes[:, 1].min() - 10 < eyes[:, 1].max() + 10 < rows[-1]
    assert columns[0] < eyes[0, 0] < eyes[1, 0] < columns[-1]


def test_a_product_keeps_its_millimetres_on_a_smaller_head(renderer: SceneRenderer, spectacles: Wearable) -> None:
    heights = []
    for scale in (0.85, 1.05):
        resting = seat(spectacles, scale)
        # The same distance of the front from the camera for both heads.
        alpha = on_frame(
            only(renderer.draw([spectacles], pose(z=-600 - resting.translation_mm[2], scale=scale), CAMERA, Light()))
        )
        rims = np.flatnonzero(alpha[:, 270:370].max(1) > 150)
        heights.append(rims[-1] - rims[0])
    assert abs(heights[0] - heights[1]) <= 1
    assert abs(heights[0] - 50.4 * CAMERA.fx / 600) < 2.5


def test_overlays_are_even_premultiplied_and_empty_at_their_border(
    renderer: SceneRenderer, spectacles: Wearable, hat: Wearable
) -> None:
    for yaw in (-70, -30, 0, 25, 80):
        for overlay in renderer.draw([hat, spectacles], pose(yaw), CAMERA, Light()):
            r, yuva = overlay.region, overlay.yuva.astype(int)
            assert (r.x0 | r.y0 | r.x1 | r.y1) % 2 == 0
            assert yuva.shape == (r.y1 - r.y0, r.x1 - r.x0, 4)
            # Limited-range luma of an opaque pixel is 16..235, so premultiplied it lies between these shares of alpha;
            # lenses may add light of their own.
            solid = yuva[..., 3] > 250
            assert (yuva[..., 0][solid] >= 14).all()
            assert (yuva[..., 0] <= 236).all()
            clear = yuva[..., 3] == 0
            assert np.abs(yuva[clear][:, :3]).max(initial=0) <= 70
            border = np.concatenate([yuva[0, :, 3], yuva[-1, :, 3], yuva[:, 0, 3], yuva[:, -1, 3]])
            assert border.max() <= 12, f"cut off at yaw {yaw}"


def test_the_head_hides_the_far_temple_and_shows_the_near_one(renderer: SceneRenderer, spectacles: Wearable) -> None:
    """Without its far temple the product looks the same from the side; without the near one it does not."""
    whole = on_frame(only(renderer.draw([spectacles], pose(50), CAMERA, Light()))).astype(int)

    def changed(kept: str) -> int:
        product = load_wearable(glasses(temples=kept).pack())
        other = on_frame(only(renderer.draw([product], pose(50), CAMERA, Light())))
        return int((np.abs(whole - other) > 60).sum())

    near, far = changed("right"), changed("left")
    assert near > 150
    # Its first centimetres, between hinge and brow, are seen past the face.
    assert far < 0.3 * near


def worn_at(renderer: SceneRenderer, product: Wearable, place: HeadPose) -> Overlay:
    return only(renderer.draw((product,), place, CAMERA, Light()))


def test_the_part_of_the_head_that_is_drawn_hides_what_the_whole_head_would(
    renderer: SceneRenderer, acetate: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From anywhere: a pixel may differ at the edge of what a triangle hides. From the front most of it is left out."""
    worn, random = load_wearable(acetate), np.random.default_rng(3)
    places = []
    for yaw in np.linspace(-60, 60, 61):
        far = random.uniform(320, 900)
        aside = random.uniform(-0.2, 0.2, 2) * far
        places.append(HeadPose(turn(yaw, random.normal(0, 15), random.normal(0, 10)), np.array([*aside, -far]), 1.02))
    in_parts = [worn_at(renderer, worn, place) for place in places]
    front = HeadPose(turn(), np.array([0.0, 0.0, -500.0]), 1.02)
    hiders = renderer._load(worn, 1.02).hiders
    assert hiders is not None
    drawn, whole = hiders.seen_from(front), renderer._heads["glasses"].mesh
    assert drawn is not None
    assert drawn.indices < whole.indices / 4
    monkeypatch.setattr(Hiders, "seen_from", lambda _self, _pose: whole)
    for place, parts in zip(places, in_parts, strict=True):
        apart = np.abs(worn_at(renderer, worn, place).yuva.astype(int) - parts.yuva).max(2)
        assert (apart > 4).sum() <= 2


def test_directions_come_and_go(renderer: SceneRenderer, acetate: bytes) -> None:
    worn = load_wearable(acetate)
    for yaw in range(-60, 61, 4):
        for pitch in (-24, -12, 0, 12, 24):
            worn_at(renderer, worn, HeadPose(turn(yaw, pitch), np.array([0.0, 0.0, -500.0])))
    hiders = renderer._load(worn, 1.0).hiders
    assert hiders is not None
    assert len(hiders._parts) == KEPT_VIEWS


def test_temples_fade_out_behind_the_ear(renderer: SceneRenderer, spectacles: Wearable) -> None:
    head = pose(88)
    alpha = on_frame(only(renderer.draw([spectacles], head, CAMERA, Light())))
    ear, tip = head.project(np.array([[-78.0, 30.0, -10.0], [-78.0, 10.0, -80.0]]), CAMERA).round().astype(int)
    assert alpha[ear[1] - 12 : ear[1] + 12, ear[0] - 3 : ear[0] + 3].max() > 120
    assert alpha[tip[1] - 25 : tip[1] + 25, tip[0] - 8 : tip[0] + 8].max() < 20


def test_a_hat_covers_the_crown_and_not_the_eyes(renderer: SceneRenderer, hat: Wearable) -> None:
    head = pose(0)
    alpha = on_frame(only(renderer.draw([hat], head, CAMERA, Light())))
    crown, eye = head.project(np.array([[0.0, 125.0, -20.0], [31.0, 26.0, 38.0]]), CAMERA).round().astype(int)
    assert alpha[crown[1], crown[0]] > 240
    assert alpha[eye[1], eye[0]] < 140, "at most a shadow falls on the eye"


def test_the_brim_throws_a_shadow_on_the_forehead(renderer: SceneRenderer, hat: Wearable) -> None:
    head = pose(0)
    alpha = on_frame(only(renderer.draw([hat], head, CAMERA, Light())))
    brow, chin = head.project(np.array([[0.0, 42.0, 54.0], [0.0, -85.0, 45.0]]), CAMERA).round().astype(int)
    assert 20 < alpha[brow[1], brow[0]] < 200
    assert alpha[chin[1], chin[0]] == 0


def test_lenses_let_the_eyes_through(renderer: SceneRenderer) -> None:
    head = pose(0)
    seen = {}
    for opacity in (0.1, 0.8):
        product = load_wearable(glasses(lens_alpha=opacity).pack())
        alpha = on_frame(only(renderer.draw([product], head, CAMERA, Light())))
        x, y = head.project(np.array([[33.0, 20.0, 40.0]]), CAMERA)[0].round().astype(int)
        seen[opacity] = int(alpha[y, x])
    assert seen[0.1] < 90
    assert seen[0.8] > 190


def test_a_darker_room_gives_a_darker_product(renderer: SceneRenderer, hat: Wearable) -> None:
    def luma(light: Light) -> float:
        overlay = only(renderer.draw([hat], pose(0), CAMERA, light))
        solid = overlay.yuva[..., 3] > 250
        return float(overlay.yuva[..., 0][solid].mean())

    assert luma(Light(exposure=0.3)) < luma(Light(exposure=1.0)) - 10


@pytest.mark.parametrize(
    "head",
    [
        pose(0, roll=180),
        pose(180),
        pose(140, pitch=30),
        pose(0, pitch=-85),
        pose(0, x=330),
        pose(0, y=-240),
        pose(20, z=-60),
        pose(0, z=-12),
        pose(0, z=-20000),
        pose(0, z=300),
        pose(0, z=-90, scale=3.0),
        pose(0, scale=0.2),
        HeadPose(np.eye(3), np.array([np.nan, 0, -500]), 1.0),
    ],
    ids=lambda head: f"{head.translation_mm.tolist()}",
)
def test_extremes_draw_something_inside_the_frame_or_nothing(
    renderer: SceneRenderer, spectacles: Wearable, hat: Wearable, head: HeadPose
) -> None:
    for camera in (CAMERA, Intrinsics.assumed(361, 639), Intrinsics.assumed(1080, 1920), Intrinsics.assumed(64, 48)):
        for overlay in renderer.draw([spectacles, hat], head, camera, Light()):
            r = overlay.region
            assert 0 <= r.x0 < r.x1 <= camera.width
            assert 0 <= r.y0 < r.y1 <= camera.height
            assert overlay.yuva.shape == (r.y1 - r.y0, r.x1 - r.x0, 4)


def test_a_face_half_out_of_the_frame_keeps_the_half_that_is_seen(
    renderer: SceneRenderer, spectacles: Wearable
) -> None:
    overlay = only(renderer.draw([spectacles], pose(0, x=300), CAMERA, Light()))
    assert overlay.region.x1 == 640
    assert overlay.yuva[..., 3].max() > 200


def test_glasses_come_before_hats_because_a_brim_covers_them(
    renderer: SceneRenderer, spectacles: Wearable, hat: Wearable
) -> None:
    first, second = renderer.draw([hat, spectacles], pose(0), CAMERA, Light())
    assert first.region.y0 > second.region.y0


def test_the_level_of_detail_does_not_move_the_product(renderer: SceneRenderer, spectacles: Wearable) -> None:
    far = pose(10, z=-900)
    full = replace(spectacles, levels=spectacles.levels[:1], serial=10_000)
    centres = []
    for product in (spectacles, full):
        alpha = on_frame(only(renderer.draw([product], far, CAMERA, Light()))).astype(float)
        rows, columns = np.indices(alpha.shape)
        centres.append(((alpha * rows).sum() / alpha.sum(), (alpha * columns).sum() / alpha.sum()))
    assert np.hypot(*np.subtract(*centres)) < 0.3


def test_shoppers_with_heads_of_different_size_wear_the_same_without_a_new_seat_for_every_frame(
    renderer: SceneRenderer, spectacles: Wearable, monkeypatch: pytest.MonkeyPatch
) -> None:
    seated: list[float] = []

    def counted(product: Wearable, scale: float) -> Seat:
        seated.append(scale)
        return seat(product, scale)

    monkeypatch.setattr("render.scene.seat", counted)
    product = replace(spectacles, serial=30_000)
    widths = [
        [np.ptp(np.flatnonzero(on_frame(only(renderer.draw([product], pose(scale=scale), CAMERA, Light()))).any(0)))]
        for scale in (0.90, 1.05, 0.901, 1.05, 0.90)
    ]
    assert seated == [0.90, 1.05]
    assert widths[0] == widths[2] == widths[4]
    assert widths[1] == widths[3]


def test_more_sizes_of_head_than_are_kept(renderer: SceneRenderer, spectacles: Wearable) -> None:
    product = replace(spectacles, serial=30_001)
    for scale in np.linspace(0.8, 1.2, KEPT_SIZES + 4):
        assert renderer.draw([product], pose(scale=float(scale)), CAMERA, Light())
    assert len(renderer._loaded[product.serial]) == KEPT_SIZES


def test_many_products_come_and_go(renderer: SceneRenderer) -> None:
    product = load_wearable(glasses().pack())
    worn = [replace(product, serial=20_000 + k) for k in range(55)]
    for item in (*worn, *worn[:3]):
        assert renderer.draw([item], pose(0), CAMERA, Light())


def test_drawing_needs_no_viewer_and_the_whole_package_is_still_there_for_others() -> None:
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from render.scene import SceneRenderer; from render.proof import prove;"
            "prove(SceneRenderer()); light = 'trimesh' not in sys.modules and 'pyglet' not in sys.modules;"
            "import pyrender; print(light, pyrender.Scene.__name__)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == ["True", "Scene"]


@pytest.mark.parametrize("then", ["", "another = SceneRenderer(); "], ids=["down", "up again"])
def test_a_renderer_closes_after_somebody_else_has_terminated_the_display(then: str) -> None:
    code = (
        "from render.scene import SceneRenderer; ours = SceneRenderer()\n"
        f"import pyrender; pyrender.OffscreenRenderer(16, 16).delete(); {then}ours._context.close()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
