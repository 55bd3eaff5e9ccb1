"""The whole way on an installation: the demo shop's garments on a body that was brought along, and nothing left."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest

from avatar.body_arrays import load_arrays
from avatar.gltf import read_document
from avatar.measure import MEASURES, Tape
from tenancy.consent import current_text
from tests.avatar.test_gltf import node
from tests.installation import ROOT, Installation

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
NEEDLE = 24


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with Installation() as made:
        made.start()
        yield made


def archive() -> bytes:
    """The average woman of the model, as another shop would have exported her."""
    arrays = load_arrays(ROOT / "models", "female")
    read_cm = Tape(arrays).measure(arrays.template)
    told = {
        "format": "vitrine-avatar/1",
        "stated": {"height_cm": round(read_cm["height"], 1)},
        "body": {"sex": "female", "betas": [0.0] * arrays.betas},
        "measures": {name: {"value_cm": float(read_cm[name]), "sigma_cm": 1.0} for name in MEASURES},
        "corrections_cm": {},
        "skin": "#b98264",
    }
    return json.dumps(told).encode()


class Visitor:
    """Speaks to the installation as the demo shop's page does."""

    def __init__(self, client: aiohttp.ClientSession, url: str) -> None:
        self.client, self.url, self.bearer = client, url, {"Authorization": "Bearer pk_demo"}

    async def json(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        async with self.client.request(method, self.url + path, headers=self.bearer, **options) as response:
            assert response.status == status, await response.text()
            return await response.json()

    async def file(self, path: str) -> bytes:
        async with self.client.get(self.url + path, headers=self.bearer) as response:
            assert response.status == 200, await response.text()
            return await response.read()


async def with_a_body(visitor: Visitor) -> str:
    """The path of a complete avatar."""
    text = current_text(purpose="photo").version
    given = {"key": "pk_demo", "consent": {"version": text, "granted": True}}
    visitor.bearer = {
        "Authorization": f"Bearer {(await visitor.json('POST', '/v1/sessions', 201, json=given))['token']}"
    }
    form = aiohttp.FormData({"consent": current_text(purpose="import").version})
    form.add_field("archive", archive(), filename="avatar.json")
    at = f"/v1/avatars/{(await visitor.json('POST', '/v1/avatars/import', 202, data=form))['id']}"
    await visitor.file(f"{at}/events")  # ends with the work
    seen = await visitor.json("GET", at)
    assert seen["status"] == "complete", seen
    return at


def stored(installation: Installation) -> set[str]:
    """What lies in the object store."""
    return {path.name for path in (installation.data / "files").rglob("*") if path.is_file()}


def needle_of(content: bytes) -> bytes:
    """Some bytes of a file that are of the body: of a model its places, for textures are the product's as well."""
    if content.startswith(b"\x89PNG"):
        return content[len(content) // 2 :][:NEEDLE]
    document, binary = read_document(content)
    place = document["meshes"][0]["primitives"][0]["attributes"]["POSITION"]
    view = document["bufferViews"][document["accessors"][place]["bufferView"]]
    view = view.get("extensions", {}).get("EXT_meshopt_compression", view)
    return binary[view["byteOffset"] + view["byteLength"] // 2 :][:NEEDLE]


def found(installation: Installation, needles: dict[str, bytes]) -> set[str]:
    """Which of these lie in a file of the installation's, or in what its processes have open."""
    places = [path for path in installation.data.rglob("*") if path.is_file() and not path.is_symlink()]
    seen = set()
    for path in places:
        try:
            content = path.read_bytes()
        except OSError:
            continue
        seen |= {what for what, needle in needles.items() if needle in content}
    return seen


async def test_the_demo_shops_garments_on_a_body(installation: Installation, tmp_path: Path):
    async with aiohttp.ClientSession() as client:
        visitor = Visitor(client, installation.url)
        catalog = (await visitor.json("GET", "/v1/catalog"))["products"]
        garments = {one["name"]: one for one in catalog if one["kind"] == "garment"}
        assert {one["garment"]["worn_as"] for one in garments.values()} == {"top", "jacket", "bottom", "skirt", "dress"}
        assert all(len(one["garment"]["sizes"]) == 5 for one in garments.values())
        before = stored(installation)
        at = await with_a_body(visitor)
        ids = {name: one["id"] for name, one in garments.items()}
        wear = f"{ids['Moor Hoodie']}:L,{ids['Alba T-shirt']},{ids['Ridge Jeans']}"
        outfit = await visitor.json("GET", f"{at}/outfit?wear={wear}")
        assert [one["name"] for one in outfit["garments"]] == ["Ridge Jeans", "Alba T-shirt", "Moor Hoodie"]
        began = time.monotonic()
        got = {name: await visitor.file(path) for name, path in outfit["files"].items()}
        print(f"outfit of three: {time.monotonic() - began:.1f} s for { ({n: len(g) for n, g in got.items()}) }")
        body = await visitor.file(f"{at}/body.glb")
        assert len(body) < 1_000_000
        assert max(map(len, got.values())) < 3_000_000
        models = [tmp_path / f"{name}.glb" for name in got if name != "picture"]
        for path in models:
            path.write_bytes(got[path.stem])
        for report in await asyncio.to_thread(node, "validate.mjs", *models):
            assert report["errors"] == 0
        colors = {one["name"]: one for one in read_document(got["dressed_plain"])[0]["materials"]}
        assert np.isclose(colors["body"]["pbrMetallicRoughness"]["baseColorFactor"][0], 0.485, atol=0.01)
        for one in garments.values():
            fit = await visitor.json("GET", f"{at}/fit?product={one['id']}&lang=fr")
            assert "vous va" in fit["words"] or "Vous êtes entre" in fit["words"]

        needles = {name: needle_of(content) for name, content in {**got, "body": body}.items()}
        assert found(installation, needles) == set(needles)
        await visitor.json("DELETE", at)
        assert found(installation, needles) == set()
        assert stored(installation) == before
