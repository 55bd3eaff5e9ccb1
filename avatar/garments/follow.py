"""Cloth that stays outside what it covers when the figure is posed.

Cloth follows the skeleton by weights that are smoother than the skin's, so that in a pose skin may come through where
in the rest pose there was room. Where that would be seen, the cloth is let out in the rest pose by as much as it lacks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from avatar.garments.bind import smoothed
from avatar.garments.cloth import smoothing
from avatar.garments.stance import POSES, arm_share, blended, moved, movements
from avatar.garments.surface import Surface, border
from avatar.gltf import vertex_normals

Float = NDArray[np.float64]
Indices = NDArray[np.int64]
# That is left between skin and cloth: coarser levels of both cut corners. Less in poses that nothing shows yet.
_GAP_M, _FAR_POSE_GAP_M = 0.003, 0.0008
_SHOWN = ("rest", "page", "video")
_DEEP_M, _FAR_M, _NEAR_M = 0.02, 0.05, 0.06
_ARMPIT_DEEP_M = 0.006  # deeper, arm and trunk meet: nothing that more room in the cloth would help
_SOUND_M = 0.004  # no cloth is deeper than this in what it was hung on: there, a place is taken for another
_MOST_M = 0.012  # that cloth is let out
_ROUNDS, _WIDE, _STRONGER = 6, 6, 2.5
_HELD = tuple(name for name in POSES if name != "page")  # which lies between rest and arms down


@dataclass(frozen=True)
class Sheet:
    """Skin or cloth: points (N, 3), all triangles (F, 3), those of them drawn (D, 3), weights (N, 24)."""

    points: Float
    faces: Indices
    drawn: Indices
    weights: Float

    def surface(self, points: Float) -> Surface:
        """What is drawn of it, with its points there; normals are those of the whole."""
        return Surface(points, vertex_normals(points, self.faces), self.drawn, self.edge, self.arm)

    def near(self, cloth: Float) -> Sheet:
        """As much of it as is near that cloth (M, 3)."""
        seen = np.unique(self.drawn)
        distance, _ = cKDTree(cloth).query(self.points[seen], distance_upper_bound=_NEAR_M)
        wanted = np.zeros(len(self.points), bool)
        wanted[seen[np.isfinite(distance)]] = True
        place, faces = _cropped(self.faces, wanted)
        number = np.full(len(self.points), -1)
        number[place] = np.arange(len(place))
        drawn = number[self.drawn]
        part = Sheet(self.points[place], faces, drawn[(drawn >= 0).all(1)], self.weights[place])
        part.__dict__["edge"] = self.edge[place]
        return part

    @cached_property
    def edge(self) -> NDArray[np.bool_]:
        """Points (N,) where what is drawn ends."""
        sides = np.concatenate([self.drawn[:, [0, 1]], self.drawn[:, [1, 2]], self.drawn[:, [2, 0]]])
        pairs, count = np.unique(sides.min(1) * len(self.points) + sides.max(1), return_counts=True)
        edge = np.zeros(len(self.points), bool)
        edge[np.concatenate(np.divmod(pairs[count == 1], len(self.points)))] = True
        return edge

    @cached_property
    def arm(self) -> Float:
        """How much of each point belongs to an arm."""
        return arm_share(self.weights)


def let_out(cloth: Sheet, grounds: Sequence[Sheet], joints: Float, parents: NDArray[np.int64]) -> Float:
    """The points (M, 3) of the cloth, outside all grounds in `POSES`; joints (24, 3) m at rest and their parents."""
    grounds = [ground for ground in grounds if len(ground.drawn)]
    result = cloth.points.copy()
    if not grounds:
        return result
    drawn = np.concatenate([ground.points[np.unique(ground.drawn)] for ground in grounds])
    distance, _ = cKDTree(drawn).query(cloth.points, distance_upper_bound=_NEAR_M)
    place, faces = _cropped(cloth.faces, np.isfinite(distance))
    if len(place):
        part = Sheet(cloth.points[place], faces, faces, cloth.weights[place])
        nearby = [ground.near(part.points) for ground in grounds]
        result[place] = _let_out(part, nearby, {name: movements(joints, parents, POSES[name]) for name in _HELD})
    return result


def _cropped(faces: Indices, wanted: NDArray[np.bool_]) -> tuple[Indices, Indices]:
    """The points (K,) of triangles that have a wanted point (N,), and those triangles over them."""
    place, here = np.unique(faces[wanted[faces].any(1)], return_inverse=True)
    return place, here.reshape(-1, 3)


def _let_out(part: Sheet, grounds: Sequence[Sheet], moves: Mapping[str, Float]) -> Float:
    start = cloth = part.points
    faces, arm, mean = part.faces, part.arm, smoothing(part.faces, len(start))
    mine = {name: blended(part.weights, move) for name, move in moves.items()}
    edge = border(faces, len(cloth))
    followed = [_Followed.of(ground, cloth, faces, edge, arm) for ground in grounds if len(ground.drawn)]
    for _ in range(_ROUNDS):
        lacking = np.zeros_like(cloth)
        for name, blend in list(mine.items()):
            at = moved(cloth, blend)
            cover = Surface(at, vertex_normals(at, faces), faces, edge, arm)
            out = np.zeros_like(cloth)
            for one in followed:
                one.push(out, cover, moves[name], _GAP_M if name in _SHOWN else _FAR_POSE_GAP_M)
            if not out.any():
                del mine[name]
            # Back into the rest pose; of what several poses ask for, the most.
            back = np.linalg.solve(blend[:, :, :3], out[..., None])[..., 0]
            more = np.linalg.norm(back, axis=1) > np.linalg.norm(lacking, axis=1)
            lacking[more] = back[more]
        if not lacking.any():
            break
        # What lies beside goes along, so that no dimple is left.
        size = np.linalg.norm(lacking, axis=1)
        wide = smoothed(lacking, mean, _WIDE)
        peak = (size * np.linalg.norm(wide, axis=1)).sum() / (np.linalg.norm(wide, axis=1) ** 2).sum().clip(1e-12)
        cloth = cloth + wide * min(peak, _STRONGER)
        change = cloth - start
        length = np.linalg.norm(change, axis=1, keepdims=True)
        cloth = start + change * np.minimum(1, _MOST_M / length.clip(1e-9))
    return cloth


@dataclass(frozen=True)
class _Followed:
    """A ground, and which of its points lie under the cloth (K,), which of the cloth's over what is drawn (L,)."""

    ground: Sheet
    under: Indices
    above: Indices
    arm: Float

    @classmethod
    def of(cls, ground: Sheet, cloth: Float, faces: Indices, edge: NDArray[np.bool_], arm: Float) -> _Followed:
        normals, outward = vertex_normals(cloth, faces), vertex_normals(ground.points, ground.faces)
        seen = np.unique(ground.drawn)
        cover = Surface(cloth, normals, faces, edge, arm)
        found = cover.standing(ground.points[seen], outward[seen], ground.arm[seen])
        under = seen[found.meets() & (found.height > -_FAR_M) & (found.height < _SOUND_M)]
        found = ground.surface(ground.points).standing(cloth, normals, arm)
        above = found.meets() & (found.height < _FAR_M) & (found.height > -_SOUND_M)
        return cls(ground, under, np.flatnonzero(above), arm)

    def push(self, out: Float, cover: Surface, moves: Float, gap_m: float) -> None:
        """Put into `out` (M, 3) by how much each point of the posed cloth is to move, where it holds less."""
        ground = self.ground
        at = moved(ground.points, blended(ground.weights, moves))
        normals = vertex_normals(at, ground.faces)
        if len(self.under):
            here = self.under
            found = cover.standing(at[here], normals[here], ground.arm[here])
            deep = _deep(ground.arm[here])
            low = np.flatnonzero(found.meets() & (found.height > -gap_m) & (found.height < deep))
            for corner in range(3):
                held = low[found.share[low, corner] > 0.05]
                _most(out, found.corners[held, corner], found.normal[held], found.height[held] + gap_m)
        if len(self.above):
            here = self.above
            arm = self.arm[here]
            found = ground.surface(at).standing(cover.points[here], cover.normals[here], arm)
            low = np.flatnonzero(found.meets() & (found.height < gap_m) & (found.height > -_deep(arm)))
            _most(out, here[low], found.normal[low], gap_m - found.height[low])


def _deep(arm: Float) -> Float:
    """How deep (N,) m something may be in cloth to be let out of it."""
    return np.where((arm > 0.05) & (arm < 0.95), _ARMPIT_DEEP_M, _DEEP_M)


def _most(out: Float, index: Indices, way: Float, far: Float) -> None:
    """Moves (M, 3) of points `index` by so far along a way, where that is farther than what there is."""
    order = np.argsort(far)  # the farthest last, for it stays
    index, way, far = index[order], way[order], far[order]
    more = far > np.linalg.norm(out[index], axis=1)
    out[index[more]] = way[more] * far[more, None]
