"""`python -m bench.narrow`: the way back becomes narrow, narrower, and wide again; what the picture does.

One real peer behind an impairment relay, wearing glasses. For each stretch are printed the bits that came through, the
size of the pictures, how many a second, their latency, the longest freeze, and how many encoders the server has taken:
a new size takes one, a new rate none.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import time
from dataclasses import dataclass, replace

import aiohttp

from bench.crew import Crew
from bench.impairment import CLEAN, Impairment
from bench.latency import Arrival, summarise
from bench.live import say
from bench.peer import Orders
from bench.relay import Relay
from bench.servers import VitrineServer

STRETCHES: tuple[tuple[str, int | None, float], ...] = (
    ("wide", None, 12.0),
    ("500 kb/s", 500_000, 20.0),
    ("200 kb/s", 200_000, 25.0),
    ("wide again", None, 45.0),
)
HEADER = (
    f"{'way back':>10} {'seconds':>7} {'kb/s':>6} {'fps':>5} {'p50 ms':>7} {'p95 ms':>7} {'freeze ms':>9}  encoders"
)


@dataclass(frozen=True)
class Mark:
    """A moment: bytes that had come back, and encoders that had been taken, until then."""

    at: float
    octets: int
    encoders: float


async def run(seed: int) -> None:
    """All stretches with one peer."""
    server, relay = VitrineServer({"VITRINE_MEDIA_PROCESSES": "1"}), Relay(seed)
    await server.start()
    await relay.start()
    crew = Crew(Orders(server=server.kind, url=server.url, relay=relay.url, nack_again_ms=50))
    try:
        async with aiohttp.ClientSession() as http:

            async def mark() -> Mark:
                taken = await server.gauge(http, "vitrine_video_encoders_opened_total")
                return Mark(time.monotonic(), relay.counted()["down_bytes"], taken)

            await crew.start()
            await crew.line("flowing", 90)
            marks = [await mark()]
            for _, rate, seconds in STRETCHES:
                relay.impair(CLEAN, replace(CLEAN, rate_bps=rate) if rate else Impairment())
                for _ in range(2):
                    await asyncio.sleep(seconds / 2)
                    marks.append(await mark())
            record = (await crew.finish())["records"][0]
    finally:
        crew.kill()
        await relay.close()
        await server.stop()
    sent = {int(number): at for number, at in record["sent"].items()}
    arrivals = [Arrival(number, at) for number, at in record["arrivals"]]
    say(HEADER)
    halves = [name for name, _, _ in STRETCHES for _ in range(2)]
    for name, (before, after) in zip(halves, itertools.pairwise(marks), strict=True):
        seen = summarise(sent, arrivals, before.at, after.at)
        kbps = (after.octets - before.octets) * 8 / (after.at - before.at) / 1e3
        say(
            f"{name:>10} {after.at - before.at:>7.1f} {kbps:>6.0f} {seen.fps:>5.1f} {seen.p50_ms:>7.0f}"
            f" {seen.p95_ms:>7.0f} {seen.freeze_longest_ms:>9.0f}  {after.encoders:.0f}"
        )
    start = marks[0].at
    sizes = zip(record["sized_at"], record["sizes"], strict=True)
    say("sizes: " + ", ".join(f"{at - start:+.1f} s {width}×{height}" for at, (width, height) in sizes))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench.narrow", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--seed", type=int, default=1)
    asyncio.run(run(parser.parse_args().seed))


if __name__ == "__main__":
    main()
