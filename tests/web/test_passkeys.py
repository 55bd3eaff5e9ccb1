"""Passkeys in Chromium, with its virtual authenticator: the page's own script, under the page's own policy."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from playwright.async_api import CDPSession, Page

from tenancy.second_factor import code_at
from tests.services import Addresses
from tests.web.conftest import Site
from tests.web.people import PASSWORD, mailed
from tests.web.test_dashboard import DESK, PHONE, grave, shoot, site  # noqa: F401  fixtures of those pages


@pytest.fixture
async def page(browser: Any) -> AsyncIterator[Page]:
    made = await browser.new_page(viewport=DESK)
    made.set_default_timeout(20_000)
    made.on("dialog", lambda dialog: dialog.accept())
    yield made


async def device(page: Page) -> tuple[CDPSession, str]:
    """A platform authenticator whose person is there and says yes."""
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session, made["authenticatorId"]


async def first_step(page: Page, url: str) -> None:
    await page.goto(url + "/dashboard/login?shop=lunettes")
    await page.fill("[name=email]", "ada@shop.example")
    await page.fill("[name=password]", PASSWORD)
    await page.click("button.primary")


async def sign_up_by_mail(site: Site) -> None:  # noqa: F811
    given = {"shop": "lunettes", "name": "Lunettes", "email": "ada@shop.example", "password": PASSWORD}
    async with site.calls("POST", "/v1/shops", json=given) as response:
        assert response.status == 202
    async with site.calls("POST", "/v1/confirmations", json={"token": await mailed(site, "confirm")}) as response:
        assert response.status == 204


async def test_an_owner_with_a_passkey_alone(site: Site, page: Page):  # noqa: F811
    url = site.url.replace("127.0.0.1", "localhost")  # an address has no passkeys
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    session, key = await device(page)
    await sign_up_by_mail(site)
    await first_step(page, url)
    await page.get_by_role("button", name="Use a passkey").click()
    await page.wait_for_selector(".codes")
    await page.click("a.primary")
    await page.wait_for_selector("h1:has-text('Overview')")
    kept = (await session.send("WebAuthn.getCredentials", {"authenticatorId": key}))["credentials"]
    assert [one["rpId"] for one in kept] == ["localhost"]

    await page.click("text=Log out")
    await page.wait_for_url("**/dashboard/login")
    await first_step(page, url)
    await page.get_by_role("button", name="Use your passkey").click()
    await page.wait_for_selector("h1:has-text('Overview')")
    (after,) = (await session.send("WebAuthn.getCredentials", {"authenticatorId": key}))["credentials"]
    assert after["signCount"] > kept[0]["signCount"]
    assert complaints == []


async def test_the_page_of_ones_own_account(site: Site, page: Page, addresses: Addresses):  # noqa: F811
    url = site.url.replace("127.0.0.1", "localhost")
    await sign_up_by_mail(site)
    await first_step(page, url)
    await page.wait_for_selector(".qr-plate svg")
    secret = base64.b32decode(await page.locator("code.secret").text_content() or "")
    await page.fill("[name=code]", code_at(secret, int(time.time() // 30)))
    await page.click("button.primary")
    await page.click("text=I have kept them")
    await page.wait_for_selector("h1:has-text('Overview')")
    await page.goto(url + "/dashboard/me")
    session, key = await device(page)

    await page.fill("[data-passkey=add] [name=name]", "Ada's laptop")
    await page.click("text=Add a passkey")
    await page.wait_for_selector('dd:has-text("Ada\'s laptop")')
    findings = await grave(page)
    await shoot(page, "me")

    admin = await asyncpg.connect(addresses.admin)
    await admin.execute("UPDATE logins SET proven_at = NULL")
    await admin.close()
    await page.get_by_role("button", name="New recovery codes").click()
    await page.wait_for_selector("dialog[open]")
    findings += await grave(page)
    await shoot(page, "proof")
    await page.fill("dialog [name=password]", "wrong turnips in a tram")
    await page.get_by_role("button", name="Go on with your passkey").click()
    await page.wait_for_selector("dialog [role=alert]:visible")
    await page.fill("dialog [name=password]", PASSWORD)
    await page.get_by_role("button", name="Go on with your passkey").click()
    await page.wait_for_selector("#made-codes output:visible")
    assert len((await page.locator("#made-codes output").inner_text()).split()) == 10

    await page.get_by_role("button", name="Another app").click()
    await page.wait_for_selector("#app .qr-plate svg")
    findings += await grave(page)
    await shoot(page, "me-app")
    other = base64.b32decode(await page.locator("#app code.secret").text_content() or "")
    await page.fill("#app [name=code]", code_at(other, int(time.time() // 30)))
    await page.click("text=It works")
    await page.wait_for_selector("#note:has-text('Your app is set up')")

    await page.set_viewport_size(PHONE)
    await page.goto(url + "/dashboard/me")
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    findings += await grave(page)
    await shoot(page, "phone-me")
    await page.get_by_role("button", name="Remove the passkey").click()
    await page.wait_for_selector("#note:has-text('Taken off')")
    assert findings == []
    await session.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": key})
