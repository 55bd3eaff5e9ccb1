"""From photos to a body over HTTP: every answer of the contract, every bad input, and nobody else's avatar."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from limits import parse

from tenancy.consent import current_text
from tests.tenancy.avatar_people import MADE
from tests.web.conftest import PUBLISHABLE, Site
from web.app import operations
from web.openapi import Credential

PHOTO = current_text(purpose="photo").version
JPEG = b"\xff\xd8\xff a photo"


def form(**fields: Any) -> aiohttp.FormData:
    """A form that is as it should be, but for `fields`; None leaves one out."""
    given = {"front": JPEG, "height_cm": "168", "consent": PHOTO, **fields}
    data = aiohttp.FormData(default_to_multipart=True)
    for name, value in given.items():
        if value is not None:
            data.add_field(name, value, filename="photo.jpg" if isinstance(value, bytes) else None)
    return data


async def ask(site: Site, bearer: dict[str, str], **fields: Any) -> dict[str, Any]:
    async with site.calls("POST", "/v1/avatars", data=form(**fields), headers=bearer) as response:
        assert response.status == 202, await response.text()
        avatar = await response.json()
        assert response.headers["Location"] == f"/v1/avatars/{avatar['id']}"
        return avatar


async def work(site: Site, made: Any = MADE) -> None:
    """One worker's turn at the line."""
    worker = site.services.fitting_room.work(uuid4())
    job = await worker.take()
    assert job is not None
    await worker.complete(job, made)


async def read(site: Site, bearer: dict[str, str], path: str) -> Any:
    async with site.calls("GET", path, headers=bearer) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def test_from_photos_to_a_body_that_is_corrected_taken_along_and_erased(site: Site):
    bearer = await site.bearer()
    avatar = await ask(site, bearer, side=JPEG, weight_kg="61.5", sex="female", clothing="tight")
    at = f"/v1/avatars/{avatar['id']}"
    assert (avatar["status"], avatar["progress"], avatar["eta_seconds"], avatar["files"]) == ("queued", 0, 15, None)
    await work(site)
    done = await read(site, bearer, at)
    assert (done["status"], done["progress"], done["eta_seconds"], done["failure"]) == ("complete", 1, None, None)
    assert done["measurements"]["waist"] == {"cm": 74.2, "sigma_cm": 1.4}
    assert done["findings"] == [
        {"code": "blurred", "advice": "Stand still.", "view": "side"},
        {"code": "loose-clothes", "advice": "Wear something tight.", "view": None},
    ]
    assert (await read(site, bearer, f"{at}/measurements"))["measurements"] == done["measurements"]
    assert [one["id"] for one in (await read(site, bearer, "/v1/avatars"))["avatars"]] == [avatar["id"]]
    async with site.calls("PATCH", at, json={"corrections_cm": {"waist": 75}}, headers=bearer) as response:
        assert response.status == 202
        assert (await response.json())["corrections_cm"] == {"waist": 75}
    await work(site)
    async with site.calls("GET", f"{at}/export", headers=bearer) as response:
        assert response.content_type == "application/zip"
        with zipfile.ZipFile(io.BytesIO(await response.read())) as archive:
            assert set(archive.namelist()) >= {"avatar.json", "body.glb", "plain.glb", "thumbnail.png", "README.txt"}
            numbers = json.loads(archive.read("avatar.json"))
            receipts = [archive.read(name).decode() for name in archive.namelist() if name.startswith("receipts/")]
    assert numbers["stated"] == {"height_cm": 168, "weight_kg": 61.5, "sex": "female", "clothing": "tight"}
    assert [site.services.owners.signer.read(receipt)["kind"] for receipt in receipts] == ["photo-destroyed"] * 2
    async with site.calls("DELETE", at, headers=bearer) as response:
        assert response.status == 200
        kinds = [site.services.owners.signer.read(one)["kind"] for one in (await response.json())["receipts"]]
    assert kinds == ["photo-destroyed", "photo-destroyed", "avatar-erased"]
    assert await site.refusal("GET", at, headers=bearer) == (404, "unknown-avatar")


async def test_a_files_address_never_changes_what_it_holds(site: Site):
    bearer = await site.bearer()
    avatar = await ask(site, bearer)
    at = f"/v1/avatars/{avatar['id']}"
    assert await site.refusal("GET", f"{at}/body.glb", headers=bearer) == (409, "avatar-not-ready")
    await work(site)
    files = (await read(site, bearer, at))["files"]
    for name, content in (("body", MADE.body_glb), ("plain", MADE.plain_glb), ("thumbnail", MADE.thumbnail_png)):
        async with site.calls("GET", files[name], headers=bearer) as response:
            assert await response.read() == content
            assert response.headers["Cache-Control"] == "private, max-age=31536000, immutable"
            tag = response.headers["ETag"]
        async with site.calls("GET", files[name], headers={**bearer, "If-None-Match": tag}) as response:
            assert response.status == 304
    async with site.calls("GET", f"{at}/body.glb", headers=bearer) as response:
        assert response.headers["Cache-Control"] == "private, no-cache"
    assert await site.refusal("GET", f"{at}/body.glb?v={'0' * 64}", headers=bearer) == (404, "unknown-avatar")
    assert await site.refusal("GET", files["body"]) == (401, "missing-credentials")


async def test_events_tell_each_stage_and_end_with_the_work(site: Site):
    bearer = await site.bearer()
    avatar = await ask(site, bearer)
    worker, told = site.services.fitting_room.work(uuid4()), []

    async def follow() -> None:
        async with site.calls("GET", f"/v1/avatars/{avatar['id']}/events", headers=bearer) as response:
            assert response.content_type == "text/event-stream"
            async for line in response.content:
                if line.startswith(b"data: "):
                    told.append(json.loads(line[6:]))  # noqa: PERF401  looked at while it grows

    following = asyncio.create_task(follow())
    job = await worker.take()
    assert job is not None
    for stage, share in (("looking", 0.0), ("fitting", 0.3)):
        await worker.progress(job, stage, share)
        async with asyncio.timeout(10):
            while not told or told[-1]["stage"] != stage:  # noqa: ASYNC110  another connection tells
                await asyncio.sleep(0.01)
    await worker.complete(job, MADE)
    await asyncio.wait_for(following, 10)
    assert told[-1]["status"] == "complete" and told[-1]["files"]
    assert [one["progress"] for one in told] == sorted(one["progress"] for one in told)
    assert all(one["eta_seconds"] > 0 for one in told[:-1])


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"front": None}, (400, "invalid-request")),
        ({"front": b"GIF89a"}, (422, "photo-format")),
        ({"side": b"%PDF"}, (422, "photo-format")),
        ({"height_cm": None}, (400, "invalid-request")),
        ({"height_cm": "tall"}, (400, "invalid-request")),
        ({"height_cm": "16.8"}, (400, "avatar-invalid")),
        ({"height_cm": "nan"}, (400, "avatar-invalid")),
        ({"weight_kg": "1e9"}, (400, "avatar-invalid")),
        ({"sex": "x"}, (400, "invalid-request")),
        ({"clothing": "coat"}, (400, "invalid-request")),
        ({"height_cm": "1" * 200}, (413, "payload-too-large")),
        ({"colour": "red"}, (400, "invalid-request")),
        ({"consent": None}, (403, "consent-required")),
        ({"consent": "2020"}, (403, "consent-required")),
    ],
)
async def test_bad_forms(site: Site, fields: dict[str, Any], answer: tuple[int, str]):
    bearer = await site.bearer()
    assert await site.refusal("POST", "/v1/avatars", data=form(**fields), headers=bearer) == answer
    assert (await read(site, bearer, "/v1/avatars"))["avatars"] == []


async def test_what_is_wrong_with_a_photo_is_said_of_that_photo(site: Site):
    bearer = await site.bearer()
    for view in ("front", "side"):
        sent = form(**{"front": JPEG, "side": JPEG, view: b"GIF89a"})
        async with site.calls("POST", "/v1/avatars", data=sent, headers=bearer) as response:
            assert (response.status, (await response.json())["view"]) == (422, view)
    avatar = await ask(site, bearer, side=JPEG)
    worker = site.services.fitting_room.work(uuid4())
    job = await worker.take()
    assert job is not None
    await worker.fail(job, "too-dark", "Turn a light on.", "side")
    told = await read(site, bearer, f"/v1/avatars/{avatar['id']}")
    assert told["failure"] == {"code": "too-dark", "advice": "Turn a light on.", "view": "side"}


async def test_a_visit_to_the_fitting_room_alone_shows_no_camera(site: Site):
    body = {"key": PUBLISHABLE, "consent": {"version": PHOTO, "granted": True}}
    async with site.calls("POST", "/v1/sessions", json=body) as response:
        assert response.status == 201
        bearer = {"Authorization": f"Bearer {(await response.json())['token']}"}
    await ask(site, bearer)
    offer: dict[str, Any] = {"data": "v=0", "headers": {**bearer, "Content-Type": "application/sdp"}}
    assert await site.refusal("POST", "/v1/try-on", **offer) == (403, "consent-required")


async def test_a_refusal_for_want_of_consent_tells_what_to_agree_to(site: Site):
    bearer = await site.bearer()
    async with site.calls("POST", "/v1/avatars", data=form(consent="x"), headers=bearer) as response:
        problem = await response.json()
    async with site.calls("GET", "/v1/consent/photo") as response:
        text = await response.json()
    assert {name: problem[name] for name in text} == text
    spanish = {**bearer, "Accept-Language": "es"}  # her browser; the page that she read was French
    async with site.calls("POST", "/v1/avatars?lang=fr", data=form(consent="x"), headers=spanish) as refused:
        assert (await refused.json())["language"] == "fr"
    assert text["version"] == PHOTO and "destroyed" in " ".join(text["paragraphs"])
    async with site.calls("GET", "/v1/consent/import?lang=de") as response:
        assert (await response.json())["language"] == "de"
    async with site.calls("GET", "/v1/consent/newsletter") as response:
        assert response.status == 404


async def test_a_photo_larger_than_any_phone_takes_is_not_read_to_its_end(site: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("web.avatar_forms").avatar_forms.PHOTO_FIELDS, "front", 1000)
    given = form(front=JPEG + b"0" * 1000)
    bearer = await site.bearer()
    async with site.calls("POST", "/v1/avatars", data=given, headers=bearer) as response:
        told = await response.json()
    assert (response.status, told["code"], told["part"]) == (413, "payload-too-large", "front")


async def test_other_media_types_and_forms_that_are_cut_off(site: Site):
    bearer = await site.bearer()
    assert await site.refusal("POST", "/v1/avatars", json={}, headers=bearer) == (415, "unsupported-media-type")
    broken = {**bearer, "Content-Type": "multipart/form-data; boundary=x"}
    answer = await site.refusal("POST", "/v1/avatars", data=b"--x\r\nhello", headers=broken)
    assert answer == (400, "invalid-request")


async def test_an_export_waits_until_numbers_and_files_are_of_one_body(site: Site):
    bearer = await site.bearer()
    at = f"/v1/avatars/{(await ask(site, bearer))['id']}"
    assert await site.refusal("GET", f"{at}/export", headers=bearer) == (409, "avatar-not-ready")
    await work(site)
    async with site.calls("PATCH", at, json={"corrections_cm": {"waist": 75}}, headers=bearer) as response:
        assert response.status == 202
    assert await site.refusal("GET", f"{at}/export", headers=bearer) == (409, "avatar-not-ready")
    await work(site)
    async with site.calls("GET", f"{at}/export", headers=bearer) as response:
        assert response.status == 200


async def test_one_at_a_time_and_what_is_not_ready_is_not_corrected(site: Site):
    bearer = await site.bearer()
    avatar = await ask(site, bearer)
    at = f"/v1/avatars/{avatar['id']}"
    assert await site.refusal("POST", "/v1/avatars", data=form(), headers=bearer) == (409, "avatar-active")
    given: dict[str, Any] = {"json": {"corrections_cm": {"waist": 75}}, "headers": bearer}
    assert await site.refusal("PATCH", at, **given) == (409, "avatar-active")
    await work(site)
    for wrong, answer in (
        ({}, (400, "invalid-request")),
        ({"corrections_cm": {}}, (400, "invalid-request")),
        ({"corrections_cm": {"waist": "wide"}}, (400, "invalid-request")),
        ({"corrections_cm": {"waist": 1}}, (400, "avatar-invalid")),
        ({"corrections_cm": {"tail": 30}}, (400, "avatar-invalid")),
        ({"corrections_cm": {"waist'; --": 75}}, (400, "invalid-request")),
    ):
        assert await site.refusal("PATCH", at, json=wrong, headers=bearer) == answer, wrong
    assert await site.refusal("PATCH", at, data=b"{", headers=bearer) == (415, "unsupported-media-type")


async def test_a_line_too_long_says_when_to_come_again(site: Site):
    room = site.services.fitting_room
    object.__setattr__(room.avatars, "_longest_wait_s", 10.0)
    bearer = await site.bearer()
    async with site.calls("POST", "/v1/avatars", data=form(), headers=bearer) as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "15")
        problem = await response.json()
        assert (problem["code"], problem["eta_seconds"]) == ("avatars-busy", 15)


async def test_another_visits_avatar_is_unknown_by_every_call(site: Site):
    mine, theirs = await site.bearer(), await site.bearer()
    avatar = await ask(site, theirs)
    await work(site)
    bodies = {"PATCH": {"json": {"corrections_cm": {"waist": 75}}}}
    asked = 0
    for operation in operations(site.services, site.settings):
        if "{avatar}" not in operation.pattern:
            continue
        assert operation.credential is Credential.VISIT_TOKEN
        for known in (avatar["id"], str(uuid4()), "1"):
            path = operation.pattern.format(avatar=known)
            options = bodies.get(operation.method, {})
            answer = await site.refusal(operation.method, path, headers=mine, **options)
            assert answer == (404, "unknown-avatar"), (operation.method, path)
            asked += 1
        path = operation.pattern.format(avatar=avatar["id"])
        answer = await site.refusal(operation.method, path, **bodies.get(operation.method, {}))
        assert answer == (401, "missing-credentials")
    assert asked >= 3 * 9
    assert (await read(site, theirs, f"/v1/avatars/{avatar['id']}"))["status"] == "complete"


@pytest.mark.parametrize("limit", ["avatar", "avatar-shop"])
async def test_photos_sent_too_often(site: Site, limit: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(site.services.limits._rates, limit, parse("1/hour"))
    await ask(site, await site.bearer())
    other = await site.bearer()  # of the same shop, at the same address
    assert await site.refusal("POST", "/v1/avatars", data=form(), headers=other) == (429, "rate-limited")


async def test_corrected_too_often(site: Site, monkeypatch: pytest.MonkeyPatch):
    bearer = await site.bearer()
    at = f"/v1/avatars/{(await ask(site, bearer))['id']}"
    await work(site)
    monkeypatch.setitem(site.services.limits._rates, "avatar-correction", parse("1/hour"))
    given: dict[str, Any] = {"json": {"skin": "neutral"}, "headers": bearer}
    async with site.calls("PATCH", at, **given) as response:
        assert response.status == 202
    assert await site.refusal("PATCH", at, **given) == (429, "rate-limited")


async def test_who_came_with_photos_may_agree_to_the_camera_later(site: Site):
    async with site.calls(
        "POST", "/v1/sessions", json={"key": PUBLISHABLE, "consent": {"version": PHOTO, "granted": True}}
    ) as response:
        bearer = {"Authorization": f"Bearer {(await response.json())['token']}"}
    sdp = {**bearer, "Content-Type": "application/sdp"}
    camera = current_text().version
    for version, granted in ((PHOTO, True), ("never", True), (camera, False)):
        consent = {"version": version, "granted": granted}
        async with site.calls("POST", "/v1/sessions/camera", json={"consent": consent}, headers=bearer) as refused:
            said = await refused.json()
            assert (refused.status, said["code"], said["version"]) == (403, "consent-required", camera)
        async with site.calls("POST", "/v1/try-on", data="v=0", headers=sdp) as refused:
            assert (await refused.json())["code"] == "consent-required"
    consent = {"version": camera, "granted": True}
    async with site.calls("POST", "/v1/sessions/camera", json={"consent": consent}) as stranger:
        assert stranger.status == 401
    async with site.calls("POST", "/v1/sessions/camera", json={"consent": consent}, headers=bearer) as agreed:
        assert agreed.status == 200
        assert len((await agreed.json())["receipt"].split(".")) == 3
    async with site.calls("POST", "/v1/try-on", data="v=0", headers=sdp) as offered:
        assert (await offered.json())["code"] != "consent-required"
