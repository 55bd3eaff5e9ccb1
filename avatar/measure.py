"""Measure a body as a tape would, after ISO 8559-1:2017 (definitions by way of clad-body's documentation).

The body is measured in the model's rest pose, upright, arms away from the trunk. Girths of the trunk leave the arms
out and span hollows. Everything is in centimetres.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar.body_arrays import JOINT_NAMES, BodyArrays
from avatar.landmarks import arm_parts
from avatar.section import Points, crossings, edges_of, hull_perimeter, level_girths, plane_girth

DENSITY_KG_M3 = 985.0
_STEP_M = 0.006
# The standard's waist lies midway between the lowest rib and the iliac crest. Neither shows on skin or in a photo; this
# is where that middle lies between two points that do, on the average adult of the model (61 % of stature).
_WAIST_SHARE = 0.387
_LEG = ("pelvis", "hip", "knee", "ankle")

# What each measure is; the number is the clause of ISO 8559-1:2017 where it has one that we could check.
DEFINITIONS: Mapping[str, str] = {
    "height": "stature: floor to the top of the head (5.1.1)",
    "cervical_height": "floor to the seventh cervical vertebra",
    "waist_height": "floor to the level of the waist girth",
    "hip_height": "floor to the level of the hip girth",
    "inside_leg": "floor to the crotch (5.1.15)",
    "knee_height": "floor to the middle of the knee",
    "neck": "girth at mid-neck, square to the neck (5.3.2)",
    "chest": "horizontal girth at the bust points, arms left out (5.3.4)",
    "underbust": "horizontal girth just below the breasts (5.3.6)",
    "waist": "horizontal girth at 38.7 % of the way from the crotch to the seventh cervical vertebra (after 5.3.10)",
    "high_hip": "horizontal girth midway between the waist and the level of the hip girth",
    "hip": "largest horizontal girth about the buttocks (5.3.13)",
    "upper_arm": "girth midway between shoulder and elbow, square to the arm (5.3.16)",
    "forearm": "largest girth below the elbow, square to the arm",
    "wrist": "girth at the wrist, square to the arm (5.3.19)",
    "thigh": "girth 3 cm below the crotch, square to the leg (5.3.20)",
    "mid_thigh": "girth midway between hip and knee, square to the leg",
    "knee": "girth at the middle of the knee, square to the leg (5.3.22)",
    "calf": "largest girth between knee and ankle, square to the leg (5.3.24)",
    "ankle": "smallest girth above the ankle, square to the leg",
    "shoulder_width": "from shoulder point to shoulder point over the seventh cervical vertebra (5.4.2)",
    "back_length": "from the seventh cervical vertebra down the back to the waist (5.4.5)",
    "bust_distance": "between the bust points",
    "arm_length": "from shoulder point over the elbow to the wrist",
    "crotch_length": "from the waist in front through the crotch to the waist behind (5.4.18)",
}
MEASURES = tuple(DEFINITIONS)


@dataclass(frozen=True)
class _Limb:
    """Edges of one limb, and its joints' places among the model's."""

    edges: NDArray[np.int64]
    start: int
    end: int


class Tape:
    """Measures bodies of one mesh. Building it takes some 50 ms, a body some 20 ms."""

    def __init__(self, arrays: BodyArrays) -> None:
        part = arrays.weights.argmax(1)
        faces = arrays.faces
        used = np.unique(faces)
        arm = np.isin(part, arm_parts(JOINT_NAMES))
        head = part == JOINT_NAMES.index("head")
        self._marks = arrays.landmarks
        self._used = used
        self._joints = [(row.nonzero()[0], row[row != 0].astype(np.float64)) for row in arrays.joint_regressor]
        self._faces = faces
        self._trunk = edges_of(faces[~(arm | head)[faces].any(1)])
        self._neck = edges_of(
            faces[~arm[faces].any(1) & (arrays.template[faces][..., 1] > self._rest_neck(arrays)).all(1)]
        )
        self._limbs: dict[str, _Limb] = {}
        for side, sign in (("left", 1), ("right", -1)):
            beside = sign * arrays.template[:, 0] > -0.002
            for name, parts, ends in (
                ("upper_arm", ("shoulder", "elbow"), ("shoulder", "elbow")),
                ("forearm", ("elbow", "wrist"), ("elbow", "wrist")),
                ("thigh", _LEG, ("hip", "knee")),
                ("shin", _LEG, ("knee", "ankle")),
            ):
                wanted = [i for i, joint in enumerate(JOINT_NAMES) if joint.removeprefix(f"{side}_") in parts]
                mine = (np.isin(part, wanted) & beside)[faces].all(1)
                start, end = (JOINT_NAMES.index(f"{side}_{joint}") for joint in ends)
                self._limbs[f"{name}_{side}"] = _Limb(edges_of(faces[mine]), start, end)

    @staticmethod
    def _rest_neck(arrays: BodyArrays) -> float:
        level: float = (arrays.joint_regressor[JOINT_NAMES.index("neck")] @ arrays.template)[1] - 0.06
        return level

    def measure(self, vertices: NDArray[np.float32]) -> dict[str, float]:
        """The measures in cm of one body (V, 3), metres, in the rest pose."""
        body = vertices.astype(np.float64)
        joints = np.stack([weight @ body[index] for index, weight in self._joints])
        point = {name: body[index].mean(0) for name, index in self._marks.items()}
        floor, top = body[self._used, 1].min(), body[self._used, 1].max()
        metres = {"height": top - floor}
        waist = point["crotch"][1] + _WAIST_SHARE * (point["cervical"][1] - point["crotch"][1])
        metres.update(self._trunk_measures(body, joints, point, floor=floor, waist=waist))
        metres.update(self._limb_measures(body, joints, point))
        acromion = {side: point[f"acromion_{side}"] for side in ("left", "right")}
        metres["shoulder_width"] = sum(float(np.linalg.norm(end - point["cervical"])) for end in acromion.values())
        metres["bust_distance"] = float(np.linalg.norm(point["bust_left"] - point["bust_right"]))
        metres["arm_length"] = _both(
            lambda side: sum(
                float(np.linalg.norm(a - b))
                for a, b in (
                    (acromion[side], joints[JOINT_NAMES.index(f"{side}_elbow")]),
                    (joints[JOINT_NAMES.index(f"{side}_elbow")], joints[JOINT_NAMES.index(f"{side}_wrist")]),
                )
            )
        )
        metres["cervical_height"] = point["cervical"][1] - floor
        metres["waist_height"] = waist - floor
        metres["inside_leg"] = point["crotch"][1] - floor
        metres["knee_height"] = _both(lambda side: joints[JOINT_NAMES.index(f"{side}_knee")][1]) - floor
        return {name: 100.0 * float(metres[name]) for name in MEASURES}

    def mass_kg(self, vertices: NDArray[np.float32]) -> float:
        """Mass of the body by its volume."""
        corners = vertices.astype(np.float64)[self._faces]
        signed = np.einsum("fi,fi->f", np.cross(corners[:, 0], corners[:, 1]), corners[:, 2])
        return float(signed.sum() / 6.0 * DENSITY_KG_M3)

    def _trunk_measures(
        self, body: Points, joints: Points, point: Mapping[str, Points], *, floor: float, waist: float
    ) -> dict[str, float]:
        crotch = point["crotch"][1]
        bust = 0.5 * (point["bust_left"][1] + point["bust_right"][1])
        chest, underbust, at_waist = level_girths(body, self._trunk, np.array([bust, point["underbust"][1], waist]))
        levels = np.arange(crotch + 0.015, waist, _STEP_M)
        girths = level_girths(body, self._trunk, levels)
        low = levels < crotch + 0.62 * (waist - crotch)
        hip, hip_level = _peak(levels[low], girths[low])
        chest, underbust, at_waist, high_hip = level_girths(
            body, self._trunk, np.array([bust, point["underbust"][1], waist, 0.5 * (waist + hip_level)])
        )
        neck, head = joints[JOINT_NAMES.index("neck")], joints[JOINT_NAMES.index("head")]
        middle = crossings(body, self._trunk, np.zeros(3), np.array([1.0, 0.0, 0.0]))[:, 1:]
        return {
            "chest": chest,
            "underbust": underbust,
            "waist": at_waist,
            "hip": hip,
            "high_hip": high_hip,
            "hip_height": hip_level - floor,
            "neck": plane_girth(body, self._neck, neck + 0.5 * (head - neck), head - neck),
            "back_length": _back_length(middle, point["cervical"][1], waist),
            "crotch_length": _crotch_length(middle, waist),
        }

    def _limb_measures(self, body: Points, joints: Points, point: Mapping[str, Points]) -> dict[str, float]:
        def girth(limb: str, share: float) -> float:
            def one(side: str) -> float:
                part = self._limbs[f"{limb}_{side}"]
                axis = joints[part.end] - joints[part.start]
                return plane_girth(body, part.edges, joints[part.start] + share * axis, axis)

            return _both(one)

        def below_crotch(side: str) -> float:
            part = self._limbs[f"thigh_{side}"]
            axis = joints[part.end] - joints[part.start]
            share = (joints[part.start][1] - point["crotch"][1] + 0.03) / -axis[1]
            return plane_girth(body, part.edges, joints[part.start] + share * axis, axis)

        return {
            "upper_arm": girth("upper_arm", 0.5),
            "forearm": max(girth("forearm", share) for share in (0.12, 0.18, 0.24, 0.3)),
            "wrist": girth("forearm", 0.96),
            "thigh": _both(below_crotch),
            "mid_thigh": girth("thigh", 0.5),
            "knee": girth("shin", 0.0),
            "calf": max(girth("shin", share) for share in (0.2, 0.25, 0.3, 0.35, 0.4)),
            "ankle": min(girth("shin", share) for share in (0.78, 0.83, 0.88)),
        }


def _both(measure: Callable[[str], float]) -> float:
    """The mean of the left and the right side."""
    return 0.5 * (float(measure("left")) + float(measure("right")))


def _peak(levels: Points, girths: Points) -> tuple[float, float]:
    """The largest girth and its level, by a parabola through the largest sample and its neighbours."""
    at = int(girths.argmax())
    if at in (0, len(girths) - 1):
        return float(girths[at]), float(levels[at])
    before, here, after = girths[at - 1 : at + 2]
    shift = 0.5 * (before - after) / (before - 2 * here + after - 1e-12)
    return float(here - 0.25 * (before - after) * shift), float(levels[at] + shift * (levels[1] - levels[0]))


def _back_length(middle: Points, neck: float, waist: float) -> float:
    """Along the back from neck to waist. `middle` (N, 2): heights and depths of the section through the middle."""
    levels = np.linspace(neck, waist, 14)
    half = abs(levels[1] - levels[0]) / 2
    depth = [middle[np.abs(middle[:, 0] - level) < half + 0.01, 1].min(initial=np.inf) for level in levels]
    line = np.stack([levels, np.array(depth)], 1)[np.isfinite(depth)]
    return float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())


def _crotch_length(middle: Points, waist: float) -> float:
    """Around the section below the waist, without the line that closes it."""
    below = middle[middle[:, 0] < waist]
    ends = middle[np.abs(middle[:, 0] - waist) < 0.02]
    front, back = ends[:, 1].max(), ends[:, 1].min()
    closed = np.concatenate([below, [[waist, front], [waist, back]]])
    return hull_perimeter(closed) - float(front - back)
