"""`make bench`: the live path beside two echoes, in one go, on the machine at hand.

Real peers send a moving face with burned-in frame numbers to a stock aiortc echo, to an echo that releases frames on
the RTP marker bit, and to Vitrine's own server (`server.py all`, through the shopper's HTTP contract, wearing
glasses). The runs take turns, so that what else the machine does hits all alike. A table goes to the terminal,
everything to `bench/results/live-<time>.json`.

The goals, as ratios to the echoes of the same run: p95 glass to glass at most 0.6 of the stock echo, server CPU a
frame at most 1.7 times the marker-bit echo.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from bench.peer import Orders
from bench.run import Measured, measure
from bench.servers import ROOT, EchoServer, Server, VitrineServer

GOAL_P95, GOAL_CPU = 0.6, 1.7
COLUMNS = (
    "server",
    "sessions",
    "p50",
    "p95",
    "p99",
    "fps",
    "lost",
    "load p95",
    "CPU/frame",
    "all CPU",
    "lag p99",
    "client",
)


async def run(options: argparse.Namespace) -> list[Measured]:
    """All servers up, all rounds, all servers down."""
    servers: list[Server] = [EchoServer("stock"), EchoServer("marker")]
    if not options.echo_only:
        servers.append(VitrineServer())
    orders = Orders(
        server="",
        url="",
        width=options.size[0],
        height=options.size[1],
        fps=options.fps,
        bit_rate=options.bit_rate,
        release=options.client,
        wear=tuple(options.wear.split(",")),
    )
    found: list[Measured] = []
    try:
        for server in servers:
            await server.start()
        for turn in range(options.rounds):
            for sessions in options.sessions:
                for server in servers[turn % len(servers) :] + servers[: turn % len(servers)]:
                    seconds = options.seconds / options.rounds
                    result = await measure(server, orders, sessions=sessions, seconds=seconds)
                    found.append(result)
                    say(f"  round {turn + 1}: {result.server}, {sessions} sessions: p95 {result.probe.p95_ms:.1f} ms")
    finally:
        for server in servers:
            await server.stop()
    return found


def table(found: list[Measured]) -> str:
    """One line for each server and number of sessions: medians over the rounds."""
    rows = [COLUMNS]
    for server, sessions in dict.fromkeys((m.server, m.sessions) for m in sorted(found, key=lambda m: m.sessions)):
        runs = [m for m in found if (m.server, m.sessions) == (server, sessions)]

        def middle(value: Callable[[Measured], float], runs: list[Measured] = runs) -> str:
            return f"{statistics.median(map(value, runs)):.1f}"

        rows.append(
            (
                server,
                str(sessions),
                middle(lambda m: m.probe.p50_ms),
                middle(lambda m: m.probe.p95_ms),
                middle(lambda m: m.probe.p99_ms),
                middle(lambda m: m.probe.fps),
                str(sum(m.probe.lost + sum(s.lost for s in m.load) for m in runs)),
                middle(lambda m: max((s.p95_ms for s in m.load), default=float("nan"))),
                middle(lambda m: m.cpu_media_ms),
                middle(lambda m: m.cpu_whole_ms),
                middle(lambda m: m.lag_p99_ms),
                middle(lambda m: m.client_cpu_ms),
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    return "\n".join("  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows)


def verdict(found: list[Measured]) -> dict[str, dict[str, float]]:
    """For each number of sessions, Vitrine's ratios to the echoes: medians of the ratios round by round."""
    ratios: dict[str, dict[str, float]] = {}
    for sessions in dict.fromkeys(m.sessions for m in found):
        by_server = {
            name: [m for m in found if (m.server, m.sessions) == (name, sessions)]
            for name in ("stock echo", "marker echo", "vitrine")
        }
        rounds = list(zip(*by_server.values(), strict=False))
        if rounds:
            ratios[str(sessions)] = {
                "p95_to_stock": statistics.median(v.probe.p95_ms / s.probe.p95_ms for s, _, v in rounds),
                "cpu_to_marker": statistics.median(v.cpu_media_ms / m.cpu_media_ms for _, m, v in rounds),
            }
    return ratios


def report(found: list[Measured], options: argparse.Namespace) -> dict[str, object]:
    """Everything, for the JSON file."""
    return {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cpus": os.cpu_count(), "load": os.getloadavg()},
        "options": {k: str(v) for k, v in vars(options).items()},
        "goals": {"p95_to_stock": GOAL_P95, "cpu_to_marker": GOAL_CPU},
        "ratios": verdict(found),
        "runs": [asdict(m) for m in found],
    }


def say(line: str) -> None:
    """To the terminal, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench.live", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=24.0, help="watched for each server and number of sessions")
    parser.add_argument("--rounds", type=int, default=3, help="turns that make up those seconds")
    parser.add_argument("--sessions", type=_numbers, default=(1, 2, 3), help="e.g. 1,2,4")
    parser.add_argument("--size", type=_size, default=(640, 480), help="e.g. 640x480")
    parser.add_argument("--fps", type=int, default=24)
    parser.add_argument("--bit-rate", type=int, default=1_000_000, help="of the load peers, bits a second")
    parser.add_argument(
        "--client", choices=["instant", "stock"], default="instant", help="how the peer releases frames"
    )
    parser.add_argument("--wear", default="glasses", help="kinds worn, e.g. glasses,hat")
    parser.add_argument("--echo-only", action="store_true", help="leave Vitrine out")
    parser.add_argument("--json", type=Path, help="where to write (default: bench/results/)")
    return parser.parse_args(given)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _size(text: str) -> tuple[int, int]:
    width, height = text.split("x")
    return int(width), int(height)


def main() -> None:
    """Measure, print, write."""
    options = arguments()
    found = asyncio.run(run(options))
    say("\nmilliseconds, medians over the rounds; probe peer, then the slowest load peer; CPU of the media processes\n")
    say(table(found))
    for sessions, ratio in verdict(found).items():
        say(
            f"\n{sessions} sessions: p95 {ratio['p95_to_stock']:.2f} of the stock echo (goal {GOAL_P95}), "
            f"CPU {ratio['cpu_to_marker']:.2f} of the marker echo (goal {GOAL_CPU})"
        )
    stages = [m.stages_ms for m in found if m.stages_ms]
    if stages:
        say("stages, mean ms: " + ", ".join(f"{name} {value:.2f}" for name, value in stages[0].items()))
    path: Path = options.json or ROOT / "bench" / "results" / f"live-{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report(found, options), indent=1))
    say(f"\nwritten to {path}")


if __name__ == "__main__":
    main()
