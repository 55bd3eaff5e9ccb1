"""From a piece of the body's own surface to cloth of stated girths that hangs on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar.body_arrays import JOINT_NAMES, BodyArrays
from avatar.garments.cloth import smoothing
from avatar.garments.pattern import Piece, whole
from avatar.garments.skin import Skin
from avatar.section import hull_perimeter

Float = NDArray[np.float64]
Indices = NDArray[np.int64]
_J = {name: index for index, name in enumerate(JOINT_NAMES)}
SKIN_VERTICES = 13380


@dataclass(frozen=True)
class Base:
    """The body a garment is modelled on, and what its surface is described by.

    vertices (V, 3) m, faces (F, 3) without the eyes, joints (24, 3), skin for contact. Fields (V,): `arm` 0..1, how
    much a point belongs to an arm; `along_arm` m from the shoulder joint along the arm's bones; `leg` and `along_leg`
    (from the hip joint) alike.
    """

    vertices: Float
    faces: Indices
    joints: Float
    skin: Skin
    fields: dict[str, Float]

    def joint(self, name: str) -> Float:
        """One joint, m."""
        return np.asarray(self.joints[_J[name]])

    def piece(self) -> Piece:
        """The whole skin as a piece to cut from."""
        return whole(self.vertices, self.faces, self.fields)


def base_of(arrays: BodyArrays, vertices: NDArray[np.floating]) -> Base:
    """The description of a body with these vertices."""
    at = np.asarray(vertices, np.float64)
    joints = arrays.joint_regressor.astype(np.float64) @ at
    faces = arrays.faces[(arrays.faces < SKIN_VERTICES).all(1)]
    weights = arrays.weights.astype(np.float64)
    arm, along_arm = _along(at, weights, joints, ("shoulder", "elbow", "wrist"), ("shoulder", "elbow", "wrist", "hand"))
    leg, along_leg = _along(at, weights, joints, ("hip", "knee", "ankle"), ("hip", "knee", "ankle", "foot"))
    fields = {"arm": arm, "along_arm": along_arm, "leg": leg, "along_leg": along_leg}
    return Base(at, faces, joints, Skin.of(at, faces), fields)


def _along(
    at: Float, weights: Float, joints: Float, bones: tuple[str, str, str], parts: tuple[str, ...]
) -> tuple[Float, Float]:
    """How much of each vertex belongs to a limb (V,), and how far along its two bones it lies (V,), metres."""
    share, place = np.zeros(len(at)), np.zeros(len(at))
    for side in ("left", "right"):
        mine = weights[:, [_J[f"{side}_{part}"] for part in parts]]
        a, b, c = (joints[_J[f"{side}_{bone}"]] for bone in bones)
        upper, lower = b - a, c - b
        first, second = np.linalg.norm(upper), np.linalg.norm(lower)
        beyond = mine[:, 1:].sum(1) / mine.sum(1).clip(1e-6)
        here = (at - a) @ upper / first * (1 - beyond) + (first + (at - b) @ lower / second) * beyond
        total = mine.sum(1)
        place = np.where(total > share, here, place)
        share = np.maximum(share, total)
    return share, place


def rounded(piece: Piece, skin: Skin, *, gap_m: float, rounds: int) -> Float:
    """The piece's vertices lifted off the skin and smoothed, as cloth spans hollows; never closer than the gap."""
    mean = smoothing(piece.faces, len(piece.points))
    contact = skin.contact(piece.points)
    points = piece.points + contact.normal * (gap_m - contact.height)[:, None].clip(0)
    for _ in range(rounds):
        points = 0.4 * points + 0.6 * (mean @ points)
        contact = skin.contact(points)
        points += contact.normal * (gap_m - contact.height)[:, None].clip(0)
    return np.asarray(points)


def girths(points: Float, edges: Indices, place: Float, across: Float, levels: Float) -> Float:
    """Girths (L,) of a tube with edges (E, 2) where the field `place` (N,) has the values `levels`: hull of the section
    laid flat across two unit vectors (2, 3). 0 where there is no section.
    """
    found = []
    for level in levels:
        side = place - level
        cut = edges[(side[edges[:, 0]] < 0) != (side[edges[:, 1]] < 0)]
        share = (side[cut[:, 0]] / (side[cut[:, 0]] - side[cut[:, 1]]))[:, None]
        section = points[cut[:, 0]] * (1 - share) + points[cut[:, 1]] * share
        found.append(hull_perimeter(section @ across.T))
    return np.array(found)
