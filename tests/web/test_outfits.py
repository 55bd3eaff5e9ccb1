"""The shop's garments on a shopper's body over HTTP: taken in, judged by size, put on, kept, and gone with the body."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from limits import parse

from avatar.body_arrays import load_arrays
from avatar.export import BodyShape, write_body
from avatar.garments.cover import unpacked
from avatar.gltf import read_document
from avatar.measure import MEASURES, Tape
from tests.avatar.test_gltf import node
from tests.tenancy.avatar_people import Made
from tests.web.conftest import PUBLISHABLE, ROOT, Site
from tests.web.test_avatars import ask, read, work
from tests.web.test_owner import form, secret

GARMENTS = ROOT / "models" / "garments"
BODY_CHART = {
    "chart": "body",
    "sizes": [{"label": "36", "cm": {"waist": [60, 78]}}, {"label": "40", "cm": {"waist": [78, 99]}}],
}


@pytest.fixture(scope="session")
def measured() -> Made:
    """A real body with its measures and files: the average woman of the model."""
    arrays = load_arrays(ROOT / "models", "female")
    read_cm = Tape(arrays).measure(arrays.template)
    shape = BodyShape(arrays)
    mesh, joints = shape.mesh(arrays.template), shape.joints(arrays.template)
    return Made(
        body={"sex": "female", "betas": np.zeros(arrays.betas).tolist()},
        measures={name: {"value_cm": float(read_cm[name]), "sigma_cm": 1.2} for name in MEASURES},
        findings=[],
        body_glb=write_body(mesh, joints, arrays.parents, compressed=True),
        plain_glb=b"glTF plain",
        thumbnail_png=b"\x89PNG",
    )


async def upload(site: Site, name: str, file: str, **parts: Any) -> dict[str, Any]:
    """By the way an owner's garment takes."""
    data = form(glb=(GARMENTS / f"{file}.glb").read_bytes(), name=name, kind="garment", **parts)
    async with site.calls("POST", "/v1/products", data=data, headers=secret(site)) as response:
        assert response.status == 201, await response.text()
        return await response.json()


async def listed(site: Site, name: str, file: str) -> str:
    """A garment of the shop that went past the intake, for tests that put nothing on; its id."""
    document, _ = read_document((GARMENTS / f"{file}.glb").read_bytes())
    said = document["asset"]["extras"]["vitrine"]
    product = await site.services.products.add(site.shop.id, name, "glasses", b"glTF " + file.encode())
    garment = {"worn_as": said["garment"], "chart": said["chart"], "body_chart": None}
    async with site.services.fitting_room.database.tenant(site.shop.id) as connection:
        await connection.execute(
            "UPDATE products SET kind = 'garment', garment = $2 WHERE id = $1", product.id, garment
        )
    site.services.fitting_room.database.cache.drop(site.shop.id, "products")
    return str(product.id)


def in_store(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "files").rglob("*") if path.is_file()}


@pytest.fixture
async def bearer(site: Site) -> dict[str, str]:
    return await site.bearer()


@pytest.fixture
async def at(site: Site, bearer: dict[str, str], measured: Made) -> str:
    """The path of a complete avatar of this visit."""
    avatar = await ask(site, bearer)
    await work(site, measured)
    return f"/v1/avatars/{avatar['id']}"


async def test_a_garment_is_taken_in_and_put_on(
    site: Site, bearer: dict[str, str], at: str, tmp_path: Path, measured: Made
):
    skirt = await upload(site, "Vela Skirt", "skirt", body_chart=json.dumps(BODY_CHART))
    assert skirt["report"]["sizes"] == ["XS", "S", "M", "L", "XL"]
    assert skirt["garment"]["worn_as"] == "skirt"
    assert [size["label"] for size in skirt["garment"]["sizes"]] == skirt["report"]["sizes"]
    assert skirt["dimensions"]["waist_mm"] == 880
    async with site.calls("GET", skirt["thumbnail"]) as response:
        assert len(await response.read()) > 5_000
    async with site.calls("GET", "/v1/catalog", headers={"Authorization": f"Bearer {PUBLISHABLE}"}) as response:
        (item,) = (await response.json())["products"]
    assert item["garment"] == skirt["garment"]

    fit = await read(site, bearer, f"{at}/fit?product={skirt['id']}&lang=de")
    assert fit["size"] in skirt["report"]["sizes"]
    assert sum(size["probability"] for size in fit["sizes"]) == pytest.approx(1, abs=0.01)
    assert fit["label_size"]["size"] == ("36" if measured.measures["waist"]["value_cm"] < 78 else "40")
    assert [zone["zone"] for zone in fit["sizes"][0]["zones"]] == ["waist", "hip"]
    assert "cm zu eng" in fit["sizes"][0]["zones"][0]["words"]
    assert fit["sizes"][0]["zones"][0]["ease_cm"] == pytest.approx(74 - measured.measures["waist"]["value_cm"], abs=0.2)
    assert fit["language"] == "de"

    outfit = await read(site, bearer, f"{at}/outfit?wear={skirt['id']}")
    assert outfit["garments"] == [
        {"product": skirt["id"], "name": "Vela Skirt", "worn_as": "skirt", "size": fit["size"]}
    ]
    assert outfit["files"]["garment"] == next(s["garment"] for s in fit["sizes"] if s["label"] == fit["size"])
    got = {}
    for name, path in outfit["files"].items():
        async with site.calls("GET", path, headers=bearer) as response:
            assert response.status == 200, await response.text()
            assert response.headers["Cache-Control"] == "private, max-age=31536000, immutable"
            got[name] = await response.read()
    assert len(got["garment"]) < 1_500_000
    assert max(len(got["dressed"]), len(got["dressed_plain"])) < 3_000_000
    models = [tmp_path / f"{name}.glb" for name in ("garment", "garment_plain", "dressed", "dressed_plain")]
    for path in models:
        path.write_bytes(got[path.stem])
    for report in await asyncio.to_thread(node, "validate.mjs", *models):
        assert report["errors"] == 0
    document, _ = read_document(got["garment"])
    body, _ = read_document(measured.body_glb)
    said = document["asset"]["extras"]["vitrine"]
    assert said["garments"] == outfit["garments"]
    (mesh,) = [one for one in body["meshes"] if one["name"] == "body"]
    assert said["vertices"] == body["accessors"][mesh["primitives"][0]["attributes"]["POSITION"]]["count"]
    assert unpacked(said["hidden"], said["vertices"]).any()
    assert [one["name"] for one in document["nodes"][:24]] == [one["name"] for one in body["nodes"][:24]]
    assert [one["translation"] for one in document["nodes"][:24]] == [one["translation"] for one in body["nodes"][:24]]

    # Without the key it is the same, to be asked for again; and the answer says where it may be kept.
    path = f"{at}/garment.glb?wear={skirt['id']}:{fit['size']}"
    async with site.calls("GET", path, headers=bearer) as response:
        assert (response.status, response.headers["Cache-Control"]) == (200, "private, no-cache")
        assert response.headers["Content-Location"] == outfit["files"]["garment"]
        assert await response.read() == got["garment"]
        tag = response.headers["ETag"]
    async with site.calls("GET", path, headers={**bearer, "If-None-Match": tag}) as response:
        assert response.status == 304
    assert await site.refusal("GET", f"{path}&v={'0' * 32}", headers=bearer) == (404, "unknown-file")

    # Another body, and the files of the first are gone.
    before = set(in_store(tmp_path))
    async with site.calls("PATCH", at, json={"skin": "#b98264"}, headers=bearer) as response:
        assert response.status == 202
    await work(site, measured)
    assert (await read(site, bearer, at))["skin"] == "#b98264"
    assert await site.refusal("GET", outfit["files"]["dressed"], headers=bearer) == (404, "unknown-file")
    assert len(before - set(in_store(tmp_path))) == len(outfit["files"])
    kept = set(in_store(tmp_path))
    async with site.calls("GET", f"{at}/dressed.glb?wear={skirt['id']}:M", headers=bearer) as response:
        document, _ = read_document(await response.read())
    colors = {one["name"]: one["pbrMetallicRoughness"]["baseColorFactor"] for one in document["materials"]}
    assert colors["body"][0] == pytest.approx(0.485, abs=0.01)  # linear
    assert len(set(in_store(tmp_path)) - kept) == 1
    async with site.calls("DELETE", at, headers=bearer) as response:
        assert response.status == 200
    left = in_store(tmp_path).values()
    assert sorted(content[:4] for content in left) == [b"glTF", b"\x89PNG"]  # the product's own
    assert not any(b"hidden" in content for content in left)


@pytest.mark.parametrize(
    ("wear", "expected"),
    [
        ("", (400, "wear-invalid")),
        ("{shirt}:M,", (400, "wear-invalid")),
        ("{shirt}:", (400, "wear-invalid")),
        ("shirt:M", (400, "wear-invalid")),
        ("{shirt}:M,{shirt}:L", (400, "wear-invalid")),
        ("{jeans}:M,{skirt}:M", (400, "wear-invalid")),
        ("{dress}:M,{shirt}:M", (400, "wear-invalid")),
        ("{glasses}:M", (400, "wear-invalid")),
        (",".join(["{shirt}:M"] * 20), (400, "wear-invalid")),
        ("{nobody}:M", (404, "unknown-product")),
        ("{shirt}:52", (404, "unknown-size")),
        ("{shirt}:M&tucked=perhaps", (400, "invalid-request")),
    ],
)
async def test_what_cannot_be_worn_is_refused_before_anything_is_made(
    site: Site, bearer: dict[str, str], at: str, wear: str, expected: tuple[int, str]
):
    ids = {name: await listed(site, name, name) for name in ("jeans", "skirt", "dress")}
    ids["shirt"] = await listed(site, "Shirt", "t-shirt")
    glasses = await site.services.products.add(site.shop.id, "Round", "glasses", b"glTF glasses")
    wear = wear.format(**ids, glasses=glasses.id, nobody=uuid4())
    for call in ("outfit", "garment.glb", "dressed.glb", "dressed.png"):
        assert await site.refusal("GET", f"{at}/{call}?wear={wear}", headers=bearer) == expected
    assert site.services.outfits._tailor.desk._dressing.bench.pid is None


async def test_sizes_are_named_where_one_is_not_made(site: Site, bearer: dict[str, str], at: str):
    shirt = await listed(site, "Shirt", "t-shirt")
    async with site.calls("GET", f"{at}/outfit?wear={shirt}:52", headers=bearer) as response:
        assert (await response.json())["sizes"] == ["XS", "S", "M", "L", "XL"]


async def test_a_size_with_a_comma_is_worn_beside_others(site: Site, bearer: dict[str, str], at: str):
    shirt, jeans = [await listed(site, name, name) for name in ("t-shirt", "jeans")]
    async with site.services.fitting_room.database.tenant(site.shop.id) as connection:
        garment = await connection.fetchval("SELECT garment FROM products WHERE id = $1", UUID(jeans))
        garment["chart"]["sizes"][2]["label"] = garment["chart"]["modelled"] = "37,5"
        await connection.execute("UPDATE products SET garment = $2 WHERE id = $1", UUID(jeans), garment)
    site.services.fitting_room.database.cache.drop(site.shop.id, "products")
    for wear in (f"{jeans}:37,5,{shirt}:M", f"{shirt}:M,{jeans}:37,5", f"{shirt}:M,{jeans}:37%2C5"):
        outfit = await read(site, bearer, f"{at}/outfit?wear={wear}")
        assert [(one["product"], one["size"]) for one in outfit["garments"]] == [(jeans, "37,5"), (shirt, "M")]
        again = outfit["files"]["garment"].partition("?")[2].partition("&")[0]
        assert await read(site, bearer, f"{at}/outfit?{again}") == outfit
    outfit = await read(site, bearer, f"{at}/outfit?wear={shirt},{jeans}")
    assert {one["product"] for one in outfit["garments"]} == {shirt, jeans}


async def test_layers_are_told_from_the_skin_outward_and_no_product_is_worn_unpublished(
    site: Site, bearer: dict[str, str], at: str
):
    hoodie, shirt, jeans = [await listed(site, name, name) for name in ("hoodie", "t-shirt", "jeans")]
    wear = f"{hoodie}:L,{shirt}:M,{jeans}:S"
    for tucked, expected in (("false", ["jeans", "t-shirt", "hoodie"]), ("true", ["t-shirt", "jeans", "hoodie"])):
        outfit = await read(site, bearer, f"{at}/outfit?wear={wear}&tucked={tucked}")
        assert [one["name"] for one in outfit["garments"]] == expected
        assert [one["size"] for one in outfit["garments"] if one["name"] == "hoodie"] == ["L"]
    await site.services.owners.versions.change(site.shop.id, UUID(shirt), published=False, by="test")
    assert await site.refusal("GET", f"{at}/outfit?wear={wear}", headers=bearer) == (404, "unknown-product")
    assert await site.refusal("GET", f"{at}/fit?product={shirt}", headers=bearer) == (404, "unknown-product")


async def test_how_a_garment_fits_is_for_garments_and_bodies(site: Site, bearer: dict[str, str], at: str):
    glasses = await site.services.products.add(site.shop.id, "Round", "glasses", b"glTF glasses")
    assert await site.refusal("GET", f"{at}/fit?product={glasses.id}", headers=bearer) == (400, "wear-invalid")
    assert await site.refusal("GET", f"{at}/fit", headers=bearer) == (400, "invalid-request")
    assert await site.refusal("GET", f"{at}/fit?product=1", headers=bearer) == (404, "unknown-product")
    waiting = await ask(site, bearer)
    shirt = await listed(site, "Shirt", "t-shirt")
    for call in (f"fit?product={shirt}", f"dressed.glb?wear={shirt}:M"):
        answer = await site.refusal("GET", f"/v1/avatars/{waiting['id']}/{call}", headers=bearer)
        assert answer == (409, "avatar-not-ready")


@pytest.mark.parametrize("limit", ["dressing", "dressing-shop"])
async def test_who_has_too_much_made_waits(
    site: Site, bearer: dict[str, str], at: str, limit: str, monkeypatch: pytest.MonkeyPatch
):
    shirt = await listed(site, "Shirt", "t-shirt")
    visit = await site.services.visits.resolve(bearer["Authorization"].removeprefix("Bearer "))
    monkeypatch.setitem(site.services.limits._rates, limit, parse("1/hour"))
    await site.services.limits.hit(limit, str(visit.id if limit == "dressing" else visit.tenant_id))
    assert await site.refusal("GET", f"{at}/dressed.glb?wear={shirt}:M", headers=bearer) == (429, "rate-limited")


def labelled(label: str) -> dict[str, Any]:
    """A garment chart of one size."""
    return {"chart": "garment", "kind": "skirt", "sizes": [{"label": label, "cm": {"waist": 88, "hip": 112}}]}


@pytest.mark.parametrize(
    ("parts", "status", "code"),
    [
        ({"chart": "{"}, 400, "invalid-request"),
        ({"chart": "[1]"}, 422, "chart-invalid"),
        ({"chart": json.dumps(BODY_CHART)}, 422, "chart-invalid"),
        ({"chart": json.dumps(labelled("M\0"))}, 422, "chart-invalid"),
        ({"body_chart": json.dumps(labelled("M:L"))}, 422, "chart-invalid"),
        ({"worn_as": "hat"}, 422, "garment-kind"),
        ({"glb": b"PK"}, 422, "garment-unreadable"),
        ({"kind": "hat", "worn_as": "top"}, 400, "invalid-request"),
    ],
)
async def test_a_garment_that_cannot_be_one_is_refused_with_a_reason(
    site: Site, parts: dict[str, Any], status: int, code: str
):
    given = {"glb": (GARMENTS / "skirt.glb").read_bytes(), "name": "Skirt", "kind": "garment", **parts}
    async with site.calls("POST", "/v1/products", data=form(**given), headers=secret(site)) as response:
        assert response.status == status, await response.text()
        problem = await response.json()
    assert problem.get("reason", problem["code"]) == code
    assert await site.services.products.every(site.shop.id) == []


async def test_base_bodies_are_there_to_model_on(site: Site):
    for sex in ("female", "male", "neutral"):
        async with site.calls("GET", f"/v1/base-bodies/{sex}.glb") as response:
            assert (response.status, response.content_type) == (200, "model/gltf-binary")
            assert (await response.read()).startswith(b"glTF")
    assert await site.refusal("GET", "/v1/base-bodies/other.glb") == (404, "not-found")
