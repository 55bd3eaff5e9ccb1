"""Peers in a process of their own, started, waited for and asked for what they saw."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from typing import Any

from bench.peer import Orders
from bench.servers import ROOT


class Crew:
    """A process of measuring peers, as the one that started it sees it."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the process; it connects by itself."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bench.peer",
            json.dumps(asdict(self._orders)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
            limit=1 << 28,
        )

    async def line(self, event: str, timeout_s: float) -> dict[str, Any]:
        """The next line it prints, which has to be about `event`."""
        assert self._process is not None
        assert self._process.stdout is not None
        raw = await asyncio.wait_for(self._process.stdout.readline(), timeout_s)
        if not raw:
            raise RuntimeError(f"a peer of {self._orders.url} ended before it said {event!r}")
        message: dict[str, Any] = json.loads(raw)
        assert message["event"] == event, message["event"]
        return message

    async def finish(self) -> dict[str, Any]:
        """End the measurement and take what it found."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        done = await self.line("done", 30)
        await self._process.wait()
        return done

    def kill(self) -> None:
        """End it without asking."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
