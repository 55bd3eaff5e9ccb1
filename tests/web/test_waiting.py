"""Those for whom there is no room yet hear where they stand as it changes, and come in as soon as a place is free."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import redis.asyncio
from structlog.testing import capture_logs

from rtc.node import MediaNode
from rtc.queue import Line
from tests.rtc.shopper import Shopper
from tests.web.conftest import ORIGIN, Site

SDP = {"Content-Type": "application/sdp"}


@dataclass
class Waiting:
    """A shopper in the line, with a stream of events."""

    bearer: dict[str, str]
    ticket: str
    events: asyncio.Queue[tuple[str, Any]] = field(default_factory=asyncio.Queue)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def next(self, within_s: float = 20.0) -> tuple[str, Any]:
        return await asyncio.wait_for(self.events.get(), within_s)


@pytest.fixture
async def running(site: Site, node: MediaNode) -> AsyncIterator[tuple[Shopper, str, dict[str, str]]]:
    """The only place is taken: who has it, its location, and her credential."""
    shopper, bearer = Shopper(), await site.bearer()
    async with site.calls("POST", "/v1/try-on", data=await shopper.offer(), headers={**bearer, **SDP}) as response:
        assert response.status == 201, await response.text()
        await shopper.accept(await response.text())
    yield shopper, response.headers["Location"], bearer
    await shopper.close()


async def ask(site: Site, bearer: dict[str, str], **headers: str) -> dict[str, Any]:
    shopper = Shopper()
    offer = await shopper.offer()
    await shopper.close()
    async with site.calls("POST", "/v1/try-on", data=offer, headers={**bearer, **SDP, **headers}) as response:
        answer = {"status": response.status, "location": response.headers.get("Location")}
        return answer | (await response.json() if response.status != 201 else {})


async def measured(site: Site) -> float:
    """The length of the line in `/metrics`."""
    async with site.calls("GET", "/metrics") as response:
        said = next(row for row in (await response.text()).splitlines() if row.startswith("vitrine_waiting "))
    return float(said.split()[1])


@asynccontextmanager
async def waiting(site: Site) -> AsyncIterator[Waiting]:
    bearer = await site.bearer()
    refused = await ask(site, bearer)
    assert (refused["status"], refused["code"]) == (503, "queue")
    made = Waiting(bearer, refused["ticket"])

    async def listen() -> None:
        headers = {**bearer, "Origin": ORIGIN}
        async with site.calls("GET", refused["events"], headers=headers) as response:
            assert response.status == 200, await response.text()
            assert response.content_type == "text/event-stream"
            assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
            kind = ""
            async for line in response.content:
                if line.startswith(b"event: "):
                    kind = line[7:].strip().decode()
                elif line.startswith(b"data: "):
                    made.events.put_nowait((kind, json.loads(line[6:])))
        made.ended.set()

    listening = asyncio.create_task(listen())
    yield made
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def test_places_move_up_and_the_next_one_is_called_when_a_try_on_ends(site: Site, running, monkeypatch):
    """At once: neither the node's next announcement nor the next look at the line is waited for."""
    for name in ("rtc.node.ANNOUNCE_S", "rtc.turns.LOOK_S", "rtc.placement.NODE_FORGOTTEN_S"):
        monkeypatch.setattr(name, 100.0)
    await asyncio.sleep(1.1)
    _, location, bearer = running
    async with waiting(site) as first, waiting(site) as second:
        assert (await first.next())[1]["position"] == 1
        kind, told = await second.next()
        assert (kind, told["position"]) == ("place", 2)
        assert told["eta_seconds"] > 0
        assert await measured(site) == 2
        async with site.calls("DELETE", location, headers=bearer) as response:
            assert response.status == 204
        assert await first.next(within_s=30) == ("turn", {})
        await asyncio.wait_for(first.ended.wait(), 20)
        newcomer = await ask(site, await site.bearer())
        assert newcomer["code"] == "queue", "who is called comes before who comes now"
        assert (await ask(site, first.bearer, **{"Vitrine-Ticket": first.ticket}))["status"] == 201
        monkeypatch.setattr("rtc.turns.LOOK_S", 0.2)
        await site.services.placement._queue.tell_changed()
        while (told := await second.next())[1]["position"] != 1:
            pass
        assert await measured(site) == 2, "she and the newcomer"


async def test_who_is_called_and_does_not_come_makes_room_for_the_next(site: Site, running, monkeypatch):
    monkeypatch.setattr("rtc.queue.CALLED_S", 1.0)
    _, location, bearer = running
    async with waiting(site) as first, waiting(site) as second:
        async with site.calls("DELETE", location, headers=bearer):
            pass
        while (await first.next())[0] != "turn":
            pass
        while (await second.next())[0] != "turn":
            pass


async def test_who_listens_keeps_her_place_even_if_valkey_loses_it(site: Site, running, valkey: redis.asyncio.Redis):
    async with waiting(site) as first, waiting(site) as second:
        await first.next()
        await second.next()
        await valkey.delete("queue")
        later = await ask(site, await site.bearer())
        await asyncio.sleep(1.5)
        again = await ask(site, second.bearer)
        assert (later["code"], again["position"], again["ticket"]) == ("queue", 2, second.ticket)


async def test_a_visit_has_one_place_however_often_it_asks(site: Site, running):
    bearer = await site.bearer()
    one, two = await ask(site, bearer), await ask(site, bearer)
    other = await ask(site, await site.bearer())
    assert one["ticket"] == two["ticket"]
    assert other["position"] == 2
    assert await measured(site) == 2, "though nobody listens"


async def test_a_ticket_is_its_own_visits_alone(site: Site, running):
    async with waiting(site) as first:
        stranger = await site.bearer()
        path = f"/v1/queue/{first.ticket}/events"
        assert await site.refusal("GET", path, headers=stranger) == (404, "unknown-ticket")
        assert await site.refusal("GET", "/v1/queue/nothing/events", headers=stranger) == (404, "unknown-ticket")
        assert await site.refusal("GET", path) == (401, "missing-credentials")
        elsewhere = {**first.bearer, "Origin": "https://elsewhere.example"}
        assert await site.refusal("GET", path, headers=elsewhere) == (403, "origin-not-allowed")


async def test_who_leaves_while_nothing_happens_keeps_no_place_and_nothing_is_said_to_have_failed(
    site: Site, running, monkeypatch
):
    monkeypatch.setattr("web.waiting.ALIVE_S", 0.05)
    bearer = await site.bearer()
    refused = await ask(site, bearer)
    _, port = site.url.rsplit(":", 1)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
    head = f"GET {refused['events']} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {bearer['Authorization']}\r\n\r\n"
    writer.write(head.encode())
    await reader.readuntil(b": here")
    with capture_logs() as logs:
        writer.transport.abort()
        async with asyncio.timeout(10):
            while not any(entry["event"] == "request" for entry in logs):  # noqa: ASYNC110  the log has no event
                await asyncio.sleep(0.02)
    assert site.services.placement._turns._followers == {}
    assert [(entry["event"], entry.get("code")) for entry in logs] == [("request", "client-gone")]


async def test_who_has_gone_before_the_stream_begins_keeps_no_place_and_nothing_is_said_to_have_failed(
    site: Site, running, monkeypatch, caplog
):
    bearer = await site.bearer()
    refused = await ask(site, bearer)
    placement, gone = site.services.placement, asyncio.Event()
    looked, line = asyncio.Event(), placement._turns._see

    async def slowly() -> Line:
        looked.set()
        await gone.wait()
        return await line()

    monkeypatch.setattr(placement._turns, "_see", slowly)
    _, port = site.url.rsplit(":", 1)
    _, writer = await asyncio.open_connection("127.0.0.1", int(port))
    head = f"GET {refused['events']} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {bearer['Authorization']}\r\n\r\n"
    writer.write(head.encode())
    await looked.wait()
    with capture_logs() as logs:
        writer.transport.abort()
        await asyncio.sleep(0.1)
        gone.set()
        async with asyncio.timeout(10):
            while not any(entry["event"] == "request" for entry in logs):  # noqa: ASYNC110  the log has no event
                await asyncio.sleep(0.02)
    assert placement._turns._followers == {}
    assert [(entry["event"], entry.get("code")) for entry in logs] == [("request", "client-gone")]
    assert [record.getMessage() for record in caplog.records if record.name == "aiohttp.server"] == []
