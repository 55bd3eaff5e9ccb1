"""Hours of shoppers in minutes: what a server holds after them is what it held before.

SOAK_CONNECTS and SOAK_SECONDS make it shorter; figures go to standard output (`-s`).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import psutil
import pytest
import redis.asyncio

from tests.installation import Installation
from tests.rtc.shopper import Shopper

CONNECTS = int(os.environ.get("SOAK_CONNECTS", "500"))
SECONDS = float(os.environ.get("SOAK_SECONDS", "3600"))
STREAM_S = 900.0  # a node ends a try-on that lasts for an hour
WARM_UP = 20
CLAIMS_GONE_S = 25.0
FOR_EVER = -1  # Valkey's answer for a key without an end; 0 in a key's last second, -2 once it is gone
SDP = {"Content-Type": "application/sdp"}
RATES = dict.fromkeys(("visit", "visit-shop", "try-on"), "1000000/minute")

pytestmark = [pytest.mark.long, pytest.mark.timeout(4 * 3600)]


@dataclass(frozen=True)
class Held:
    """What one process holds."""

    threads: int
    descriptors: int
    memory_mb: float

    @classmethod
    def by(cls, process: psutil.Process) -> Held:
        return cls(process.num_threads(), process.num_fds(), round(process.memory_info().rss / 2**20, 1))


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with Installation() as made:
        made.start(settings={"VITRINE_RATES": json.dumps(RATES)})
        yield made


class Door:
    """The shopper's HTTP calls."""

    def __init__(self, client: aiohttp.ClientSession, url: str) -> None:
        self._client, self._url = client, url

    async def products(self) -> list[str]:
        async with self._client.get(self._url + "/v1/catalog", headers={"Authorization": "Bearer pk_demo"}) as response:
            return [p["id"] for p in (await response.json())["products"] if p["kind"] in ("glasses", "hat")]

    async def visit(self, product: str) -> dict[str, str]:
        async with self._client.get(self._url + "/v1/consent") as response:
            version = (await response.json())["version"]
        body: dict[str, Any] = {"key": "pk_demo", "product": product, "consent": {"version": version, "granted": True}}
        async with self._client.post(self._url + "/v1/sessions", json=body) as response:
            assert response.status == 201, await response.text()
            return {"Authorization": f"Bearer {(await response.json())['token']}"}

    async def enter(self, shopper: Shopper, bearer: dict[str, str]) -> str:
        headers = {**bearer, **SDP}
        async with self._client.post(self._url + "/v1/try-on", data=await shopper.offer(), headers=headers) as response:
            assert response.status == 201, await response.text()
            await shopper.accept(await response.text())
            return response.headers["Location"]

    async def leave(self, location: str, bearer: dict[str, str]) -> None:
        async with self._client.delete(self._url + location, headers=bearer) as response:
            assert response.status == 204, await response.text()


def say(**figures: object) -> None:
    print(json.dumps(figures, default=str), flush=True)


async def kept_keys(installation: Installation) -> dict[str, int]:
    """Keys in Valkey by their kind, without those that end by themselves: what was worn in a visit, rate limits."""
    client = redis.asyncio.from_url(installation.child("media").environ()["REDIS_URL"])
    kinds: dict[str, int] = {}
    async for key in client.scan_iter():
        name = key.decode()
        kind = ":".join(part for part in name.split(":") if not any(c.isdigit() for c in part))
        if ":outfit:" in name or name.startswith("limit"):
            left_s = await client.ttl(key)
            assert left_s != FOR_EVER, name
            assert left_s <= 3600, name
        else:
            kinds[kind] = kinds.get(kind, 0) + 1
    await client.aclose()
    return kinds


async def connect_once(door: Door, products: list[str]) -> None:
    shopper, bearer = Shopper(), await door.visit(random.choice(products))
    location = await door.enter(shopper, bearer)
    await shopper.see(1, within_s=60)
    await door.leave(location, bearer)
    await shopper.close()


async def test_after_hundreds_of_shoppers_a_server_holds_what_it_held_before(installation: Installation) -> None:
    media, web = installation.child("media"), installation.child("web")
    async with aiohttp.ClientSession() as client:
        door = Door(client, installation.url)
        products = await door.products()
        for product in products:  # whatever is made once is made now
            await connect_once(door, [product])
        for _ in range(WARM_UP):
            await connect_once(door, products)
        await asyncio.sleep(CLAIMS_GONE_S)
        before = {"media": Held.by(media), "web": Held.by(web), "keys": await kept_keys(installation)}
        say(before=before)
        started = time.monotonic()
        for index in range(CONNECTS):
            await connect_once(door, products)
            if index % 50 == 49:
                say(connects=index + 1, media=Held.by(media), web=Held.by(web), seconds=time.monotonic() - started)
        await asyncio.sleep(CLAIMS_GONE_S)
    after = {"media": Held.by(media), "web": Held.by(web), "keys": await kept_keys(installation)}
    say(after=after)
    assert after["keys"] == before["keys"]
    for what in ("media", "web"):
        now, then = after[what], before[what]
        assert now.threads <= then.threads + 2, what
        assert now.descriptors <= then.descriptors + 3, what
        assert now.memory_mb <= then.memory_mb + 30 + 0.02 * CONNECTS, what


async def test_streams_that_last_and_change_what_is_worn_hold_no_more_and_no_less(installation: Installation) -> None:
    media = installation.child("media")
    chance = random.Random(1)
    held: list[Held] = []
    frames = 0
    started = time.monotonic()
    async with aiohttp.ClientSession() as client:
        door = Door(client, installation.url)
        products = await door.products()
        while (left_s := started + SECONDS - time.monotonic()) > 0:
            shopper, bearer = Shopper(), await door.visit(products[0])
            location = await door.enter(shopper, bearer)
            async with asyncio.timeout(30):
                await shopper.open.wait()
            await shopper.see(2, within_s=180)
            until = time.monotonic() + min(left_s, STREAM_S)
            while time.monotonic() < until:
                worn = chance.sample(products, chance.randint(0, 2))
                shopper.say(type="wear", products=worn)
                assert (await shopper.hear("worn", within_s=30))["products"] == worn
                await shopper.see(chance.randint(1, 30), within_s=180)
                held.append(Held.by(media))
                if len(held) % 50 == 0:
                    seconds = round(time.monotonic() - started)
                    say(seconds=seconds, switches=len(held), frames=frames + shopper.frames, media=held[-1])
            await door.leave(location, bearer)
            await shopper.close()
            frames += shopper.frames
    await asyncio.sleep(2)
    after = Held.by(media)
    # Pools of threads and of connections fill up while it runs, so the beginning is compared, not what was before it.
    fifth = max(1, len(held) // 5)
    early, late = held[fifth : 2 * fifth] or held, held[-fifth:]
    early_mb, late_mb = (statistics.median(one.memory_mb for one in some) for some in (early, late))
    fps = frames / (time.monotonic() - started)
    say(first=held[0], early=early[0], late=late[-1], after=after, switches=len(held), fps=fps)
    assert max(one.threads for one in late) <= max(one.threads for one in early) + 2
    assert max(one.descriptors for one in late) <= max(one.descriptors for one in early) + 3
    assert late_mb - early_mb < 25 + SECONDS / 3600 * 25
    assert fps > 2
