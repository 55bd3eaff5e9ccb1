"""Ten minutes of files that nobody thought of: `FUZZ_SECONDS` says how long."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = int(os.environ.get("FUZZ_SECONDS", "600"))


@pytest.mark.long
@pytest.mark.timeout(SECONDS + 300)
def test_no_mutated_file_brings_the_intake_down(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="no wheel of it for this platform")
    corpus = tmp_path / "corpus"
    ran = subprocess.run(
        [sys.executable, "-m", "tests.render.fuzz_intake", str(corpus), f"-max_total_time={SECONDS}"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    left = sorted(path.name for path in tmp_path.glob("[a-z]*-[0-9a-f]*"))
    assert ran.returncode == 0, f"{left}\n{ran.stdout[-2000:]}\n{ran.stderr[-4000:]}"
    assert "DONE" in ran.stderr or "Done" in ran.stderr, "it ran to its end"
