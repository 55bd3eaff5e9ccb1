"""What a fit says beside the shape: how each photo was taken, and what the fitted body leaves of its outline.

A fit errs with its circumstances: a phone that looks down on somebody makes legs small and shoulders large, and who
leans a little is taken for larger or smaller than she is. The correction of `avatar.estimate` learns these habits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar.fit import Fit
from avatar.sighting import View

_OUTLINED = (
    "pelvis", "spine1", "spine2", "spine3", "left_hip", "right_hip", "left_knee", "right_knee", "left_collar",
    "right_collar", "left_shoulder", "right_shoulder", "neck", "left_elbow", "right_elbow",
)  # fmt: skip


def circumstances(fit: Fit) -> NDArray[np.float64]:
    """Of each view 23 numbers, of the fit one, the same places for the same things: (23 V + 1,).

    A side photo in which she looks to the left counts mirrored, left and right exchanged. Where the body's up (x, z)
    and front (x, y, z) point in the camera's frame, x right, y down, z away; by how much the focal length is not the
    assumed one, a logarithm; how far below the picture's middle the pelvis lies, as a slope; how far away it is, the
    logarithm of metres; where the picture's outline lies beyond the body's, cm, by joint, 0 where it was not seen.
    Last the root mean square of all of that outline, cm.
    """
    numbers = [number for view in fit.states for number in _of_photo(fit, view)]
    return np.array([*numbers, 100 * fit.outline_error_m])


def _of_photo(fit: Fit, view: View) -> list[float]:
    state, residual = fit.states[view], fit.residual_m[view]
    up, front = state.turns[0][:, 1], state.turns[0][:, 2]
    mirrored = view == "side" and front[0] < 0
    across = -1.0 if mirrored else 1.0
    return [
        *(across * up[0], up[2], across * front[0], front[1], front[2]),
        state.log_focal,
        state.place[1] / state.place[2],
        float(np.log(state.place[2])),
        *(100 * residual.get(_opposite(joint) if mirrored else joint, 0.0) for joint in _OUTLINED),
    ]


def _opposite(joint: str) -> str:
    """The same joint of the other side; of the middle, itself."""
    side, _, name = joint.partition("_")
    return {"left": f"right_{name}", "right": f"left_{name}"}.get(side, joint)
