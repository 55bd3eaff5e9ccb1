"""Is this photo fit to measure from? Findings with stable codes, and advice the shopper can act on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from avatar.photo import Photo
from avatar.sighting import ANKLES, ELBOWS, HEELS, HIPS, KNEES, NOSE, SHOULDERS, TOES, WRISTS, Sighting, View

ADVICE = {
    "nobody": "We could not find anyone. Stand in the picture from head to feet, in good light.",
    "several-people": "There is more than one person in the picture. Please be alone in it.",
    "cut-off": "Part of you is outside the picture. Step back until head and feet are well inside.",
    "too-small": "You are too small in the picture. Come closer, until you fill most of its height.",
    "too-dark": "It is too dark to see your outline. Turn a light on, or face a window.",
    "blurred": "The picture is blurred. Put the phone on something steady and stand still.",
    "arms-against-body": "Your arms touch your body. Hold them away from it, like a letter A.",
    "legs-closed": "Your legs are closed. Stand with your feet as wide as your hips.",
    "not-frontal": "You are turned to one side. Face the camera.",
    "not-sideways": "For the side picture, turn until your shoulder points at the camera.",
    "sitting": "You seem to be sitting. Please stand upright.",
    "loose-clothes": "Loose clothes hide the body, so the errors are wider. In tight clothes it would be surer.",
}
MIN_TALL_PX = 380
_EDGE_SHARE = 0.012
_EDGE_ROWS = 3
_SEEN = 0.5
_DARK_MEDIAN, _DARK_BRIGHT = 38, 75
_SHARP_TALL_PX = 500
_BLURRED = 6.0
_ARM_DEG = 9.0
_ANKLE_SHARE = 0.9
_FRONTAL_DEG, _SIDEWAYS_DEG = 25.0, 55.0
_STRAIGHT_KNEE_DEG, _THIGH_SHARE = 140.0, 0.55


@dataclass(frozen=True)
class Finding:
    """What is wrong with a photo, and what to do about it."""

    code: str
    view: View

    @property
    def advice(self) -> str:
        """In words for the shopper."""
        return ADVICE[self.code]


def check(photo: Photo, seen: Sequence[Sighting], view: View) -> list[Finding]:
    """All that is wrong with a photo, the gravest first; empty if it can be measured from."""
    if not seen or seen[0].visibility[[*SHOULDERS, *HIPS]].mean() < _SEEN:
        return [Finding("nobody", view)]
    person = seen[0]
    sitting = _sitting(person, view)
    tests = {
        "several-people": len(seen) > 1 and _apart(person, seen[1]),
        "cut-off": _cut_off(person) or not (sitting or person.whole),
        "sitting": sitting,
        "too-small": person.tall_px < MIN_TALL_PX,
        "too-dark": _dark(photo, person),
        "blurred": _blurred(photo, person),
    }
    if view == "front":
        frontal = person.yaw_deg < _FRONTAL_DEG
        tests |= {
            "not-frontal": not frontal,
            "arms-against-body": frontal and _arm_angle(person) < _ARM_DEG,
            "legs-closed": frontal and _legs_closed(person),
        }
    else:
        tests["not-sideways"] = not _SIDEWAYS_DEG < person.yaw_deg < 180 - _SIDEWAYS_DEG
    return [Finding(code, view) for code, wrong in tests.items() if wrong]


def _apart(first: Sighting, second: Sighting) -> bool:
    """Whether the second is a person of some size, not the first found twice."""
    ours, theirs = first.mask > 0.5, second.mask > 0.5
    common = (ours & theirs).sum() / max(1, min(ours.sum(), theirs.sum()))
    return bool(second.tall_px > 0.35 * first.tall_px and common < 0.5)


def _cut_off(person: Sighting) -> bool:
    """Points beyond the picture, or an outline that its upper or lower edge cuts where head or feet should end."""
    height, width = person.mask.shape
    edge = _EDGE_SHARE * height
    x, y = person.landmarks.T
    filled = np.asarray((person.mask > 0.5).any(1))
    above, below = filled[:_EDGE_ROWS].any(), filled[-_EDGE_ROWS:].any()
    # The nose lies some 12 % of the body's height below the crown.
    crown = y[NOSE] - 0.11 * (y[list(ANKLES)].max() - y[NOSE])
    outside = y[[*HEELS, *TOES]].max() > height - 1 or x.min() < edge or x.max() > width - edge
    unseen = person.visibility[[*ANKLES]].max() < _SEEN
    return bool(outside or (above and crown < 0) or (below and unseen) or crown < -edge)


def _angle(first: NDArray[np.float64], corner: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    a, b = first - corner, second - corner
    return float(np.degrees(np.arccos(np.clip(a @ b / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-9), -1, 1))))


def _sitting(person: Sighting, view: View) -> bool:
    """Bent knees; or, seen from the front, thighs that come towards the camera and look short."""
    points = person.landmarks
    shoulder, hip, knee = (points[list(pair)].mean(0) for pair in (SHOULDERS, HIPS, KNEES))
    short = view == "front" and (knee[1] - hip[1]) < _THIGH_SHARE * (hip[1] - shoulder[1])
    bent = max(_angle(points[h], points[k], points[a]) for h, k, a in zip(HIPS, KNEES, ANKLES, strict=True))
    return bool(short or bent < _STRAIGHT_KNEE_DEG)


def _dark(photo: Photo, person: Sighting) -> bool:
    inside = cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2GRAY)[person.mask > 0.5]
    everywhere = cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2GRAY)
    # Dark clothes before a bright wall are well seen: the whole picture must be dark.
    return bool(np.median(inside) < _DARK_MEDIAN and np.percentile(everywhere, 90) < _DARK_BRIGHT)


def _blurred(photo: Photo, person: Sighting) -> bool:
    """How steep the outline is, at a common size: a blurred outline is a wide one."""
    scale = _SHARP_TALL_PX / max(person.tall_px, 1)
    grey = cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2GRAY)
    grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    mask = cv2.resize((person.mask > 0.5).astype(np.uint8), grey.shape[::-1])
    near = cv2.dilate(mask, np.ones((9, 9), np.uint8)) > 0
    fine = cv2.Laplacian(cv2.GaussianBlur(grey, (0, 0), 0.8), cv2.CV_32F)
    return bool(np.percentile(np.abs(fine[near]), 99) < _BLURRED)


def _arm_angle(person: Sighting) -> float:
    """The smaller angle between an arm and the vertical, seen from the front, degrees."""
    angles = []
    for shoulder, elbow, wrist in zip(SHOULDERS, ELBOWS, WRISTS, strict=True):
        along = person.landmarks[[elbow, wrist]].mean(0) - person.landmarks[shoulder]
        outward = np.sign(person.landmarks[shoulder, 0] - person.landmarks[list(SHOULDERS), 0].mean())
        angles.append(float(np.degrees(np.arctan2(outward * along[0], along[1]))))
    return min(angles)


def _legs_closed(person: Sighting) -> bool:
    """Ankles closer together than the hip joints."""
    hips, ankles = (abs(float(np.diff(person.landmarks[list(pair), 0])[0])) for pair in (HIPS, ANKLES))
    return ankles < _ANKLE_SHARE * hips
