"""The millimetres a wearable states are the millimetres its mesh has, measured as an optician or a hatter would."""

import numpy as np
import trimesh
from scipy.spatial import cKDTree

from tests.demo.conftest import Built


def left_lens(glasses: Built) -> np.ndarray:
    points = glasses.meshes["lenses"].vertices
    return points[points[:, 0] > 0]


def test_the_front_is_as_wide_as_stated(glasses: Built) -> None:
    assert abs(np.ptp(glasses.meshes["front"].vertices[:, 0]) - glasses.stated["frame_width_mm"]) < 0.5
    assert 125 <= glasses.stated["frame_width_mm"] <= 150


def test_lenses_have_the_stated_box(glasses: Built) -> None:
    points = left_lens(glasses)
    assert abs(np.ptp(points[:, 0]) - glasses.stated["lens_width_mm"]) < 0.4
    assert abs(np.ptp(points[:, 1]) - glasses.stated["lens_height_mm"]) < 0.4


def test_the_bridge_is_the_shortest_way_between_the_lenses(glasses: Built) -> None:
    points = left_lens(glasses)
    gap, _ = cKDTree(points * [-1, 1, 1]).query(points)
    assert abs(gap.min() - glasses.stated["bridge_mm"]) < 0.3


def tape(mesh: trimesh.Trimesh, step: float = 3.0) -> np.ndarray:
    """Middle points of the sections met on the way along a temple, from the hinge to the tip."""
    front = mesh.vertices[mesh.vertices[:, 2] > mesh.vertices[:, 2].max() - 0.5]
    points = [(front.min(axis=0) + front.max(axis=0)) / 2]
    direction = np.array([0.0, 0.0, -1.0])
    while True:
        ahead = points[-1] + direction * step
        cut = mesh.section(plane_origin=ahead, plane_normal=direction)
        near = [] if cut is None else [p for p in cut.vertices if np.linalg.norm(p - ahead) < 12]
        if not near:
            break
        middle = (np.min(near, axis=0) + np.max(near, axis=0)) / 2
        direction = (middle - points[-1]) / np.linalg.norm(middle - points[-1])
        points.append(middle)
    left_over = ((mesh.vertices - points[-1]) @ direction).max()
    return np.array([*points, points[-1] + direction * left_over])


def test_temples_are_as_long_along_their_curve_as_stated(glasses: Built) -> None:
    pieces = [glasses.meshes[n] for n in ("temple_left", "tip_left") if n in glasses.meshes]
    line = tape(trimesh.util.concatenate([trimesh.Trimesh(m.vertices, m.faces) for m in pieces]))
    length = np.linalg.norm(np.diff(line, axis=0), axis=1).sum()
    assert abs(length - glasses.stated["temple_mm"]) < 2.0


def test_temples_drop_behind_the_ear(glasses: Built) -> None:
    name = "tip_left" if "tip_left" in glasses.meshes else "temple_left"
    line = tape(trimesh.Trimesh(glasses.meshes["temple_left"].vertices, glasses.meshes["temple_left"].faces))
    assert name in glasses.meshes
    last = line[-2] - line[-6]
    drop = np.degrees(np.arctan2(-last[1], -last[2]))
    assert 35 <= drop <= 46
    level = line[12] - line[4]
    assert abs(np.degrees(np.arctan2(-level[1], -level[2]))) < 8
    bend = np.argmax(line[0, 1] - line[:, 1] > 12)
    assert 90 < -line[bend, 2] + line[0, 2] < 125


def test_glasses_hang_from_the_bridge(glasses: Built) -> None:
    """x = 0 in the middle, z = 0 at the lenses, pupils at y = 0 in the upper half of the lens, temples far behind."""
    points = left_lens(glasses)
    low, high = points[:, 1].min(), points[:, 1].max()
    assert 0.5 < -low / (high - low) < 0.72
    assert abs(points[:, 2].max()) < 5.5
    everything = np.concatenate([m.vertices for m in glasses.meshes.values()])
    assert -152 < everything[:, 2].min() < -125


def inner_loop(mesh: trimesh.Trimesh, height: float) -> np.ndarray:
    loops = mesh.section(plane_origin=[0, height, 0], plane_normal=[0, 1, 0]).discrete
    return min(loops, key=lambda loop: np.ptp(loop[:, 0]))


def test_a_hat_goes_round_the_stated_head(hat: Built) -> None:
    inside, height = ("sweatband", 2.0) if "sweatband" in hat.meshes else ("knit", 20.0)
    loop = inner_loop(hat.welded(inside), height)
    girth = np.linalg.norm(np.diff(loop, axis=0), axis=1).sum()
    assert abs(girth - hat.stated["head_circumference_mm"]) < 4.0
    assert 570 <= hat.stated["head_circumference_mm"] <= 590
    length, width = np.ptp(loop[:, 2]), np.ptp(loop[:, 0])
    assert 1.23 < length / width < 1.31
    assert abs(loop[:, 0].max() + loop[:, 0].min()) < 1.0
    assert abs(loop[:, 2].max() + loop[:, 2].min()) < 4.0


def test_a_hat_leaves_room_for_the_top_of_the_head(hat: Built) -> None:
    """The inside stands free over a skull that rises about 85 mm over the line where a hat sits."""
    everything = np.concatenate([mesh.vertices for mesh in hat.meshes.values()])
    middle = everything[np.hypot(everything[:, 0], everything[:, 2]) < 25]
    assert middle[:, 1].min() > 80


def test_the_brim_reaches_as_far_as_stated(hat: Built) -> None:
    everything = np.concatenate([mesh.vertices for mesh in hat.meshes.values()])
    inside = "sweatband" if "sweatband" in hat.meshes else "knit"
    front = inner_loop(hat.welded(inside), 2.0 if inside == "sweatband" else 20.0)[:, 2].max()
    reach = everything[:, 2].max() - front
    assert abs(reach - hat.stated["brim_mm"]) < (14 if hat.stated["brim_mm"] == 0 else 8)
