"""Our own body onto somebody else's mesh, whatever its topology and pose, so that one tape measures them all.

Iterated closest points by Gauss-Newton steps, as `avatar.fit` does with outlines: each skin vertex is drawn along its
own normal towards the nearest point of the other mesh, under the population prior on shape and a loose one on pose.
Head, hands and feet count for little: other models draw faces, fists and shoes of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from avatar.body_model import JOINT_NAMES, BodyArrays
from avatar.differential import Frames, Puppet, State, turned
from avatar.errors import EngineFailed
from avatar.gltf import vertex_normals

Float = NDArray[np.float64]
_J = {name: index for index, name in enumerate(JOINT_NAMES)}
# How far a joint may stray from the start, radians; shoulders most, since models rest with arms down, askew or level.
_MOVING: tuple[tuple[str, float], ...] = (
    ("left_hip", 0.3), ("right_hip", 0.3), ("left_knee", 0.2), ("right_knee", 0.2), ("spine1", 0.15), ("spine3", 0.15),
    ("neck", 0.2), ("left_collar", 0.15), ("right_collar", 0.15), ("left_shoulder", 0.6), ("right_shoulder", 0.6),
    ("left_elbow", 0.4), ("right_elbow", 0.4),
)  # fmt: skip
_MOVED = [0, *(_J[name] for name, _ in _MOVING)]
_TURN_SIGMA = np.repeat([0.3, *(spread for _, spread in _MOVING)], 3)
_VAGUE = ("head", "left_hand", "right_hand", "left_wrist", "right_wrist", "left_foot", "right_foot")
_VAGUE_WEIGHT = 0.15
_VERTICES, _TRIAL_VERTICES = 1500, 400
_SIGMA_M, _FARTHEST_M, _FACING = 0.012, 0.12, 0.3
_ARMS_RAD = (-0.35, 0.0, 0.4, 0.8)  # starts: the shoulders lower or higher than at our rest
_TRIAL_STEPS, _STEPS = 6, 14
_FEWEST_POINTS, _MOST_POINTS = 500, 400_000


@dataclass(frozen=True)
class Adopted:
    """betas (K,) of our model; gap_m: root mean square distance between the two skins, metres."""

    betas: Float
    gap_m: float


@dataclass
class _Attempt:
    betas: Float
    state: State
    gap_m: float = np.inf


class Adopter:
    """Lays bodies of one model onto other meshes."""

    def __init__(self, arrays: BodyArrays) -> None:
        self._arrays = arrays
        self._puppet = Puppet(arrays)
        skin = np.unique(arrays.faces)
        chosen = np.random.default_rng(0).permutation(len(skin))[:_VERTICES]
        self._points = np.sort(skin[chosen])
        part = arrays.weights.argmax(1)[self._points]
        vague = np.isin(part, [_J[name] for name in _VAGUE])
        self._weight = np.where(vague, _VAGUE_WEIGHT, 1.0)
        self._few = slice(None, None, len(self._points) // _TRIAL_VERTICES)

    def adopt(self, points: Float, height_cm: float) -> Adopted:
        """The body nearest to a mesh: its vertices (N, 3), y up, facing z, in any unit; scaled to the stated height.

        Raises EngineFailed if that is no standing body.
        """
        cloud = standing(points, height_cm)
        tree = cKDTree(cloud)
        normals = _normals(cloud, tree)
        trials = [self._start(cloud, lift) for lift in _ARMS_RAD]
        for trial in trials:
            self._follow(trial, tree, normals, _TRIAL_STEPS, self._few)
        best = min(trials, key=lambda trial: trial.gap_m)
        self._follow(best, tree, normals, _STEPS, slice(None))
        if not np.isfinite(best.betas).all():
            raise EngineFailed("engine-mesh-unusable", "the mesh is not of a standing person")
        return Adopted(best.betas, best.gap_m)

    def _start(self, cloud: Float, lift: float) -> _Attempt:
        """The average body on the same floor, its arms lifted by that much."""
        betas = np.zeros(self._puppet.count)
        shaped = self._arrays.template[self._points].astype(np.float64)
        low = np.array([np.median(cloud[:, 0]), cloud[:, 1].min(), np.median(cloud[:, 2])])
        own = np.array([0.0, shaped[:, 1].min(), np.median(shaped[:, 2])])
        turns = np.tile(np.eye(3), (len(JOINT_NAMES), 1, 1))
        for name, sign in (("left_shoulder", 1.0), ("right_shoulder", -1.0)):
            turns[_J[name]] = Rotation.from_rotvec([0, 0, sign * lift]).as_matrix()
        return _Attempt(betas, State(turns, low - own, 0.0))

    def _follow(self, attempt: _Attempt, tree: cKDTree, normals: Float, steps: int, which: slice) -> None:
        """Steps that draw `which` of the chosen vertices, and how far all of them are then."""
        start = attempt.state
        for _ in range(steps):
            self._step(attempt, start, tree, normals, which)
        frames = self._puppet.frames(attempt.betas, attempt.state)
        points = self._puppet.points(attempt.betas, frames, self._points)
        apart = tree.query(points)[0].clip(max=_FARTHEST_M)
        attempt.gap_m = float(np.sqrt(np.average(apart**2, weights=self._weight)))

    def _step(self, attempt: _Attempt, start: State, tree: cKDTree, normals: Float, which: slice) -> None:
        frames = self._puppet.frames(attempt.betas, attempt.state)
        at, J = self._puppet.vertex_slopes(attempt.betas, frames, self._points[which], _MOVED)
        own = self._own_normals(attempt.betas, frames)[which]
        apart, nearest = tree.query(at)
        facing = np.abs(np.einsum("vx,vx->v", own, normals[nearest]))
        distance = np.einsum("vx,vx->v", tree.data[nearest] - at, own)
        trust = self._weight[which] * facing / (1 + (apart / (0.4 * _FARTHEST_M)) ** 2)
        trust[(apart > _FARTHEST_M) | (facing < _FACING)] = 0.0
        trust /= _SIGMA_M * np.sqrt(len(at) / 400)  # neighbours say the same
        slopes = np.concatenate([np.einsum("vxk,vx->vk", J, own), own], 1) * trust[:, None]
        count, size = len(attempt.betas), slopes.shape[1]
        H, g = slopes.T @ slopes, slopes.T @ (distance * trust)
        prior = np.zeros(size)
        prior[:count] = 1.0
        prior[count:-3] = 1 / _TURN_SIGMA**2
        pull = np.zeros(size)
        pull[:count] = -attempt.betas
        strayed = np.einsum("jyx,jyz->jxz", start.turns[_MOVED], attempt.state.turns[_MOVED])
        pull[count:-3] = -Rotation.from_matrix(strayed).as_rotvec().reshape(-1)
        H[np.arange(size), np.arange(size)] += prior + 1e-9
        change = np.linalg.solve(H, g + prior * pull)
        attempt.betas = attempt.betas + change[:count]
        attempt.state = State(
            turned(attempt.state.turns, _MOVED, change[count:-3].reshape(-1, 3)), attempt.state.place + change[-3:], 0.0
        )

    def _own_normals(self, betas: Float, frames: Frames) -> Float:
        points = self._puppet.points(betas, frames, slice(None))
        return np.asarray(vertex_normals(points, self._arrays.faces)[self._points], np.float64)


def standing(points: Float, height_cm: float) -> Float:
    """The mesh's vertices scaled to the stated height, on the floor. Raises EngineFailed."""
    cloud = np.asarray(points, np.float64)
    if cloud.ndim != 2 or cloud.shape[1] != 3 or not _FEWEST_POINTS <= len(cloud) <= _MOST_POINTS:
        raise EngineFailed("engine-mesh-unusable", "the mesh has too few or too many vertices")
    if not np.isfinite(cloud).all():
        raise EngineFailed("engine-mesh-unusable", "the mesh has vertices that are nowhere")
    wide, tall, deep = np.ptp(cloud, 0)
    if not (tall > 0 and deep < 0.7 * tall and wide < 1.3 * tall):
        raise EngineFailed("engine-mesh-unusable", "the mesh is not of a standing person, y up")
    cloud = cloud * (height_cm / 100 / tall)
    return np.asarray(cloud - [0.0, cloud[:, 1].min(), 0.0], np.float64)


def _normals(cloud: Float, tree: cKDTree) -> Float:
    """Unit normals (N, 3) up to sign, from each point's neighbours: faces are not asked for."""
    near = cloud[tree.query(cloud, k=min(12, len(cloud)))[1]]
    centred = near - near.mean(1, keepdims=True)
    _, vectors = np.linalg.eigh(np.einsum("nkx,nky->nxy", centred, centred))
    return np.asarray(vectors[:, :, 0], np.float64)
