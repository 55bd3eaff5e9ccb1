"""A shopper over HTTP: what is kept of her, erased when she asks, with a receipt that anybody can check."""

from __future__ import annotations

import hashlib
import io
import zipfile
from datetime import UTC, datetime, timedelta
from json import loads
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from redis.asyncio import Redis

from rtc.claims import Claims, Visitor
from rtc.node import MediaNode
from tenancy.consent import current_text
from tenancy.products import Product
from tests.services import Addresses
from tests.web.conftest import ORIGIN, PUBLISHABLE, Site
from tests.web.people import Person
from tests.web.test_avatars import ask


async def begin(site: Site, language: str = "en") -> dict[str, Any]:
    consent = {"version": current_text().version, "granted": True, "language": language}
    async with site.calls("POST", "/v1/sessions", json={"key": PUBLISHABLE, "consent": consent}) as response:
        assert response.status == 201, await response.text()
        return await response.json()


def bearing(credential: str, **headers: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {credential}", **headers}}


async def json(site: Site, method: str, path: str, **options: Any) -> Any:
    async with site.calls(method, path, **options) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def test_the_consent_comes_in_her_language_and_so_does_its_receipt(site: Site):
    german = await json(site, "GET", "/v1/consent", headers={"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"})
    assert (german["language"], german["title"]) == ("de", "Bevor sich Ihre Kamera öffnet")
    assert (await json(site, "GET", "/v1/consent?lang=it", headers={"Accept-Language": "de"}))["language"] == "it"
    assert (await json(site, "GET", "/v1/consent", headers={"Accept-Language": "tlh"}))["language"] == "en"
    signed = await json(site, "GET", f"/v1/receipts/{(await begin(site, 'de'))['receipt']}")
    assert signed["facts"]["text_sha256"] == current_text("de").digest
    assert signed["facts"]["text_language"] == "de"


async def test_token_and_receipt_show_the_same(site: Site):
    visit = await begin(site)
    mine = await json(site, "GET", "/v1/my-data", **bearing(visit["token"]))
    assert mine == await json(site, "GET", "/v1/my-data", **bearing(visit["receipt"]))
    assert len(mine["consents"]) == 1
    assert mine["consents"][0]["text_digest"] == current_text().digest


async def test_erased_everywhere(site: Site, node: MediaNode, valkey: Redis):
    visit, others = await begin(site), await begin(site)
    mine = await json(site, "GET", "/v1/my-data", **bearing(visit["token"]))
    visitor = Visitor(str(site.shop.id), mine["visit"]["id"])
    await Claims(valkey).remember_outfit(visitor, ("a",))
    taken = node.snapshots.keep(b"her face", visitor).removeprefix("/v1/snapshots/").removesuffix(".jpg")
    theirs = node.snapshots.keep(b"another", Visitor(visitor.tenant, "another"))
    erased = await json(site, "DELETE", "/v1/my-data", **bearing(visit["receipt"]))
    assert erased["facts"]["erased"] == {"visits": 1, "outfits": 1, "try-ons ended": 0, "avatars": 0}
    assert node.snapshots.find(taken) is None
    assert node.snapshots.find(theirs.removeprefix("/v1/snapshots/").removesuffix(".jpg")) == b"another"
    assert await json(site, "GET", f"/v1/receipts/{erased['receipt']}") == erased
    assert [key async for key in valkey.scan_iter(match=f"*{visitor.visit}*")] == []
    assert await site.refusal("GET", "/v1/my-data", **bearing(visit["token"])) == (401, "invalid-token")
    offer = {"Authorization": f"Bearer {visit['token']}", "Content-Type": "application/sdp"}
    assert await site.refusal("POST", "/v1/try-on", data="v=0", headers=offer) == (401, "invalid-token")
    assert (await json(site, "GET", "/v1/my-data", **bearing(others["token"])))["visit"] is not None
    left = await json(site, "GET", "/v1/my-data", **bearing(visit["receipt"]))
    assert left["visit"] is None
    assert [consent["granted"] for consent in left["consents"]] == [True, False]


async def test_only_allowed_pages_and_only_the_holder(site: Site):
    visit = await begin(site)
    for method in ("GET", "DELETE"):
        foreign = bearing(visit["token"], Origin="https://evil.example")
        assert await site.refusal(method, "/v1/my-data", **foreign) == (403, "origin-not-allowed")
        assert await site.refusal(method, "/v1/my-data") == (401, "missing-credentials")
        for wrong in ("x", "A" * 64, visit["receipt"][:-4], visit["receipt"] + "." + visit["token"]):
            assert await site.refusal(method, "/v1/my-data", **bearing(wrong)) == (401, "invalid-token")
    await json(site, "GET", "/v1/my-data", **bearing(visit["token"], Origin=ORIGIN))
    forged = ".".join([*visit["receipt"].split(".")[:2], "A" * 86])
    assert await site.refusal("GET", f"/v1/receipts/{forged}") == (400, "receipt-invalid")
    assert (await json(site, "GET", "/v1/receipt-key"))["kty"] == "OKP"


async def test_deeds_are_counted_and_name_nobody(site: Site, glasses: Product, addresses: Addresses):
    visit = await begin(site)
    events = [
        {"kind": "snapshot", "products": [str(glasses.id)]},
        {"kind": "add-to-cart", "products": [str(glasses.id)]},
        {"kind": "snapshot"},
    ]
    async with site.calls("POST", "/v1/events", json={"events": events}, **bearing(visit["token"])) as response:
        assert response.status == 204
    tallies = site.services.owners.tallies
    assert await tallies.labels(site.shop.id, "snapshot") == {"": 1, str(glasses.id): 1}
    assert (await tallies.days(site.shop.id, "add-to-cart"))[-1].count == 1
    mine = await json(site, "GET", "/v1/my-data", **bearing(visit["token"]))
    admin = await asyncpg.connect(addresses.admin)
    row = str(await admin.fetch("SELECT * FROM tallies"))
    await admin.close()
    assert mine["visit"]["id"] not in row


@pytest.mark.parametrize(
    "body",
    [
        {"events": []},
        {"events": [{"kind": "bought"}]},
        {"events": [{"kind": "snapshot"}] * 21},
        {"events": [{"kind": "snapshot", "products": ["x"]}]},
        {"events": [{"kind": "snapshot", "products": [str(uuid4())] * 5}]},
        {"events": [{"kind": "snapshot", "who": "ada"}]},
        {},
        [],
    ],
)
async def test_other_deeds_are_refused_whole(site: Site, body: Any):
    visit = await begin(site)
    assert await site.refusal("POST", "/v1/events", json=body, **bearing(visit["token"])) == (400, "invalid-request")


async def test_another_shops_product_counts_for_nobody(site: Site, glasses: Product):
    other = await site.services.credentials.ensure_shop("other", "Other", "pk_other")
    token, _ = await site.services.visits.open(other, None, current_text().version)
    body = {"events": [{"kind": "snapshot"}, {"kind": "snapshot", "products": [str(glasses.id)]}]}
    assert await site.refusal("POST", "/v1/events", json=body, **bearing(token)) == (404, "unknown-product")
    assert await site.services.owners.tallies.labels(other.id, "snapshot") == {}


async def test_a_page_cannot_count_without_end(site: Site):
    visit = await begin(site)
    body = {"events": [{"kind": "snapshot"}]}
    for _ in range(120):
        async with site.calls("POST", "/v1/events", json=body, **bearing(visit["token"])) as response:
            assert response.status == 204
    assert await site.refusal("POST", "/v1/events", json=body, **bearing(visit["token"])) == (429, "rate-limited")


@pytest.fixture
def owner(ada: Person) -> Person:
    return ada


async def test_an_owner_sets_how_long_what_is_kept(owner: Person):
    shown = await owner.json("GET", "/v1/privacy")
    assert (shown["visits"], shown["audit"], shown["closes_at"]) == (7, 730, None)
    shown = await owner.json("PATCH", "/v1/privacy", json={"visits": 1})
    assert (shown["visits"], shown["audit"]) == (1, 730)
    for body, code in (
        ({"visits": 91}, "shop-invalid"),
        ({"audit": 0}, "invalid-request"),
        ({"x": 1}, "invalid-request"),
    ):
        async with owner.calls("PATCH", "/v1/privacy", json=body) as response:
            assert (response.status, (await response.json())["code"]) == (400, code)
    assert await owner.json("GET", "/v1/privacy") == shown


async def test_a_closed_shop_leaves_no_key_in_valkey_and_its_receipt_at_its_address(
    site: Site, owner: Person, valkey: Redis, addresses: Addresses
):
    key = (await owner.json("POST", "/v1/keys", json={"kind": "secret"}, status=201))["key"]
    async with owner.calls("POST", "/v1/closure", json={"shop": "wrong"}) as response:
        assert (response.status, (await response.json())["code"]) == (400, "shop-invalid")
    bearer = {"Authorization": f"Bearer {key}"}
    assert await site.refusal("POST", "/v1/closure", json={"shop": owner.slug}, headers=bearer) == (403, "not-allowed")
    admin = await asyncpg.connect(addresses.admin)
    await admin.execute("UPDATE logins SET proven_at = now() - interval '11 minutes'")
    async with owner.calls("POST", "/v1/closure", json={"shop": owner.slug}) as response:
        assert (response.status, (await response.json())["code"]) == (403, "proof-required")
    await admin.execute("UPDATE logins SET proven_at = now()")
    shown = await owner.json("POST", "/v1/closure", json={"shop": owner.slug})
    assert datetime.fromisoformat(shown["closes_at"]) > datetime.now(UTC) + timedelta(days=13)
    shop = await site.services.credentials.shop_for_slug(owner.slug)
    pages = [k["shown"] for k in (await owner.json("GET", "/v1/keys"))["keys"] if k["kind"] == "publishable"]
    body = {"key": pages[0], "consent": {"version": current_text().version, "granted": True}}
    assert await site.refusal("POST", "/v1/sessions", json=body) == (403, "shop-closing")
    assert await site.refusal("GET", shown["closing_receipt"]) == (404, "unknown-receipt")
    await Claims(valkey).remember_outfit(Visitor(str(shop.id), "v"), ("a",))
    await admin.execute("UPDATE shops SET closes_at = now() - interval '1 s' WHERE slug = $1", owner.slug)
    swept = await site.services.owners.sweeper.sweep()
    assert swept["shops"] == 1
    assert [key async for key in valkey.scan_iter(match=f"*{shop.id}*")] == []
    await admin.close()
    signed = await json(site, "GET", shown["closing_receipt"])
    assert signed["facts"]["shop"] == str(shop.id)
    assert await site.refusal("GET", "/v1/closures/x") == (404, "unknown-receipt")
    async with owner.calls("GET", "/v1/privacy") as response:
        assert response.status == 401


async def test_an_export_has_consents_sums_and_our_signed_word_for_all_of_it(site: Site, owner: Person):
    shop = await site.services.credentials.shop_for_slug(owner.slug)
    for _ in range(3):
        _, visit = await site.services.visits.open(shop, None, current_text().version)
    await site.services.owners.tallies.count(shop.id, {("snapshot", ""): 7})
    async with owner.calls("GET", "/v1/export") as response:
        archive = zipfile.ZipFile(io.BytesIO(await response.read()))
    assert archive.read("consents.csv").decode().count("\n") == 4
    assert str(visit.id) in archive.read("consents.csv").decode()
    assert ",snapshot,,7" in archive.read("tallies.csv").decode()
    manifest = archive.read("manifest.json")
    facts = site.services.owners.signer.read(archive.read("receipt.jws").decode())
    assert facts["manifest_sha256"] == hashlib.sha256(manifest).hexdigest()
    digests = loads(manifest)
    assert digests.keys() == set(archive.namelist()) - {"manifest.json", "receipt.jws"}
    for name, digest in digests.items():
        assert hashlib.sha256(archive.read(name)).hexdigest() == digest


async def test_her_bodies_are_shown_and_erased_with_the_rest(site: Site, addresses: Addresses):
    visit = await begin(site)
    bearer = {"Authorization": f"Bearer {visit['token']}"}
    avatar = await ask(site, bearer)
    mine = await json(site, "GET", "/v1/my-data", **bearing(visit["receipt"]))
    assert [one["id"] for one in mine["avatars"]] == [avatar["id"]]
    assert mine["avatars"][0]["stated"]["height_cm"] == 168
    erased = await json(site, "DELETE", "/v1/my-data", **bearing(visit["receipt"]))
    assert erased["facts"]["erased"]["avatars"] == 1
    admin = await asyncpg.connect(addresses.admin)
    assert await admin.fetchval("SELECT (SELECT count(*) FROM avatars) + (SELECT count(*) FROM avatar_photos)") == 0
    await admin.close()
    assert await site.services.files.remove_shop(site.shop.id) == 0
