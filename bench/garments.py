"""`python -m bench.garments`: what pokes through cloth, by pose, on bodies of many shapes, in every size, in layers.

Points of skin and of lower layers that are drawn and lie under a garment in the rest pose are followed into each pose;
there the nearest place of the garment's surface says whether they stand out of it, and by how much. The garment's own
points are held against drawn skin alike, so that neither mesh is too coarse to see the other. Places at a garment's
hem, where one looks in from outside, belong to neither. What stands out by so much at rest that it is not followed is
counted apart.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from avatar.body_arrays import BodyArrays, Sex, load_arrays
from avatar.garments.catalogue import CATALOGUE, read_catalogue
from avatar.garments.drape import SKIN_VERTICES
from avatar.garments.dress import Dresser, Worn
from avatar.garments.fitted import Fitted
from avatar.garments.follow import Sheet
from avatar.garments.stance import POSES, arm_share, blended, moved, movements
from avatar.garments.surface import Surface, border
from avatar.gltf import vertex_normals

Float = NDArray[np.float64]
Indices = NDArray[np.int64]
UNDER_M, OUT_M, HEM_M = 0.05, 0.005, 0.018
SEEN_M = 0.001
HEM_WIDE_M, PAST_M = 0.05, 0.15  # a point so near an opening may be past it
PROUD = "rest, proud"  # the row of what stands out by more than OUT_M before any pose
LAYERED: Sequence[tuple[tuple[str, ...], bool]] = (
    (("jeans", "t-shirt"), False),
    (("jeans", "t-shirt"), True),
    (("skirt", "t-shirt"), True),
    (("jeans", "t-shirt", "hoodie"), False),
    (("dress", "hoodie"), False),
)


@dataclass(frozen=True)
class Piece:
    """Something drawn, with what moves it: points (N, 3), triangles (F, 3), weights (N, 24); drawn (D, 3): those of its
    triangles that are not hidden; hem (N,): points at an opening."""

    name: str
    points: Float
    faces: Indices
    weights: Float
    drawn: Indices
    hem: NDArray[np.bool_]

    @property
    def arm(self) -> Float:
        """How much of each point belongs to an arm."""
        return arm_share(self.weights)

    def cover(self, points: Float) -> Surface:
        """All of it, with its points there."""
        return Surface(points, vertex_normals(points, self.faces), self.faces, self.hem, self.arm)

    def ground(self, points: Float) -> Surface:
        """What is drawn of it, with its points there."""
        return Sheet(self.points, self.faces, self.drawn, self.weights).surface(points)


def pieces(arrays: BodyArrays, body: Float, layers: Sequence[Fitted], covered: NDArray[np.bool_]) -> list[Piece]:
    """Body and garments from the skin outward."""
    weights = arrays.weights.astype(np.float64)
    faces = arrays.faces[(arrays.faces < SKIN_VERTICES).all(1)]
    drawn = faces[~covered[faces].all(1)]
    found = [Piece("body", body, faces, weights, drawn, np.zeros(len(body), bool))]
    for layer in layers:
        left = np.concatenate([part.faces for part in layer.parts])
        left = layer.seat[left[layer.main[left].all(1)]]
        hem = border(layer.cloth_faces, len(layer.cloth))
        found.append(Piece(layer.name, layer.cloth, layer.cloth_faces, layer.cloth_weights, left, hem))
    return found


@dataclass(frozen=True)
class Poke:
    """What stands out of one surface in one pose: how many points were under it, and the depths of those out, m."""

    below: str
    over: str
    pose: str
    under: int
    depths: Float
    places: Float  # (K, 3) of those out, in the rest pose


def pokes(arrays: BodyArrays, body: Float, stack: Sequence[Piece], names: Sequence[str]) -> Iterator[Poke]:
    """For every lower and every upper piece, in every pose."""
    joints = arrays.joint_regressor.astype(np.float64) @ body
    pairs = list(itertools.combinations(range(len(stack)), 2))
    chosen = {pair: _facing(stack[pair[0]], stack[pair[1]]) for pair in pairs}
    for name in names:
        moves = movements(joints, arrays.parents, POSES[name])
        at = [moved(piece.points, blended(piece.weights, moves)) for piece in stack]
        for low, high in pairs:
            below, over = stack[low], stack[high]
            under, above = chosen[low, high]
            if not len(under) + len(above):
                continue
            normals = vertex_normals(at[low], below.faces)
            seen = over.cover(at[high]).standing(at[low][under], normals[under], below.arm[under])
            out = seen.meets() & (seen.height > SEEN_M) & (seen.height < UNDER_M)
            depths, places = [seen.height[out]], [below.points[under[out]]]
            if len(above) and len(below.drawn):
                normals = vertex_normals(at[high], over.faces)
                seen = below.ground(at[low]).standing(at[high][above], normals[above], over.arm[above])
                out = seen.meets() & (seen.height < -SEEN_M) & (seen.height > -UNDER_M)
                depths.append(-seen.height[out])
                places.append(over.points[above[out]])
            total = len(under) + len(above)
            yield Poke(below.name, over.name, name, total, np.concatenate(depths), np.concatenate(places))


def proud(stack: Sequence[Piece]) -> Iterator[Poke]:
    """For every lower and every upper piece: what stands out in the rest pose by OUT_M to UNDER_M, of all that is near.

    A neck over a collar, a foot over a trouser leg and a shirt over the waistband it is tucked into have not come
    through cloth: they are past an opening.
    """
    for below, over in itertools.combinations(stack, 2):
        if not len(below.drawn):
            continue
        seen = np.unique(below.drawn)
        normals = vertex_normals(below.points, below.faces)[seen]
        found = over.cover(over.points).standing(below.points[seen], normals, below.arm[seen])
        whole = vertex_normals(over.points, over.faces)
        other = below.ground(below.points).standing(over.points, whole, over.arm)
        under, depths, places = 0, [], []
        for standing, height, points, arm in (
            (found, found.height, below.points[seen], below.arm[seen]),
            (other, -other.height, over.points, over.arm),
        ):
            near = standing.meets() & (np.abs(height) < UNDER_M) & _away_from_hem(over, points)
            near &= ~_past(over, points, arm)
            out = near & (height >= OUT_M)
            under += int(near.sum())
            depths.append(height[out])
            places.append(points[out])
        if under:
            yield Poke(below.name, over.name, PROUD, under, np.concatenate(depths), np.concatenate(places))


def _facing(below: Piece, over: Piece) -> tuple[Indices, Indices]:
    """Drawn points of the one that lie under the other in the rest pose, and points of that over what is drawn."""
    if not len(below.drawn):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    seen = np.unique(below.drawn)
    normals = vertex_normals(below.points, below.faces)
    found = over.cover(over.points).standing(below.points[seen], normals[seen], below.arm[seen])
    here = found.meets() & (found.height > -UNDER_M) & (found.height < OUT_M)
    under = seen[here & _away_from_hem(over, below.points[seen])]
    normals = vertex_normals(over.points, over.faces)
    found = below.ground(below.points).standing(over.points, normals, over.arm)
    above = found.meets() & (found.height < UNDER_M) & (found.height > -OUT_M)
    above &= _away_from_hem(over, over.points)
    return under, np.flatnonzero(above)


def _past(over: Piece, points: Float, arm: Float) -> NDArray[np.bool_]:
    """Which points (N, 3) are beyond the nearest opening of its sleeves, or for the trunk's of the others: on the side
    of that where its cloth is not; arm (N,): how much of each is an arm's."""
    past = np.zeros(len(points), bool)
    whole = cKDTree(over.points)
    for mine, of_arm in ((arm > 0.5, over.arm > 0.5), (arm <= 0.5, over.arm <= 0.5)):
        hem = over.points[over.hem & of_arm]
        if len(hem) and mine.any():
            # Hems are turned in: which way the cloth ends is told by more of it than by the last row of triangles.
            onward = hem - [over.points[around].mean(0) for around in whole.query_ball_point(hem, HEM_WIDE_M)]
            distance, near = cKDTree(hem).query(points[mine])
            ahead = np.einsum("nx,nx->n", points[mine] - hem[near], onward[near])
            past[mine] = (ahead > 0) & (distance < PAST_M)
    return past


def _away_from_hem(over: Piece, points: Float) -> NDArray[np.bool_]:
    """Which points (N, 3) are not at a hem of it, where one looks in, and what is past it is meant to be seen."""
    if not over.hem.any():
        return np.ones(len(points), bool)
    return np.asarray(cKDTree(over.points[over.hem]).query(points)[0] > HEM_M)


def bodies(arrays: BodyArrays, sex: Sex, count: int) -> Iterator[tuple[str, Float]]:
    """The average, and so many others drawn from the model's own population."""
    yield f"{sex} 0", np.zeros(arrays.betas)
    for number in range(1, count):
        betas = np.random.default_rng([number, len(sex)]).normal(0, 1.0, arrays.betas)
        yield f"{sex} {number}", betas.clip(-2.5, 2.5)


def outfits(sizes: str) -> Iterator[tuple[str, list[tuple[str, str]], bool]]:
    """Every garment in every size, and the layers in the sizes whose letters (or places) are given."""
    for name, design in CATALOGUE.items():
        for size in design.chart.sizes:
            yield f"{name} {size}", [(name, size)], False
    for names, tucked in LAYERED:
        for place in range(5):
            worn = [(name, list(CATALOGUE[name].chart.sizes)[place]) for name in names]
            if sizes == "all" or str(place) in sizes:
                yield f"{'+'.join(names)}{' tucked' if tucked else ''} {worn[0][1]}", worn, tucked


def main() -> None:
    """Print depth and share by pose, and what is worst."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--bodies", type=int, default=3, help="of each sex")
    parser.add_argument("--sexes", nargs="+", default=["female", "male"])
    parser.add_argument("--layers", default="all", help="places of the sizes in layers, such as 024")
    parser.add_argument("--poses", nargs="+", default=list(POSES))
    parser.add_argument("--only", default="", help="outfits whose name holds this")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    began = time.perf_counter()
    dresser, catalogue = Dresser(options.models), read_catalogue(options.models)
    rows = []
    for sex in options.sexes:
        arrays = load_arrays(options.models, sex)
        for who, betas in bodies(arrays, sex, options.bodies):
            body = (arrays.template + arrays.shapedirs @ betas.astype(np.float32)).astype(np.float64)
            for what, worn, tucked in outfits(options.layers):
                if options.only not in what:
                    continue
                layers, covered = dresser.fitted(
                    sex, betas, [Worn(catalogue[name], size) for name, size in worn], tucked=tucked
                )
                stack = pieces(arrays, body, layers, covered)
                rows += [(who, what, poke) for poke in pokes(arrays, body, stack, options.poses)]
                rows += [(who, what, poke) for poke in proud(stack)]
    _print(rows, [PROUD, *options.poses])
    print(f"{time.perf_counter() - began:.0f} s")
    if options.out:
        told = [
            {"body": who, "outfit": what, "below": poke.below, "over": poke.over, "pose": poke.pose,
             "under": poke.under, "out": len(poke.depths),
             "deepest_mm": round(1000 * float(poke.depths.max(initial=0)), 2)}
            for who, what, poke in rows
        ]  # fmt: skip
        options.out.write_text(json.dumps(told, indent=1) + "\n")


def _print(rows: Sequence[tuple[str, str, Poke]], poses: Sequence[str]) -> None:
    print(f"{'pose':12} {'points':>8} {'>1 mm':>8} {'>2 mm':>8} {'deepest':>8}")
    for pose in poses:
        mine = [row for row in rows if row[2].pose == pose]
        depths = np.concatenate([poke.depths for _, _, poke in mine])
        under = sum(poke.under for _, _, poke in mine)
        print(
            f"{pose:12} {under:8} {100 * len(depths) / under:7.3f}% {100 * (depths > 0.002).sum() / under:7.3f}%"
            f" {1000 * depths.max(initial=0):7.1f} mm"
        )
    by_pair: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for _, _, poke in rows:
        by_pair[poke.below, poke.over, poke.pose].extend(poke.depths.tolist())
    worst = sorted(by_pair.items(), key=lambda item: -len(item[1]))[:24]
    for (below, over, pose), found in worst:
        if found:
            print(f"  {below} through {over}, {pose}: {len(found)} points, deepest {1000 * max(found):.1f} mm")
    for who, what, poke in sorted(rows, key=lambda row: -float(row[2].depths.max(initial=0)))[:16]:
        if len(poke.depths):
            deepest = int(poke.depths.argmax())
            print(
                f"  {1000 * poke.depths[deepest]:.1f} mm: {who}, {what}, {poke.below} through {poke.over}, {poke.pose},"
                f" {len(poke.depths)} of {poke.under}, at {poke.places[deepest].round(3).tolist()}"
            )


if __name__ == "__main__":
    main()
