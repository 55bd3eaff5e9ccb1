"""The servers under measurement, each in its own processes: two echoes and Vitrine itself."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

from bench.exposition import Histogram, series
from ops.settings import cores

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 180.0


@dataclass(frozen=True)
class CpuSample:
    """CPU seconds used so far, by process id: of the processes that carry media, and of all of the server's."""

    media: dict[int, float]
    whole: dict[int, float]

    def since(self, before: CpuSample) -> tuple[float, float]:
        """Seconds since `before`, of media and of all; a process that has ended meanwhile is left out."""
        return _grown(self.media, before.media), _grown(self.whole, before.whole)


def _grown(after: dict[int, float], before: dict[int, float]) -> float:
    return sum(used - before.get(pid, 0.0) for pid, used in after.items())


class EchoServer:
    """`bench.echo`, stock or on the marker bit."""

    kind = "echo"

    def __init__(self, release: str) -> None:
        self.name = f"{release} echo"
        self._release = release
        self._process: asyncio.subprocess.Process | None = None
        self.url = ""

    async def start(self) -> None:
        """Start and wait for the port."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.echo", self._release, stdout=asyncio.subprocess.PIPE, cwd=ROOT
        )
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), START_SECONDS)
        self.url = f"http://127.0.0.1:{json.loads(line)['port']}"

    def cpu(self) -> CpuSample:
        """CPU used so far."""
        assert self._process is not None
        used = tree_cpu([self._process.pid])
        return CpuSample(used, used)

    async def lag_p99_ms(self, http: aiohttp.ClientSession) -> float:
        """Event-loop lag since the last call."""
        async with http.get(f"{self.url}/lag") as response:
            return float((await response.json())["p99_ms"])

    async def stop(self) -> None:
        """End the process."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()


class VitrineServer:
    """`server.py all` on a free port with a data folder of its own."""

    kind = "vitrine"
    name = "vitrine"

    def __init__(self, settings: dict[str, str] | None = None) -> None:
        self._settings = settings or {}
        self._process: asyncio.subprocess.Process | None = None
        self._data: Path | None = None
        self._lag = Histogram("vitrine_loop_lag_ms", "node")
        self.log: Path | None = None
        self.url = ""

    async def start(self) -> None:
        """Start and wait until it says that it is ready, with the whole demo shop, and every media process is there."""
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        # The embedded PostgreSQL runs as another OS user, who has to pass through this folder.
        self._data = Path(tempfile.mkdtemp(prefix="vitrine-bench-", dir="/var/tmp"))
        self._data.chmod(0o711)
        self.log = self._data / "server.log"
        environment = (
            os.environ | {"VITRINE_PORT": str(port), "VITRINE_DATA": str(self._data / "data")} | self._settings
        )
        with self.log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "server.py", "all", stdout=log, stderr=log, cwd=ROOT, env=environment
            )
        nodes = int(environment.get("VITRINE_MEDIA_PROCESSES", cores()))
        deadline = time.monotonic() + START_SECONDS
        async with aiohttp.ClientSession() as http:
            while time.monotonic() < deadline:
                if self._process.returncode is not None:
                    raise RuntimeError(f"the server ended: {self.log.read_text()[-2000:]}")
                if "Vitrine is ready: " in self.log.read_text() and await self._nodes(http) >= nodes:
                    return
                await asyncio.sleep(0.2)
        raise TimeoutError(f"not ready after {START_SECONDS} s: {self.log.read_text()[-2000:]}")

    async def _nodes(self, http: aiohttp.ClientSession) -> int:
        """How many media processes have announced themselves."""
        async with http.get(f"{self.url}/metrics") as response:
            return len({labels["node"] for labels, _ in series(await response.text(), "vitrine_sessions")})

    async def first_product(self, http: aiohttp.ClientSession, kind: str) -> str | None:
        """Id of the demo shop's first product of a kind."""
        headers = {"Authorization": "Bearer pk_demo", "Origin": self.url}
        async with http.get(f"{self.url}/v1/catalog", headers=headers) as response:
            catalog = (await response.json())["products"]
        return next((str(product["id"]) for product in catalog if product["kind"] == kind), None)

    def cpu(self) -> CpuSample:
        """CPU used so far."""
        assert self._process is not None
        whole = tree_cpu([self._process.pid])
        media = {p.pid for head in self._family("media") for p in family(head.pid)}
        return CpuSample({pid: used for pid, used in whole.items() if pid in media}, whole)

    def beside_media(self) -> list[psutil.Process]:
        """Every process of the server that carries no media."""
        assert self._process is not None
        media = {p.pid for head in self._family("media") for p in family(head.pid)}
        return [process for process in family(self._process.pid) if process.pid not in media]

    def pids(self) -> list[int]:
        """Of every process of the server."""
        assert self._process is not None
        return [process.pid for process in family(self._process.pid)]

    def process_of(self, role: str) -> psutil.Process:
        """The first process of a role."""
        return self._family(role)[0]

    async def gauge(self, http: aiohttp.ClientSession, name: str) -> float:
        """The value in `/metrics`, added up over the nodes."""
        async with http.get(f"{self.url}/metrics") as response:
            return sum(value for _, value in series(await response.text(), name))

    def _family(self, role: str) -> list[psutil.Process]:
        assert self._process is not None
        return [p for p in family(self._process.pid) if f"server.py {role}" in _command(p)]

    async def lag_p99_ms(self, http: aiohttp.ClientSession) -> float:
        """p99 of the media nodes' event-loop lag since the last call, from the histogram in `/metrics`."""
        async with http.get(f"{self.url}/metrics") as response:
            return self._lag.since_last(await response.text(), 0.99)

    async def stages_ms(self, http: aiohttp.ClientSession) -> dict[str, tuple[float, float]]:
        """Sum in milliseconds and count of every stage of a frame so far, over all nodes."""
        async with http.get(f"{self.url}/metrics") as response:
            text = await response.text()
        stages: dict[str, tuple[float, float]] = {}
        for labels, total in series(text, "vitrine_stage_ms_sum"):
            before = stages.get(labels["stage"], (0.0, 0.0))
            stages[labels["stage"]] = (before[0] + total, before[1])
        for labels, count in series(text, "vitrine_stage_ms_count"):
            before = stages[labels["stage"]]
            stages[labels["stage"]] = (before[0], before[1] + count)
        return stages

    async def stop(self) -> None:
        """SIGTERM, a deadline, then every process it started."""
        if self._process is not None and self._process.returncode is not None and self.log is not None:
            sys.stderr.write(f"the server had ended by itself:\n{self.log.read_text()[-4000:]}\n")
        elif self._process is not None:
            processes = family(self._process.pid)
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), 20)
            except TimeoutError:
                for process in processes:
                    if process.is_running():
                        process.send_signal(signal.SIGKILL)
        if self._data is not None:
            shutil.rmtree(self._data, ignore_errors=True)


Server = EchoServer | VitrineServer


def tree_cpu(pids: list[int]) -> dict[int, float]:
    """User and system seconds by process id, of the processes and of their living descendants."""
    seen: dict[int, float] = {}
    for pid in pids:
        for process in family(pid):
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            seen[process.pid] = times.user + times.system
    return seen


def family(pid: int) -> list[psutil.Process]:
    """The process and its descendants that run now."""
    try:
        head = psutil.Process(pid)
        return [head, *head.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def keep_others_out(pids: list[int]) -> None:
    """Puts processes, with all their threads, before every other program of the machine (real-time class; takes root).
    What they start afterwards is as it always is."""
    for pid in pids:
        subprocess.run(["chrt", "--all-tasks", "--reset-on-fork", "--rr", "--pid", "1", str(pid)], check=True)


def free_port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()[1:])
    except psutil.Error:
        return ""
