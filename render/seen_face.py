"""Where the network's landmarks lie on a head, for each direction from which it is seen.

The network was taught with pictures of faces, and it leans towards the usual ones: seen from the side or from below,
its points do not move as far as the points of a head would, and those of the silhouette slide along it. So landmarks
have no fixed place on the canonical face; they have one that depends on the view, and `data/seen_face.json` says which.
It also says how faces differ most, in so far as landmarks show it: deep ones and flat ones, long ones and short ones. A
deep face seems to turn further than a flat one.

The table was measured on rendered heads of known pose (`python -m bench.head_train`); it is symmetric, and laid on the
canonical face, so that what is worn sits where it would on that.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TABLE = Path(__file__).parent / "data" / "seen_face.json"
Vector = NDArray[np.float64]


class SeenFace:
    """shapes: (S, N, 3) canonical millimetres, ways in which faces differ, by one standard deviation each."""

    def __init__(self, landmarks: NDArray[np.int64], path: Path = TABLE) -> None:
        """landmarks: (N,) the numbers of those that are wanted, all of which the table has."""
        rows = {row["landmark"]: row for row in json.loads(path.read_text())["landmarks"]}
        wanted = [rows[number] for number in landmarks.tolist()]
        self.shapes = np.array([row["shapes_mm"] for row in wanted], np.float64).transpose(1, 0, 2).copy()
        # The place seen from straight ahead, then what each term of the view adds.
        terms = np.array([[row["mm"], *row["by_view_mm"]] for row in wanted], np.float64).transpose(1, 0, 2)
        self._terms = terms.reshape(len(terms), -1).copy()

    def with_shape(self, coefficients: Vector) -> Vector:
        """(N, 3) what a face of these coefficients (S,) adds to every view."""
        return np.asarray(np.tensordot(coefficients, self.shapes, 1))

    def seen_from(self, view: Vector) -> Vector:
        """(N, 3) canonical millimetres. view: (3,) unit vector in the head frame, from the head to the camera."""
        x, y = float(view[0]), float(view[1])
        return np.asarray((np.array([1.0, x, y, x * x, x * y, y * y]) @ self._terms).reshape(-1, 3))
