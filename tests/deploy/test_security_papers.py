"""The security papers name tests that exist: a claim whose test was renamed or removed is found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from web.limits import DEFAULTS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("paper", ["docs/security.md", "THREAT_MODEL.md"])
def test_every_test_and_file_that_is_named_is_there(paper: str) -> None:
    text = (ROOT / paper).read_text()
    there = set(re.findall(r"def (test_\w+)", "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))))
    assert set(re.findall(r"`(test_\w+)`", text)) - there == set()
    named = re.findall(r"`((?:tests|tenancy|web|rtc|render|deploy)/[\w./]+)`", text)
    assert len(named) > 8
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_requirement_names_its_test_or_the_reason_why_there_is_none() -> None:
    rows = [line.strip("|").split("|") for line in (ROOT / "docs/security.md").read_text().splitlines()]
    claims = [(cells[0].strip(), cells[2].strip()) for cells in rows if len(cells) == 3 and re.match(r" \d", cells[0])]
    assert len(claims) > 50
    shown = re.compile(r"`test_\w+`|`tests/[\w/.]+`|ruff S\d+|no test: \w+")
    unshown, last = [], ""
    for requirement, by in claims:
        last = last if by == "the same" else by
        if not shown.search(last):
            unshown.append(requirement)
    assert unshown == []


def test_the_table_of_rates_is_the_one_that_holds() -> None:
    told = re.findall(
        r"^\| `([a-z-]+)` \| (\d+) (?:an?|in) (\d* ?\w+) \|", (ROOT / "docs/security.md").read_text(), re.M
    )
    said = {name: f"{count}/{span.replace(' ', '').removesuffix('s')}" for name, count, span in told}
    assert said == {name: rate.removesuffix("s") for name, rate in DEFAULTS.items()}
