"""How a size fits, in the shopper's language: `words/fit/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from web.languages import words

# Dimensions along the body, which are short or long; across the shoulders, narrow or wide; all others are girths.
_LENGTHS, _WIDTHS = frozenset({"sleeve", "inside_leg", "length"}), frozenset({"shoulder"})
_SAID = ("tight", "loose", "snug", "roomy")  # in this order of weight
_MOST_SAID = 2


def zone_name(zone: str, language: str) -> str:
    """A dimension by its name, such as "upper arm"."""
    return words(language, "fit").get(f"zone.{zone}", zone.replace("_", " "))


def zone_words(zone: Mapping[str, Any], language: str) -> str:
    """Such as "tight at the hip by 2 cm". zone: as `avatar.dressing.report` gives it."""
    says = words(language, "fit")
    name, ease, verdict = zone["zone"], zone["ease_cm"], zone["verdict"]
    least, best, most = zone["band"]
    key, off = verdict, least - ease if verdict == "tight" else ease - most
    if name in _LENGTHS or name in _WIDTHS:
        small, large = ("short", "long") if name in _LENGTHS else ("narrow", "wide")
        off = abs(ease - best)
        key = {"tight": small, "loose": large}.get(verdict, "length-good" if name in _LENGTHS else "good")
    return says[key].format(at=says.get(f"at.{name}", name.replace("_", " ")), cm=max(1, round(abs(off))))


def size_words(zones: Sequence[Mapping[str, Any]], language: str) -> str:
    """What there is to say of a size: where it is too tight or too loose, or else where it is nearly so."""
    says = words(language, "fit")
    ranked = sorted((zone for zone in zones if zone["verdict"] in _SAID), key=lambda zone: _SAID.index(zone["verdict"]))
    if not ranked:
        return says["everywhere"]
    return says["and"].join(zone_words(zone, language) for zone in ranked[:_MOST_SAID])


def advice(report: Mapping[str, Any], language: str) -> str:
    """A sentence or two. report: of `avatar.dressing.report`."""
    says = words(language, "fit")
    by_label = {size["label"]: size["zones"] for size in report["sizes"]}
    best, other = report["size"], report["neighbour"]
    off = [zone for zone in by_label[best] if zone["verdict"] in ("tight", "loose")]
    fits = says["fits"].format(size=best)
    if off:
        fits = says["fits-though"].format(size=best, words=zone_words(off[0], language))
    if other is None:
        return fits
    if report["between"]:
        labels = list(by_label)
        wide = "looser" if labels.index(other) > labels.index(best) else "closer"
        between = says["between"].format(size=best, other=other)
        return f"{between} {fits} {says[wide].format(other=other)}"
    decides = next(zone for zone in by_label[other] if zone["zone"] == report["decided_by"])
    return f"{fits} {says['neighbour'].format(size=other, words=zone_words(decides, language))}"
