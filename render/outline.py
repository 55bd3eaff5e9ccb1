"""What decides how much of a frame a seated product can cover: the corners of its convex hull."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from render.product import Wearable
from render.seat import Seat
from render.shadow import Shadow

ERROR_MM: Final = 0.5  # far inside the margin that is drawn around it
FEW_POINTS: Final = 128  # so few are not worth a search for the outermost


def outline_of(product: Wearable, resting: Seat, shadow: Shadow, scale: float) -> NDArray[np.float64]:
    """Corners (n, 3), head frame mm, of the convex hull of what can be seen of the seated product and its shadow."""
    flex = resting.flex
    end = flex.fade_z - flex.fade_mm
    seen = []
    for batch in product.within(ERROR_MM).batches:
        points = batch.positions.astype(np.float64)
        seen.append(points[points[:, 2] > end])
        # Where an edge passes out of sight, the point at which it does.
        for a, b in ((0, 1), (1, 2), (2, 0)):
            start, stop = points[batch.faces[:, a]], points[batch.faces[:, b]]
            crossing = (start[:, 2] > end) != (stop[:, 2] > end)
            start, stop = start[crossing], stop[crossing]
            share = (end - start[:, 2:]) / (stop[:, 2:] - start[:, 2:])
            seen.append(start + share * (stop - start))
    points = flex.bend(np.concatenate(seen))
    points = points @ resting.rotation.T + resting.translation_mm
    points = np.concatenate([points, shadow.positions * scale])
    if len(points) <= FEW_POINTS:
        return points
    from scipy.spatial import ConvexHull, QhullError  # noqa: PLC0415  slow to import

    try:
        return np.asarray(points[ConvexHull(points).vertices])
    except QhullError:  # flat: nothing to leave out
        return points
