"""What operators and orchestrators ask: does it live, can it serve, what does it measure."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest, multiprocess

from rtc.placement import Placement
from web import contract
from web.openapi import Answer, Operation
from web.problem import OUTAGES

CHECK_WITHIN_S = 25.0  # a synthetic frame waits behind live ones
MEASURE_WITHIN_S = 1.0

Check = Callable[[], Awaitable[object]]


class NotReady(Exception):
    """A check failed; the message is one of ours and holds nothing that came in."""


def media_check(placement: Placement) -> Check:
    """A check that a node is there whose synthetic frame came back wearing something."""

    async def check() -> None:
        if not await placement.prove():
            raise NotReady("no media process dresses a picture")

    return check


@dataclass(frozen=True)
class Health:
    """`checks`: name -> a coroutine function that returns when that part can serve, and raises when it cannot.

    measure: brings up to date what nobody measures by itself; if it cannot, the last value stays.
    """

    checks: Mapping[str, Check]
    measure: Check

    async def get_health(self, _request: web.Request) -> web.Response:
        """The event loop alone: a failing dependency is no reason to restart this process."""
        return web.json_response({"status": "ok"})

    async def get_readiness(self, _request: web.Request) -> web.Response:
        """Every dependency, and that a synthetic frame comes back wearing something."""
        states = await asyncio.gather(*(_state(check) for check in self.checks.values()))
        checks = dict(zip(self.checks, states, strict=True))
        ready = all(state == "ok" for state in states)
        return web.json_response({"ready": ready, "checks": checks}, status=200 if ready else 503)

    async def get_metrics(self, _request: web.Request) -> web.Response:
        """The measurements of all processes of this machine, for Prometheus."""
        with contextlib.suppress(*OUTAGES):
            async with asyncio.timeout(MEASURE_WITHIN_S):
                await self.measure()
        body = await asyncio.to_thread(_measurements)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    def operations(self) -> list[Operation]:
        """All of the above, described."""
        readiness = contract.Readiness
        return [
            Operation(
                "GET",
                "/healthz",
                self.get_health,
                "Does it live",
                [Answer(200, "It does.", contract.Health)],
                counted=False,
            ),
            Operation(
                "GET",
                "/readyz",
                self.get_readiness,
                "Can it serve shoppers",
                [Answer(200, "It can.", readiness), Answer(503, "It cannot, and why.", readiness)],
                counted=False,
            ),
            Operation(
                "GET",
                "/metrics",
                self.get_metrics,
                "Measurements for Prometheus",
                [Answer(200, "The text format.", media_type="text/plain")],
                counted=False,
            ),
        ]


async def _state(check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_WITHIN_S):
            await check()
    except NotReady as error:
        return str(error)
    except OUTAGES:
        return "no answer"
    except Exception as error:  # a check may fail in any way, and the answer is the same
        return f"failed ({type(error).__name__})"
    return "ok"


def _measurements() -> bytes:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
