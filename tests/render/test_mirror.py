"""An avatar in the picture's place: it stands, turns with the finger, and costs nothing while it does not."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from render.compositor import planes_of
from render.figure import Figure, load_figure
from render.glb import GlbWriter, ProductError, read_glb
from render.mirror import Mirror, Showing
from render.pipeline import FaceState, Outcome, TryOn
from render.product import load_wearable
from render.scene import SceneRenderer
from render.tracker import FaceTracker
from render.turning import FASTEST_DEG_S, Turntable, shortest
from tests.camera import FaceCamera, still
from tests.figures import body, dressed

MODELS = Path("models")
PICTURES = Path(__file__).parents[1] / "artifacts"
Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def woman() -> Figure:
    return load_figure(body())


@pytest.fixture
def mirror(renderer: SceneRenderer) -> Iterator[Mirror]:
    made = Mirror(TryOn(FaceTracker(MODELS), renderer), renderer)
    yield made
    made.close()


class Player:
    """Plays a camera through a mirror, one frame after the other."""

    def __init__(self, mirror: Mirror, camera: FaceCamera | None = None) -> None:
        self.mirror, self.camera, self.index = mirror, camera or FaceCamera(path=still), 0

    def play(self, frames: int = 1) -> tuple[Outcome, Picture]:
        """The last outcome and picture, (h, w, 3) RGB."""
        for _ in range(frames):
            frame = av.VideoFrame.from_ndarray(self.camera.rgb(self.index), format="rgb24").reformat(format="yuv420p")
            frame.pts = self.index * 3750
            self.index += 1
            outcome = self.mirror.process(frame)
        return outcome, frame.to_ndarray(format="rgb24")


def keep(name: str, *pictures: Picture) -> None:
    """Where somebody may look at them."""
    PICTURES.mkdir(exist_ok=True)
    cv2.imwrite(str(PICTURES / f"{name}.png"), cv2.cvtColor(np.hstack(pictures), cv2.COLOR_RGB2BGR))


def backdrop_of(mirror: Mirror) -> Picture:
    """The studio without anybody in it."""
    assert mirror._stand is not None
    planes = mirror._stand._studio
    assert planes is not None
    frame = av.VideoFrame(640, 480, "yuv420p")
    for mine, its in zip(planes_of(frame), planes, strict=True):
        mine[...] = its
    return frame.to_ndarray(format="rgb24")


def figure_in(picture: Picture, empty: Picture) -> NDArray[np.bool_]:
    """Where a picture is not the empty backdrop."""
    return np.abs(picture.astype(int) - empty).max(2) > 6


def unevenness(picture: Picture, empty: Picture) -> float:
    """How far her outline's left and right are from being alike, above her shadow; mean pixels."""
    apart = []
    for row in figure_in(picture, empty)[60:390]:
        columns = np.flatnonzero(row)
        if len(columns):
            apart.append(abs((319.5 - columns[0]) - (columns[-1] - 319.5)))
    return float(np.mean(apart))


def test_the_body_stands_on_the_floor_with_its_arms_down(woman: Figure) -> None:
    finest = np.concatenate([batch.positions for batch in woman.levels[0].batches])
    assert finest[:, 1].min() == pytest.approx(0.0, abs=1.0)
    assert 1500 < woman.height_mm < 1800
    assert np.ptp(finest[:, 0]) < 600, "in the A-pose her hands are some 900 mm apart"
    triangles = [level.triangles for level in woman.levels]
    assert triangles == sorted(triangles, reverse=True)
    assert triangles[-1] < 0.4 * triangles[0]


def test_light_does_not_reach_between_the_legs_nor_under_the_feet(woman: Figure) -> None:
    level = woman.levels[0]
    points, surface = (np.concatenate([getattr(b, name) for b in level.batches]) for name in ("positions", "surface"))
    crown = surface[points[:, 1] > woman.height_mm - 40, 0]
    inner = (abs(points[:, 0]) < 30) & (points[:, 1] > 0.40 * woman.height_mm) & (points[:, 1] < 0.46 * woman.height_mm)
    assert crown.mean() > 0.95
    assert surface[inner, 0].mean() < 0.6
    assert woman.shadow.max() > 0.5
    assert max(woman.shadow[0].max(), woman.shadow[:, -1].max()) < 0.01, "no edge of the square is seen"


def test_she_is_seen_from_head_to_foot_and_turns_by_her_finger(mirror: Mirror, woman: Figure) -> None:
    player = Player(mirror)
    mirror.showing = Showing(woman)
    outcome, front = player.play()
    assert outcome.state is FaceState.UNWATCHED
    assert not outcome.resting
    mirror.showing.yaw_deg = 60.0
    player.play(40)
    aside = player.play()[1]
    mirror.showing.yaw_deg = 180.0
    player.play(40)
    back = player.play()[1]
    keep("avatar-view-turned", front, aside, back)
    empty = backdrop_of(mirror)
    for picture in (front, aside, back):
        rows = np.flatnonzero(figure_in(picture, empty).any(1))
        assert rows[0] < 60
        assert rows[-1] > 400
    assert unevenness(front, empty) < 8, "from the front her left is as her right"
    assert unevenness(aside, empty) > 3 * unevenness(front, empty)


def test_from_behind_there_is_no_face(mirror: Mirror, woman: Figure) -> None:
    """The face's features are what a picture from the front has and its mirror image from behind has not."""
    camera = FaceCamera(1280, 960, path=still)
    heads = {}
    for yaw in (0.0, 180.0):
        mirror.showing = Showing(woman, yaw_deg=yaw)
        mirror._leave()
        picture = Player(mirror, camera).play()[1]
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        heads[yaw] = grey[95:150, 620:660].astype(float)
    features = {yaw: np.abs(cv2.Laplacian(head, cv2.CV_64F, ksize=3)).mean() for yaw, head in heads.items()}
    assert features[0.0] > 2 * features[180.0]


def test_what_does_not_turn_is_not_drawn_again(mirror: Mirror, woman: Figure) -> None:
    player = Player(mirror)
    mirror.showing = Showing(woman, yaw_deg=20.0)
    _, first = player.play()
    outcome, second = player.play()
    assert outcome.resting
    assert np.array_equal(first, second), "and the camera's own movement is not in the studio"
    mirror.showing.yaw_deg = 40.0
    outcome, turning = player.play()
    assert not outcome.resting
    assert not np.array_equal(second, turning)
    outcome, _ = player.play(30)
    assert outcome.resting
    mirror.detail = 0.5
    outcome, _ = player.play()
    assert not outcome.resting


def test_in_her_room_the_light_and_the_walls_are_her_cameras_and_she_is_not(mirror: Mirror, woman: Figure) -> None:
    bright, dark = FaceCamera(path=still), FaceCamera(path=still, brightness=0.35)
    pictures = []
    for camera in (bright, dark):
        mirror._leave()
        player = Player(mirror, camera)
        mirror.showing = Showing(woman, scene="room", yaw_deg=10.0)
        player.play(2)
        outcome, picture = player.play()
        assert outcome.resting, "the room goes on, the figure is the same"
        pictures.append(picture)
    keep("avatar-view-room", *pictures)
    lit, dim = pictures
    window = lit[60:220, 500:600].mean((0, 1))
    wall = lit[60:220, 20:120].mean((0, 1))
    assert window[2] - window[0] > wall[2] - wall[0] + 15, "the window's blue is where it is in her room"
    assert dim[:300, :150].mean() < 0.6 * lit[:300, :150].mean()
    assert dim[150:250, 300:340].mean() < 0.9 * lit[150:250, 300:340].mean()
    tracker = FaceTracker(MODELS)
    frame = av.VideoFrame.from_ndarray(lit, format="rgb24").reformat(format="yuv420p")
    landmarks = tracker.track(frame, 0)
    assert landmarks is None or np.ptp(landmarks[:, 0]) < 60, "her own face is not behind the avatar's"


def test_clothes_are_drawn_with_their_colours(mirror: Mirror) -> None:
    mirror.showing = Showing(load_figure(dressed()), yaw_deg=25.0)
    _, picture = Player(mirror).play()
    keep("avatar-view-dressed", picture)
    skirt = picture[250:300, 300:340].reshape(-1, 3).mean(0)
    assert skirt[1] > skirt[0] + 10, "the dress is green"
    legs = picture[395:420, 285:355]
    assert legs.max() > 150, "and ends above the feet"


def test_afterwards_the_try_on_goes_on(mirror: Mirror, woman: Figure, acetate: bytes) -> None:
    mirror.worn = (load_wearable(acetate),)
    player = Player(mirror)
    outcome, worn = player.play(4)
    assert outcome.drawn
    mirror.showing = Showing(woman)
    player.play(3)
    mirror.showing = None
    outcome, again = player.play(4)
    assert outcome.state is FaceState.FOUND
    assert np.abs(again.astype(int) - worn).mean() < 3


@pytest.mark.parametrize("size", [(480, 640), (362, 642), (641, 361), (160, 120), (32, 32)])
def test_any_picture_has_room_for_her(mirror: Mirror, woman: Figure, size: tuple[int, int]) -> None:
    for scene in ("studio", "room"):
        mirror._leave()
        mirror.showing = Showing(woman, scene=scene)  # type: ignore[arg-type]
        frame = av.VideoFrame(*size, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([90]) * plane.buffer_size)
        outcome = mirror.process(frame)
        assert outcome.drawn
        picture = frame.to_ndarray(format="rgb24").astype(float)
        assert picture.std() > 8


def test_a_turntable_goes_the_short_way_no_faster_than_it_may_and_stops() -> None:
    table = Turntable(170.0)
    turned = [table.yaw_deg]
    while table.towards(-170.0 + 3600.0, 1 / 24):
        turned.append(table.yaw_deg)
        assert len(turned) < 40
    assert table.yaw_deg == pytest.approx(-170.0, abs=0.3)
    steps = [abs(shortest(b - a)) for a, b in itertools.pairwise(turned)]
    assert sum(steps) == pytest.approx(20.0, abs=0.5)
    table = Turntable()
    table.towards(179.0, 1 / 24)
    assert 1 < table.yaw_deg <= FASTEST_DEG_S / 24
    table.towards(-179.0, 3600.0)
    assert abs(shortest(table.yaw_deg)) <= 1 + FASTEST_DEG_S * 0.25 + 17


def edited(change: object) -> bytes:
    """Her file with something changed in its description."""
    writer = GlbWriter.of(read_glb(body()))
    change(writer.document)  # type: ignore[operator]
    return writer.pack()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda d: d["skins"][0]["joints"].__setitem__(slice(1, None), []), "accessor-invalid"),
        (lambda d: d["skins"][0].update(joints=d["skins"][0]["joints"][:1], inverseBindMatrices=None), "json-invalid"),
        (lambda d: (d["skins"][0].pop("inverseBindMatrices"), d["skins"][0].update(joints=[0])), "index-out-of-range"),
        (lambda d: d["skins"][0]["joints"].__setitem__(0, 4000), "index-out-of-range"),
        (lambda d: d["nodes"][0]["children"].append(0), "node-cycle"),
        (lambda d: d["nodes"][0].update(children=[999]), "index-out-of-range"),
        (lambda d: d.pop("skins"), "index-out-of-range"),
        (lambda d: d["nodes"][0].update(scale=[9, 9, 9]), "figure-size-invalid"),
        (lambda d: d["nodes"][0].update(scale=[0, 0, 0]), "figure-size-invalid"),
    ],
)
def test_a_file_that_lies_is_refused(change: object, code: str) -> None:
    with pytest.raises(ProductError) as refused:
        load_figure(edited(change))
    assert refused.value.code == code
