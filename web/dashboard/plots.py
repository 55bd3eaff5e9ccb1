"""Plots as SVG, drawn on the server: no script, no style attribute, readable aloud by their title."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from markupsafe import Markup, escape

WIDTH, HEIGHT, FOOT, HEAD = 720, 180, 22, 14


def columns(days: Sequence[tuple[date, float]], *, title: str, named: Callable[[date], str]) -> Markup:
    """A column for each day, `named` as its reader writes days. The scale's top is a round number at or above the
    highest; it and its half are written at their lines, beside the drawing, which is stretched."""
    top = round_up(max((value for _, value in days), default=0))
    step = WIDTH / max(1, len(days))
    high = HEIGHT - FOOT - HEAD
    parts = [
        f'<div class="chart"><span class="whole" aria-hidden="true">{top:g}</span>'
        f'<span class="half" aria-hidden="true">{top / 2:g}</span>'
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" preserveAspectRatio="none">',
        f"<title>{escape(title)}</title>",
    ]
    for share in (0.5, 1.0):
        y = HEAD + high * (1 - share)
        parts.append(f'<line class="rule" x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
    for index, (day, value) in enumerate(days):
        tall = high * value / top
        x = index * step
        parts.append(
            f'<rect class="column" x="{x + step * 0.15:.1f}" y="{HEAD + high - tall:.1f}" width="{step * 0.7:.1f}"'
            f' height="{max(tall, 0.0):.1f}" rx="1.5"><title>{escape(named(day))}: {value:g}</title></rect>'
        )
    base = HEAD + high
    parts.append(f'<line class="axis" x1="0" x2="{WIDTH}" y1="{base}" y2="{base}"/></svg></div>')
    return Markup("".join(parts))  # noqa: S704  numbers, dates, and a title that was escaped


def bars(rows: Sequence[tuple[str, int]], *, title: str) -> Markup:
    """A bar for each name, one below the other, with its share of all: a table to who does not see it."""
    most, total = max((count for _, count in rows), default=0) or 1, sum(count for _, count in rows) or 1
    parts = [f'<table class="bars"><caption class="spoken">{escape(title)}</caption><tbody>']
    for name, count in rows:
        share = f"{100 * count / total:.0f} %" if 200 * count >= total or not count else "< 1 %"
        parts.append(
            f'<tr><th scope="row">{escape(name)}</th><td><svg class="share" viewBox="0 0 100 8"'
            f' preserveAspectRatio="none" aria-hidden="true"><rect width="100" height="8"/>'
            f'<rect class="part" width="{100 * count / most:.1f}" height="8"/></svg></td>'
            f'<td class="number">{share}</td></tr>'
        )
    parts.append("</tbody></table>")
    return Markup("".join(parts))  # noqa: S704  numbers, and names that were escaped


def round_up(value: float) -> float:
    """A round number at or above a value: a small multiple of a power of ten, at least 4."""
    if value <= 4:
        return 4
    power: int = 10 ** (len(str(int(value))) - 1)
    return next(step * power for step in (1, 1.5, 2, 3, 4, 6, 8, 10) if step * power >= value)
