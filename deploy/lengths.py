"""Holds every source file to its length: `python deploy/lengths.py`.

A file is about one thing; one that grows past the budget has usually become two. There are no exceptions.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BUDGET_LINES = 400
SUFFIXES = {".py", ".ts", ".css", ".html", ".sql"}


def main() -> int:
    root = Path(__file__).resolve().parent.parent
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    over = []
    for name in filter(None, listed.stdout.split("\0")):
        path = root / name
        if path.suffix in SUFFIXES and path.exists():
            lines = len(path.read_text().splitlines())
            if lines > BUDGET_LINES:
                over.append(f"{name}: {lines} lines, over the budget of {BUDGET_LINES}")
    print("\n".join(over) or f"Every file is within {BUDGET_LINES} lines.")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
