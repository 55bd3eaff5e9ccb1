"""How many try-ons one core carries, with the latency at that load: `python -m bench.capacity`.

One media process has a core of its own; everything else of the server, and the peers, share the others. Real peers
that wear glasses are added one by one. A row of the table is one number of sessions: those up to `full` get every
frame of their camera with p95 under the limit; beyond, the node gives way (fewer frames, then less detail) until it
takes no more and the next one waits in line. Then ten times as many ask for a place while those who have one are
measured once more.

A table goes to the terminal, everything to `bench/results/capacity-<time>.json`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from bench.crowd import Turned, press
from bench.live import say
from bench.peer import Orders
from bench.run import Measured, measure
from bench.servers import ROOT, VitrineServer

LIMIT_MS = 100.0
WHOLE = 0.95  # of the camera's frames, to be called all of them
RATES = dict.fromkeys(("visit", "visit-shop", "try-on"), "1000000/minute")
SHAPES = "640x480@24,480x360@15,1280x720@24"
BIT_RATE_VGA = 1_000_000
COLUMNS = (
    "camera",
    "sessions",
    "p50",
    "p95",
    "slowest p95",
    "fps",
    "slowest fps",
    "CPU/frame",
    "level",
    "media core",
    "peers' core",
    "lag p99",
)


@dataclass(frozen=True)
class Shape:
    """A camera's picture."""

    width: int
    height: int
    fps: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}@{self.fps}"


@dataclass(frozen=True)
class Row:
    """One number of sessions. crowd: how many more asked for a place. level: steps that the node had given way."""

    shape: str
    sessions: int
    crowd: int
    measured: Measured
    level: int
    turned: Turned | None = None

    @property
    def slowest_p95_ms(self) -> float:
        """Of all peers."""
        return max(s.p95_ms for s in (self.measured.probe, *self.measured.load))

    @property
    def slowest_fps(self) -> float:
        """Of all peers."""
        return min(s.fps for s in (self.measured.probe, *self.measured.load))

    @property
    def cells(self) -> tuple[str, ...]:
        """As in the table."""
        measured = self.measured
        frames_s = sum(s.frames for s in (measured.probe, *measured.load)) / measured.seconds
        figures = (
            measured.probe.p50_ms,
            measured.probe.p95_ms,
            self.slowest_p95_ms,
            measured.probe.fps,
            self.slowest_fps,
            measured.cpu_media_ms,
        )
        cores = (measured.cpu_media_ms * frames_s / 1000, measured.client_cpu_ms * frames_s / 1000)
        return (
            self.shape,
            f"{self.sessions}+{self.crowd}" if self.crowd else str(self.sessions),
            *(f"{figure:.1f}" for figure in figures),
            str(self.level),
            *(f"{core:.2f}" for core in cores),
            f"{measured.lag_p99_ms:.1f}",
        )


@dataclass
class Found:
    """What one camera came to. full: sessions that get every frame in time. admitted: those that get in at all."""

    shape: str
    full: int = 0
    admitted: int = 0
    rows: list[Row] = field(default_factory=list)


class PinnedServer:
    """The server with its media process on a core of its own."""

    def __init__(self) -> None:
        everywhere = sorted(os.sched_getaffinity(0))
        self.media_core, self.others = {everywhere[0]}, set(everywhere[1:] or everywhere)
        self._everywhere = set(everywhere)
        settings = {"VITRINE_MEDIA_PROCESSES": "1", "VITRINE_RATES": json.dumps(RATES)}
        self.server = VitrineServer(settings)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[VitrineServer]:
        """Started on the media core alone, so that the node knows what it has; then the rest moves away."""
        os.sched_setaffinity(0, self.media_core)
        try:
            await self.server.start()
            os.sched_setaffinity(0, self.others)
            self._pin()
            yield self.server
        finally:
            os.sched_setaffinity(0, self._everywhere)
            await self.server.stop()

    def _pin(self) -> None:
        for process in self.server.beside_media():
            for thread in process.threads():
                os.sched_setaffinity(thread.id, self.others)


async def ramp(pinned: PinnedServer, shape: Shape, options: argparse.Namespace) -> Found:
    """Add sessions until the next one has to wait in line."""
    found = Found(str(shape))
    for sessions in range(1, options.most + 1):
        row = await step(pinned.server, shape, sessions, options)
        if row is None:
            break
        found.rows.append(row)
        found.admitted = sessions
        if found.full == sessions - 1 and row.slowest_fps >= WHOLE * shape.fps and row.slowest_p95_ms <= LIMIT_MS:
            found.full = sessions
    if found.admitted and options.crowd:
        row = await step(pinned.server, shape, found.admitted, options, crowd=options.crowd * found.admitted)
        if row is not None:
            found.rows.append(row)
    return found


async def step(
    server: VitrineServer, shape: Shape, sessions: int, options: argparse.Namespace, *, crowd: int = 0
) -> Row | None:
    """One number of sessions; None if the node did not take them all."""
    orders = Orders(
        server="",
        url="",
        width=shape.width,
        height=shape.height,
        fps=shape.fps,
        bit_rate=BIT_RATE_VGA * shape.width * shape.height // (640 * 480),
        frames_ahead=math.ceil((options.seconds + options.settle + 15) * shape.fps),
    )
    turned = Turned()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        levels: list[float] = []

        async def meanwhile() -> None:
            watching = asyncio.create_task(_watch_level(server, http, levels))
            try:
                await press(http, server.url, crowd, turned)
                await watching
            finally:
                watching.cancel()

        await _until_empty(server, http)
        try:
            measured = await measure(
                server, orders, sessions=sessions, seconds=options.seconds, settle=options.settle, meanwhile=meanwhile
            )
        except (RuntimeError, TimeoutError) as refused:
            say(f"  {shape}: {sessions} sessions are not all taken ({str(refused).splitlines()[-1][:100]})")
            return None
    row = Row(str(shape), sessions, crowd, measured, int(max(levels, default=0)), turned if crowd else None)
    say("  " + "  ".join(f"{name} {value}" for name, value in zip(COLUMNS, row.cells, strict=True)))
    return row


async def _watch_level(server: VitrineServer, http: aiohttp.ClientSession, levels: list[float]) -> None:
    """How far the node gives way; the last few readings."""
    while True:
        levels.append(await server.gauge(http, "vitrine_steps_down"))
        del levels[:-5]
        await asyncio.sleep(1)


async def _until_empty(server: VitrineServer, http: aiohttp.ClientSession) -> None:
    """Those of the step before have left, or were given up, and nobody stands in line any more."""
    async with asyncio.timeout(60):
        for name in ("vitrine_sessions", "vitrine_waiting"):
            while await server.gauge(http, name):  # noqa: ASYNC110  what changes is elsewhere
                await asyncio.sleep(0.5)


def table(found: list[Found]) -> str:
    """One line for each measurement."""
    rows = [COLUMNS, *(row.cells for one in found for row in one.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    return "\n".join("  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows)


def summary(found: list[Found]) -> str:
    """What a core carries, as Markdown for the README."""
    lines = [
        "| camera | try-ons a core, every frame | p95 | admitted in all | p95 | frames a second |",
        "|---|---|---|---|---|---|",
    ]
    for one in found:
        by_sessions = {row.sessions: row for row in one.rows if not row.crowd}
        full, all_in = by_sessions.get(one.full), by_sessions.get(one.admitted)
        full_p95 = f"{full.slowest_p95_ms:.0f} ms" if full else "–"
        rest = f"{all_in.slowest_p95_ms:.0f} ms | {all_in.slowest_fps:.1f}" if all_in else "– | –"
        lines.append(f"| {one.shape} | {one.full} | {full_p95} | {one.admitted} | {rest} |")
    return "\n".join(lines)


async def run(options: argparse.Namespace) -> list[Found]:
    """The server up, all cameras, the server down."""
    pinned = PinnedServer()
    async with pinned.running():
        say(f"media process on core {pinned.media_core}, all else and the peers on {pinned.others}")
        return [await ramp(pinned, shape, options) for shape in options.shapes]


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench.capacity", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--shapes", type=_shapes, default=_shapes(SHAPES), help=f"default {SHAPES}")
    parser.add_argument("--seconds", type=float, default=15.0, help="watched for each number of sessions")
    parser.add_argument("--settle", type=float, default=8.0, help="before that, for the node to find its level")
    parser.add_argument("--most", type=int, default=12, help="sessions at most")
    parser.add_argument("--crowd", type=int, default=10, help="times as many who ask in the last step; 0 for none")
    parser.add_argument("--json", type=Path, help="where to write (default: bench/results/)")
    return parser.parse_args(given)


def _shapes(text: str) -> tuple[Shape, ...]:
    parts = (part.replace("x", "@").split("@") for part in text.split(","))
    return tuple(Shape(int(width), int(height), int(fps)) for width, height, fps in parts)


def main() -> None:
    """Measure, print, write."""
    options = arguments()
    found = asyncio.run(run(options))
    say("\nmilliseconds; probe peer, then the slowest of all; level: steps given way; cores: part in use\n")
    say(table(found))
    say("\n" + summary(found))
    for one in found:
        for row in one.rows:
            if row.turned:
                say(f"\n{one.shape}: {row.crowd} more asked: {dict(row.turned.answers)}, told {row.turned.told} times")
    path: Path = options.json or ROOT / "bench" / "results" / f"capacity-{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    taken = {"taken_at": datetime.now(UTC).isoformat(timespec="seconds"), "cpus": os.cpu_count()}
    path.write_text(json.dumps(taken | {"found": [asdict(one) for one in found]}, indent=1))
    say(f"\nwritten to {path}")


if __name__ == "__main__":
    main()
