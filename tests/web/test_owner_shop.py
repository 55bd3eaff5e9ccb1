"""An owner's calls about products and the shop: versions and undo, keys and scopes, usage, export."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from typing import IO
from uuid import UUID, uuid4

import pytest

from tenancy.ledger import TryOn, note_try_on
from tests.web.people import Person
from tests.web.test_owner import form


async def upload(ada: Person, name: str = "Panto", glb: bytes = b"glTF one") -> dict:
    return await ada.json("POST", "/v1/products", data=form(glb=glb, name=name, kind="glasses"), status=201)


async def test_a_product_is_changed_and_every_change_can_be_undone(ada: Person):
    made = await upload(ada)
    path = f"/v1/products/{made['id']}"
    variants = [{"sku": "P-1", "colour": "tortoise"}, {"sku": "P-2", "size": "49"}]
    changed = await ada.json("PATCH", path, json={"name": "Panto 49", "variants": variants})
    assert (changed["name"], changed["variants"], changed["version"]) == ("Panto 49", variants, 2)
    headers = {"Content-Type": "model/gltf-binary"}
    other = await ada.json("PUT", path + "/model", data=b"glTF two", headers=headers)
    assert (other["version"], other["name"]) == (3, "Panto 49")
    assert other["glb"] != made["glb"]
    undone = await ada.json("POST", path + "/undo")
    assert (undone["version"], undone["glb"], undone["name"]) == (2, made["glb"], "Panto 49")
    undone = await ada.json("POST", path + "/undo")
    assert (undone["version"], undone["name"], undone["variants"]) == (1, "Panto", [])
    assert (await ada.json("POST", path + "/undo"))["version"] == 1
    again = await ada.json("POST", path + "/versions/3/restore")
    assert again["glb"] == other["glb"]
    numbers = [version["number"] for version in (await ada.json("GET", path + "/versions"))["versions"]]
    assert numbers == [3, 2, 1]
    assert (await ada.json("PATCH", path, json={"name": "Panto"}))["version"] == 4


async def test_a_product_not_published_is_for_the_owner_alone(ada: Person):
    made = await upload(ada)
    key = next(k["shown"] for k in (await ada.json("GET", "/v1/keys"))["keys"] if k["kind"] == "publishable")
    shopper = {"Authorization": f"Bearer {key}"}
    for published in (False, True):
        await ada.json("PATCH", f"/v1/products/{made['id']}", json={"published": published})
        assert len((await ada.json("GET", "/v1/products"))["products"]) == 1
        async with ada.site.calls("GET", "/v1/catalog", headers=shopper) as response:
            assert len((await response.json())["products"]) == int(published)


async def test_a_secret_key_is_shown_once_goes_as_far_as_its_scopes_and_ends_when_revoked(ada: Person):
    given = {"kind": "secret", "label": "ERP", "scopes": ["products:read"]}
    made = await ada.json("POST", "/v1/keys", json=given, status=201)
    assert made["key"].startswith("sk_")
    listed = next(key for key in (await ada.json("GET", "/v1/keys"))["keys"] if key["id"] == made["id"])
    assert "key" not in listed
    assert listed["shown"] == made["key"][:11]
    assert listed["last_used_at"] is None
    headers = {"Authorization": f"Bearer {made['key']}"}
    async with ada.site.calls("GET", "/v1/products", headers=headers) as response:
        assert response.status == 200
    for method, path in (("GET", "/v1/usage"), ("GET", "/v1/keys"), ("DELETE", f"/v1/products/{uuid4()}")):
        assert await ada.site.refusal(method, path, headers=headers) == (403, "not-allowed")
    listed = next(key for key in (await ada.json("GET", "/v1/keys"))["keys"] if key["id"] == made["id"])
    assert listed["last_used_at"] is not None
    await ada.json("DELETE", f"/v1/keys/{made['id']}", status=204)
    assert await ada.site.refusal("GET", "/v1/products", headers=headers) == (401, "invalid-key")


async def test_a_key_gives_no_key_more_than_it_has(ada: Person):
    made = await ada.json("POST", "/v1/keys", json={"kind": "secret", "scopes": ["keys:write"]}, status=201)
    headers = {"Authorization": f"Bearer {made['key']}"}
    wanted = {"kind": "secret", "scopes": ["products:write"]}
    assert await ada.site.refusal("POST", "/v1/keys", json=wanted, headers=headers) == (403, "not-allowed")
    async with ada.site.calls("POST", "/v1/keys", json={"kind": "secret"}, headers=headers) as response:
        assert (await response.json())["scopes"] == ["keys:write"]
    async with ada.site.calls("GET", "/v1/team", headers=headers) as response:
        assert response.status == 403


async def test_the_bill_follows_from_the_ledger(ada: Person):
    product = UUID((await upload(ada))["id"])
    shop = await ada.site.services.credentials.shop_for_slug(ada.slug)
    now = datetime.now(UTC)
    async with ada.site.services.owners.database.tenant(shop.id) as connection:
        for session in ("s1", "s2", "s2"):
            await note_try_on(connection, TryOn(shop.id, session, now, 90.0, [product]))
    used = await ada.json("GET", "/v1/usage")
    assert (used["try_ons"], used["minutes"], used["plan"], used["cap"]) == (2, 3.0, "free", 1000)
    assert used["bytes_now"] > 0
    assert (used["days"][-1]["try_ons"], len(used["days"])) == (2, 30)
    assert used["total_cents"] == 0
    assert await ada.site.refusal("GET", "/v1/usage?month=never", headers=await key(ada)) == (400, "invalid-request")
    assert (await ada.json("GET", "/v1/usage?month=2020-02"))["try_ons"] == 0


async def key(ada: Person) -> dict[str, str]:
    made = await ada.json("POST", "/v1/keys", json={"kind": "secret"}, status=201)
    return {"Authorization": f"Bearer {made['key']}"}


async def test_everything_is_exported_and_no_secret_is(ada: Person):
    made = await upload(ada)
    secret = await key(ada)
    async with ada.site.calls("GET", "/v1/export", headers=secret) as response:
        assert response.status == 200
        content = await response.read()
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    products = json.loads(archive.read("products.json"))
    assert [product["id"] for product in products] == [made["id"]]
    assert archive.read(products[0]["versions"][0]["folder"] + "/model.glb") == b"glTF one"
    assert json.loads(archive.read("shop.json"))["slug"] == "lunettes"
    assert next(csv.reader(archive.read("usage.csv").decode().splitlines())) == ["day", "try_ons", "minutes"]
    assert any(line["action"] == "product.added" for line in json.loads(archive.read("audit.json")))
    assert secret["Authorization"].removeprefix("Bearer ").encode() not in content
    assert b"argon2" not in content


async def test_the_audit_log_tells_who_did_what(ada: Person):
    made = await upload(ada)
    await ada.json("DELETE", f"/v1/products/{made['id']}", status=204)
    lines = (await ada.json("GET", "/v1/audit"))["lines"]
    assert [(line["action"], line["actor"]) for line in lines[:2]] == [
        ("product.removed", ada.email),
        ("product.added", ada.email),
    ]
    older = (await ada.json("GET", f"/v1/audit?before={lines[0]['id']}"))["lines"]
    assert older == lines[1:]


async def test_where_the_store_lends_an_export_is_fetched_from_there(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    lent: list[bytes] = []

    async def lend(_shop: UUID, file: IO[bytes], *, name: str, lasting: timedelta) -> str:
        assert (name, lasting) == ("lunettes.zip", timedelta(minutes=15))
        lent.append(file.read())
        return "https://bucket.example/lunettes.zip?X-Amz-Signature=1"

    monkeypatch.setattr(ada.site.services.files, "lend", lend)
    async with ada.site.calls("GET", "/v1/export", headers=await key(ada)) as response:
        assert (response.status, response.headers["Cache-Control"]) == (303, "no-store")
        assert response.headers["Location"] == "https://bucket.example/lunettes.zip?X-Amz-Signature=1"
    assert zipfile.ZipFile(io.BytesIO(lent[0])).testzip() is None
