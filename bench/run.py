"""One measurement: peers in their own processes against one server, over a window that all of them share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace

import aiohttp

from bench.crew import Crew
from bench.latency import Arrival, Summary, summarise
from bench.peer import Orders
from bench.servers import Server, VitrineServer

SETTLE_SECONDS = 2.0
CONNECT_SECONDS = 90.0


@dataclass(frozen=True)
class Measured:
    """What one run showed.

    `probe` is the peer whose encoder runs live, `load` the peers that play what was encoded ahead. CPU is the
    server's, in milliseconds for each frame that came back: of the processes that carry media, and of all.
    `client_cpu_ms` is what all measuring peers used themselves, for each frame.
    """

    server: str
    sessions: int
    seconds: float
    probe: Summary
    load: tuple[Summary, ...]
    cpu_media_ms: float
    cpu_whole_ms: float
    client_cpu_ms: float
    lag_p99_ms: float
    sizes: tuple[tuple[int, int], ...]
    face_states: tuple[str, ...]
    stages_ms: dict[str, float]


async def measure(
    server: Server,
    orders: Orders,
    *,
    sessions: int,
    seconds: float,
    settle: float = SETTLE_SECONDS,
    meanwhile: Callable[[], Coroutine[None, None, None]] | None = None,
) -> Measured:
    """Connect, let it settle, watch for `seconds`, hang up. meanwhile: runs from the moment when all are connected."""
    beside: list[asyncio.Task[None]] = []
    orders = replace(orders, server=server.kind, url=server.url)
    crews = [Crew(replace(orders, peers=1))]
    if sessions > 1:
        crews.append(Crew(replace(orders, peers=sessions - 1, source="ahead")))
    async with aiohttp.ClientSession() as http:
        try:
            for crew in crews:
                await crew.start()
            for crew in crews:
                await crew.line("flowing", CONNECT_SECONDS)
            if meanwhile is not None:
                beside.append(asyncio.create_task(meanwhile()))
            await asyncio.sleep(settle)
            await server.lag_p99_ms(http)
            stages_before = await _stages(server, http)
            cpu_before, start = server.cpu(), time.monotonic()
            await asyncio.sleep(seconds)
            cpu_after, end = server.cpu(), time.monotonic()
            lag = await server.lag_p99_ms(http)
            stages_after = await _stages(server, http)
            told = [await crew.finish() for crew in crews]
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            for crew in crews:
                crew.kill()
    records = [record for crew in told for record in crew["records"]]
    summaries = [
        summarise(
            {int(number): at for number, at in record["sent"].items()},
            [Arrival(number, at) for number, at in record["arrivals"]],
            start,
            end,
        )
        for record in records
    ]
    media, whole = cpu_after.since(cpu_before)
    frames = max(1, sum(s.frames for s in summaries))
    watched = max((crew["watched_seconds"] for crew in told), default=seconds)
    return Measured(
        server=server.name,
        sessions=sessions,
        seconds=end - start,
        probe=summaries[0],
        load=tuple(summaries[1:]),
        cpu_media_ms=media / frames * 1e3,
        cpu_whole_ms=whole / frames * 1e3,
        client_cpu_ms=sum(c["cpu_seconds"] for c in told) / frames * 1e3 * (end - start) / watched,
        lag_p99_ms=lag,
        sizes=tuple(tuple(size) for record in records for size in record["sizes"]),
        face_states=tuple(
            str(m.get("state")) for record in records for m in record["messages"] if m.get("type") == "face"
        ),
        stages_ms=_means(stages_before, stages_after),
    )


Stages = dict[str, tuple[float, float]]


async def _stages(server: Server, http: aiohttp.ClientSession) -> Stages:
    return await server.stages_ms(http) if isinstance(server, VitrineServer) else {}


def _means(before: Stages, after: Stages) -> dict[str, float]:
    means = {}
    for stage, (total, count) in after.items():
        total_before, count_before = before.get(stage, (0.0, 0.0))
        if count > count_before:
            means[stage] = (total - total_before) / (count - count_before)
    return means
