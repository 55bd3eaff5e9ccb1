"""The line of waiting shoppers as events: each hears where she stands as soon as it changes, and when to come."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

from aiohttp import hdrs, web

from rtc.claims import Visitor
from rtc.placement import Placement
from rtc.queue import Place
from tenancy.visits import Visit
from web.middleware import Readers
from web.openapi import Answer, Credential, Operation

EVENTS = "text/event-stream"
ALIVE_S = 5.0  # a word now and then shows on both sides whether the other one is there


@dataclass(frozen=True)
class WaitingLine:
    """The handler. visit_of: whose request it is, or a problem."""

    placement: Placement
    visit_of: Callable[[web.Request], Awaitable[Visit]]

    async def get_events(self, request: web.Request) -> web.StreamResponse:
        visit = await self.visit_of(request)
        visitor = Visitor(str(visit.tenant_id), str(visit.id))
        places = self.placement.follow(request.match_info["ticket"], visitor)
        first = await anext(places)  # what is wrong with the ticket is said before the stream begins
        response = web.StreamResponse(headers={hdrs.CACHE_CONTROL: "no-store", "X-Accel-Buffering": "no"})
        response.content_type = EVENTS
        # When she goes her place is kept no longer; what listens ends before what it listens to.
        async with contextlib.aclosing(places), contextlib.aclosing(_with_signs_of_life(places)) as news:
            await response.prepare(request)
            await response.write(_event(first))
            async for place in news:
                await response.write(b": here\n\n" if place is None else _event(place))
        return response

    def operations(self) -> list[Operation]:
        """All of the above, described."""
        return [
            Operation(
                "GET",
                "/v1/queue/{ticket:[A-Za-z0-9_-]{1,64}}/events",
                self.get_events,
                "Where the shopper stands in the line, as it changes",
                [
                    Answer(
                        200,
                        'Server-sent events: `place` with `{"position", "eta_seconds"}`; then `turn`, after which the '
                        "stream ends and the offer is to be made again with the ticket, within seconds.",
                        media_type=EVENTS,
                    )
                ],
                [
                    "invalid-token",
                    "missing-credentials",
                    "origin-not-allowed",
                    "token-expired",
                    "unavailable",
                    "unknown-ticket",
                ],
                credential=Credential.VISIT_TOKEN,
                readers=Readers.SHOP,
            )
        ]


def _event(place: Place) -> bytes:
    data = {} if place.turn else {"position": place.position, "eta_seconds": place.eta_seconds}
    return f"event: {'turn' if place.turn else 'place'}\ndata: {json.dumps(data)}\n\n".encode()


async def _with_signs_of_life(places: AsyncGenerator[Place, None]) -> AsyncGenerator[Place | None, None]:
    """The places, and None whenever nothing has changed for a while."""
    coming: asyncio.Task[Place] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(places))
            done, _ = await asyncio.wait([coming], timeout=ALIVE_S)
            if not done:
                yield None
                continue
            try:
                yield coming.result()
            except StopAsyncIteration:
                return
            coming = None
    finally:
        if coming is not None and not coming.done():
            coming.cancel()
            with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                await coming
