"""The audit of dependencies: a known vulnerability fails, an unreachable source is said and never taken for clean."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from deploy.audit import main, pins_of

BAD = {("PyPI", "jinja2", "2.4.1"): ["GHSA-462w-v97r-4m45"], ("npm", "lodash", "4.17.11"): ["GHSA-jf85-cpcp-j695"]}


class Advisories(BaseHTTPRequestHandler):
    """Speaks OSV's querybatch, and knows two bad packages."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        results = []
        for query in asked:
            key = (query["package"]["ecosystem"], query["package"]["name"], query["version"])
            results.append({"vulns": [{"id": one} for one in BAD[key]]} if key in BAD else {})
        body = json.dumps({"results": results}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def source() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Advisories)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/querybatch"
    server.shutdown()
    server.server_close()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Two lock files without fault."""
    (tmp_path / "deploy").mkdir()
    (tmp_path / "web" / "client").mkdir(parents=True)
    (tmp_path / "deploy" / "requirements.txt").write_text("# head\njinja2==3.1.6\n")
    lock(tmp_path, "4.17.21")
    return tmp_path


def lock(checkout: Path, lodash: str) -> None:
    packages = {"": {"name": "us", "version": "1"}, "node_modules/a/node_modules/lodash": {"version": lodash}}
    (checkout / "web" / "client" / "package-lock.json").write_text(json.dumps({"packages": packages}))


def audit(checkout: Path, source: str, *more: str) -> int:
    return main(["--root", str(checkout), "--source", source, *more])


def test_sound_pins_pass_and_it_says_how_many(checkout: Path, source: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(checkout, source, "--required") == 0
    assert "audited 2 packages: nothing known" in capsys.readouterr().out


def test_a_known_bad_pin_fails_in_either_lock_file(
    checkout: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lock(checkout, "4.17.11")
    assert audit(checkout, source) == 1
    assert "npm lodash 4.17.11: https://osv.dev/GHSA-jf85-cpcp-j695" in capsys.readouterr().err
    lock(checkout, "4.17.21")
    (checkout / "deploy" / "requirements-dev.txt").write_text("jinja2==2.4.1\n")
    assert audit(checkout, source) == 1


def test_what_was_accepted_passes_until_its_day(checkout: Path, source: str) -> None:
    lock(checkout, "4.17.11")
    accepted = checkout / "deploy" / "advisories.txt"
    accepted.write_text("GHSA-jf85-cpcp-j695 until 2999-01-01 not called here\n")
    assert audit(checkout, source) == 0
    accepted.write_text("GHSA-jf85-cpcp-j695 until 2020-01-01 not called here\n")
    assert audit(checkout, source) == 1
    accepted.write_text("GHSA-jf85-cpcp-j695\n")
    assert audit(checkout, source) == 1


def test_an_unreachable_source_is_said_and_never_taken_for_clean(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(checkout, "http://127.0.0.1:9/") == 0
    said = capsys.readouterr()
    assert "NOT AUDITED: 2 packages" in said.err
    assert "nothing known" not in said.out
    assert audit(checkout, "http://127.0.0.1:9/", "--required") == 2


def test_our_own_lock_files_are_read() -> None:
    pins = {(pin.ecosystem, pin.name) for pin in pins_of(Path(__file__).parents[2])}
    assert {("PyPI", "aiohttp"), ("PyPI", "pytest"), ("npm", "htmx.org")} <= pins
    assert len(pins) > 100
