"""What is said of a size: in every language, with numbers that are those of the fit."""

from __future__ import annotations

import string
from typing import Any

import pytest

from avatar.charts import GIRTHS, LENGTHS
from web.fit_words import advice, size_words, zone_name, zone_words
from web.languages import LANGUAGES, words


def zone(name: str, ease: float, verdict: str) -> dict[str, Any]:
    return {"zone": name, "ease_cm": ease, "band": [2.0, 5.0, 10.0], "verdict": verdict}


def report(**changes: Any) -> dict[str, Any]:
    sizes = [
        {"label": "S", "zones": [zone("waist", 0.4, "tight"), zone("hip", 5.0, "good")]},
        {"label": "M", "zones": [zone("waist", 5.0, "good"), zone("hip", 6.0, "good")]},
        {"label": "L", "zones": [zone("waist", 13.2, "loose"), zone("hip", 9.0, "roomy")]},
    ]
    return {"size": "M", "neighbour": "L", "between": False, "decided_by": "waist", "sizes": sizes, **changes}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_all_of_it(language: str) -> None:
    said, english = words(language, "fit"), words("en", "fit")
    assert {key: placeholders(text) for key, text in said.items()} == {
        key: placeholders(text) for key, text in english.items()
    }
    for name in (*GIRTHS, *LENGTHS):
        assert f"zone.{name}" in said
        assert f"at.{name}" in said
        assert zone_name(name, language)
    for verdict in ("tight", "snug", "good", "roomy", "loose"):
        for name in (*GIRTHS, *LENGTHS):
            assert "{" not in zone_words(zone(name, 1.0, verdict), language)


def test_a_zone_says_how_many_centimetres_it_is_off() -> None:
    assert zone_words(zone("hip", 0.1, "tight"), "en") == "tight at the hip by 2 cm"
    assert zone_words(zone("hip", 1.9, "tight"), "en") == "tight at the hip by 1 cm"
    assert zone_words(zone("hip", 13.2, "loose"), "de") == "an der Hüfte um 3 cm zu weit"
    assert zone_words(zone("sleeve", 1.0, "tight"), "en") == "4 cm too short in the sleeve"
    assert zone_words(zone("shoulder", 11.0, "loose"), "en") == "6 cm too wide at the shoulders"
    assert zone_words(zone("inside_leg", 5.0, "good"), "en") == "the right length in the leg"


def test_a_size_says_first_where_it_is_worst() -> None:
    said = size_words([zone("waist", 9, "roomy"), zone("hip", 0, "tight"), zone("chest", 5, "good")], "en")
    assert said == "tight at the hip by 2 cm, roomy at the waist"
    assert size_words([zone("chest", 5, "good")], "en") == "right everywhere"


def test_advice_names_the_size_and_what_speaks_against_the_next() -> None:
    assert advice(report(), "en") == "M fits you. L would be loose at the waist by 3 cm."
    assert advice(report(size="S", neighbour=None), "en") == "S fits you, though it is tight at the waist by 2 cm."
    between = advice(report(between=True), "en")
    assert between == "You are between M and L. M fits you. Take L to wear it looser."
    assert "Nehmen Sie S, wenn es enger" in advice(report(between=True, neighbour="S"), "de")
