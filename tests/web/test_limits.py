"""Limits are counted for all processes together, and by each alone while Valkey is away."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock
from uuid import uuid4

import pytest
import redis.asyncio
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDict

from ops.embedded import EmbeddedValkey
from tenancy.consent import current_text
from tests.web.conftest import Site
from tests.web.people import OWN_PAGE, Person
from web.app import WebSettings, create_app, operations
from web.limits import DEFAULTS, FALLBACKS, Limits
from web.problem import Problem


async def count(limits: Limits, most: int, *whose: str) -> int:
    """How many of `most` went through."""
    for done in range(most):
        try:
            await limits.hit("visit", *whose)
        except Problem as problem:
            assert problem.code == "rate-limited"
            assert 1 <= int(problem.headers["Retry-After"]) <= 60
            return done
    return most


async def test_two_processes_count_together_and_each_address_for_itself(valkey: redis.asyncio.Redis):
    first, second = (Limits(valkey, {"visit": "5/minute"}) for _ in range(2))
    assert await count(first, 3, "192.0.2.1") == 3
    assert await count(second, 9, "192.0.2.1") == 2
    assert await count(second, 5, "192.0.2.2") == 5


async def test_without_valkey_a_process_counts_alone_and_says_so(services_folder):
    folder = services_folder / "limits"
    folder.mkdir(mode=0o711, exist_ok=True)
    before = FALLBACKS._value.get()
    with EmbeddedValkey(folder, memory_mb=64) as server:
        client = redis.asyncio.from_url(server.url)
        limits = Limits(client, {"visit": "5/minute"})
        assert await count(limits, 2, "192.0.2.1") == 2
    assert await count(limits, 9, "192.0.2.1") == 5
    assert FALLBACKS._value.get() > before
    await client.aclose()


@pytest.mark.parametrize(
    ("hops", "remote", "forwarded", "found"),
    [
        (0, "192.0.2.1", "198.51.100.9", "192.0.2.1"),
        (1, "10.0.0.1", "203.0.113.7, 198.51.100.9", "198.51.100.9"),
        (2, "10.0.0.1", "203.0.113.7, 198.51.100.9", "203.0.113.7"),
        (1, "10.0.0.1", "not an address", "unknown"),
        (0, "2001:db8:1:2:3::4", "", "2001:db8:1:2::/64"),
    ],
)
def test_an_address_is_that_of_the_last_proxy_of_ours(hops: int, remote: str, forwarded: str, found: str):
    headers = CIMultiDict({"X-Forwarded-For": forwarded}) if forwarded else CIMultiDict()
    assert Limits(None, trusted_hops=hops).address(Mock(remote=remote, headers=headers)) == found


@pytest.fixture
async def narrow(site: Site, valkey: redis.asyncio.Redis, built: Path):
    """The same site, where an address, a visit and a shop may ask three times a minute."""
    rates = {"any": "3/minute", "visitor": "1000/minute", "shop": "1000/minute"}
    services = replace(site.services, limits=Limits(valkey, rates))
    client = TestClient(TestServer(create_app(services, WebSettings(built=built))))
    await client.start_server()
    yield client, services
    await client.close()


async def test_every_call_counts_by_its_address_but_health(narrow, valkey: redis.asyncio.Redis):
    client, services = narrow
    not_counted = set()
    for operation in operations(services, WebSettings()):
        await valkey.flushall()
        path = re.sub(r"\{(\w+)\}", lambda found: "1" if found[1] == "number" else str(uuid4()), operation.pattern)
        answers = []
        for _ in range(4):
            async with client.request(operation.method, path, allow_redirects=False) as response:
                answers.append(response.status)
        assert 429 not in answers[:3], operation.pattern
        if answers[3] != 429:
            not_counted.add(operation.pattern)
    assert not_counted == {"/healthz", "/readyz", "/metrics"}


async def test_a_visit_counts_every_call_with_its_token(site: Site, valkey: redis.asyncio.Redis, built: Path):
    services = replace(site.services, limits=Limits(valkey, {"visitor": "3/minute"}))
    async with TestClient(TestServer(create_app(services, WebSettings(built=built)))) as client:
        token, other = await site.bearer(), await site.bearer()
        path = f"/v1/try-on/{uuid4()}"
        for method in ("PATCH", "DELETE", "DELETE"):
            async with client.request(method, path, headers={**token, "If-Match": "*"}) as response:
                assert response.status in (404, 415)
        for method in ("PATCH", "DELETE"):
            async with client.request(method, path, headers={**token, "If-Match": "*"}) as response:
                assert (response.status, (await response.json())["code"]) == (429, "rate-limited")
        async with client.delete(path, headers=other) as response:
            assert response.status == 404


async def test_a_shop_counts_all_that_its_shoppers_people_and_servers_ask(
    site: Site, valkey: redis.asyncio.Redis, built: Path
):
    services = replace(site.services, limits=Limits(valkey, {"shop": "3/minute"}))
    async with TestClient(TestServer(create_app(services, WebSettings(built=built)))) as client:
        key, token = {"Authorization": f"Bearer {site.secret_key}"}, await site.bearer()
        answers = []
        for path, headers in (
            ("/v1/products", key),
            ("/v1/ice-servers", token),
            ("/v1/catalog", {"Authorization": "Bearer pk_test"}),
            ("/v1/usage", key),
        ):
            async with client.get(path, headers=headers) as response:
                answers.append(response.status)
        assert answers == [200, 200, 200, 429]


async def test_no_address_of_a_person_lies_in_valkey(valkey: redis.asyncio.Redis):
    await Limits(valkey).hit_account("lunettes", "Ada@Shop.example ")
    keys = [key.decode() for key in await valkey.keys()]
    assert len(keys) == 1
    assert "lunettes" in keys[0]
    assert "ada" not in keys[0].lower()


NOBODY = {"shop": "nobody", "email": "ada@shop.example", "password": "a long enough password"}
VISIT = {"key": "pk_test", "consent": {"version": current_text().version, "granted": True}}
LIMITED = {
    "sign-up": ("POST", "/v1/shops", None, {}),
    "login": ("POST", "/v1/login", None, {}),
    "login-account": ("POST", "/v1/login", None, NOBODY),
    "visit": ("POST", "/v1/sessions", None, {}),
    "visit-shop": ("POST", "/v1/sessions", None, VISIT),
    "try-on": ("POST", "/v1/try-on", "visit", {}),
    "event": ("POST", "/v1/events", "visit", {}),
    "avatar": ("POST", "/v1/avatars", "visit", {}),
    "avatar-shop": ("POST", "/v1/avatars", "visit", {}),
    "avatar-correction": ("PATCH", f"/v1/avatars/{uuid4()}", "visit", {}),
    "my-data": ("GET", f"/v1/closures/{uuid4()}", None, None),
    "key": ("GET", "/v1/products", "shop", None),
    "upload": ("POST", "/v1/products", "shop", {}),
    "domain": ("POST", "/v1/domains/try.shop.example/verification", "owner", {}),
}


@pytest.mark.parametrize("name", LIMITED)
async def test_what_is_asked_too_often_is_refused_by_the_limit_of_its_own(
    site: Site, ada: Person, valkey: redis.asyncio.Redis, built: Path, name: str
):
    method, path, whose, body = LIMITED[name]
    secret = {"Authorization": f"Bearer {site.secret_key}"}
    cookies = {cookie.key: cookie.value for cookie in ada.client.cookie_jar}
    credential = {"visit": await site.bearer(), "shop": secret, "owner": OWN_PAGE, None: {}}
    services = replace(site.services, limits=Limits(valkey, {name: "2/hour"}))
    async with TestClient(TestServer(create_app(services, WebSettings(built=built))), cookies=cookies) as client:
        answers = []
        for _ in range(3):
            async with client.request(method, path, json=body, headers=credential[whose]) as response:
                answers.append(response.status)
                said = await response.json()
    assert 429 not in answers[:2]
    assert (answers[2], said["code"]) == (429, "rate-limited")


def test_every_limit_is_held_by_a_test():
    elsewhere = {"any", "shop", "visitor", "dressing", "dressing-shop"}
    assert set(LIMITED) | elsewhere == set(DEFAULTS)
