"""Catalog, consent and visits: what a shopper's page asks before the camera opens, and how it is refused."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from tenancy.consent import current_text
from tenancy.products import Product
from tests.web.conftest import ORIGIN, PUBLISHABLE, Site, StartSite

AGREED = {"version": current_text().version, "granted": True}
KEY = {"Authorization": f"Bearer {PUBLISHABLE}"}


async def test_the_catalog_lists_the_shops_products(site: Site, glasses: Product):
    async with site.calls("GET", "/v1/catalog", headers=KEY) as response:
        assert response.status == 200
        (item,) = (await response.json())["products"]
    assert item == {
        "id": str(glasses.id),
        "kind": "glasses",
        "name": "Round",
        "thumbnail": f"/v1/files/test/{glasses.thumbnail_digest}.png",
        "dimensions": {"frame_width_mm": 138.5},
        "garment": None,
    }


async def test_another_shops_products_are_not_in_the_catalog(site: Site, glasses: Product):
    other = await site.services.credentials.ensure_shop("other", "Other", "pk_other")
    async with site.calls("GET", "/v1/catalog", headers={"Authorization": "Bearer pk_other"}) as response:
        assert await response.json() == {"products": []}
    assert other.id != site.shop.id


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "missing-credentials"),
        ("Bearer", "missing-credentials"),
        ("Basic pk_test", "missing-credentials"),
        ("Bearer pk_wrong", "invalid-key"),
        ("Bearer sk_test", "invalid-key"),
        ("Bearer " + "x" * 600, "missing-credentials"),
    ],
)
async def test_without_a_good_key_there_is_no_catalog(site: Site, authorization: str | None, code: str):
    headers = {"Authorization": authorization} if authorization else {}
    assert await site.refusal("GET", "/v1/catalog", headers=headers) == (401, code)


async def test_anybody_may_read_what_is_agreed_to(site: Site):
    async with site.calls("GET", "/v1/consent", headers={"Origin": "https://any.example"}) as response:
        text = await response.json()
        assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert text == {
        "version": current_text().version,
        "language": "en",
        "title": current_text().title,
        "paragraphs": list(current_text().paragraphs),
    }


async def test_a_visit_begins_with_consent(start_site: StartSite):
    servers = ({"urls": ["stun:stun.example:3478"]},)
    site = await start_site(ice_servers=servers)
    async with site.calls("POST", "/v1/sessions", json={"key": PUBLISHABLE, "consent": AGREED}) as response:
        assert response.status == 201
        assert response.headers["Cache-Control"] == "no-store"
        created = await response.json()
    assert set(created) == {"token", "expires_at", "ice_servers", "receipt"}
    assert created["ice_servers"] == list(servers)
    left = datetime.fromisoformat(created["expires_at"]) - datetime.now().astimezone()
    assert timedelta(minutes=29) < left <= timedelta(minutes=30)


@pytest.mark.parametrize(
    "consent", [None, {"version": "2019-01", "granted": True}, {"version": AGREED["version"], "granted": False}]
)
async def test_without_consent_to_the_current_text_the_text_comes_back(site: Site, consent: object):
    body = {"key": PUBLISHABLE} | ({"consent": consent} if consent else {})
    async with site.calls("POST", "/v1/sessions", json=body) as response:
        problem = await response.json()
    assert (response.status, problem["code"]) == (403, "consent-required")
    assert (problem["version"], problem["title"]) == (AGREED["version"], current_text().title)
    assert problem["paragraphs"]


async def test_a_visit_for_a_product_the_shop_has_not_is_refused(site: Site):
    body = {"key": PUBLISHABLE, "product": str(uuid4()), "consent": AGREED}
    assert await site.refusal("POST", "/v1/sessions", json=body) == (404, "unknown-product")


async def test_a_wrong_key_is_refused_before_consent_is_looked_at(site: Site):
    assert await site.refusal("POST", "/v1/sessions", json={"key": "pk_wrong"}) == (401, "invalid-key")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, (400, "invalid-json")),
        ({"data": b"[" * 10_000, "headers": {"Content-Type": "application/json"}}, (400, "invalid-json")),
        ({"data": b"\xff\xfe", "headers": {"Content-Type": "application/json"}}, (400, "invalid-json")),
        ({"json": []}, (400, "invalid-request")),
        ({"json": {"key": PUBLISHABLE, "product": "x"}}, (400, "invalid-request")),
        ({"json": {"key": PUBLISHABLE, "surprise": 1}}, (400, "invalid-request")),
        ({"json": {"key": PUBLISHABLE, "consent": {"version": "x" * 101, "granted": True}}}, (400, "invalid-request")),
        ({"data": b"{}"}, (415, "unsupported-media-type")),
        ({"json": {"key": "x" * 20_000}}, (413, "payload-too-large")),
    ],
)
async def test_a_body_that_is_not_as_described_is_refused(site: Site, options: dict, expected: tuple[int, str]):
    assert await site.refusal("POST", "/v1/sessions", **options) == expected


async def test_a_refused_body_is_not_repeated_in_the_answer(site: Site):
    async with site.calls("POST", "/v1/sessions", json={"key": PUBLISHABLE, "product": "secret-value"}) as response:
        text = await response.text()
    assert "secret-value" not in text
    assert (await response.json())["errors"] == [{"at": "product", "fault": "uuid_parsing"}]


class TestOrigins:
    """Browsers come from a page; only the shop's own pages may open visits for it."""

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://shop.example.evil.example"])
    async def test_a_page_the_shop_did_not_allow_is_refused(self, site: Site, origin: str):
        for method, path, options in (
            ("GET", "/v1/catalog", {"headers": {**KEY, "Origin": origin}}),
            ("POST", "/v1/sessions", {"headers": {"Origin": origin}, "json": {"key": PUBLISHABLE, "consent": AGREED}}),
            ("DELETE", f"/v1/try-on/{uuid4()}", {"headers": {**await site.bearer(), "Origin": origin}}),
        ):
            assert await site.refusal(method, path, **options) == (403, "origin-not-allowed")

    async def test_an_allowed_page_may_read_the_answer(self, site: Site):
        async with site.calls("GET", "/v1/catalog", headers={**KEY, "Origin": ORIGIN}) as response:
            assert response.status == 200
            assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
            assert "Origin" in response.headers["Vary"]
            assert "Access-Control-Allow-Credentials" not in response.headers

    async def test_our_own_page_is_always_allowed(self, site: Site):
        async with site.calls("GET", "/v1/catalog", headers={**KEY, "Origin": site.url}) as response:
            assert response.status == 200

    async def test_with_a_public_address_only_that_one_is_our_own(self, start_site: StartSite):
        site = await start_site(public_url="https://tryon.example")
        own = {**KEY, "Origin": "https://tryon.example", "Host": "tryon.example"}
        async with site.calls("GET", "/v1/catalog", headers=own) as response:
            assert response.status == 200
        elsewhere = {**KEY, "Origin": "https://evil.example", "Host": "tryon.example"}
        assert await site.refusal("GET", "/v1/catalog", headers=elsewhere) == (403, "origin-not-allowed")
        pretended = {**elsewhere, "Host": "evil.example"}
        assert await site.refusal("GET", "/v1/catalog", headers=pretended) == (421, "unknown-host")

    async def test_a_preflight_tells_what_may_be_asked(self, site: Site):
        headers = {
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "DELETE",
            "Access-Control-Request-Headers": "authorization",
        }
        async with site.calls("OPTIONS", f"/v1/try-on/{uuid4()}", headers=headers) as response:
            assert response.status == 204
            assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
            assert response.headers["Access-Control-Allow-Methods"] == "DELETE, PATCH"
            assert "Authorization" in response.headers["Access-Control-Allow-Headers"]

    async def test_the_owners_side_is_closed_to_other_pages(self, site: Site):
        headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
        async with site.calls("OPTIONS", "/v1/products", headers=headers) as response:
            assert response.status == 405
            assert "Access-Control-Allow-Origin" not in response.headers

    async def test_a_page_on_a_forgotten_origin_can_read_why(self, site: Site):
        headers = {**KEY, "Origin": "https://forgotten.example"}
        async with site.calls("GET", "/v1/catalog", headers=headers) as response:
            assert response.headers["Access-Control-Allow-Origin"] == "https://forgotten.example"
            assert (await response.json())["code"] == "origin-not-allowed"
