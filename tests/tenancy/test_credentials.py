"""Keys lead to their shop and to no other, and a secret one is nowhere to be read."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from tenancy.credentials import Credentials
from tenancy.database import Database
from tenancy.errors import InvalidKey, InvalidShop, ShopConflict, UnknownKey, UnknownShop
from tests.services import Addresses


@pytest.fixture
def credentials(database: Database) -> Credentials:
    return Credentials(database)


async def test_a_shop_is_found_by_its_key_and_its_address(credentials: Credentials) -> None:
    shop = await credentials.ensure_shop("demo", "Demo", "pk_demo", ["HTTPS://Shop.Example:443"])
    assert await credentials.shop_for_publishable_key("pk_demo") == shop
    assert await credentials.shop_for_slug("demo") == shop
    assert shop.allowed_origins == ("https://shop.example",)


async def test_ensuring_a_shop_twice_changes_it_and_makes_no_second(credentials: Credentials) -> None:
    first = await credentials.ensure_shop("demo", "Demo", "pk_demo")
    again = await credentials.ensure_shop("demo", "Demo shop", "pk_demo", ["https://a.example"])
    assert (again.id, again.name, again.allowed_origins) == (first.id, "Demo shop", ("https://a.example",))
    assert len(await credentials.keys(first.id)) == 1


async def test_many_processes_may_ensure_the_shop_at_once(credentials: Credentials) -> None:
    made = await asyncio.gather(
        *(credentials.ensure_shop("demo", "Demo", "pk_demo") for _ in range(8)), return_exceptions=True
    )
    assert {shop.id for shop in made if not isinstance(shop, BaseException)}
    assert len({getattr(shop, "id", shop) for shop in made}) == 1


async def test_a_key_of_another_shop_cannot_be_taken(credentials: Credentials) -> None:
    await credentials.ensure_shop("a", "A", "pk_a")
    with pytest.raises(ShopConflict):
        await credentials.ensure_shop("b", "B", "pk_a")
    assert (await credentials.shop_for_publishable_key("pk_a")).slug == "a"


@pytest.mark.parametrize("key", ["", "pk_", "pk_nobody", "sk_a", "pk_" + "x" * 5000, "pk_\0", "pk_\ud800", "pk_a "])
async def test_a_key_that_is_none_is_refused(credentials: Credentials, key: str) -> None:
    await credentials.ensure_shop("a", "A", "pk_a")
    with pytest.raises(InvalidKey) as raised:
        await credentials.shop_for_publishable_key(key)
    assert raised.value.code == "invalid-key"


@pytest.mark.parametrize("slug", ["", "nobody", "\0", "demo'--", "x" * 10_000])
async def test_an_address_that_is_none_is_unknown(credentials: Credentials, slug: str) -> None:
    with pytest.raises(UnknownShop):
        await credentials.shop_for_slug(slug)


async def test_a_secret_key_is_kept_as_a_hash_and_shown_by_its_beginning(
    credentials: Credentials, addresses: Addresses
) -> None:
    shop = await credentials.ensure_shop("a", "A", "pk_a")
    value, key = await credentials.issue(shop.id, "secret", label="till", scopes=["products"])
    assert value.startswith(key.shown)
    assert len(key.shown) < len(value) / 3
    assert await credentials.shop_for_secret_key(value) == shop
    admin = await asyncpg.connect(addresses.admin)
    kept = str(await admin.fetch("SELECT * FROM api_keys"))
    await admin.close()
    assert value not in kept
    assert value.removeprefix(key.shown) not in kept


async def test_a_secret_key_is_not_publishable_and_the_other_way_round(credentials: Credentials) -> None:
    shop = await credentials.ensure_shop("a", "A", "pk_a")
    secret, _ = await credentials.issue(shop.id, "secret")
    with pytest.raises(InvalidKey):
        await credentials.shop_for_publishable_key(secret)
    with pytest.raises(InvalidKey):
        await credentials.shop_for_secret_key("pk_a")


async def test_the_last_use_of_a_secret_key_is_noted(credentials: Credentials) -> None:
    shop = await credentials.ensure_shop("a", "A", "pk_a")
    value, key = await credentials.issue(shop.id, "secret")
    assert key.last_used_at is None
    await credentials.shop_for_secret_key(value)
    used = next(k for k in await credentials.keys(shop.id) if k.id == key.id)
    assert used.last_used_at is not None


async def test_a_revoked_key_opens_nothing_and_another_shop_cannot_revoke_it(credentials: Credentials) -> None:
    a = await credentials.ensure_shop("a", "A", "pk_a")
    b = await credentials.ensure_shop("b", "B", "pk_b")
    value, key = await credentials.issue(a.id, "publishable")
    with pytest.raises(UnknownKey):
        await credentials.revoke(b.id, key.id)
    assert await credentials.shop_for_publishable_key(value) == a
    await credentials.revoke(a.id, key.id)
    with pytest.raises(InvalidKey):
        await credentials.shop_for_publishable_key(value)


@pytest.mark.parametrize(
    "origin",
    ["", "shop.example", "ftp://shop.example", "https://*.example", "https://a.example/path", "https://u:p@a", "null"],
)
async def test_what_is_no_origin_is_refused(credentials: Credentials, origin: str) -> None:
    with pytest.raises(InvalidShop):
        await credentials.ensure_shop("a", "A", "pk_a", [origin])


async def test_only_an_allowed_origin_is_allowed(credentials: Credentials) -> None:
    shop = await credentials.ensure_shop("a", "A", "pk_a", ["https://a.example", "http://localhost:3000"])
    assert shop.allows("https://A.example")
    assert shop.allows("http://localhost:3000")
    for origin in ("http://a.example", "https://a.example.evil.test", "https://a.example:8443", "null", "", "http://["):
        assert not shop.allows(origin), origin


@pytest.mark.parametrize(
    ("slug", "name"), [("A", "n"), ("a--b", "n"), ("-a", "n"), ("a", " "), ("a", "x\0"), ("a", "x" * 201)]
)
async def test_a_slug_or_name_that_cannot_be_is_refused(credentials: Credentials, slug: str, name: str) -> None:
    with pytest.raises(InvalidShop):
        await credentials.ensure_shop(slug, name, "pk_a")
