"""The supervisor with real processes: small Python programs that say when they are ready."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ops.supervisor import Program, ProgramFailed, Supervisor, runtime_folder

ROOT = Path(__file__).resolve().parents[2]
READY = "from ops.supervisor import notify_ready; import time, sys, signal, pathlib; notify_ready();"
SLEEP = READY + "time.sleep(60)"


def program(name: str, code: str, **options) -> Program:
    environment = {"PYTHONPATH": str(ROOT)}
    return Program(name=name, command=(sys.executable, "-c", code), environment=environment, **options)


@contextlib.asynccontextmanager
async def supervising(folder: Path, stop_s: float = 5.0):
    supervisor = Supervisor(folder, stop_s=stop_s)
    try:
        yield supervisor
    finally:
        await supervisor.stop()


async def until(condition, within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110  what changes is another process
            await asyncio.sleep(0.02)


async def test_start_returns_when_every_program_is_ready_and_stop_leaves_none(tmp_path):
    async with supervising(tmp_path) as supervisor:
        await supervisor.start(program("a", SLEEP), program("b", SLEEP))
        pids = supervisor.pids()
        assert set(pids) == {"a", "b"}
    assert not any(psutil.pid_exists(pid) for pid in pids.values())


async def test_programs_stop_in_the_reverse_of_their_order_but_for_those_that_outlast_the_others(tmp_path):
    ended = tmp_path / "ended"
    code = READY + (
        "name = sys.argv[1];"
        f"signal.signal(signal.SIGTERM, lambda *_: (open({str(ended)!r}, 'a').write(name), sys.exit(0)));"
        "time.sleep(60)"
    )
    async with supervising(tmp_path) as supervisor:
        for name in "abcd":
            first = program(name, code)
            named = Program(name, (*first.command, name), first.environment)
            await supervisor.start(named, outlasting=name == "d")
        # Ready is said before the handler is set; give it a moment.
        await asyncio.sleep(0.2)
    assert ended.read_text() == "cbad"


async def test_a_program_killed_from_outside_runs_again(tmp_path):
    async with supervising(tmp_path) as supervisor:
        await supervisor.start(program("media", SLEEP))
        before = supervisor.pids()["media"]
        os.kill(before, signal.SIGKILL)
        await until(lambda: supervisor.pids().get("media", before) != before)


async def test_a_program_that_crashes_again_and_again_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("ops.supervisor._FIRST_PAUSE_S", 0.01)
    async with supervising(tmp_path) as supervisor:
        await supervisor.start(program("media", READY + "sys.exit(3)"))
        with pytest.raises(ProgramFailed, match="media ended 5 times"):
            await asyncio.wait_for(supervisor.wait(), 20)


async def test_a_program_that_ends_by_itself_is_waited_for_and_its_failure_told(tmp_path):
    async with supervising(tmp_path) as supervisor:
        done = tmp_path / "done"
        finished = await supervisor.begin(program("prepare", READY + f"pathlib.Path({str(done)!r}).touch()"))
        await finished
        assert done.exists()
        failing = await supervisor.begin(program("prepare", READY + "sys.exit(3)"))
        with pytest.raises(ProgramFailed, match="prepare ended with 3"):
            await failing
        unfinished = await supervisor.begin(program("prepare", SLEEP))
        pid = supervisor.pids()["prepare"]
    assert not psutil.pid_exists(pid)
    unfinished.close()


async def test_a_program_that_ends_before_it_is_ready_fails_the_start(tmp_path):
    async with supervising(tmp_path) as supervisor:
        with pytest.raises(ProgramFailed, match="web ended with 7 before it was ready"):
            await supervisor.start(program("media", SLEEP), program("web", "raise SystemExit(7)"))


async def test_a_program_that_is_never_ready_fails_the_start_and_is_ended(tmp_path):
    async with supervising(tmp_path) as supervisor:
        with pytest.raises(ProgramFailed, match=r"web was not ready within 0\.5 s"):
            await supervisor.start(program("web", "import time; time.sleep(60)", ready_within_s=0.5))
        assert supervisor.pids() == {}


async def test_a_program_deaf_to_the_polite_signal_is_stopped_by_force(tmp_path):
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEP
    started = time.monotonic()
    async with supervising(tmp_path, stop_s=0.3) as supervisor:
        await supervisor.start(program("web", deaf))
        (pid,) = supervisor.pids().values()
    assert not psutil.pid_exists(pid)
    assert time.monotonic() - started < 5


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux takes the children along")
def test_kill_9_of_the_supervisor_takes_every_program_along(tmp_path):
    code = f"""
import asyncio, pathlib, sys
from ops.supervisor import Program, Supervisor
async def main():
    supervisor = Supervisor(pathlib.Path({str(tmp_path)!r}), stop_s=1)
    await supervisor.start(Program("media", (sys.executable, "-c", {SLEEP!r})))
    print(supervisor.pids()["media"], flush=True)
    await supervisor.wait()
asyncio.run(main())
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        parent.wait()
        _gone, alive = psutil.wait_procs([child], timeout=5)
    assert not alive


def test_the_folder_for_sockets_is_private_and_short_enough_for_one(tmp_path):
    near = runtime_folder(tmp_path / "var")
    far = runtime_folder(tmp_path / ("long" * 30))
    assert near == tmp_path / "var" / "run"
    assert len(os.fsencode(far / "notify-media-000")) < 108
    assert {near.stat().st_mode & 0o777, far.stat().st_mode & 0o777} == {0o700}
    far.rmdir()
