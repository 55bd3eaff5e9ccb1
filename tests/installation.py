"""A whole installation for tests: `server.py all` with its embedded services and the demo shop."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

import psutil

ROOT = Path(__file__).resolve().parents[1]


class Installation:
    """`server.py all` on a port and a data folder of its own, which a `with` makes and clears away.

    It is started by hand, with the settings that a test wants, and stopped by the `with` if it still runs.
    """

    def __init__(self) -> None:
        self.data = Path(tempfile.mkdtemp(prefix="vitrine-installation-", dir="/var/tmp"))
        self.data.chmod(0o711)  # PostgreSQL, which refuses to run as root, has to get in
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = self.data / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self.children: list[psutil.Process] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.data, ignore_errors=True)

    def start(self, *, until_ready: bool = True, settings: dict[str, str] | None = None) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
        environment |= {"VITRINE_PORT": str(self.port), "VITRINE_DATA": str(self.data)}
        environment |= {"VITRINE_MEDIA_PROCESSES": "1", "VITRINE_MODELS": str(ROOT / "models")}
        environment |= settings or {}
        with self.log.open("wb") as output:
            command = [sys.executable, str(ROOT / "server.py"), "all"]
            self.process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, cwd="/")
        if until_ready:
            self.wait_for("Vitrine is ready: ")
        self.children = psutil.Process(self.process.pid).children(recursive=True)

    def stop(self) -> None:
        """As an operator does, and by force if that takes too long."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def wait_for(self, text: str, within_s: float = 300) -> None:
        deadline = time.monotonic() + within_s
        while text not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        request = urllib.request.Request(self.url + path, headers=headers)  # noqa: S310  our own address
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  our own address
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def assert_nothing_runs(self) -> None:
        _, alive = psutil.wait_procs(self.children, timeout=15)
        assert alive == []

    def child(self, what: str) -> psutil.Process:
        return next(child for child in self.children if what in child.cmdline())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
