"""A process that steps back does so before the whole machine, and nobody else with it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from ops.priority import TURN_US, take_short_turns, turn

STEP_BACK = """
import os
from ops.priority import step_back
step_back(7)
print(os.nice(0), open('/proc/self/autogroup').read().rpartition(' ')[2])
"""


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this kernel has no groups by session")
@pytest.mark.parametrize("leads", [True, False])
def test_one_that_leads_its_session_takes_the_session_along(leads: bool) -> None:
    before = Path("/proc/self/autogroup").read_text().split()[-1]
    said = subprocess.run(
        [sys.executable, "-c", STEP_BACK], capture_output=True, text=True, check=True, start_new_session=leads
    ).stdout.split()
    own = min(19, os.nice(0) + 7)
    assert [int(one) for one in said] == [own, own if leads else int(before)]
    assert Path("/proc/self/autogroup").read_text().split()[-1] == before


def turns_of_a_thread(first: Callable[[], None] = lambda: None) -> tuple[int, int]:
    """Length in ns of the turns of a thread that does this first, and of one that it starts."""
    told: list[int] = []

    def ask() -> None:
        now = turn()
        told.append(now.runtime_ns if now else 0)

    def run() -> None:
        first()
        ask()
        started = Thread(target=ask)
        started.start()
        started.join()

    thread = Thread(target=run)
    thread.start()
    thread.join()
    return told[0], told[1]


def test_a_thread_takes_short_turns_alone() -> None:
    usual, _ = turns_of_a_thread()
    if not usual:
        pytest.skip("this kernel gives all threads turns of one length")
    assert turns_of_a_thread(take_short_turns) == (TURN_US * 1000, usual)
    assert turns_of_a_thread() == (usual, usual)
