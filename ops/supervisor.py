"""Runs the processes of one machine: starts them in order, restarts what crashes, stops them in reverse.

A program says that it is ready over the datagram socket named in NOTIFY_SOCKET, as it would to systemd
(sd_notify(3)), so a process under systemd and one under this supervisor run the same code.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import structlog

from ops.lifeline import bound_to_parent

_SOCKET_NAME_ROOM = 103 - len("/notify-media-000")  # bytes that a Unix socket's path leaves for its folder
_CRASHES, _WITHIN_S = 5, 60.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0

log = structlog.get_logger("supervisor")


class ProgramFailed(Exception):
    """A program ended before it was ready, was never ready, or crashes again and again."""

    code: ClassVar[str] = "program-failed"


@dataclass(frozen=True)
class Program:
    """One process to keep running. `descriptors` stay open in it; `environment` is added to ours."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    descriptors: tuple[int, ...] = ()
    ready_within_s: float = 60.0


class Supervisor:
    """Keeps programs running between `start` and `stop`. One event loop, on the main thread."""

    def __init__(self, runtime: Path, *, stop_s: float, ended: Callable[[int], None] = lambda pid: None) -> None:
        """`runtime` holds the notification sockets; `ended` is told the id of each process that is gone."""
        self._runtime = runtime
        self._stop_s = stop_s
        self._ended = ended
        self._groups: list[list[_Kept]] = []

    async def start(self, *programs: Program, outlasting: bool = False) -> None:
        """Starts the programs side by side and returns when all are ready. Raises ProgramFailed.

        outlasting: they are stopped after what runs already, and not before it.
        """
        fresh = [_Kept(program, self._runtime, self._ended) for program in programs]
        self._groups.insert(0 if outlasting else len(self._groups), fresh)
        try:
            async with asyncio.TaskGroup() as group:
                for kept in fresh:
                    group.create_task(kept.start())
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def begin(self, program: Program) -> Coroutine[Any, Any, None]:
        """Starts a program that ends by itself and returns when it is ready; what is returned waits for its end.

        Both raise ProgramFailed if it ends badly.
        """
        kept = _Kept(program, self._runtime, self._ended)
        self._groups.append([kept])
        await kept.launch()
        return kept.finish()

    async def wait(self) -> None:
        """Returns never; raises ProgramFailed when a program crashes too often to go on."""
        await asyncio.gather(*(kept.keeper for kept in self._all() if kept.keeper))

    async def run_until_told_to_stop(self, bring_up: Callable[[], Awaitable[None]]) -> None:
        """Does `bring_up`, keeps what it started, and stops it all in order at the first SIGINT or SIGTERM.

        A second signal ends everything at once. Raises what `bring_up` raises, and ProgramFailed.
        """

        async def work() -> None:
            await bring_up()
            await self.wait()

        working, told = asyncio.create_task(work()), asyncio.create_task(told_to_stop(self._force))
        try:
            await asyncio.wait({working, told}, return_when=asyncio.FIRST_COMPLETED)
            if not told.done():
                await working  # it ends by failing alone
        finally:
            for task in (working, told):
                task.cancel()
            await asyncio.gather(working, told, return_exceptions=True)
            await self.stop()

    async def stop(self) -> None:
        """Ends all programs, those of the last `start` first but for the outlasting, within `stop_s` or by force."""
        while self._groups:
            await asyncio.gather(*(kept.stop(self._stop_s) for kept in self._groups.pop()))

    def kill(self) -> None:
        """Ends all programs at once, by force."""
        for kept in self._all():
            kept.kill()

    def _all(self) -> list[_Kept]:
        return [kept for group in self._groups for kept in group]

    def _force(self) -> NoReturn:
        self.kill()
        os._exit(130)  # whatever else is bound to this process goes with it

    def pids(self) -> dict[str, int]:
        """The process ids of the programs that run now, by name."""
        running = {kept.program.name: kept.process for kept in self._all()}
        return {name: process.pid for name, process in running.items() if process and process.returncode is None}


class _Kept:
    """One program and the process that runs it now."""

    def __init__(self, program: Program, runtime: Path, ended: Callable[[int], None]) -> None:
        self.program = program
        self.process: asyncio.subprocess.Process | None = None
        self.keeper: asyncio.Task[None] | None = None
        self._notify = runtime / f"notify-{program.name}"
        self._ended = ended

    async def start(self) -> None:
        await self.launch()
        self.keeper = asyncio.create_task(self._keep(), name=f"keep {self.program.name}")

    async def finish(self) -> None:
        """Waits for the end of a program that ends by itself. Raises ProgramFailed if that is not a good one."""
        assert self.process is not None
        status = await self.process.wait()
        self._ended(self.process.pid)
        if status:
            raise ProgramFailed(f"{self.program.name} {_how_it_ended(status)}")

    async def stop(self, within_s: float) -> None:
        if self.keeper:
            self.keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError, ProgramFailed):
                await self.keeper
        await self._end(within_s)

    def kill(self) -> None:
        if self.process and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()

    async def launch(self) -> None:
        """Starts the process and waits until it says that it is ready."""
        with _notification_socket(self._notify) as listener:
            self.process = await _process(self.program, NOTIFY_SOCKET=str(self._notify))
            ready = asyncio.create_task(_said_ready(listener))
            gone = asyncio.create_task(self.process.wait())
            try:
                await asyncio.wait(
                    {ready, gone}, timeout=self.program.ready_within_s, return_when=asyncio.FIRST_COMPLETED
                )
                if ready.done():
                    return
                if gone.done():
                    self._ended(self.process.pid)
                    raise ProgramFailed(f"{self.program.name} {_how_it_ended(gone.result())} before it was ready")
                await self._end(0)
                raise ProgramFailed(f"{self.program.name} was not ready within {self.program.ready_within_s:g} s")
            finally:
                ready.cancel()
                gone.cancel()

    async def _keep(self) -> None:
        """Starts the process anew whenever it ends, after growing pauses. Raises ProgramFailed in the end."""
        crashes: list[float] = []
        while True:
            assert self.process is not None
            how = _how_it_ended(await self.process.wait())
            self._ended(self.process.pid)
            now = time.monotonic()
            crashes = [at for at in crashes if now - at < _WITHIN_S] + [now]
            log.error("program-ended", program=self.program.name, how=how, crashes=len(crashes))
            if len(crashes) >= _CRASHES:
                raise ProgramFailed(f"{self.program.name} ended {_CRASHES} times within {_WITHIN_S:g} s; it last {how}")
            await asyncio.sleep(min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** (len(crashes) - 1)))
            try:
                await self.launch()
                log.info("program-restarted", program=self.program.name)
            except ProgramFailed as error:
                log.error("program-failed", program=self.program.name, why=str(error))  # noqa: TRY400  counted above

    async def _end(self, within_s: float) -> None:
        if self.process is None or self.process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            async with asyncio.timeout(within_s):
                await self.process.wait()
        except TimeoutError:
            if within_s:
                log.warning("program-killed", program=self.program.name, after_s=within_s)
            self.kill()
            await self.process.wait()
        self._ended(self.process.pid)


async def _process(program: Program, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *program.command,
        stdin=asyncio.subprocess.DEVNULL,
        env={**os.environ, **program.environment, **environment},
        pass_fds=program.descriptors,
        start_new_session=True,  # so that Ctrl-C reaches the supervisor alone
        preexec_fn=bound_to_parent(signal.SIGKILL),
    )


async def told_to_stop(again: Callable[[], None] = lambda: os._exit(130)) -> None:
    """Returns at the first SIGINT or SIGTERM; from then on calls `again` at each further one."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()

    def on_signal() -> None:
        if told.is_set():
            again()
        told.set()

    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, on_signal)
    await told.wait()


def notify_ready() -> None:
    """Tells whoever started this process that it is ready; does nothing if nobody asked (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # systemd's abstract namespace
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, contextlib.suppress(OSError):
        sender.sendto(b"READY=1", address)


def runtime_folder(data: Path) -> Path:
    """The folder for sockets of one installation, made if missing: `run` in the data folder.

    When that path is too long for a Unix socket, a folder of ours in the system's temporary one. Raises
    ProgramFailed if that folder is somebody else's.
    """
    near = data / "run"
    if len(os.fsencode(near)) <= _SOCKET_NAME_ROOM:
        near.mkdir(mode=0o700, parents=True, exist_ok=True)
        return near
    name = f"vitrine-run-{hashlib.sha256(os.fsencode(near)).hexdigest()[:16]}"
    short = Path(tempfile.gettempdir()) / name
    short.mkdir(mode=0o700, exist_ok=True)
    if short.is_symlink() or short.stat().st_uid != os.geteuid():
        raise ProgramFailed(f"{short} is wanted for sockets but belongs to somebody else")
    return short


@contextlib.contextmanager
def _notification_socket(path: Path) -> Iterator[socket.socket]:
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.setblocking(False)
        listener.bind(str(path))
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)


async def _said_ready(listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while b"READY=1" not in (await loop.sock_recv(listener, 4096)).split(b"\n"):
        pass


def _how_it_ended(status: int) -> str:
    return f"ended with {status}" if status >= 0 else f"was ended by {signal.Signals(-status).name}"
