"""Child processes that do not outlive the process that started them, however it ends.

Linux delivers a signal of our choice to a child when its parent thread is gone (prctl(2), PR_SET_PDEATHSIG),
also after `kill -9`, which no handler sees. Elsewhere only the orderly stop takes the children along.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from ops.place import Account

_PR_SET_PDEATHSIG = 1


def bound_to_parent(sign: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn` after which this process's end sends `sign` to the child.

    The kernel watches the thread that forks, not the process, so only the main thread may start such a child:
    a worker thread would take it along when it ends. Raises RuntimeError elsewhere.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("a child bound to its parent is started from the main thread")
    parent = os.getpid()
    linux = sys.platform.startswith("linux")
    prctl = ctypes.CDLL(None, use_errno=True).prctl if linux else None  # looked up before the fork

    def bind() -> None:
        if prctl is None:
            return
        if prctl(_PR_SET_PDEATHSIG, int(sign), 0, 0, 0) != 0 or os.getppid() != parent:
            os._exit(127)  # the parent ended between the fork and the call

    return bind


def spawn(
    command: Sequence[str | Path],
    *,
    end: signal.Signals,
    account: Account | None = None,
    env: Mapping[str, str] | None = None,
    output: IO[Any] | int | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` bound to this process, in its own session so that Ctrl-C reaches the supervisor alone.

    As another OS user when `account` is given: the switch comes first, for it would clear the bond.
    """
    identity: dict[str, Any] = {}
    if account is not None and account.uid != os.geteuid():
        identity = {"user": account.uid, "group": account.gid, "extra_groups": []}
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        env=dict(env) if env is not None else None,
        cwd="/",
        start_new_session=True,
        preexec_fn=bound_to_parent(end),  # noqa: PLW1509  no thread of ours holds a lock that prctl would want
        **identity,
    )
