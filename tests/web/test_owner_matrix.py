"""For every call of an owner that names a thing by its id: another shop's id is a 404, and the thing is as it was.

The calls come from the operations themselves, so a new one is in the matrix from its first day, or fails the test
that says which ids it takes.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from tests.services import Addresses
from tests.tenancy.authenticator import Authenticator
from tests.web.conftest import Site
from tests.web.people import Person, sign_up
from web.app import operations
from web.openapi import Credential

BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PATCH", "/v1/products/{product}"): {"json": {"name": "Taken over", "published": False}},
    ("PUT", "/v1/products/{product}/model"): {"data": b"glTF", "headers": {"Content-Type": "model/gltf-binary"}},
    ("PATCH", "/v1/webhooks/{webhook}"): {"json": {"active": False}},
    ("PATCH", "/v1/team/{person}"): {"json": {"role": "read-only"}},
}


@pytest.fixture
async def shops(site: Site) -> AsyncIterator[tuple[Person, Person]]:
    a, b = await sign_up(site, "a"), await sign_up(site, "b", "bo@hats.example")
    yield a, b
    await a.client.close()
    await b.client.close()


async def ids_of(person: Person) -> dict[str, str]:
    """One thing of each sort that this shop has, by the name it has in paths."""
    shop = await person.site.services.credentials.shop_for_slug(person.slug)
    product = await person.site.services.products.add(shop.id, "Panto", "glasses", b"glTF", by="test")
    models = io.BytesIO()
    with zipfile.ZipFile(models, "w") as archive:
        archive.writestr("a.glb", b"glTF")
    table = b"sku,name,kind,model\nP-1,Panto,glasses,a.glb\n"
    imported = await person.site.services.owners.imports.preview(shop.id, table, models, by="test")
    return {
        "import": str(imported.id),
        "product": str(product.id),
        "number": "1",
        "key": (await person.json("POST", "/v1/keys", json={"kind": "secret"}, status=201))["id"],
        "person": (await person.json("GET", "/v1/team"))["people"][0]["id"],
        "passkey": await passkey_of(person),
        "webhook": (webhook := await webhook_of(person)),
        "delivery": (await person.json("POST", f"/v1/webhooks/{webhook}/test", status=202))["delivery"],
        "host": (await person.json("POST", "/v1/domains", json={"host": f"{person.slug}.example"}, status=201))["host"],
        "login": (await person.json("GET", "/v1/logins"))["logins"][0]["id"],
    }


async def passkey_of(person: Person) -> str:
    """A passkey made in this person's browser."""
    made = Authenticator(person.site.url, "127.0.0.1")
    options = (await person.json("POST", "/v1/me/passkey-options"))["options"]
    given = {"name": "Laptop", "credential": made.create(options)}
    return (await person.json("POST", "/v1/me/passkeys", json=given, status=201))["id"]


async def webhook_of(person: Person) -> str:
    given = {"url": "https://hooks.example/", "events": ["tryon.ended"]}
    return (await person.json("POST", "/v1/webhooks", json=given, status=201))["id"]


async def rows(addresses: Addresses, slug: str) -> list[str]:
    """All that the tables hold of a shop, but for when it was last seen."""
    admin = await asyncpg.connect(addresses.admin)
    tenant = await admin.fetchval("SELECT tenant_id FROM shops WHERE slug = $1", slug)
    tables = [row[0] for row in await admin.fetch("SELECT relname FROM pg_class WHERE relrowsecurity ORDER BY 1")]
    found = []
    for table in tables:
        statement = f"SELECT to_jsonb(t) - 'seen_at' - 'last_used_at' FROM {table} t WHERE tenant_id = $1 ORDER BY 1"  # noqa: S608
        found += [f"{table} {row[0]}" for row in await admin.fetch(statement, tenant)]
    await admin.close()
    return found


async def test_another_shops_ids_are_unknown_and_untouched(shops: tuple[Person, Person], addresses: Addresses):
    a, b = shops
    theirs = await ids_of(b)
    before = await rows(addresses, "b")
    assert len(before) > 8
    asked = 0
    for operation in operations(a.site.services, a.site.settings):
        names = re.findall(r"\{(\w+)\}", operation.pattern)
        if operation.credential is not Credential.OWNER or not names:
            continue
        assert set(names) <= set(theirs), f"{operation.pattern} takes an id that this test does not know"
        for ids in (theirs, {**{name: str(uuid4()) for name in theirs}, "number": "1"}):
            path = operation.pattern.format(**ids)
            options = BODIES.get((operation.method, operation.pattern), {})
            async with a.calls(operation.method, path, **options) as response:
                problem = await response.json()
                assert response.status == 404, (operation.method, operation.pattern, problem)
            asked += 1
    assert asked >= 2 * 11
    assert await rows(addresses, "b") == before


async def test_a_key_of_one_shop_sees_nothing_of_another(shops: tuple[Person, Person]):
    a, b = shops
    theirs = await ids_of(b)
    key = (await a.json("POST", "/v1/keys", json={"kind": "secret"}, status=201))["key"]
    bearer = {"Authorization": f"Bearer {key}"}
    async with a.site.calls("GET", "/v1/products", headers=bearer) as response:
        assert (await response.json())["products"] == []
    path = f"/v1/products/{theirs['product']}"
    assert await a.site.refusal("DELETE", path, headers=bearer) == (404, "unknown-product")


async def test_every_owners_call_wants_a_login_or_a_key(site: Site):
    for operation in operations(site.services, site.settings):
        if operation.credential is Credential.OWNER:
            path = re.sub(r"\{(\w+)\}", lambda found: "1" if found[1] == "number" else str(uuid4()), operation.pattern)
            options = BODIES.get((operation.method, operation.pattern), {})
            assert await site.refusal(operation.method, path, **options) == (401, "missing-credentials")
            given = {**options, "headers": {**options.get("headers", {}), "Cookie": "vitrine=" + "A" * 64}}
            assert await site.refusal(operation.method, path, **given) == (401, "logged-out")
