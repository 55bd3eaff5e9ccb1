"""What many frames of a person's irises tell: her head's true size and the distance of her pupils, with errors."""

from dataclasses import dataclass, replace

import numpy as np

from render.headpose import FRAMES_UNTIL_ANOTHER_PERSON, IRIS_MM, IRIS_SIGMA_MM, EyeMeasure, HeadPose

ENOUGH_FRAMES = 12
REMEMBERED_FRAMES = 240
# Adult heads: outside these a measure is a mistake of the tracker, not a person.
PLAUSIBLE_SCALE = (0.78, 1.25)
UPDATE_EVERY_FRAMES = 2
LOCKING = 0.25


@dataclass(frozen=True)
class Fit:
    """A person's measures in millimetres; sigma is one standard error, the iris's own spread included."""

    pd_mm: float
    pd_sigma_mm: float
    head_scale: float


class EyeStatistics:
    """Collects eye measures of one person; her size is nearly locked once it is known."""

    def __init__(self) -> None:
        # One row a frame: scale, pupil distance on the canonical head. The oldest is overwritten.
        self._measures = np.empty((REMEMBERED_FRAMES, 2))
        self._count = 0
        self._frames_without_face = 0
        self._scale = 1.0
        self._fit: Fit | None = None

    @property
    def fit(self) -> Fit | None:
        """The measures, once enough frames agree."""
        return self._fit

    def add(self, measure: EyeMeasure) -> None:
        """One frame's measure; implausible ones are left out."""
        self._frames_without_face = 0
        if not PLAUSIBLE_SCALE[0] <= measure.scale <= PLAUSIBLE_SCALE[1]:
            return
        self._measures[self._count % REMEMBERED_FRAMES] = measure.scale, measure.pupils_canonical_mm
        self._count += 1
        if self._count == ENOUGH_FRAMES or (self._count > ENOUGH_FRAMES and self._count % UPDATE_EVERY_FRAMES == 0):
            self._update()

    def _update(self) -> None:
        scales, pupils = self._measures[: self._count].T
        scale = float(np.median(scales))
        # The first estimate is taken whole; later ones move a worn product too slowly to be seen.
        self._scale = scale if self._fit is None else self._scale + LOCKING * (scale - self._scale)
        pd = float(np.median(pupils)) * self._scale
        products = pupils * scales
        spread = float(np.median(np.abs(products - np.median(products)))) * 1.4826
        sigma = float(np.hypot(pd * IRIS_SIGMA_MM / IRIS_MM, spread))
        self._fit = Fit(pd_mm=pd, pd_sigma_mm=sigma, head_scale=self._scale)

    def face_lost(self) -> None:
        """A frame without a face; after a while the next face counts as another person's."""
        self._frames_without_face += 1
        if self._frames_without_face == FRAMES_UNTIL_ANOTHER_PERSON:
            self._count = 0
            self._fit = None
            self._scale = 1.0

    def to_true_size(self, pose: HeadPose) -> HeadPose:
        """The same picture of a head of this person's size: nearer if smaller, by the same factor."""
        return replace(pose, translation_mm=pose.translation_mm * self._scale, scale=self._scale)
