"""What people of the body bench wear and look like: skin, hair, tight or everyday clothes as offset surfaces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import NDArray

from avatar.body_model import JOINT_NAMES, BodyArrays

SKINS = np.array([[244, 208, 177], [231, 186, 148], [201, 152, 112], [161, 110, 75], [118, 76, 52], [82, 54, 40]])
HAIRS = np.array([[40, 28, 22], [75, 48, 30], [120, 85, 50], [170, 130, 80], [25, 25, 28], [130, 130, 130]])
_BODY_VERTICES = 13380


@dataclass(frozen=True)
class Look:
    """Everything that does not change between a person's two photos."""

    clothing: str  # tight or everyday
    skin: NDArray[np.float64]
    hair: NDArray[np.float64]
    hair_thickness_m: float
    top: NDArray[np.float64]
    bottom: NDArray[np.float64]
    sleeve: float  # how far down the arm, 0 none, 1 elbow, 2 wrist
    leg: float  # how far down the leg, 0 crotch, 1 knee, 2 ankle
    top_ease_m: float
    bottom_ease_m: float


def look(seed: int, clothing: str) -> Look:
    """Drawn from the person's seed, alike for both kinds of clothes but for the clothes."""
    rng = np.random.default_rng([seed, 2])
    skin = SKINS[rng.integers(len(SKINS))] + rng.normal(0, 8, 3)
    hair = HAIRS[rng.integers(len(HAIRS))] + rng.normal(0, 6, 3)
    colours = [_colour(rng), _colour(rng)]
    thickness = float(rng.uniform(0.004, 0.016))
    tight = clothing == "tight"
    return Look(
        clothing=clothing,
        skin=skin.clip(0, 255),
        hair=hair.clip(0, 255),
        hair_thickness_m=thickness,
        top=colours[0],
        bottom=colours[1],
        sleeve=float(rng.choice([0, 0.4, 0.6, 2.0] if tight else [0.6, 0.8, 2.0])),
        leg=float(rng.choice([0.15, 0.6, 1.2, 1.9] if tight else [0.9, 1.9, 1.9])),
        top_ease_m=float(rng.uniform(0.0005, 0.003) if tight else rng.uniform(0.008, 0.026)),
        bottom_ease_m=float(rng.uniform(0.0005, 0.003) if tight else rng.uniform(0.005, 0.018)),
    )


def _colour(rng: np.random.Generator) -> NDArray[np.float64]:
    """Cloth is mostly muted: a grey of any lightness with some hue."""
    return np.asarray((rng.uniform(25, 235) + rng.normal(0, 28, 3)).clip(10, 245))


def dressed(
    body: NDArray[np.float32], rest: NDArray[np.float32], arrays: BodyArrays, look: Look
) -> list[trimesh.Trimesh]:
    """Meshes with vertex colours: the posed body (V, 3) and its clothes. rest: the same body in the rest pose."""
    part = arrays.weights.argmax(1)
    mesh = trimesh.Trimesh(body, arrays.faces, process=False)
    outward = np.array(mesh.vertex_normals)
    colour = np.tile(look.skin, (len(body), 1))
    hair = _hair(rest, part)
    _paint_face(colour, rest, look)
    colour[hair] = look.hair
    shape = body + outward * (hair * look.hair_thickness_m)[:, None]
    top, bottom = _regions(rest, arrays, part, look)
    meshes = []
    if look.clothing == "tight":
        for worn, cloth, ease in ((bottom, look.bottom, look.bottom_ease_m), (top, look.top, look.top_ease_m)):
            colour[worn] = cloth
            shape = shape + outward * (worn * ease)[:, None]
    else:
        for worn, cloth, ease in ((bottom, look.bottom, look.bottom_ease_m), (top, look.top, look.top_ease_m)):
            meshes.append(_garment(body, outward, arrays.faces, worn=worn, ease=ease, cloth=cloth))
    skin = trimesh.Trimesh(shape, arrays.faces, process=False, vertex_colors=_rgba(colour))
    return [skin, *meshes]


def _garment(
    body: NDArray[np.float32],
    outward: NDArray[np.float64],
    faces: NDArray[np.int64],
    *,
    worn: NDArray[np.bool_],
    ease: float,
    cloth: NDArray[np.float64],
) -> trimesh.Trimesh:
    """The body's surface pushed out by the ease and smoothed as cloth spans hollows; never inside the body."""
    kept = faces[worn[faces].all(1)]
    used, compact = np.unique(kept, return_inverse=True)
    triangles = compact.reshape(-1, 3)
    shape = body[used] + outward[used] * ease
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    count = np.bincount(edges.reshape(-1), minlength=len(used))[:, None]
    floor = np.minimum(0.003, ease)
    for _ in range(25):
        total = np.zeros_like(shape)
        np.add.at(total, edges[:, 0], shape[edges[:, 1]])
        np.add.at(total, edges[:, 1], shape[edges[:, 0]])
        shape = 0.5 * shape + 0.5 * total / count
        depth = ((shape - body[used]) * outward[used]).sum(1)
        # Half of the ease is kept everywhere: cloth has a thickness and folds.
        shape += outward[used] * np.maximum(0, np.maximum(floor, 0.5 * ease) - depth)[:, None]
    return trimesh.Trimesh(shape, triangles, process=False, vertex_colors=_rgba(np.tile(cloth, (len(used), 1))))


def _regions(
    rest: NDArray[np.float32], arrays: BodyArrays, part: NDArray[np.int64], look: Look
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which vertices top and bottom cover; both on the rest pose."""
    joints = arrays.joint_regressor @ rest
    at = {name: joints[index] for index, name in enumerate(JOINT_NAMES)}
    x, y = np.abs(rest[:, 0]), rest[:, 1]
    skin = np.arange(len(rest)) < _BODY_VERTICES
    trunk = np.isin(
        part, [JOINT_NAMES.index(n) for n in ("pelvis", "spine1", "spine2", "spine3", "left_collar", "right_collar")]
    )
    crotch = rest[arrays.landmarks["crotch"], 1].mean()
    hem = at["pelvis"][1] - 0.3 * (at["pelvis"][1] - crotch) if look.clothing == "everyday" else at["pelvis"][1] + 0.03
    arm = np.isin(part, [16, 17, 18, 19])
    shoulder, elbow, wrist = at["left_shoulder"], at["left_elbow"], at["left_wrist"]
    reach = np.interp(look.sleeve, [0, 1, 2], [shoulder[0] - 0.02, elbow[0], wrist[0] - 0.01])
    sleeve = arm & (x < reach)
    top = skin & ((trunk & (y > hem)) | sleeve) & (y < at["neck"][1] - 0.005)
    legs = np.isin(part, [0, 1, 2, 3, 4, 5, 7, 8])
    down = np.interp(look.leg, [0, 1, 2], [crotch, at["left_knee"][1], at["left_ankle"][1] + 0.02])
    bottom = skin & legs & (y > down) & (y < at["spine1"][1] + 0.01)
    return top, bottom


def _hair(rest: NDArray[np.float32], part: NDArray[np.int64]) -> NDArray[np.bool_]:
    eyes = rest[_BODY_VERTICES : _BODY_VERTICES + 144].mean(0)
    head = (part == JOINT_NAMES.index("head")) & (np.arange(len(rest)) < _BODY_VERTICES)
    y, z = rest[:, 1] - eyes[1], rest[:, 2] - eyes[2]
    return np.asarray(head & ((y > 0.055) | ((z < -0.075) & (y > -0.06)) | ((z < -0.05) & (y > 0.02))))


def _paint_face(colour: NDArray[np.float64], rest: NDArray[np.float32], look: Look) -> None:
    """Eyes, brows and lips, enough for a person detector to see a face."""
    for first in (_BODY_VERTICES, _BODY_VERTICES + 72):
        eye = np.arange(first, first + 72)
        middle = rest[eye].mean(0)
        colour[eye] = 235
        iris = (rest[eye, 2] > middle[2]) & (np.hypot(*(rest[eye, :2] - middle[:2]).T) < 0.0065)
        colour[eye[iris]] = [45, 30, 22]
        near = np.arange(_BODY_VERTICES)
        dx, dy, dz = np.abs(rest[near, 0] - middle[0]), rest[near, 1] - middle[1], rest[near, 2] - middle[2]
        brow = (dx < 0.024) & (dy > 0.014) & (dy < 0.024) & (dz > -0.01)
        colour[near[brow]] = look.hair * 0.8
        rim = (dx < 0.017) & (np.abs(dy) < 0.009) & (dz > -0.005)
        colour[near[rim]] = look.skin * 0.6
    eyes = rest[_BODY_VERTICES : _BODY_VERTICES + 144].mean(0)
    dx, dy, dz = (
        np.abs(rest[:_BODY_VERTICES, 0]),
        rest[:_BODY_VERTICES, 1] - eyes[1],
        rest[:_BODY_VERTICES, 2] - eyes[2],
    )
    lips = (dx < 0.024) & (dy > -0.078) & (dy < -0.060) & (dz > 0.0)
    colour[:_BODY_VERTICES][lips] = look.skin * [0.8, 0.55, 0.55]


def _rgba(colour: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.concatenate([colour.clip(0, 255), np.full((len(colour), 1), 255)], 1).astype(np.uint8)
