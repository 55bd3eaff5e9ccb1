"""Photographs of the bench's people: a phone's camera, a room, a light, and JPEG."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass

os.environ.setdefault("PYOPENGL_PLATFORM", "egl")

import cv2
import numpy as np
import pyrender
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.transform import Rotation

from avatar.body_model import BodyArrays
from bench.bodies_dress import dressed, look
from bench.bodies_people import Person
from bench.bodies_stance import posed, stance

WIDTH, HEIGHT = 720, 960
_SENSOR_LONG_MM = 34.6  # the long side of a 4:3 picture whose diagonal is that of 35 mm film
_EXIF_FOCAL_35MM = 0xA405


@dataclass(frozen=True)
class Shot:
    """A photo as a file, and what only the bench knows: the true mask and projected joints, for looking into errors."""

    jpeg: bytes
    mask: NDArray[np.bool_]
    joints_px: NDArray[np.float64]


class Studio:
    """Takes photos; owns one GL context, so it belongs to one thread."""

    def __init__(self, arrays: BodyArrays) -> None:
        self._arrays = arrays
        self._renderer = pyrender.OffscreenRenderer(WIDTH, HEIGHT)

    def close(self) -> None:
        """Give the GL context back."""
        self._renderer.delete()

    def shoot(self, person: Person, clothing: str, view: str, pose: NDArray[np.float64] | None = None) -> Shot:
        """The photo of a person in tight or everyday clothing, from front or side; the same seed, the same photo.

        pose (24, 3): another than the instructed one.
        """
        rng = np.random.default_rng([person.seed, 3, view == "side", clothing == "tight"])
        rest = self._arrays.joint_regressor.astype(np.float64) @ person.vertices
        instructed = stance(rest, view, rng)
        body, joints = posed(person.vertices, self._arrays, instructed if pose is None else pose)
        middle = 0.5 * (body.min(0) + body.max(0))
        focal_35mm = rng.uniform(23, 29)
        focal = HEIGHT * focal_35mm / _SENSOR_LONG_MM
        tall = np.ptp(body[:, 1])
        distance = focal * tall / (rng.uniform(0.7, 0.86) * HEIGHT)
        place = np.array([rng.normal(0, 0.06), rng.uniform(0.85, 1.55), distance])
        down = np.degrees(np.arctan2(place[1] - middle[1], distance)) + rng.normal(0, 0.8)
        camera = np.eye(4)
        camera[:3, :3] = Rotation.from_euler("xz", [-down, rng.normal(0, 0.8)], degrees=True).as_matrix()
        camera[:3, 3] = place + np.array([middle[0], 0, middle[2]])

        scene = pyrender.Scene(bg_color=[0, 0, 0, 0], ambient_light=np.full(3, rng.uniform(0.25, 0.5)))
        for mesh in dressed(body, person.vertices, self._arrays, look(person.seed, clothing)):
            scene.add(pyrender.Mesh.from_trimesh(mesh, smooth=True))
        scene.add(pyrender.IntrinsicsCamera(focal, focal, WIDTH / 2, HEIGHT / 2, znear=0.1, zfar=20), pose=camera)
        for strength in (rng.uniform(2.0, 3.5), rng.uniform(0.5, 1.5)):
            light = np.eye(4)
            light[:3, :3] = Rotation.from_euler(
                "yx", [rng.uniform(-70, 70), rng.uniform(-60, -10)], degrees=True
            ).as_matrix()
            scene.add(pyrender.DirectionalLight(color=rng.uniform(0.9, 1.0, 3), intensity=strength), pose=light)
        rgba, _ = self._renderer.render(scene, flags=pyrender.RenderFlags.RGBA)
        alpha = rgba[..., 3:].astype(np.float64) / 255
        picture = rgba[..., :3] * 1.0 + (1 - alpha) * _room(camera, focal, rng)
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 0.9))
        picture = picture * rng.uniform(0.85, 1.1) + rng.normal(0, rng.uniform(1, 5), picture.shape)
        exif = Image.Exif()
        if rng.random() < 0.7:
            exif.get_ifd(0x8769)[_EXIF_FOCAL_35MM] = round(focal_35mm)
        output = io.BytesIO()
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(
            output, "JPEG", quality=int(rng.integers(82, 95)), exif=exif
        )
        seen = (joints - camera[:3, 3]) @ camera[:3, :3]
        pixels = np.stack(
            [WIDTH / 2 + focal * seen[:, 0] / -seen[:, 2], HEIGHT / 2 - focal * seen[:, 1] / -seen[:, 2]], 1
        )
        return Shot(output.getvalue(), alpha[..., 0] > 0.5, pixels)


def _room(camera: NDArray[np.float64], focal: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A wall with some texture and furniture-like patches, a floor, and where they meet."""
    rows = np.arange(HEIGHT)[:, None]
    wall, floor = (rng.uniform(60, 235) + rng.normal(0, 12, 3) for _ in range(2))
    distance = camera[2, 3] + rng.uniform(0.2, 1.5)
    pitch = np.arcsin(-camera[2, 1])
    meets = HEIGHT / 2 + focal * np.tan(np.arctan2(camera[1, 3], distance) + pitch)
    share = ((rows - meets) / 3.0 + 0.5).clip(0, 1)[..., None]
    picture = np.tile(wall * (1 - share) + floor * share, (1, WIDTH, 1))
    picture *= np.linspace(rng.uniform(0.8, 1.1), rng.uniform(0.8, 1.1), WIDTH)[None, :, None]
    for _ in range(rng.integers(0, 5)):
        x, y = rng.integers(0, WIDTH), rng.integers(0, int(np.clip(meets, 50, HEIGHT)))
        size = rng.integers(40, 260, 2)
        picture[y : y + size[0], x : x + size[1]] = rng.uniform(30, 235) + rng.normal(0, 15, 3)
    for scale, strength in ((8, 5.0), (40, 8.0)):
        noise = rng.normal(0, strength, (HEIGHT // scale + 1, WIDTH // scale + 1, 1))
        picture += cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)[..., None]
    return picture.clip(0, 255)
