"""Which size fits, how surely, and where it would pinch.

A body's measures are uncertain together; a garment's are not. So sizes are tried on many bodies drawn from the measures
and their errors, and each draw votes for the size whose ease, over the zones the chart names, is the least wrong. The
share of votes is the probability. The zone that keeps the neighbouring size from being chosen is the one that decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from avatar.charts import GIRTHS, LENGTHS, BodyChart, GarmentChart
from avatar.estimate import error_correlation, load
from avatar.measure import MEASURES

Float = NDArray[np.float64]
_DRAWS = 2000
_SEED = 20261
_BETWEEN = 0.25  # the neighbour's probability from which one is between two sizes
_NAMES: Mapping[str, str] = {
    "upper_arm": "upper arm", "leg_hem": "leg opening", "cuff": "cuff", "inside_leg": "inside leg",
    "shoulder": "shoulders", "sleeve": "sleeve",
}  # fmt: skip


class Measured(Protocol):
    """A measure as `avatar.build.Measure` has it."""

    @property
    def value_cm(self) -> float:
        """The measure."""

    @property
    def sigma_cm(self) -> float:
        """Its standard deviation."""


@dataclass(frozen=True)
class Zone:
    """One dimension of one size on this body: the ease in cm with its standard deviation, a verdict and words for it.

    verdict: tight, snug, good, roomy or loose.
    """

    name: str
    ease_cm: float
    sigma_cm: float
    verdict: str
    words: str


@dataclass(frozen=True)
class SizeFit:
    """How one size fits: the probability that it is the best one, and its zones."""

    label: str
    probability: float
    zones: tuple[Zone, ...]


@dataclass(frozen=True)
class FitReport:
    """The recommended size with its probability, the neighbour that comes next and its probability (None if there is
    one size), the zone that decides between them, whether one is between sizes, what to say, and every size.
    """

    size: str
    probability: float
    neighbour: str | None
    neighbour_probability: float
    decided_by: str
    between: bool
    words: str
    sizes: tuple[SizeFit, ...]


def fit_report(measures: Mapping[str, Measured], chart: GarmentChart | BodyChart) -> FitReport:
    """The fit of every size of a chart. Raises KeyError if a measure the chart needs is missing."""
    names, mean, covariance = _joint(measures)
    drawn = np.random.default_rng(_SEED).multivariate_normal(
        mean, covariance, _DRAWS, check_valid="ignore", method="eigh"
    )
    if isinstance(chart, BodyChart):
        return _by_body(chart, names, drawn)
    return _by_garment(chart, names, mean, covariance, drawn)


def _joint(measures: Mapping[str, Measured]) -> tuple[list[str], Float, Float]:
    """Names, means and covariance of the measures, as the errors of a fit go together."""
    names = [name for name in MEASURES if name in measures]
    mean = np.array([measures[name].value_cm for name in names])
    sigma = np.array([measures[name].sigma_cm for name in names])
    correlation = error_correlation(load(), dict(zip(names, sigma, strict=True)))
    return names, mean, correlation * np.outer(sigma, sigma)


def _by_garment(chart: GarmentChart, names: Sequence[str], mean: Float, covariance: Float, drawn: Float) -> FitReport:
    zones = [zone for zone in chart.ease if body_measure(zone) in names]
    under = [names.index(str(body_measure(zone))) for zone in zones]
    finished = np.array([[row[zone] for zone in zones] for row in chart.sizes.values()])
    band = np.array([chart.ease[zone] for zone in zones])
    give = chart.stretch * np.array([finished[:, i].mean() if zone in GIRTHS else 0.0 for i, zone in enumerate(zones)])
    cost = _cost(finished[None] - drawn[:, None][..., under], band, give)
    sigma = np.sqrt(np.diag(covariance))[under]
    every = [
        [
            _zone(zone, float(ease), float(spread), chart.ease[zone])
            for zone, ease, spread in zip(zones, row, sigma, strict=True)
        ]
        for row in finished - mean[under]
    ]
    return _report(list(chart.sizes), zones, cost, every)


def _cost(ease: Float, band: Float, give: Float) -> Float:
    """How wrong (D, S, Z) eases (D, S, Z) are: 0 at the best, 1 at the ends of the band, steeper where it is tight.

    give (Z,): what the fabric yields beyond the least ease before it is as wrong as being that much too small.
    """
    least, best, most = band.T
    tight = (best - ease) / np.maximum(best - least + 0.5 * give, 1.0)
    loose = (ease - best) / np.maximum(most - best, 1.0)
    return np.asarray(np.where(ease < best, 1.25 * tight**2, loose**2))


def _by_body(chart: BodyChart, names: Sequence[str], drawn: Float) -> FitReport:
    """Sizes by whose body they are made for: how far outside its intervals a body is, in widths of the interval."""
    zones = [name for name in next(iter(chart.sizes.values())) if name in names]
    under = [names.index(zone) for zone in zones]
    spans = np.array([[row[zone] for zone in zones] for row in chart.sizes.values()])
    middle, half = spans.mean(-1), 0.5 * (spans[..., 1] - spans[..., 0])
    cost = ((drawn[:, None][..., under] - middle) / half) ** 2
    mean, sigma = drawn[:, under].mean(0), drawn[:, under].std(0)
    every = []
    for low_high in spans:
        row = []
        for zone, value, spread, (low, high) in zip(zones, mean, sigma, low_high, strict=True):
            over = float(value - high if value > high else value - low if value < low else 0.0)
            verdict = "good" if over == 0 else "tight" if over > 0 else "loose"
            side = "above" if over > 0 else "below"
            words = "within the size" if over == 0 else f"{_whole(over)} cm {side} the size at the {spoken(zone)}"
            row.append(Zone(zone, -over, float(spread), verdict, words))
        every.append(row)
    return _report(list(chart.sizes), zones, cost, every)


def _report(labels: list[str], zones: list[str], cost: Float, every: list[list[Zone]]) -> FitReport:
    total = cost.sum(-1)
    votes = np.bincount(total.argmin(1), minlength=len(labels)) / len(total)
    best = int(votes.argmax())
    beside = [index for index in (best - 1, best + 1) if 0 <= index < len(labels)]
    # Where no draw votes for either neighbour, the one that costs less is the next best.
    other = max(beside, key=lambda index: (votes[index], -total[:, index].mean())) if beside else None
    decided = zones[0]
    if other is not None:
        decided = zones[int((cost[:, other] - cost[:, best]).mean(0).argmax())]
    sizes = tuple(
        SizeFit(label, round(float(vote), 3), tuple(row)) for label, vote, row in zip(labels, votes, every, strict=True)
    )
    next_best = float(votes[other]) if other is not None else 0.0
    between = next_best >= _BETWEEN
    return FitReport(
        size=labels[best],
        probability=round(float(votes[best]), 3),
        neighbour=labels[other] if other is not None else None,
        neighbour_probability=round(next_best, 3),
        decided_by=decided,
        between=between,
        words=_advice(labels, every, best=best, other=other, between=between, decided=decided),
        sizes=sizes,
    )


def _advice(
    labels: list[str], every: list[list[Zone]], *, best: int, other: int | None, between: bool, decided: str
) -> str:
    """A sentence or two for the shopper."""
    off = [zone for zone in every[best] if zone.verdict in ("tight", "loose")]
    text = f"{labels[best]} fits you" + (f", though it is {off[0].words}" if off else "") + "."
    if other is None:
        return text
    neighbour = next(zone for zone in every[other] if zone.name == decided)
    if between:
        wide = "looser" if other > best else "closer"
        return f"You are between {labels[best]} and {labels[other]}. {text} Take {labels[other]} to wear it {wide}."
    return f"{text} {labels[other]} would be {neighbour.words}."


def _zone(name: str, ease: float, sigma: float, band: tuple[float, float, float]) -> Zone:
    least, best, most = band
    at = f"at the {spoken(name)}"
    if name in LENGTHS:
        verdict = "tight" if ease < least else "loose" if ease > most else "good"
        side = "short" if ease < best else "long"
        words = f"{_whole(ease - best)} cm too {side} {at}" if verdict != "good" else f"the right length {at}"
        if name == "shoulder":
            side = "narrow" if ease < best else "wide"
            words = f"{_whole(ease - best)} cm too {side} {at}" if verdict != "good" else f"right {at}"
        return Zone(name, round(ease, 2), round(sigma, 2), verdict, words)
    if ease < least:
        verdict, words = "tight", f"tight {at} by {_whole(least - ease)} cm"
    elif ease < least + 0.35 * (best - least):
        verdict, words = "snug", f"snug {at}"
    elif ease <= best + 0.65 * (most - best):
        verdict, words = "good", f"right {at}"
    elif ease <= most:
        verdict, words = "roomy", f"roomy {at}"
    else:
        verdict, words = "loose", f"loose {at} by {_whole(ease - most)} cm"
    return Zone(name, round(ease, 2), round(sigma, 2), verdict, words)


def _whole(centimetres: float) -> int:
    """For words: whole centimetres, never none."""
    return max(1, round(abs(centimetres)))


def body_measure(dimension: str) -> str | None:
    """The body measure that a garment's dimension is worn over, or None."""
    return GIRTHS.get(dimension) or LENGTHS.get(dimension)


def spoken(name: str) -> str:
    """A dimension or measure in words."""
    return _NAMES.get(name, name.replace("_", " "))
