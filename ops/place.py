"""Where an embedded service keeps its files, and as which OS user it runs.

PostgreSQL refuses to run as root. Started by root, the services therefore run as the system user `vitrine`,
which must reach its files: in the data folder where that is possible, else under /var/lib/vitrine, with a
link left in the data folder. No permission outside our own folders is changed
(docs/decisions/0001-embedded-services.md).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

USER = "vitrine"
FALLBACK = Path("/var/lib/vitrine")
_SOCKET_PATH_LIMIT = 103  # bytes; sockaddr_un holds 108 on Linux and 104 on macOS, the last is a zero


class EmbeddedError(Exception):
    """An embedded service cannot start; the message says what to do."""

    code: ClassVar[str] = "embedded-failed"


class InUse(EmbeddedError):
    """Another process holds this data folder's service."""

    code: ClassVar[str] = "embedded-in-use"


class NoPlace(EmbeddedError):
    """There is no folder, or no OS user, with which the service can run."""

    code: ClassVar[str] = "embedded-no-place"


@dataclass(frozen=True)
class Account:
    """An OS user."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Home:
    """A service's own folder and the OS user that owns it and runs the service."""

    folder: Path
    account: Account

    def own(self, name: str) -> Path:
        """A folder in the home that only the service's user may enter, made if missing."""
        path = self.folder / name
        if not path.exists():
            path.mkdir(mode=0o700)
            os.chown(path, self.account.uid, self.account.gid)
        return path

    def reachable(self, program: Path, *, root: Path, parts: Sequence[str], version: str) -> Path:
        """`program` itself, or a copy if the service's user cannot get to it: a virtual environment in root's home.

        `parts` are what it needs of the folder `root`, itself and its libraries, and keep their places in the
        copy, for a program finds its libraries by the way to them. The copy is kept by version.
        """
        if may_enter(program.resolve(), self.account):
            return program
        copy = self.folder / f"program-{version}"
        if not copy.exists():
            fresh = Path(tempfile.mkdtemp(prefix="program-", dir=self.folder))
            for part in parts:
                if (root / part).is_dir():
                    shutil.copytree(root / part, fresh / part, symlinks=True)
                else:
                    (fresh / part).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(root / part, fresh / part)
            fresh.chmod(0o755)
            fresh.rename(copy)
        return copy / program.relative_to(root)

    def socket_folder(self, socket_name: str) -> Path:
        """A folder for a Unix socket, in the home unless the path would be too long for one."""
        near = self.own("run")
        if len(os.fsencode(near / socket_name)) <= _SOCKET_PATH_LIMIT:
            return near
        key = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        short = Path(tempfile.gettempdir()) / f"vitrine-{key}"
        try:
            short.mkdir(mode=0o700)
            os.chown(short, self.account.uid, self.account.gid)
        except FileExistsError:
            found = short.lstat()
            private = stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700
            if not private or found.st_uid != self.account.uid:
                raise NoPlace(f"{short} is wanted for sockets but belongs to somebody else") from None
        return short


def home(data: Path, service: str) -> Home:
    """The home of `service` for the data folder `data`, made on the first start.

    Raises NoPlace, with the reason, if there can be none.
    """
    if not data.exists():
        data.mkdir(parents=True)
        data.chmod(0o711)  # to be passed through, not listed
    link = data / service
    if link.exists():
        folder = link.resolve()
        account = _owner(folder)
        if os.geteuid() not in (0, account.uid):
            raise NoPlace(f"{folder} belongs to the OS user {account.name}: start as that user or as root")
        if not may_enter(folder, account):
            raise NoPlace(f"the OS user {account.name} cannot get to {folder}: open the folders above it (chmod o+x)")
        return Home(folder, account)
    if os.geteuid() != 0:
        link.mkdir(mode=0o700)
        return Home(link.resolve(), _account(os.geteuid()))
    account = service_account()
    if may_enter(data.resolve(), account):
        folder = link
        folder.mkdir(mode=0o700)
    else:
        if not FALLBACK.exists():
            FALLBACK.mkdir(parents=True)
            FALLBACK.chmod(0o711)
        folder = Path(tempfile.mkdtemp(prefix=f"{service}-", dir=FALLBACK))
        link.unlink(missing_ok=True)  # a link whose folder is gone
        link.symlink_to(folder)
    os.chown(folder, account.uid, account.gid)
    return Home(folder.resolve(), account)


def may_enter(path: Path, account: Account) -> bool:
    """Whether the permission bits let `account`, without further groups, get to `path` from the root."""
    for step in (*reversed(path.parents), path):
        found = step.stat()
        if found.st_uid == account.uid:
            wanted = stat.S_IXUSR
        elif found.st_gid == account.gid:
            wanted = stat.S_IXGRP
        else:
            wanted = stat.S_IXOTH
        if not found.st_mode & wanted:
            return False
    return True


def service_account() -> Account:
    """The system user as which the services run when root starts them, made on the first call."""
    try:
        found = pwd.getpwnam(USER)
    except KeyError:
        command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", str(FALLBACK)]
        try:
            subprocess.run([*command, "--shell", "/usr/sbin/nologin", USER], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise NoPlace(f"no OS user {USER!r}, and it cannot be made: {error}") from error
        found = pwd.getpwnam(USER)
    return Account(found.pw_name, found.pw_uid, found.pw_gid)


@contextmanager
def exclusive(folder: Path, service: str) -> Iterator[None]:
    """Hold `folder` for this process. Raises InUse with the holder's process id if another one has it.

    The lock goes with the process, so nothing is left to clear after a crash.
    """
    with (folder / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise InUse(f"{service} in {folder} is already run by process {holder}") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _owner(folder: Path) -> Account:
    return _account(folder.stat().st_uid)


def _account(uid: int) -> Account:
    try:
        found = pwd.getpwuid(uid)
    except KeyError:
        raise NoPlace(f"the OS user {uid} has no name; PostgreSQL wants one (a line in /etc/passwd)") from None
    return Account(found.pw_name, found.pw_uid, found.pw_gid)
