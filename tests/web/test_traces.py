"""Whatever lies in Valkey and in the object store names the shop it belongs to, or is on a short list with a reason.

Two shops go the main journeys; then every key and every object is read. What carries neither shop's id, and is not on
the list, is a place where two shops could meet.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from uuid import UUID

import pytest
from redis.asyncio import Redis

from rtc.node import MediaNode
from tenancy.cache import Cache
from tenancy.consent import current_text
from tenancy.database import Database
from tenancy.shops import Shop
from tests.rtc.shopper import Shopper
from tests.services import Addresses
from tests.web.conftest import Site
from tests.web.people import Person, sign_up

# Key pattern: why it names no shop.
OF_NO_SHOP = {
    r"nodes": "the media processes and their load; counts by shop stand inside, for placement alone",
    r"queue": "one line for the installation, fair between shops; a ticket of 128 random bits holds whose it is",
    r"queue:duration": "how long a try-on lasts, in the mean",
    r"session:[0-9a-f-]{36}": "where a session runs: found by 128 random bits, and holds whose it is, which is checked",
    r"limit:LIMITER/(any|sign-up|login|visit|try-on|my-data|avatar)/[0-9a-f.:/]+/.*": "how often an address asked",
}


def strangers(keys: Iterable[str], shops: Iterable[tuple[str, str]]) -> list[str]:
    """The keys that belong to no shop (id, slug) and are on no list."""
    marks = [mark for pair in shops for mark in pair]
    return [
        key
        for key in keys
        if not any(re.search(rf"(^|[:/]){re.escape(mark)}([:/]|$)", key) for mark in marks)
        and not any(re.fullmatch(pattern, key) for pattern in OF_NO_SHOP)
    ]


async def walk(person: Person, wearable: bytes) -> tuple[Shop, Shopper, int]:
    """The main journeys of one shop: a product, a key, a visit, a try-on; what the offer of it was answered."""
    site = person.site
    shop = await site.services.credentials.shop_for_slug(person.slug)
    product = await site.services.products.add(shop.id, f"Panto of {person.slug}", "glasses", wearable)
    await person.json("POST", "/v1/keys", json={"kind": "secret"}, status=201)
    publishable = next(
        key["shown"] for key in (await person.json("GET", "/v1/keys"))["keys"] if key["kind"] != "secret"
    )
    consent = {"version": current_text().version, "granted": True}
    given = {"key": publishable, "product": str(product.id), "consent": consent}
    async with site.calls("POST", "/v1/sessions", json=given) as response:
        assert response.status == 201, await response.text()
        bearer = {"Authorization": f"Bearer {(await response.json())['token']}"}
    async with site.calls("GET", "/v1/catalog", headers={"Authorization": f"Bearer {publishable}"}) as response:
        shown = (await response.json())["products"]
        assert [item["id"] for item in shown] == [str(product.id)]
    async with site.calls("GET", shown[0]["thumbnail"]) as response:
        assert response.status == 200
    await person.json("POST", "/v1/password-resets", json={"shop": person.slug, "email": person.email}, status=202)
    shopper = Shopper()
    offered = {**bearer, "Content-Type": "application/sdp"}
    async with site.calls("POST", "/v1/try-on", data=await shopper.offer(), headers=offered) as response:
        answer, status = await response.text(), response.status
    if status == 201:
        await shopper.accept(answer)
    return shop, shopper, status


@pytest.fixture
async def database(addresses: Addresses) -> AsyncIterator[Database]:
    """With a cache that keeps, as the server has it."""
    connected = await Database.connect(addresses.app, cache=Cache())
    async with asyncio.timeout(10):
        while not connected.cache.fresh:  # noqa: ASYNC110  what changes is heard from PostgreSQL
            await asyncio.sleep(0.01)
    yield connected
    await connected.close()


async def test_every_key_object_and_cached_value_belongs_to_a_shop(
    site: Site, node: MediaNode, valkey: Redis, tmp_path: Path
):
    from demo.shop import WEARABLES

    people = [await sign_up(site, slug, f"ada@{slug}.example") for slug in ("lunettes", "chapeaux")]
    wearable = await asyncio.to_thread(WEARABLES[0].build)
    walked = [await walk(person, wearable) for person in people]
    assert [status for *_, status in walked] == [201, 503], "one is live, one waits in line: there is room for one"
    shops = [(str(shop.id), shop.slug) for shop, *_ in walked]
    keys = [key.decode() for key in await valkey.keys()]
    objects = [str(path.relative_to(tmp_path / "files")) for path in (tmp_path / "files").rglob("*") if path.is_file()]
    demo = (str(site.shop.id), site.shop.slug)

    assert strangers(keys, [*shops, demo]) == []
    assert strangers(objects, shops) == []
    for tenant, _ in shops:
        assert any(tenant in key for key in keys), "the walk left traces of each"
        assert any(tenant in name for name in objects)
    unused = [pattern for pattern in OF_NO_SHOP if not any(re.fullmatch(pattern, key) for key in keys)]
    assert unused == ["queue:duration"], "the list is no longer than it has to be; this one comes with the first end"

    tenants = {UUID(tenant) for tenant, _ in [*shops, demo]}
    cached = list(site.services.owners.database.cache._entries)
    assert {slot[0] for slot in cached if len(slot) == 2} <= {"shop-by-key", "shop-by-slug", "shop-by-host"}
    assert all(slot[1] in tenants for slot in cached if len(slot) == 3)
    assert {slot[1] for slot in cached if len(slot) == 3} >= {UUID(tenant) for tenant, _ in shops}
    wardrobe = node._wardrobe
    assert {key[0] for key in (*wardrobe._digests, *wardrobe._loaded)} <= {tenant for tenant, _ in shops}
    for person, (_, shopper, _) in zip(people, walked, strict=True):
        await shopper.close()
        await person.client.close()


@pytest.mark.parametrize(
    "key",
    [
        "outfit:0b0e7a3c-0000-4000-8000-000000000000",
        "LIMITS:limit/login-account/ada@shop.example/20/10/minute",
        "nodes2",
    ],
)
def test_a_key_of_no_shop_is_found(key: str):
    """The red half: what the walk would say of a key that forgot its shop."""
    assert strangers([key], [("7f3c0a52-0000-4000-8000-000000000000", "lunettes")]) == [key]
