"""One embedded server process: start, wait until it answers, stop, and outlast what a crash left running."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar, Self

import psutil

from ops.lifeline import spawn
from ops.place import EmbeddedError, Home, exclusive, home

_POLL_SECONDS = 0.005


class StartFailed(EmbeddedError):
    """The server ended or did not get ready in time; the message ends with the last lines of its log."""

    code: ClassVar[str] = "embedded-start-failed"


class Service:
    """One server process with its home: start, wait, stop, and what a crash of its parent left behind."""

    name: ClassVar[str]
    program: ClassVar[str]  # as the kernel calls the process
    end: ClassVar[signal.Signals]  # finishes the work at hand, writes everything down, ends

    def __init__(self, data: Path, *, start_seconds: float = 60.0, stop_seconds: float = 10.0) -> None:
        self._data = data
        self._start_seconds = start_seconds
        self._stop_seconds = stop_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._held = ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The server's process id, None while it does not run."""
        return None if self._process is None or self._process.poll() is not None else self._process.pid

    def start(self) -> None:
        """Start the server and return when it answers. From the main thread only (`ops.lifeline`).

        Raises InUse if another process runs it on this data folder, NoPlace, StartFailed.
        """
        place = home(self._data, self.name)
        with ExitStack() as undo:
            undo.enter_context(exclusive(place.folder, self.name))
            self._launch(place)
            self._held = undo.pop_all()

    def stop(self) -> None:
        """Stop the server in order; by force if that takes longer than `stop_seconds`."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(self.end)
            try:
                process.wait(self._stop_seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._held.close()

    def _launch(self, place: Home) -> None:
        raise NotImplementedError

    def _run(self, place: Home, command: list[str | Path], ready: Callable[[], bool]) -> None:
        log = place.folder / "log"
        with log.open("wb") as output:
            self._process = spawn(command, end=self.end, account=place.account, env=bare_environment(), output=output)
        deadline = time.monotonic() + self._start_seconds
        while not ready():
            ended = self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                self.stop()
                tail = log.read_text(errors="replace").splitlines()[-5:]
                why = "ended at once" if ended else f"was not ready within {self._start_seconds:g} s"
                raise StartFailed(f"{self.name} {why}: " + " / ".join(tail))
            time.sleep(_POLL_SECONDS)

    def _outlast(self, folder: Path, leads: Callable[[int], bool]) -> None:
        """Wait for a former server's processes on `folder` to end; we hold the lock: they lost their parent.

        `leads` says of a process id whether it may be told to end: a checkpointer would misunderstand. Those
        still there after `stop_seconds` are killed.
        """
        left = self._former(folder)
        for process in left:
            if leads(process.pid):
                _signal(process, self.end)
        _, left = psutil.wait_procs(left, timeout=self._stop_seconds)
        for process in left:
            _signal(process, signal.SIGKILL)
        psutil.wait_procs(left, timeout=self._stop_seconds)

    def _former(self, folder: Path) -> list[psutil.Process]:
        where = str(folder)
        return [
            process
            for process in psutil.process_iter(["name", "cwd"])
            if process.info["name"] == self.program and process.info["cwd"] == where
        ]


def _signal(process: psutil.Process, sign: signal.Signals) -> None:
    try:
        process.send_signal(sign)
    except psutil.NoSuchProcess:
        return


def bare_environment() -> dict[str, str]:
    """What a server is told of our environment: where programs are; language and zone are fixed."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
