"""PostgreSQL or Valkey stops while a shopper looks at herself: she goes on, newcomers are told, and it heals by itself.

docs/resilience.md names these tests.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis.asyncio

from ops.embedded import EmbeddedPostgres, EmbeddedValkey
from ops.service import Service
from rtc.node import MediaNode
from tenancy.database import Database
from tenancy.products import Product
from tests.rtc.shopper import Shopper
from tests.services import folder_for_services, migrated_postgres, small_valkey
from tests.web.conftest import PUBLISHABLE, Site

SDP = {"Content-Type": "application/sdp"}

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def own_folder() -> Iterator[Path]:
    with folder_for_services() as folder:
        yield folder


@pytest.fixture(scope="module")
def own_postgres(own_folder: Path) -> Iterator[EmbeddedPostgres]:
    """Not the session's, which other tests stand on."""
    with migrated_postgres(own_folder) as server:
        yield server


@pytest.fixture(scope="module")
def own_valkey(own_folder: Path) -> Iterator[EmbeddedValkey]:
    with small_valkey(own_folder) as server:
        yield server


@pytest.fixture
async def database(own_postgres: EmbeddedPostgres) -> AsyncIterator[Database]:
    connected = await Database.connect(own_postgres.dsn_app)
    yield connected
    await connected.close()


@pytest.fixture
async def valkey(own_valkey: EmbeddedValkey) -> AsyncIterator[redis.asyncio.Redis]:
    client = redis.asyncio.from_url(own_valkey.url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
async def shopper() -> AsyncIterator[Shopper]:
    made = Shopper()
    yield made
    await made.close()


async def go_live(site: Site, shopper: Shopper, bearer: dict[str, str]) -> str:
    offer = await shopper.offer()
    async with site.calls("POST", "/v1/try-on", data=offer, headers={**bearer, **SDP}) as response:
        assert response.status == 201, await response.text()
        await shopper.accept(await response.text())
        location = response.headers["Location"]
    async with asyncio.timeout(20):
        await shopper.open.wait()
    await shopper.see(2)
    return location


async def heals(site: Site, service: Service, bearer: dict[str, str], location: str) -> None:
    """Back again, everything works without a restart of ours; a second or so may pass."""
    service.start()
    async with asyncio.timeout(30):
        while True:
            async with site.calls("GET", "/readyz") as response:
                if response.status == 200:
                    break
            await asyncio.sleep(0.2)
    async with site.calls("DELETE", location, headers=bearer) as response:
        assert response.status == 204, await response.text()
    await asyncio.sleep(1.5)  # a node says every second what room it has
    again = Shopper()
    await go_live(site, again, bearer)
    await again.close()


async def test_without_postgresql_a_try_on_goes_on_and_newcomers_are_told(
    site: Site, node: MediaNode, glasses: Product, shopper: Shopper, own_postgres: EmbeddedPostgres
):
    bearer = await site.bearer()
    location = await go_live(site, shopper, bearer)
    other = await Shopper().offer()
    new = await site.services.products.add(site.shop.id, "New", "glasses", b"glTF")
    own_postgres.stop()
    try:
        await shopper.see(5)
        shopper.say(type="wear", products=[str(new.id)])
        assert (await shopper.hear("error"))["code"] == "unavailable"
        shopper.say(type="snapshot")
        await shopper.hear("snapshot")
        consent = {"key": PUBLISHABLE, "product": None, "consent": {"version": "x", "granted": True}}
        assert await site.refusal("POST", "/v1/sessions", json=consent) == (503, "unavailable")
        assert await site.refusal("POST", "/v1/try-on", data=other, headers={**bearer, **SDP}) == (503, "unavailable")
        catalog = {"Authorization": f"Bearer {PUBLISHABLE}"}
        assert await site.refusal("GET", "/v1/catalog", headers=catalog) == (503, "unavailable")
        async with site.calls("GET", "/readyz") as response:
            assert response.status == 503
            assert (await response.json())["checks"]["postgresql"] != "ok"
        async with site.calls("GET", "/healthz") as response:
            assert response.status == 200
        await shopper.see(2)
    finally:
        await heals(site, own_postgres, bearer, location)


async def test_without_valkey_a_try_on_goes_on_and_newcomers_are_told(
    site: Site, node: MediaNode, glasses: Product, shopper: Shopper, own_valkey: EmbeddedValkey
):
    bearer = await site.bearer()
    location = await go_live(site, shopper, bearer)
    other = await Shopper().offer()
    own_valkey.stop()
    try:
        await shopper.see(5)
        shopper.say(type="wear", products=[str(glasses.id)])
        assert (await shopper.hear("worn"))["products"] == [str(glasses.id)]
        newcomer = await site.bearer()  # a visit is PostgreSQL's
        assert await site.refusal("POST", "/v1/try-on", data=other, headers={**newcomer, **SDP}) == (503, "unavailable")
        async with site.calls("GET", "/v1/catalog", headers={"Authorization": f"Bearer {PUBLISHABLE}"}) as response:
            assert response.status == 200
        async with site.calls("GET", "/healthz") as response:
            assert response.status == 200
        await asyncio.sleep(6)  # longer than a node is remembered, and past a refresh of the claim
        await shopper.see(2)
    finally:
        await heals(site, own_valkey, bearer, location)


async def test_a_valkey_that_hangs_holds_up_neither_a_try_on_nor_the_answer_that_we_live(
    site: Site, node: MediaNode, shopper: Shopper, valkey: redis.asyncio.Redis
):
    bearer = await site.bearer()
    location = await go_live(site, shopper, bearer)
    process = (await valkey.info("server"))["process_id"]
    os.kill(process, signal.SIGSTOP)
    try:
        await shopper.see(10)
        shopper.say(type="wear", products=[])
        await shopper.hear("worn")
        async with asyncio.timeout(2), site.calls("GET", "/healthz") as response:
            assert response.status == 200
    finally:
        os.kill(process, signal.SIGCONT)
    async with site.calls("DELETE", location, headers=bearer) as response:
        assert response.status == 204
