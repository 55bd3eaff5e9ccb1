"""The command line as an operator meets it: one command starts everything, one signal stops it, nothing is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from ops.listener import CannotListen, PortTaken, bound_socket
from tests.installation import ROOT, Installation

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with Installation() as made:
        yield made


def test_one_command_serves_the_demo_shop(installation: Installation):
    installation.start()
    assert f"http://localhost:{installation.port}/s/demo" in installation.log.read_text()
    status, readiness = installation.get("/readyz")
    assert (status, json.loads(readiness)["ready"]) == (200, True)
    status, catalog = installation.get("/v1/catalog", Authorization="Bearer pk_demo")
    products = json.loads(catalog)["products"]
    assert {product["kind"] for product in products} >= {"glasses", "hat"}
    assert len(products) >= 6
    assert installation.get("/s/demo")[0] == 200
    assert "vitrine_stage_ms" in installation.get("/metrics")[1]


def test_a_process_that_serves_shoppers_has_no_owners_rights(installation: Installation):
    for what in ("web", "media"):
        environment = installation.child(what).environ()
        assert environment["DATABASE_URL"] == ""
        assert "vitrine_app@" in environment["DATABASE_APP_URL"]


def test_a_media_process_that_is_killed_comes_back(installation: Installation):
    installation.child("media").kill()
    installation.wait_for("program-restarted")
    deadline = time.monotonic() + 60
    while installation.get("/readyz")[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_second_one_on_the_same_port_says_what_to_do(installation: Installation):
    environment = {**os.environ, "VITRINE_PORT": str(installation.port), "VITRINE_DATA": str(installation.data / "b")}
    command = [sys.executable, str(ROOT / "server.py"), "all"]
    second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 1
    port = installation.port
    assert second.stderr == (
        f"vitrine: port {port} is taken by another program; choose another one: VITRINE_PORT={port + 1}\n"
    )


def test_after_kill_9_nothing_keeps_running(installation: Installation):
    installation.children = psutil.Process(installation.process.pid).children(recursive=True)
    installation.process.kill()
    installation.process.wait()
    installation.assert_nothing_runs()


def test_the_next_start_works_and_does_not_seed_again(installation: Installation):
    installation.start()
    assert "making-the-demo-shop" not in installation.log.read_text()
    assert len(json.loads(installation.get("/v1/catalog", Authorization="Bearer pk_demo")[1])["products"]) >= 6


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_stops_everything_in_order_and_quietly(installation: Installation, sign: signal.Signals):
    if installation.process.poll() is not None:
        installation.start()
    installation.process.send_signal(sign)
    assert installation.process.wait(60) == 0
    installation.assert_nothing_runs()
    text = installation.log.read_text()
    assert "Traceback" not in text
    assert "program-killed" not in text
    assert "[error" not in text


def test_a_signal_during_the_start_stops_it(installation: Installation):
    installation.start(until_ready=False)
    deadline = time.monotonic() + 60
    while not installation.children:  # the first is PostgreSQL
        assert time.monotonic() < deadline
        installation.children = psutil.Process(installation.process.pid).children(recursive=True)
    time.sleep(0.5)
    installation.children = psutil.Process(installation.process.pid).children(recursive=True)
    installation.process.send_signal(signal.SIGINT)
    assert installation.process.wait(60) in (0, 130)
    installation.assert_nothing_runs()
    assert "Traceback" not in installation.log.read_text()


def test_an_unknown_setting_is_named():
    environment = {**os.environ, "VITRINE_PROT": "1"}
    command = [sys.executable, str(ROOT / "server.py"), "all"]
    refused = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 1
    assert "VITRINE_PROT is no setting; did you mean VITRINE_PORT?" in refused.stderr


def test_a_part_alone_says_which_addresses_it_lacks():
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    command = [sys.executable, str(ROOT / "server.py"), "web"]
    refused = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith("vitrine: this role needs REDIS_URL, and DATABASE_APP_URL or DATABASE_URL")


def test_a_port_is_bound_once_and_a_bad_address_is_named():
    with bound_socket("127.0.0.1", 0) as first:
        first.listen()
        with pytest.raises(PortTaken):
            bound_socket("127.0.0.1", first.getsockname()[1])
    with pytest.raises(CannotListen):
        bound_socket("192.0.2.1", 0)
    with pytest.raises(CannotListen):
        bound_socket("no-such-host.invalid", 0)
