"""Writes requirements.txt and requirements-dev.txt from what is installed: `.venv/bin/python deploy/lock.py`.

The first holds the closure of `dependencies` in pyproject.toml, the second what the group `dev` adds to it,
each at the version installed in the environment this runs in. Local version labels (`+cpu`) are dropped:
which build of a version fits is the package index's to say.
"""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# Some packages bring a backport up to 3.11.2, which is Debian 12's Python.
PYTHONS: list[dict[str, str]] = [{}, {"python_full_version": "3.11.2"}]
DEPLOY = Path(__file__).resolve().parent


def closure(wanted: list[str]) -> dict[str, str]:
    """Name -> version of all that `wanted` brings in here. Raises PackageNotFoundError if one is missing."""
    pins: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    todo = [(Requirement(text), "") for text in wanted]
    while todo:
        requirement, reached_by = todo.pop()
        name = canonicalize_name(requirement.name)
        extras = requirement.extras or {""}
        contexts = [{"extra": extra, **python} for extra in reached_by.split(",") for python in PYTHONS]
        if requirement.marker and not any(requirement.marker.evaluate(context) for context in contexts):
            continue
        key = (name, ",".join(sorted(extras)))
        if key in seen:
            continue
        seen.add(key)
        found = distribution(name)
        pins[name] = found.version.split("+")[0]
        todo += [(Requirement(text), key[1]) for text in found.requires or []]
    return pins


def write(path: Path, heading: str, pins: dict[str, str]) -> None:
    lines = [f"{name}=={version}" for name, version in sorted(pins.items())]
    heading = f"# {heading}\n# Written by deploy/lock.py from pyproject.toml; not by hand."
    path.write_text("\n".join([heading, *lines, ""]))


def main() -> None:
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())
    try:
        run = closure(project["project"]["dependencies"])
        dev = closure(project["dependency-groups"]["dev"])
    except PackageNotFoundError as error:
        raise SystemExit(f"{error.name} is not installed here; install it, then lock again.") from None
    write(DEPLOY / "requirements.txt", "What the server runs on.", run)
    added = {name: version for name, version in dev.items() if name not in run}
    write(DEPLOY / "requirements-dev.txt", "What checks and tests add to requirements.txt.", added)


if __name__ == "__main__":
    main()
