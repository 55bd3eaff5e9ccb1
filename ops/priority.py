"""Who comes first when there is more to do than cores to do it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_GROUP = Path("/proc/self/autogroup")


def step_back(steps: int) -> None:
    """Gives way to other processes: `steps` of niceness, 0 to 19, for this process and those that it starts.

    Where Linux groups processes by session (sched_autogroup(7)), as outside of containers and services it often does,
    niceness counts among the processes of one session alone; so a process that leads its session has the whole group
    step back. One that somebody started by hand leaves the group, her shell's, as it is.
    """
    os.nice(steps)
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):  # no such thing here, or not now
            _GROUP.write_text(str(os.nice(0)))
