"""From a fitted body to measurements with honest errors.

The fit errs in ways that repeat: clothes add to an outline, a shape model smooths, a camera looks down. A linear
correction, learned from rendered people with known measurements (`bench.bodies_train`, training seeds only), takes
these away, and what it leaves on people it was not trained on, by leave-one-out, is the covariance stated. A
measurement that the shopper corrects conditions all the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from avatar.measure import MEASURES

Float = NDArray[np.float64]
CORRECTION_FILE = Path(__file__).parent / "data" / "correction.npz"
Clothing = Literal["tight", "everyday", "unknown"]
CLOTHING: tuple[Clothing, ...] = ("tight", "everyday", "unknown")
_FAR = 4.0  # standard deviations: what lies further out counts as lying there, in learning too
TAPE_SIGMA_CM = 0.7  # of a shopper's own tape; ISO 20685 allows 0.4 to 0.9 cm between trained measurers


@dataclass(frozen=True)
class Features:
    """What the correction sees: the fitted body's measures and mass, what was stated, the fit's `circumstances`."""

    measures_cm: Mapping[str, float]
    mass_kg: float
    height_cm: float
    female: float
    circumstances: Float
    weight_kg: float | None = None

    def row(self) -> Float:
        """As numbers, in a fixed order."""
        fitted = [self.measures_cm[name] for name in MEASURES]
        row = [*fitted, self.mass_kg, self.height_cm, self.female]
        if self.weight_kg is not None:
            row += [self.weight_kg, self.weight_kg - self.mass_kg]
        return np.array([*row, *self.circumstances])


@dataclass(frozen=True)
class Estimate:
    """Measures in cm with their joint uncertainty: mean (M,) and covariance (M, M) in the order of MEASURES."""

    mean: Float
    covariance: Float

    def __getitem__(self, name: str) -> tuple[float, float]:
        """A measure and its standard deviation, cm."""
        index = MEASURES.index(name)
        return float(self.mean[index]), float(np.sqrt(self.covariance[index, index]))

    def widened(self, factor: float) -> Estimate:
        """The same measures, each known less well by that factor."""
        return Estimate(self.mean, self.covariance * factor**2)

    def corrected(self, known_cm: Mapping[str, float], sigma_cm: float = TAPE_SIGMA_CM) -> Estimate:
        """The same body after some measures became known, each to within `sigma_cm`; the others follow."""
        if not known_cm:
            return self
        index = [MEASURES.index(name) for name in known_cm]
        among = self.covariance[np.ix_(index, index)] + np.eye(len(index)) * sigma_cm**2
        gain = np.linalg.solve(among, self.covariance[index]).T
        surprise = np.array(list(known_cm.values())) - self.mean[index]
        covariance = self.covariance - gain @ self.covariance[index]
        return Estimate(self.mean + gain @ surprise, 0.5 * (covariance + covariance.T))


@dataclass(frozen=True)
class Correction:
    """One linear map: features (F,) are centred, scaled and limited, then mapped to what the fitted measures lack."""

    centre: Float
    scale: Float
    weights: Float
    offset: Float
    covariance: Float

    def apply(self, features: Features) -> Estimate:
        """The estimate for one person."""
        row = features.row()
        fitted = row[: len(MEASURES)]
        missing = standardised(row, self.centre, self.scale) @ self.weights + self.offset
        return Estimate(fitted + missing, self.covariance)


def standardised(rows: Float, centre: Float, scale: Float) -> Float:
    """Feature rows (..., F) in standard deviations from the mean, as a correction takes them; 0 for what is no number.

    A fit whose body has no outline in the picture does not know how far that is off.
    """
    return np.asarray(np.nan_to_num(((rows - centre) / scale).clip(-_FAR, _FAR), nan=0.0))


def mixture(estimates: Sequence[Estimate]) -> Estimate:
    """One estimate of several that are equally likely: what they disagree on is known less well."""
    mean = np.mean([estimate.mean for estimate in estimates], 0)
    apart = [np.outer(estimate.mean - mean, estimate.mean - mean) for estimate in estimates]
    covariance = np.mean([e.covariance + d for e, d in zip(estimates, apart, strict=True)], 0)
    return Estimate(mean, covariance)


def error_correlation(corrections: Mapping[str, Correction], sigma_cm: Mapping[str, float]) -> Float:
    """Correlation (N, N) of the errors of measures of which the standard deviations alone are still known.

    That of the correction whose own standard deviations are most like them; in the order of `sigma_cm`.
    """
    index = [MEASURES.index(name) for name in sigma_cm]
    sigma = np.array(list(sigma_cm.values())).clip(1e-3)

    def spread(correction: Correction) -> Float:
        return np.sqrt(np.diag(correction.covariance)[index])

    likest = min(corrections.values(), key=lambda one: float(np.abs(np.log(spread(one) / sigma)).mean()))
    own = spread(likest)
    return np.asarray(likest.covariance[np.ix_(index, index)] / np.outer(own, own))


def mode(views: int, with_weight: bool, clothing: Clothing) -> str:
    """The name of the correction for that many photos, with or without a stated weight, in those clothes."""
    return ("front", "front_side")[views - 1] + ("_weight" if with_weight else "") + f"_{clothing}"


def save(corrections: Mapping[str, Correction], path: Path = CORRECTION_FILE) -> None:
    """Write the corrections of all modes."""
    arrays = {
        f"{name}/{field}": np.asarray(getattr(correction, field), np.float32)
        for name, correction in corrections.items()
        for field in ("centre", "scale", "weights", "offset", "covariance")
    }
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


@lru_cache(maxsize=2)
def load(path: Path = CORRECTION_FILE) -> Mapping[str, Correction]:
    """The corrections by mode."""
    with np.load(path, allow_pickle=False) as file:
        names = sorted({name.split("/")[0] for name in file.files})
        return {
            name: Correction(
                *(
                    file[f"{name}/{field}"].astype(np.float64)
                    for field in ("centre", "scale", "weights", "offset", "covariance")
                )
            )
            for name in names
        }
