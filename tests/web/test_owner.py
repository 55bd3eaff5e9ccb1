"""An owner's upload: with the secret key, through the intake, into the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.web.conftest import PUBLISHABLE, Site


def form(**parts: Any) -> aiohttp.MultipartWriter:
    writer = aiohttp.MultipartWriter("form-data")
    for name, content in parts.items():
        part = writer.append(content)
        part.set_content_disposition("form-data", name=name)
    return writer


def secret(site: Site) -> dict[str, str]:
    return {"Authorization": f"Bearer {site.secret_key}"}


async def test_an_upload_becomes_a_product(site: Site):
    data = form(glb=b"glTF", name="Panto", kind="glasses")
    async with site.calls("POST", "/v1/products", data=data, headers=secret(site)) as response:
        assert response.status == 201, await response.text()
        created = await response.json()
        assert response.headers["Location"] == f"/v1/products/{created['id']}"
    assert (created["name"], created["kind"]) == ("Panto", "glasses")
    assert {"glb", "thumbnail", "report", "dimensions"} <= set(created)
    products = await site.services.products.catalog(site.shop.id)
    assert [str(product.id) for product in products] == [created["id"]]


@pytest.mark.parametrize("key", [PUBLISHABLE, "sk_wrong"])
async def test_only_the_secret_key_may_upload(site: Site, key: str):
    headers = {"Authorization": f"Bearer {key}"}
    data = form(glb=b"glTF", name="Panto", kind="glasses")
    assert await site.refusal("POST", "/v1/products", data=data, headers=headers) == (401, "invalid-key")


@pytest.mark.parametrize(
    "parts",
    [
        {"name": "Panto", "kind": "glasses"},
        {"glb": b"glTF", "kind": "glasses"},
        {"glb": b"glTF", "name": "Panto", "kind": "shoe"},
        {"glb": b"glTF", "name": " ", "kind": "hat"},
        {"glb": b"glTF", "name": "x" * 121, "kind": "hat"},
        {"glb": b"glTF", "name": b"\xff", "kind": "hat"},
        {"glb": b"glTF", "name": "Panto", "kind": "hat", "other": "x"},
    ],
)
async def test_a_form_that_is_not_as_described_is_refused(site: Site, parts: dict):
    expected = (400, "invalid-request")
    assert await site.refusal("POST", "/v1/products", data=form(**parts), headers=secret(site)) == expected


async def test_a_form_that_is_cut_off_is_refused(site: Site):
    headers = {**secret(site), "Content-Type": "multipart/form-data; boundary=x"}
    for body in (b"", b"--x", b"--x\r\nContent-Disposition: form-data; name=glb\r\n\r\nab"):
        assert await site.refusal("POST", "/v1/products", data=body, headers=headers) == (400, "invalid-request")
    headers["Content-Type"] = "multipart/form-data"
    assert await site.refusal("POST", "/v1/products", data=b"x", headers=headers) == (400, "invalid-request")


async def test_a_model_over_the_limit_is_refused_while_it_comes_in(site: Site, tmp_path: Path):
    large = tmp_path / "large.glb"
    with large.open("wb") as file:
        file.truncate(33 * 1024 * 1024)
    with large.open("rb") as file:
        data = form(glb=file, name="Panto", kind="glasses")
        try:
            found = await site.refusal("POST", "/v1/products", data=data, headers=secret(site))
        except aiohttp.ClientOSError:
            return  # the server closed the connection before all of it was sent
    assert found == (413, "payload-too-large")


async def test_another_type_is_refused(site: Site):
    expected = (415, "unsupported-media-type")
    assert await site.refusal("POST", "/v1/products", json={}, headers=secret(site)) == expected
