"""The event loop's thread answers soon, and nothing that it starts does as it does."""

from collections.abc import Callable
from threading import Thread

import pytest

from ops.priority import TURN_US, take_short_turns, turn


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
