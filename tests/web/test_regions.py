"""A receipt of consent names the region whose law it was given under: a trusted proxy's word, the shop's, or ours."""

from __future__ import annotations

from typing import Any

import pytest

from tenancy.consent import current_text
from tests.web.conftest import PUBLISHABLE, Site, StartSite
from tests.web.people import Person
from tests.web.test_avatars import ask
from web.regions import Regions

CAMERA = {"version": current_text().version, "granted": True}
HEADER = "CF-IPCountry"


async def begin(site: Site, headers: dict[str, str] | None = None, key: str = PUBLISHABLE) -> Any:
    given = {"key": key, "consent": CAMERA}
    async with site.calls("POST", "/v1/sessions", json=given, headers=headers) as response:
        assert response.status == 201, await response.text()
        return await response.json()


async def region_of(site: Site, headers: dict[str, str] | None = None, key: str = PUBLISHABLE) -> str | None:
    """As it stands in the signed receipt and in the table alike."""
    visit = await begin(site, headers, key)
    async with site.calls("GET", f"/v1/receipts/{visit['receipt']}") as response:
        signed = (await response.json())["facts"]["region"]
    async with site.calls("GET", "/v1/my-data", headers={"Authorization": f"Bearer {visit['token']}"}) as response:
        assert [consent["region"] for consent in (await response.json())["consents"]] == [signed]
    return signed


@pytest.mark.parametrize(
    ("said", "region"),
    [("FR", "FR"), ("us-il ", "US-IL"), ("XX", "DE"), ("T1", "DE"), ("", "DE"), ("France", "DE"), ("F\u00dc", "DE")],
)
async def test_the_proxys_word_goes_before_ours_if_it_names_a_region(start_site: StartSite, said: str, region: str):
    site = await start_site(regions=Regions(HEADER, "DE"))
    assert await region_of(site, {HEADER: said}) == region


async def test_a_header_that_no_setting_names_is_not_believed(site: Site):
    assert await region_of(site, {HEADER: "FR", "X-Country-Code": "FR"}) is None


async def test_a_shop_says_where_its_own_shoppers_are(start_site: StartSite, ada: Person):
    site = await start_site(regions=Regions(HEADER, "DE"))
    ada.site = site
    key = (await ada.json("POST", "/v1/keys", json={"kind": "publishable"}, status=201))["key"]
    assert await region_of(site, key=key) == "DE"
    assert (await ada.json("PATCH", "/v1/shop", json={"region": "AT"}))["region"] == "AT"
    assert await region_of(site, key=key) == "AT"
    assert await region_of(site, {HEADER: "CH"}, key=key) == "CH"
    assert await region_of(site) == "DE"  # another shop's
    for wrong in ("Austria", "at", "A", "AT-", "AT\n"):
        async with ada.calls("PATCH", "/v1/shop", json={"region": wrong, "name": "Other"}) as response:
            assert response.status == 400, wrong
    shop = await ada.json("GET", "/v1/shop")
    assert (shop["region"], shop["name"]) == ("AT", "Lunettes")
    assert (await ada.json("PATCH", "/v1/shop", json={"region": ""}))["region"] is None


async def test_photos_and_what_is_taken_back_name_it_too(start_site: StartSite):
    site = await start_site(regions=Regions(HEADER))
    bearer = {"Authorization": f"Bearer {(await begin(site, {HEADER: 'IT'}))['token']}"}
    await ask(site, {**bearer, HEADER: "FR"})
    async with site.calls("GET", "/v1/my-data", headers=bearer) as response:
        consents = (await response.json())["consents"]
    assert {consent["purpose"]: consent["region"] for consent in consents} == {"camera": "IT", "photo": "FR"}
    async with site.calls("DELETE", "/v1/my-data", headers=bearer) as response:
        assert response.status == 200, await response.text()
    rows = await site.services.owners.shoppers.consents(site.shop.id)
    taken_back = {row["purpose"]: row["region"] for row in rows if not row["granted"]}
    assert taken_back == {"camera": "IT", "photo": "FR"}
