"""The security papers name tests that exist: a claim whose test was renamed or removed is found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("paper", ["docs/security.md", "THREAT_MODEL.md"])
def test_every_test_and_file_that_is_named_is_there(paper: str) -> None:
    text = (ROOT / paper).read_text()
    there = set(re.findall(r"def (test_\w+)", "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))))
    assert set(re.findall(r"`(test_\w+)`", text)) - there == set()
    named = re.findall(r"`((?:tests|tenancy|web|rtc|render|deploy)/[\w./]+)`", text)
    assert len(named) > 8
    assert [path for path in named if not (ROOT / path).exists()] == []
