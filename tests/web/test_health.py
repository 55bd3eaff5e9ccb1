"""What operators are told, and that one failing part does not make the process look dead."""

from __future__ import annotations

import dataclasses

from aiohttp import web
from redis.asyncio import Redis

from rtc.node import MediaNode
from tests.web.conftest import Site, StartSite


async def test_health_is_the_event_loop_alone(site: Site):
    async with site.calls("GET", "/healthz") as response:
        assert (response.status, await response.json()) == (200, {"status": "ok"})


async def test_readiness_wants_a_node_whose_synthetic_frame_wears_something(site: Site):
    async with site.calls("GET", "/readyz") as response:
        body = await response.json()
    assert (response.status, body["ready"]) == (503, False)
    assert body["checks"] == {"postgresql": "ok", "valkey": "ok", "media": "no media process dresses a picture"}


async def test_with_a_node_everything_is_ready(site: Site, node: MediaNode):
    async with site.calls("GET", "/readyz") as response:
        assert response.status == 200
        assert await response.json() == {"ready": True, "checks": dict.fromkeys(site.services.checks, "ok")}


async def test_without_valkey_the_process_lives_and_says_what_is_wrong(site: Site, start_site: StartSite):
    gone = Redis.from_url("unix:///nowhere/valkey.sock")
    checks = {**site.services.checks, "valkey": gone.ping}
    from web.app import WebSettings, create_app

    runner = web.AppRunner(create_app(dataclasses.replace(site.services, checks=checks), WebSettings()))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with site.client.get(url + "/readyz") as response:
        assert (response.status, (await response.json())["checks"]["valkey"]) == (503, "no answer")
    async with site.client.get(url + "/healthz") as response:
        assert response.status == 200
    await runner.cleanup()


async def test_requests_are_measured_by_route_and_code_without_ids(site: Site):
    await site.refusal("GET", "/v1/files/test/" + "a" * 64 + ".png")
    await site.refusal("PROPFIND", "/v1/consent")
    async with site.calls("GET", "/metrics") as response:
        assert response.content_type == "text/plain"
        text = await response.text()
    assert 'route="/v1/files/{shop}/{digest}.png"' in text
    assert 'code="not-found"' in text
    assert "a" * 64 not in text
    assert "PROPFIND" not in text
