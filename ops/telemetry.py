"""Logs and measurements of a process: what is written, and what is never written.

A log line holds codes, counts and durations. It never holds what came in: no address, query, token, SDP,
landmark or exception message, for the message of an exception often quotes the input that caused it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import shutil
import sys
import time
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TextIO

import structlog

MULTIPROCESS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # the name is prometheus_client's
_LAG_EVERY_S = 0.1
# These describe every session and candidate at their INFO and DEBUG levels.
_TALKATIVE = ("aioice", "alembic", "aiortc", "aiohttp", "asyncio", "libav", "PIL", "matplotlib", "OpenGL")

log = structlog.get_logger("telemetry")


def configure_logging(level: str, form: str, *, role: str, output: TextIO | None = None) -> None:
    """Sends the process's logs, the libraries' too, to `output` (standard error if None), one line each.

    level: debug, info, warning or error. form: `console` for a person, `json` for a collector.
    """
    stream = output or sys.stderr
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name_role(role),
        _errors_without_messages,
    ]
    last: Any = (
        structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(stream),
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    logging.basicConfig(handlers=[handler], level=threshold, force=True)
    # It names the address of whoever sends no HTTP; errors of ours reach the log through the web's middleware.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(threshold, logging.ERROR))


def _name_role(role: str) -> Any:
    def processor(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        event["role"] = role
        return event

    return processor


def _errors_without_messages(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Turns `exc_info` into the error's class and the places it passed, which hold nothing that came in.

    Of a text of several lines the first stays: asyncio quotes the exception in the second.
    """
    event["event"] = str(event["event"]).partition("\n")[0]
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["error"] = type(error).__qualname__
        frames = traceback.extract_tb(error.__traceback__)[-8:]
        event["where"] = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return event


def clear_measurements(folder: Path) -> None:
    """Empties the folder in which the processes of one machine keep their measurements, and makes it the one.

    Goes before any import of prometheus_client, which reads the environment when it is imported.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    os.environ[MULTIPROCESS_FOLDER] = str(folder)


def forget_process(pid: int) -> None:
    """Drops the gauges of a process that is gone; its counts stay."""
    from prometheus_client import multiprocess  # noqa: PLC0415  it reads the environment when imported

    if MULTIPROCESS_FOLDER in os.environ:
        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]


@contextlib.asynccontextmanager
async def measured_loop(role: str) -> AsyncIterator[None]:
    """While entered, measures by how much the event loop is late, in seconds (`vitrine_loop_lag_seconds`)."""
    task = asyncio.create_task(_measure(_loop_lag().labels(role)), name="loop lag")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@functools.cache
def _loop_lag() -> Any:
    from prometheus_client import Histogram  # noqa: PLC0415  it reads the environment when imported

    buckets = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)
    return Histogram("vitrine_loop_lag_seconds", "How late the event loop is.", ["role"], buckets=buckets)


async def _measure(lag: Any) -> None:
    while True:
        due = time.perf_counter() + _LAG_EVERY_S
        await asyncio.sleep(_LAG_EVERY_S)
        lag.observe(max(0.0, time.perf_counter() - due))
