"""The try-on page's shell, its built files, and the headers that hold a browser to them."""

from __future__ import annotations

import json
import re
from uuid import uuid4

import pytest

from tests.web.conftest import ORIGIN, PUBLISHABLE, Site, StartSite


def bootstrap(page: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="vitrine">(.*?)</script>', page, re.S)[1])


async def test_the_page_of_a_shop_tells_its_script_which_shop_it_is(site: Site):
    async with site.calls("GET", "/s/test") as response:
        page = await response.text()
    assert (response.status, response.content_type) == (200, "text/html")
    told = bootstrap(page)
    shown = {"shop": {"slug": "test", "name": "Test Shop"}, "key": PUBLISHABLE, "product": None}
    assert {name: told[name] for name in shown} == shown
    assert (told["language"], told["privacy"]) == ("en", "/s/test/privacy?lang=en")
    assert '<script type="module" src="/static/app/assets/main-abc123.js">' in page
    assert '<link rel="stylesheet" href="/static/app/assets/main-abc123.css">' in page


async def test_the_page_of_a_product_names_it(site: Site):
    product = str(uuid4())
    async with site.calls("GET", f"/s/test/{product}") as response:
        assert bootstrap(await response.text())["product"] == product


async def test_an_address_that_names_no_product_has_the_shops_page_too(site: Site):
    """Which then says that this one is not in the shop, and shows the others."""
    async with site.calls("GET", '/s/test/old-name"><b>') as response:
        page = await response.text()
    assert (response.status, response.content_type) == (404, "text/html")
    assert bootstrap(page)["shop"]["slug"] == "test"
    assert bootstrap(page)["product"] == 'old-name"><b>'
    assert "<b>" not in page


async def test_an_unknown_shop_has_the_same_page_that_says_so(site: Site):
    async with site.calls("GET", "/s/nobody") as response:
        assert response.status == 404
        told = bootstrap(await response.text())
    assert {told["shop"], told["key"], told["product"]} == {None}


async def test_a_shops_name_cannot_end_the_script_it_stands_in(site: Site):
    await site.services.credentials.ensure_shop("odd", "</script><script>alert(1)</script>", "pk_odd")
    async with site.calls("GET", "/s/odd") as response:
        page = await response.text()
    assert "<script>alert" not in page
    assert bootstrap(page)["shop"]["name"] == "</script><script>alert(1)</script>"


async def test_only_the_shops_pages_may_frame_its_page(site: Site):
    async with site.calls("GET", "/s/test") as response:
        policy = response.headers["Content-Security-Policy"]
        assert policy.endswith(f"frame-ancestors 'self' {ORIGIN}")
        assert "unsafe" not in policy
        assert "camera=(self)" in response.headers["Permissions-Policy"]
    async with site.calls("GET", "/s/nobody") as response:
        assert response.headers["Content-Security-Policy"].endswith("frame-ancestors 'self'")


@pytest.mark.parametrize("path", ["/v1/consent", "/healthz", "/nowhere", "/static/app/embed.js"])
async def test_nothing_else_may_be_framed_and_every_answer_is_guarded(site: Site, path: str):
    async with site.calls("GET", path) as response:
        headers = response.headers
    assert headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert headers["Server"] == "vitrine"
    assert "Strict-Transport-Security" not in headers


async def test_behind_https_browsers_are_told_to_stay_there(start_site: StartSite):
    site = await start_site(public_url="https://tryon.example")
    async with site.calls("GET", "/healthz") as response:
        assert response.headers["Strict-Transport-Security"].startswith("max-age=31536000")


async def test_built_files_are_kept_for_ever_when_their_name_holds_a_hash(site: Site):
    async with site.calls("GET", "/static/app/assets/main-abc123.js") as response:
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert response.content_type == "text/javascript"
    async with site.calls("GET", "/static/app/embed.js") as response:
        assert response.headers["Cache-Control"] == "no-cache"
        assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


@pytest.mark.parametrize(
    "name", ["missing.js", "assets", "..%2f..%2fserver.py", "assets/%2e%2e/%2e%2e/x.js", "x%00.js"]
)
async def test_nothing_outside_the_build_is_served(site: Site, name: str):
    (site.settings.built.parent / "x.js").write_text("secret")
    assert await site.refusal("GET", f"/static/app/{name}") == (404, "not-found")


async def test_the_root_leads_to_the_demo_shop_if_there_is_one(start_site: StartSite):
    site = await start_site(demo="demo")
    async with site.calls("GET", "/") as response:
        assert (response.status, response.headers["Location"]) == (302, "/s/demo")
    bare = await start_site()
    assert await bare.refusal("GET", "/") == (404, "not-found")
