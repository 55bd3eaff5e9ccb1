"""Whether words can be read on a colour (WCAG 2.2, relative luminance and contrast)."""

from __future__ import annotations

import re

INK, LIGHT = "#1b1916", "#fffdf9"
LEAST_ON_PAPER = 8.0  # of the ink, so that the softer ink of small print still has the 4.5 that it needs
_COLOUR = re.compile(r"#[0-9a-f]{6}")


def is_colour(text: str) -> bool:
    """`#` and six hexadecimal digits in lower case."""
    return _COLOUR.fullmatch(text) is not None


def luminance(colour: str) -> float:
    """0 is black, 1 is white."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """1 for the same colour to 21 for black on white."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def readable_on(colour: str) -> str:
    """Near-black or near-white, whichever stands out more."""
    return max((INK, LIGHT), key=lambda ink: contrast(ink, colour))


def mixed(colour: str, share: float, other: str) -> str:
    """So much of one colour in another, each channel by itself."""
    pairs = [(int(colour[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(share * one + (1 - share) * two):02x}" for one, two in pairs)
