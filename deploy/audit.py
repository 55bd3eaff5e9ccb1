"""Holds every pinned package against the advisories of OSV: `.venv/bin/python deploy/audit.py`.

Reads deploy/requirements*.txt and web/client/package-lock.json, asks osv.dev once for each thousand pins, and fails if
one has a known vulnerability that deploy/advisories.txt does not name with a reason and a day. A machine that does not
reach osv.dev is told so in plain words and goes on, for it cannot know; `--required` makes that a failure, for the run
that is to be believed. No list is shipped to fall back on: it would say nothing of releases made after it, and the one
that a package holds (safety-db) is of 2021 and not for commercial use. Names and versions of public packages are all
that is sent.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OSV = "https://api.osv.dev/v1/querybatch"
AT_ONCE = 1000  # OSV's own limit
PATIENCE_S = 20.0
_PIN = re.compile(r"([A-Za-z0-9._-]+)==([^\s;]+)")
_ACCEPTED = re.compile(r"(\S+)\s+until\s+(\d{4}-\d{2}-\d{2})\s+(\S.*)")


@dataclass(frozen=True)
class Pin:
    """A package as it is installed."""

    ecosystem: str
    name: str
    version: str


class Unreachable(Exception):
    """OSV gave no answer that could be read; whether the pins are sound is not known."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0: nothing known against the pins, or nothing could be asked; 1: a finding; 2: `--required` was not met."""
    parser = argparse.ArgumentParser(description="Hold the pinned packages against known vulnerabilities.")
    parser.add_argument("--required", action="store_true", help="fail if the advisories cannot be reached")
    parser.add_argument("--source", default=OSV, help="another server that speaks OSV's querybatch")
    parser.add_argument("--root", type=Path, default=ROOT, help="another checkout")
    options = parser.parse_args(arguments)
    pins = sorted(pins_of(options.root), key=lambda pin: (pin.ecosystem, pin.name))
    try:
        found = ask(pins, options.source)
    except Unreachable as error:
        print(f"NOT AUDITED: {len(pins)} packages were not held against advisories ({error}).", file=sys.stderr)
        return 2 if options.required else 0
    accepted = accepted_in(options.root / "deploy" / "advisories.txt", today=datetime.now(UTC).date())
    findings = [(pin, advisory) for pin, advisories in found.items() for advisory in advisories]
    open_ones = [(pin, advisory) for pin, advisory in findings if advisory not in accepted]
    for pin, advisory in open_ones:
        print(f"{pin.ecosystem} {pin.name} {pin.version}: https://osv.dev/{advisory}", file=sys.stderr)
    if open_ones:
        return 1
    print(f"audited {len(pins)} packages: nothing known against them, {len(findings)} accepted with a reason")
    return 0


def pins_of(root: Path) -> Iterator[Pin]:
    """Every pin of the lock files."""
    for path in sorted((root / "deploy").glob("requirements*.txt")):
        for line in path.read_text().splitlines():
            if pinned := _PIN.match(line):
                yield Pin("PyPI", pinned[1], pinned[2])
    lock = json.loads((root / "web" / "client" / "package-lock.json").read_text())
    for path, package in lock["packages"].items():
        if path and "version" in package:
            yield Pin("npm", package.get("name") or path.rpartition("node_modules/")[2], package["version"])


def ask(pins: Sequence[Pin], source: str) -> dict[Pin, list[str]]:
    """The advisories of each pin that has any. Raises Unreachable."""
    found: dict[Pin, list[str]] = {}
    for start in range(0, len(pins), AT_ONCE):
        some = pins[start : start + AT_ONCE]
        for pin, result in zip(some, _batch(some, source), strict=True):
            if advisories := [known["id"] for known in result.get("vulns") or []]:
                found[pin] = advisories
    return found


def _batch(pins: Sequence[Pin], source: str) -> list[dict[str, Any]]:
    queries = [{"package": {"name": pin.name, "ecosystem": pin.ecosystem}, "version": pin.version} for pin in pins]
    body = json.dumps({"queries": queries}).encode()
    request = urllib.request.Request(source, body, {"Content-Type": "application/json"})  # noqa: S310  ours or stated
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
            results: list[dict[str, Any]] = json.load(answer)["results"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unreachable(str(error)) from None
    if len(results) != len(pins):
        raise Unreachable("it answered for another number of packages")
    return results


def accepted_in(path: Path, *, today: date) -> set[str]:
    """The advisories that somebody accepted, each with a reason, and none beyond its day."""
    lines = path.read_text().splitlines() if path.exists() else []
    named = [match for line in lines if (match := _ACCEPTED.fullmatch(line.strip()))]
    return {match[1] for match in named if date.fromisoformat(match[2]) >= today}


if __name__ == "__main__":
    sys.exit(main())
