"""Pictures of the bench's heads with known pose: one head before one room under one light, turned as one likes."""

from __future__ import annotations

import os
from dataclasses import dataclass

os.environ.setdefault("PYOPENGL_PLATFORM", "egl")

import cv2
import numpy as np
import pyrender
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from bench.heads import Head
from render.headpose import Intrinsics

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Place:
    """Where a head is: rotation (3, 3) and the place of its origin (3,) mm in the camera's frame (OpenGL)."""

    rotation: NDArray[np.float64]
    translation_mm: NDArray[np.float64]


class Studio:
    """The GL context; one thread's."""

    def __init__(self, width: int = 640, height: int = 480) -> None:
        self.width, self.height = width, height
        self._renderer = pyrender.OffscreenRenderer(width, height)

    def film(self, head: Head, camera: Intrinsics) -> Film:
        """A set with this head, its light and room drawn by the head's seed."""
        return Film(self._renderer, head, camera)

    def close(self) -> None:
        """Give the GL context back."""
        self._renderer.delete()


class Film:
    """Takes pictures of one head. Its gaze strays from picture to picture unless `gaze_rests`."""

    def __init__(self, renderer: pyrender.OffscreenRenderer, head: Head, camera: Intrinsics) -> None:
        self._rng = rng = np.random.default_rng([head.seed, 23])
        self._renderer, self._head = renderer, head
        self._at_camera = rng.random() < 0.7
        self._grain, self._blur = rng.uniform(0.5, 4.0), rng.uniform(0.35, 0.9)
        self._room = _room(camera, rng)
        self.gaze_rests = False
        self._scene = pyrender.Scene(bg_color=[0, 0, 0, 0], ambient_light=rng.uniform(0.25, 0.5) * np.ones(3))
        self._scene.add(pyrender.IntrinsicsCamera(camera.fx, camera.fy, camera.cx, camera.cy, znear=50, zfar=5000))
        warm = rng.uniform(0.9, 1.0, 3)
        for strength in (rng.uniform(1.6, 3.2), rng.uniform(0.3, 1.2)):
            place = np.eye(4)
            place[:3, :3] = Rotation.from_euler(
                "yx", [rng.uniform(-60, 60), rng.uniform(-55, 5)], degrees=True
            ).as_matrix()
            self._scene.add(pyrender.DirectionalLight(color=warm, intensity=strength), pose=place)
        self._eyes = [self._node(head.eye) for _ in range(2)]
        solid = [self._node(mesh) for mesh in (head.skin, head.hair) if mesh is not None]
        self._root = pyrender.Node(children=[*solid, *self._eyes])
        self._scene.add_node(self._root)

    @staticmethod
    def _node(mesh: object) -> pyrender.Node:
        return pyrender.Node(mesh=pyrender.Mesh.from_trimesh(mesh, smooth=True))

    def shoot(self, place: Place) -> Pixels:
        """(height, width, 3) RGB."""
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = place.rotation, place.translation_mm
        self._scene.set_pose(self._root, pose)
        stray = self._rng.normal(0, 2.0, 2) if self._at_camera else self._rng.normal(0, 8.0, 2)
        if self.gaze_rests:
            stray = np.zeros(2)
        for node, centre in zip(self._eyes, self._head.centres, strict=True):
            look = np.array([0.0, 0.0, 1.0])
            if self._at_camera:
                look = place.rotation.T @ -place.translation_mm - centre
            yaw, pitch = (
                np.degrees(np.arctan2(look[0], look[2])),
                np.degrees(np.arctan2(look[1], np.hypot(look[0], look[2]))),
            )
            gaze = np.eye(4)
            # Eyes follow the camera as far as eyes turn.
            angles = [np.clip(yaw + stray[0], -38, 38), np.clip(-pitch + stray[1], -25, 25)]
            gaze[:3, :3] = Rotation.from_euler("yx", angles, degrees=True).as_matrix()
            gaze[:3, 3] = centre
            self._scene.set_pose(node, gaze)
        rgba, _ = self._renderer.render(self._scene, flags=pyrender.RenderFlags.RGBA)
        alpha = rgba[..., 3:].astype(np.float32) / 255
        picture = rgba[..., :3] * alpha + (1 - alpha) * self._room
        picture = cv2.GaussianBlur(picture, (0, 0), self._blur)
        picture += self._rng.normal(0, self._grain, picture.shape).astype(np.float32)
        return np.asarray(picture.clip(0, 255), np.uint8)


def _room(camera: Intrinsics, rng: np.random.Generator) -> NDArray[np.float32]:
    """A wall with patches on it, out of focus."""
    wall = np.tile((rng.uniform(50, 220) + rng.normal(0, 12, 3)).astype(np.float32), (camera.height, camera.width, 1))
    wall *= np.linspace(rng.uniform(0.7, 1.1), rng.uniform(0.7, 1.1), camera.width, dtype=np.float32)[None, :, None]
    for _ in range(rng.integers(0, 7)):
        x, y = rng.integers(0, camera.width), rng.integers(0, camera.height)
        w, h = rng.integers(30, 260, 2)
        wall[y : y + h, x : x + w] = rng.uniform(20, 235) + rng.normal(0, 18, 3)
    return np.asarray(cv2.GaussianBlur(wall, (0, 0), rng.uniform(2, 9)), np.float32)
