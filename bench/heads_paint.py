"""Paint for the heads of the head bench: skin, brows, lips, lids, stubble, hair, clothes and irises."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import NDArray

Colors = NDArray[np.uint8]
_FAIR, _DARK = np.array([228.0, 184.0, 160.0]), np.array([84.0, 54.0, 40.0])
_HAIRS = np.array([[28, 22, 20], [52, 36, 26], [88, 62, 40], [150, 116, 72], [140, 138, 136], [110, 52, 30]], float)
_IRISES = np.array([[60, 38, 22], [84, 56, 32], [104, 92, 56], [92, 112, 128], [70, 88, 84]], float)


@dataclass(frozen=True)
class Look:
    """A person's colours, RGB 0 to 255, and what of hair there is."""

    skin: NDArray[np.float64]
    lips: NDArray[np.float64]
    hair: NDArray[np.float64]
    iris: NDArray[np.float64]
    cloth: NDArray[np.float64]
    brow_mm: float
    brow_strength: float
    lash_strength: float
    stubble: float
    hairline_mm: float
    long_hair: bool
    pupil_mm: float

    @classmethod
    def drawn(cls, rng: np.random.Generator, woman: bool, african: float, asian: float) -> Look:
        """As descent goes, with much chance."""
        depth = float(np.clip(0.9 * african + 0.25 * asian + rng.normal(0.12, 0.12), 0.0, 1.0))
        skin = (_FAIR * (1 - depth) + _DARK * depth) * rng.uniform(0.94, 1.06, 3)
        light_hair = max(african, asian) < 0.4
        hair = _HAIRS[rng.integers(len(_HAIRS) if light_hair else 2)] * rng.uniform(0.8, 1.2)
        return cls(
            skin=skin,
            lips=skin * (0.9, 0.7, 0.7) + rng.uniform(0, 14) * np.array([1.0, 0.1, 0.2]),
            hair=hair,
            iris=_IRISES[rng.integers(len(_IRISES) if light_hair else 2)] * rng.uniform(0.8, 1.2),
            cloth=rng.uniform(20, 235, 3),
            brow_mm=rng.uniform(2.4, 3.4) if woman else rng.uniform(3.0, 5.0),
            brow_strength=rng.uniform(0.55, 0.95),
            lash_strength=rng.uniform(0.5, 0.9) if woman else rng.uniform(0.3, 0.65),
            stubble=0.0 if woman else float(np.clip(rng.normal(0.1, 0.15), 0.0, 0.5)),
            hairline_mm=rng.uniform(58, 76) if woman or rng.random() < 0.75 else 200.0,
            long_hair=bool(rng.random() < (0.55 if woman else 0.08)),
            pupil_mm=rng.uniform(2.6, 4.5),
        )

    def hair_colors(self, count: int, rng: np.random.Generator) -> Colors:
        """(count, 4) RGBA."""
        return _rgba(self.hair * rng.normal(1.0, 0.12, (count, 1)))

    def eye_colors(self, radii: NDArray[np.float64], pupil: float, iris: float) -> Colors:
        """(n, 4) RGBA at these distances from the axis of the eye: pupil, iris with its dark rim, white."""
        white = np.array([226.0, 220.0, 214.0])
        rim = np.clip((radii - (iris - 0.9)) / 0.8, 0, 1)[:, None]
        color = self.iris * (1 - 0.55 * rim)
        outside = np.clip((radii - iris + 0.1) / 0.4, 0, 1)[:, None]
        color = color * (1 - outside) + white * outside
        return _rgba(np.where((radii <= pupil)[:, None], 8.0, color))


class Canvas:
    """Where each point of the skin lies on the base mesh, mm from between the eyes, and how far it is lip or ear."""

    def __init__(self, base: NDArray[np.float64], lips: NDArray[np.float64], ears: NDArray[np.float64]) -> None:
        self._base, self._lips, self._ears = base, lips, ears

    def painted(
        self, look: Look, surface: trimesh.Trimesh, centres: NDArray[np.float64], rng: np.random.Generator
    ) -> Colors:
        """(n, 4) RGBA of the skin's points. centres: of the eyeballs, in the surface's own frame."""
        x, y, z = np.abs(self._base[:, 0]), self._base[:, 1], self._base[:, 2]
        color = look.skin * (1 + self._blotches(rng))[:, None]
        flush = np.exp(-(((x - 38) / 16) ** 2) - ((y + 36) / 16) ** 2) + np.exp(-((x / 9) ** 2) - ((y + 42) / 9) ** 2)
        color = color * (1 + flush[:, None] * (z > 0)[:, None] * (0.04, -0.07, -0.06))
        beard = look.stubble * _step(-y, 52, 8) * _step(x + 1.2 * (-y - 60), 5, 10) * _step(z, -25, 15)
        color = _mix(color, look.hair, beard * rng.uniform(0.4, 1.0, len(color)))
        color = _mix(color, look.lips, _step(self._lips, 0.5, 0.18))
        color *= (1 - 0.45 * np.clip(-self._hollow(surface) / 1.2, 0, 1))[:, None]
        # The lashes' root is a dark line; over the upper lid it is thicker.
        for centre in centres:
            off = surface.vertices - centre
            rim = 1 - np.clip((np.linalg.norm(off, axis=1) - 13.0) / 1.6, 0, 1)
            lash = rim * (off[:, 2] > 3) * np.where(off[:, 1] > -1, 1.0, 0.55)
            color = _mix(color, look.hair * 0.5, look.lash_strength * lash)
        arch = 20.0 + 4.0 * np.sin(np.pi * np.clip((x - 10) / 42, 0, 1)) - np.clip(x - 38, 0, 30) * 0.25
        brow = _step(x, 10, 3) * _step(-x, -48, 4) * (z > -5)
        brow *= 1 - np.clip((np.abs(y - arch) - look.brow_mm * (1 - 0.4 * np.clip((x - 25) / 25, 0, 1))) / 1.2, 0, 1)
        color = _mix(color, look.hair * 0.8, look.brow_strength * brow * rng.uniform(0.65, 1.0, len(color)))
        line = look.hairline_mm - np.clip(x - 45, 0, 40) * 0.8 - 95 * _step(-z, -12, 22)
        hair = _step(y + rng.normal(0, 2.0, len(y)), line, 5) * _step(-z + y, -60 + 30, 30)
        hair *= 1 - self._ears
        color = _mix(color, look.hair * rng.normal(1.0, 0.15, (len(color), 1)), hair)
        color = np.where((y < -150 + 0.35 * np.clip(x, 0, 60) - 0.3 * z)[:, None], look.cloth, color)
        return _rgba(color)

    def _blotches(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """(n,) uneven skin: waves of several lengths, and grain."""
        uneven = rng.normal(0, 0.025, len(self._base))
        for length, strength in ((60, 0.03), (20, 0.02), (8, 0.015), (4, 0.012)):
            for _ in range(3):
                wave = rng.normal(0, 2 * np.pi / length, 3)
                uneven += strength * np.sin(self._base @ wave + rng.uniform(0, 2 * np.pi))
        return uneven

    def _hollow(self, surface: trimesh.Trimesh) -> NDArray[np.float64]:
        """(n,) millimetres by which a point lies above the smoothed surface; less light reaches what lies below."""
        smooth = surface.vertices.copy()
        edges = surface.edges_unique
        degree = np.bincount(edges.ravel(), minlength=len(smooth)).clip(1)[:, None]
        for _ in range(25):
            total = np.zeros_like(smooth)
            np.add.at(total, edges[:, 0], smooth[edges[:, 1]])
            np.add.at(total, edges[:, 1], smooth[edges[:, 0]])
            smooth = 0.4 * smooth + 0.6 * total / degree
        return np.asarray(((surface.vertices - smooth) * surface.vertex_normals).sum(1))


def _step(value: NDArray[np.float64], edge: NDArray[np.float64] | float, soft: float) -> NDArray[np.float64]:
    """0 below the edge, 1 from `soft` above it on."""
    return np.asarray(np.clip((value - edge) / soft, 0, 1))


def _mix(color: NDArray[np.float64], paint: NDArray[np.float64], share: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(color * (1 - share[:, None]) + paint * share[:, None])


def _rgba(color: NDArray[np.float64]) -> Colors:
    """The renderer takes vertex colours for light, not for sRGB."""
    light = (color.clip(0, 255) / 255) ** 2.2 * 255
    return np.concatenate([light, np.full((len(color), 1), 255.0)], 1).round().astype(np.uint8)
