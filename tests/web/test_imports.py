"""An owner's bulk import over HTTP, the plan's quotas, and uploads that come faster than they can be taken in."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import aiohttp
import pytest

from tenancy import plans
from tenancy.errors import Busy
from tenancy.import_runner import ImportRunner
from tests.tenancy.test_imports import HEADING, a_zip, slip
from tests.web.conftest import Taken
from tests.web.people import OWN_PAGE, Person
from tests.web.test_owner import form
from tests.web.test_owner_shop import key, upload

TABLE = (HEADING + "P-1,Panto,glasses,panto.glb,P-1a|tortoise|49,yes\nP-2,Lost,hat,lost.glb,,\n").encode()


def import_form(table: bytes = TABLE, models: bytes | None = None) -> aiohttp.FormData:
    given = aiohttp.FormData()
    given.add_field("table", table, filename="table.csv", content_type="text/csv")
    packed = a_zip(panto=b"glTF one").getvalue() if models is None else models
    given.add_field("models", packed, filename="models.zip", content_type="application/zip")
    return given


async def test_an_import_is_previewed_started_and_watched(ada: Person) -> None:
    runner = ImportRunner(ada.site.services.owners.imports)
    runner.start()
    made = await ada.json("POST", "/v1/imports", data=import_form(), status=201)
    assert (made["state"], made["waiting"], made["failed"]) == ("preview", 1, 1)
    assert [(row["plan"], row["code"]) for row in made["rows"]] == [("add", None), ("refuse", "model-missing")]
    assert (await ada.json("GET", "/v1/products"))["products"] == []
    path = f"/v1/imports/{made['id']}"
    for _ in range(2):  # started twice is started once
        await ada.json("POST", path + "/start", status=202)
    async with asyncio.timeout(20):
        while (found := await ada.json("GET", path))["state"] != "done":  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert (found["done"], found["failed"]) == (1, 1)
    (product,) = (await ada.json("GET", "/v1/products"))["products"]
    assert (product["id"], product["external_id"]) == (found["rows"][0]["product"], "P-1")
    assert product["variants"] == [{"sku": "P-1a", "colour": "tortoise", "size": "49"}]
    await ada.json("DELETE", path, status=204)
    assert len((await ada.json("GET", "/v1/products"))["products"]) == 1
    await runner.stop()


async def test_what_no_import_can_be_made_of_is_refused(ada: Person) -> None:
    bearer = await key(ada)
    for data, refused in (
        (import_form(models=b"no zip"), (422, "import-invalid")),
        (import_form(models=slip("../../etc/passwd")), (422, "import-invalid")),
        (import_form(table=b"what,is,this\n1,2,3\n"), (422, "import-invalid")),
        (import_form(table=b"x" * (3 << 20)), (413, "payload-too-large")),
        ({"table": "x"}, (415, "unsupported-media-type")),
    ):
        assert await ada.site.refusal("POST", "/v1/imports", data=data, headers=bearer) == refused
    only = aiohttp.FormData()
    only.add_field("table", io.BytesIO(TABLE), filename="table.csv")
    assert await ada.site.refusal("POST", "/v1/imports", data=only, headers=bearer) == (400, "invalid-request")
    assert await ada.site.services.owners.imports.latest((await _shop(ada)).id) is None


async def _shop(ada: Person) -> Any:
    return await ada.site.services.credentials.shop_for_slug(ada.slug)


async def test_beyond_the_plan_nothing_is_taken_and_nothing_is_worked_on(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await upload(ada)
    small = plans.Plan("free", "Free", 0, 0, 0, 1, 0, most_gb=1, most_products=1)
    monkeypatch.setitem(plans.PLANS, "free", small)
    taken: list[bytes] = []

    async def intake(glb: bytes, kind: str | None) -> Taken:
        taken.append(glb)
        return Taken(glb, kind or "glasses")

    monkeypatch.setattr(ada.site.services.products, "_intake", intake)
    given = form(glb=b"glTF two", name="Second", kind="glasses")
    bearer = await key(ada)
    assert await ada.site.refusal("POST", "/v1/products", data=given, headers=bearer) == (403, "quota-reached")
    assert taken == []
    headers = {**bearer, "Content-Type": "model/gltf-binary"}
    path = f"/v1/products/{made['id']}/model"
    async with ada.site.calls("PUT", path, data=b"glTF three", headers=headers) as response:
        assert response.status == 200, "a product that is there is changed, not added"
    monkeypatch.setitem(plans.PLANS, "free", plans.Plan("free", "Free", 0, 0, 0, 1, 0, most_gb=5e-8, most_products=9))
    assert await ada.site.refusal("PUT", path, data=b"glTF" * 20, headers=headers) == (403, "quota-reached")
    assert (await ada.json("GET", f"/v1/products/{made['id']}"))["version"] == 2


async def test_uploads_wait_their_turn_and_health_is_answered_meanwhile(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = asyncio.Event()

    async def slow(glb: bytes, kind: str | None) -> Taken:
        await go_on.wait()
        return Taken(glb, kind or "glasses")

    monkeypatch.setattr(ada.site.services.products, "_intake", slow)

    async def send(number: int) -> tuple[int, str]:
        given = form(glb=b"glTF %d" % number, name=f"No. {number}", kind="glasses")
        async with ada.client.post(ada.site.url + "/v1/products", data=given, headers=OWN_PAGE) as response:
            return response.status, (await response.json()).get("code", "")

    sent = [asyncio.create_task(send(number)) for number in range(5)]
    async with asyncio.timeout(20):
        while sum(task.done() for task in sent) < 2:
            async with ada.site.calls("GET", "/healthz") as response:
                assert response.status == 200
    assert [task.result() for task in sent if task.done()] == [(503, "busy")] * 2
    go_on.set()
    assert sorted([await task for task in sent]) == [(201, "")] * 3 + [(503, "busy")] * 2


async def test_an_intake_that_has_no_place_says_when_to_come_again(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_glb: bytes, _kind: str | None) -> Taken:
        raise Busy("Many models are being taken in.")

    monkeypatch.setattr(ada.site.services.products, "_intake", full)
    given = form(glb=b"glTF", name="Panto", kind="glasses")
    async with ada.site.calls("POST", "/v1/products", data=given, headers=await key(ada)) as response:
        assert (response.status, (await response.json())["code"]) == (503, "busy")
        assert int(response.headers["Retry-After"]) > 0
