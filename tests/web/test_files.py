"""The files of products: there for everybody, for ever, and nothing else of the store."""

from __future__ import annotations

import pytest

from tenancy.products import Product
from tests.web.conftest import PUBLISHABLE, Site, StartSite


async def test_a_thumbnail_may_be_kept_for_ever_and_shown_anywhere(site: Site, glasses: Product):
    path = f"/v1/files/test/{glasses.thumbnail_digest}.png"
    async with site.calls("GET", path) as response:
        assert (response.status, response.content_type) == (200, "image/png")
        assert (await response.read()).startswith(b"\x89PNG")
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        tag = response.headers["ETag"]
    async with site.calls("GET", path, headers={"If-None-Match": tag}) as response:
        assert (response.status, await response.read()) == (304, b"")


async def test_a_model_is_served_as_one(site: Site, glasses: Product):
    async with site.calls("GET", f"/v1/files/test/{glasses.glb_digest}.glb") as response:
        assert (response.status, response.content_type) == (200, "model/gltf-binary")
        assert (await response.read()).startswith(b"glTF")


async def test_another_shops_file_is_not_there(site: Site, glasses: Product):
    await site.services.credentials.ensure_shop("other", "Other", "pk_other")
    path = f"/v1/files/other/{glasses.thumbnail_digest}.png"
    assert await site.refusal("GET", path) == (404, "not-found")


async def test_a_file_that_belongs_to_no_product_is_not_there(site: Site, glasses: Product):
    digest = await site.services.files.put(site.shop.id, b"a shopper's photo", "application/octet-stream")
    assert await site.refusal("GET", f"/v1/files/test/{digest}.png") == (404, "not-found")
    assert await site.refusal("GET", f"/v1/files/test/{glasses.glb_digest}.png") == (404, "not-found")


@pytest.mark.parametrize("name", ["x.png", "a" * 64, "A" * 64 + ".png", "a" * 63 + "/.png"])
async def test_a_name_that_is_no_hash_leads_nowhere(site: Site, name: str):
    assert await site.refusal("GET", f"/v1/files/test/{name}") == (404, "not-found")


async def test_a_file_of_no_shop_is_not_there(site: Site):
    assert await site.refusal("GET", f"/v1/files/nobody/{'a' * 64}.png") == (404, "unknown-shop")


async def test_with_a_cdn_pictures_are_named_there_and_pages_may_load_them(start_site: StartSite) -> None:
    site = await start_site(cdn_url="https://cdn.example/vitrine")
    product = await site.services.products.add(site.shop.id, "Panto", "glasses", b"glTF")
    async with site.calls("GET", "/v1/catalog", headers={"Authorization": f"Bearer {PUBLISHABLE}"}) as response:
        (item,) = (await response.json())["products"]
    path = f"/v1/files/{site.shop.slug}/{product.thumbnail_digest}.png"
    assert item["thumbnail"] == "https://cdn.example/vitrine" + path
    async with site.calls("GET", path) as response:  # what the CDN takes from here
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert "img-src 'self' https://cdn.example data:" in response.headers["Content-Security-Policy"]
