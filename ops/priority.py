"""How soon the kernel lets a thread run that has just woken up."""

from __future__ import annotations

import ctypes
import platform

_SET, _GET = {"x86_64": (314, 315), "aarch64": (274, 275)}.get(platform.machine(), (0, 0))  # sched_setattr, _getattr
_RESET_ON_FORK = 1
TURN_US = 100  # the least that Linux takes


class _Attributes(ctypes.Structure):
    """`struct sched_attr` in its first form (sched_setattr(2))."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime_ns", ctypes.c_uint64),
        ("deadline_ns", ctypes.c_uint64),
        ("period_ns", ctypes.c_uint64),
    )


def take_short_turns() -> None:
    """Has this thread, and none that it starts, run soon after it wakes, for short: its turns are `TURN_US` long.

    It gets no more of the CPU than before. A thread that computes, as a frame worker does, is otherwise left alone
    for a turn of the usual length, and up to the next tick of the kernel's clock, 4 ms on many machines. Linux before
    6.12 knows turns of one length only, and other systems none of this: there it stays as it is.
    """
    wanted = turn()
    if wanted is None:
        return
    wanted.flags, wanted.runtime_ns = _RESET_ON_FORK, TURN_US * 1000
    ctypes.CDLL(None).syscall(_SET, 0, ctypes.byref(wanted), 0)


def turn() -> _Attributes | None:
    """How the kernel gives this thread its turns, runtime_ns 0 where it does not say; None where it cannot be asked."""
    told = _Attributes()
    if not _GET or ctypes.CDLL(None).syscall(_GET, 0, ctypes.byref(told), ctypes.sizeof(told), 0) != 0:
        return None
    return told
