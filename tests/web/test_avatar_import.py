"""A body that is brought from one shop to another, and what is none."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import aiohttp
import pytest

from tenancy.consent import current_text
from tests.tenancy.avatar_people import MADE
from tests.web.conftest import Site
from tests.web.test_avatars import PHOTO, ask, read, work

IMPORT = current_text(purpose="import").version


async def exported(site: Site) -> bytes:
    bearer = await site.bearer()
    avatar = await ask(site, bearer)
    await work(site)
    async with site.calls("GET", f"/v1/avatars/{avatar['id']}/export", headers=bearer) as response:
        return await response.read()


def archive_form(archive: bytes, consent: str = IMPORT) -> aiohttp.FormData:
    data = aiohttp.FormData()
    data.add_field("archive", archive, filename="my-body.zip")
    data.add_field("consent", consent)
    return data


async def test_a_body_is_brought_to_another_shop(site: Site):
    archive = await exported(site)
    await site.services.credentials.ensure_shop("other", "Other", "pk_other")
    body = {"key": "pk_other", "consent": {"version": current_text().version, "granted": True}}
    async with site.calls("POST", "/v1/sessions", json=body) as response:
        there = {"Authorization": f"Bearer {(await response.json())['token']}"}
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        alone = opened.read("avatar.json")
    for brought in (archive, alone):
        async with site.calls("POST", "/v1/avatars/import", data=archive_form(brought), headers=there) as response:
            assert response.status == 202, await response.text()
            avatar = await response.json()
        await work(site)
        done = await read(site, there, f"/v1/avatars/{avatar['id']}")
        assert (done["origin"], done["measurements"]["waist"]["cm"]) == ("import", 74.2)
    refused = await site.refusal("POST", "/v1/avatars/import", data=archive_form(archive, PHOTO), headers=there)
    assert refused == (403, "consent-required")


def zipped(name: str, content: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return sink.getvalue()


def numbers(**changes: Any) -> bytes:
    given = {
        "format": "vitrine-avatar/1",
        "stated": {"height_cm": 168},
        "body": MADE.body,
        "measures": MADE.measures,
        "corrections_cm": {},
    }
    return json.dumps({**given, **changes}).encode()


@pytest.mark.parametrize(
    "brought",
    [
        b"",
        b"PK\x03\x04 and no more",
        b"{}",
        zipped("other.json", b"{}"),
        zipped("avatar.json", b" " * 300_000),  # a bomb unpacks no further than the limit
        numbers(body={"sex": "female", "betas": [1e300]}),
        numbers(body={"sex": "female", "betas": [0.0] * 1000}),
        numbers(measures={"waist": {"value_cm": -3, "sigma_cm": 1}}),
        numbers(measures={"../waist": {"value_cm": 70, "sigma_cm": 1}}),
        numbers(script="alert(1)"),
        b"[" * 100_000,
    ],
)
async def test_what_is_no_exported_body_is_refused(site: Site, brought: bytes):
    bearer = await site.bearer()
    answer = await site.refusal("POST", "/v1/avatars/import", data=archive_form(brought), headers=bearer)
    assert answer == (422, "archive-invalid")
