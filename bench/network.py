"""`python -m bench.network`: the live path on bad networks, beside a stock aiortc echo.

Each profile is run against each server with one peer behind an impairment relay: a clean stretch, an impaired one,
and a clean one again. Printed are the longest freeze and the 95th percentile of the time between two new frames
while the network is bad, the latency before, during and after, and how long after the network is good again the
latency is back at what it was.

The peer is aiortc, but it releases frames on the marker bit, asks for missing packets again after 50, 100, 200 ms…
as browsers do in their way, and encodes live, so a PLI brings a key frame. With losses on the way back its own
receiver has a share in the freezes; it is the same for both servers.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bench.crew import Crew
from bench.impairment import CLEAN, Impairment
from bench.latency import Arrival, Summary, recovery_s, summarise
from bench.live import say
from bench.peer import Orders
from bench.relay import Relay
from bench.servers import ROOT, EchoServer, Server, VitrineServer


@dataclass(frozen=True)
class Profile:
    """A named bad network."""

    name: str
    up: Impairment = CLEAN
    down: Impairment = CLEAN


def _both(name: str, how: Impairment) -> Profile:
    return Profile(name, how, how)


PROFILES = (
    Profile("clean"),
    Profile("loss-1-up", up=Impairment(loss=0.01)),
    Profile("loss-2-up", up=Impairment(loss=0.02)),
    Profile("loss-5-up", up=Impairment(loss=0.05)),
    Profile("burst-5-up", up=Impairment(loss=0.05, burst=4)),
    _both("loss-2-both", Impairment(loss=0.02)),
    _both("loss-5-both", Impairment(loss=0.05)),
    _both("delay-40", Impairment(delay_ms=40)),
    _both("delay-100", Impairment(delay_ms=100)),
    _both("jitter-20", Impairment(delay_ms=10, jitter_ms=20)),
    Profile("reorder-2-up", up=Impairment(reorder=0.02)),
    Profile("loss-5-delay-40-up", up=Impairment(loss=0.05, delay_ms=40), down=Impairment(delay_ms=40)),
    _both("loss-5-delay-100", Impairment(loss=0.05, delay_ms=100)),
    Profile("rate-500k-up", up=Impairment(rate_bps=500_000)),
    Profile("rate-500k-down", down=Impairment(rate_bps=500_000)),
    Profile("rate-300k-down", down=Impairment(rate_bps=300_000)),
    _both("rate-500k", Impairment(rate_bps=500_000)),
)


@dataclass(frozen=True)
class Outcome:
    """One server on one network."""

    server: str
    profile: str
    before: Summary
    during: Summary
    after: Summary
    recovery_s: float
    datagrams: dict[str, int]


async def weather(server: Server, profile: Profile, orders: Orders, *, seconds: float, seed: int) -> Outcome:
    """Clean, bad, clean: one peer through all of it."""
    relay = Relay(seed)
    await relay.start()
    crew = Crew(replace(orders, server=server.kind, url=server.url, relay=relay.url))
    try:
        await crew.start()
        await crew.line("flowing", 90)
        await asyncio.sleep(4)  # bandwidth estimates climb for some seconds
        marks = [time.monotonic()]
        for up, down, length in (
            (CLEAN, CLEAN, 5.0),
            (profile.up, profile.down, seconds),
            (CLEAN, CLEAN, 8.0),
        ):
            relay.impair(up, down)
            await asyncio.sleep(length)
            marks.append(time.monotonic())
        told = await crew.finish()
    finally:
        crew.kill()
        counted = relay.counted()
        await relay.close()
    record = told["records"][0]
    sent = {int(number): at for number, at in record["sent"].items()}
    arrivals = [Arrival(number, at) for number, at in record["arrivals"]]
    before, during, after = (summarise(sent, arrivals, a, b) for a, b in itertools.pairwise(marks))
    back = recovery_s(sent, arrivals, marks[2], marks[3], limit_ms=before.p95_ms + 20)
    return Outcome(server.name, profile.name, before, during, after, back, counted)


HEADER = (
    f"{'network':<20} {'server':<12} {'freeze max':>10} {'p95':>6} | {'before p50':>10} {'p95':>6} |"
    f" {'during p50':>10} {'p95':>6} {'fps':>5} {'lost':>5} | {'after p95':>9} {'recovery':>8}"
)


def line(o: Outcome) -> str:
    """One outcome in the table; milliseconds but for the recovery."""
    return (
        f"{o.profile:<20} {o.server:<12} {o.during.freeze_longest_ms:>10.0f} {o.during.freeze_p95_ms:>6.0f} |"
        f" {o.before.p50_ms:>10.1f} {o.before.p95_ms:>6.1f} | {o.during.p50_ms:>10.1f} {o.during.p95_ms:>6.1f}"
        f" {o.during.fps:>5.1f} {o.during.lost:>5} | {o.after.p95_ms:>9.1f} {o.recovery_s:>7.2f}s"
    )


async def run(options: argparse.Namespace) -> list[Outcome]:
    """Every profile on every server, in turn."""
    servers: list[Server] = [EchoServer("stock")]
    if not options.echo_only:
        servers.append(VitrineServer())
    outcomes = []
    try:
        for server in servers:
            await server.start()
        say(HEADER)
        orders = Orders(server="", url="", nack_again_ms=50)
        for profile in chosen(options.profiles):
            for server in servers:
                outcome = await weather(server, profile, orders, seconds=options.seconds, seed=options.seed)
                outcomes.append(outcome)
                say(line(outcome))
    finally:
        for server in servers:
            await server.stop()
    return outcomes


def chosen(names: Sequence[str]) -> list[Profile]:
    """The profiles of these names; all of them for none."""
    by_name = {profile.name: profile for profile in PROFILES}
    return [by_name[name] for name in names] if names else list(PROFILES)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="bench.network", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("profiles", nargs="*", help=", ".join(profile.name for profile in PROFILES))
    parser.add_argument("--seconds", type=float, default=20.0, help="of bad network in each run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--echo-only", action="store_true", help="leave Vitrine out")
    parser.add_argument("--json", type=Path, help="where to write (default: bench/results/)")
    options = parser.parse_args()
    outcomes = asyncio.run(run(options))
    path: Path = options.json or ROOT / "bench" / "results" / f"network-{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(o) for o in outcomes], indent=1))
    say(f"\nwritten to {path}")


if __name__ == "__main__":
    main()
