"""The size that fits, how surely, and where it would pinch."""

from __future__ import annotations

import pytest

from avatar.build import Measure
from avatar.charts import BodyChart, GarmentChart, parse_chart
from avatar.errors import ChartInvalid
from avatar.measure import MEASURES
from avatar.sizing import FitReport, Zone, fit_report

AVERAGE = {
    "height": 169.0, "cervical_height": 144.0, "waist_height": 104.0, "hip_height": 84.0, "inside_leg": 79.0,
    "knee_height": 50.0, "neck": 37.0, "chest": 98.0, "underbust": 90.0, "waist": 88.0, "high_hip": 100.0, "hip": 104.0,
    "upper_arm": 30.0, "forearm": 25.5, "wrist": 17.5, "thigh": 59.0, "mid_thigh": 54.0, "knee": 40.0, "calf": 39.0,
    "ankle": 24.0, "shoulder_width": 38.0, "back_length": 40.0, "bust_distance": 21.0, "arm_length": 54.0,
    "crotch_length": 66.0,
}  # fmt: skip
CHART = GarmentChart(
    kind="top",
    sizes={label: {"chest": 98.0 + 6 * place, "hip": 102.0 + 6 * place} for place, label in enumerate("ABCDE")},
    ease={"chest": (4.0, 8.0, 14.0), "hip": (2.0, 6.0, 12.0)},
    modelled="C",
)


def body(sigma: float = 1.0, **changed: float) -> dict[str, Measure]:
    return {name: Measure(value, sigma) for name, value in (AVERAGE | changed).items()}


def zone_of(report: FitReport, size: str, name: str) -> Zone:
    return next(zone for one in report.sizes if one.label == size for zone in one.zones if zone.name == name)


def test_the_average_measures_are_all_there() -> None:
    assert set(AVERAGE) == set(MEASURES)


def test_the_size_with_the_intended_ease_is_recommended() -> None:
    """Chest 97 and best ease 8: 105 would be best, 104 and 110 are on the rack; hip 102 and 6: 108 is there."""
    report = fit_report(body(0.3, chest=97.0, hip=102.0), CHART)
    assert report.size == "B"
    assert report.probability > 0.95
    assert sum(one.probability for one in report.sizes) == pytest.approx(1, abs=0.01)


def test_errors_of_the_measures_lower_the_probability() -> None:
    sure, unsure = fit_report(body(0.3), CHART), fit_report(body(4.0), CHART)
    assert unsure.probability < sure.probability - 0.1
    assert unsure.neighbour_probability > sure.neighbour_probability


def test_between_two_sizes_both_are_named() -> None:
    report = fit_report(body(1.5, chest=98.7, hip=104.6), CHART)
    assert report.between
    assert {report.size, report.neighbour} == {"B", "C"}
    assert report.words.startswith("You are between")


def test_the_zone_that_speaks_against_the_neighbour_decides() -> None:
    """Wide hips, small chest: the next smaller size fails at the hip."""
    report = fit_report(body(0.4, chest=96.0, hip=108.0), CHART)
    assert report.decided_by == "hip"
    assert "hip" in report.words


def test_ease_is_garment_minus_body_and_said_in_words() -> None:
    report = fit_report(body(0.5, hip=104.0), CHART)
    zone = zone_of(report, "A", "hip")
    assert zone.ease_cm == pytest.approx(-2)
    assert zone.sigma_cm == pytest.approx(0.5)
    assert zone.verdict == "tight"
    assert zone.words == "tight at the hip by 4 cm"
    assert zone_of(report, "E", "chest").words == "loose at the chest by 10 cm"
    assert zone_of(report, "B", "hip").verdict in ("snug", "good")


def test_stretch_forgives_a_small_garment() -> None:
    knitted = GarmentChart(CHART.kind, CHART.sizes, CHART.ease, stretch=0.2)
    wide = body(0.5, chest=102.0, hip=108.0)
    assert list(CHART.sizes).index(fit_report(wide, knitted).size) <= list(CHART.sizes).index(
        fit_report(wide, CHART).size
    )
    small = [one.label for one in fit_report(wide, knitted).sizes].index("A")
    assert fit_report(wide, knitted).sizes[small].probability >= fit_report(wide, CHART).sizes[small].probability


def test_a_body_chart_is_read_as_whom_a_size_is_for() -> None:
    """The same numbers as a body chart mean the body itself, without ease."""
    chart = BodyChart({"S": {"chest": (88, 94)}, "M": {"chest": (94, 100)}, "L": {"chest": (100, 106)}})
    assert fit_report(body(0.3), chart).size == "M"
    assert fit_report(body(0.3, chest=105.0), chart).size == "L"
    assert zone_of(fit_report(body(0.3, chest=105.0), chart), "M", "chest").words == "5 cm above the size at the chest"


def test_the_same_body_gets_the_same_answer() -> None:
    assert fit_report(body(), CHART) == fit_report(body(), CHART)


def test_charts_survive_json() -> None:
    assert parse_chart(CHART.as_json()) == CHART
    chart = BodyChart({"S": {"chest": (88.0, 94.0)}})
    assert parse_chart(chart.as_json()) == chart


FALLING = {
    "sizes": [{"label": "A", "cm": {"chest": 100, "hip": 100}}, {"label": "B", "cm": {"chest": 90, "hip": 101}}],
    "modelled": "A",
}


@pytest.mark.parametrize(
    "change",
    [
        {"chart": "other"},
        {"kind": "shoe"},
        {"sizes": []},
        {"sizes": {"A": {}}},
        FALLING,
        {"sizes": [{"label": "A", "cm": {"chest": "wide"}}]},
        {"sizes": [{"label": "A", "cm": {"chest": True}}]},
        {"sizes": [{"label": "A", "cm": {"nose": 10}}]},
        {"sizes": [{"label": "A", "cm": {"chest": 90}}, {"label": "A", "cm": {"chest": 91}}]},
        {"ease": {"chest": [5, 4, 3]}},
        {"modelled": "Z"},
        {"stretch": -1},
    ],
)
def test_a_wrong_chart_is_refused(change: dict) -> None:
    with pytest.raises(ChartInvalid):
        parse_chart(CHART.as_json() | change)
