"""Webhooks over HTTP and in the dashboard, with a shop's server that answers."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser

from tenancy.outbox import Outbox
from tenancy.seal import Seal
from tenancy.webhook_delivery import Deliverer
from tests.tenancy.test_webhooks import Receiver, receiver  # noqa: F401  a shop's server
from tests.web.conftest import SECRET
from tests.web.people import Person
from tests.web.test_dashboard import DESK, PHONE, grave, shoot, site  # noqa: F401  fixtures of the pages


async def refused(person: Person, method: str, path: str, **options: Any) -> tuple[int, str]:
    async with person.calls(method, path, **options) as response:
        return response.status, (await response.json())["code"]


async def test_a_webhook_is_made_changed_tried_and_removed(ada: Person):
    given = {"url": "https://hooks.example/v", "events": ["tryon.ended", "product.published"]}
    made = await ada.json("POST", "/v1/webhooks", json=given, status=201)
    assert made["secret"].startswith("whsec_")
    shown = (await ada.json("GET", "/v1/webhooks"))["webhooks"]
    assert shown == [{name: value for name, value in made.items() if name != "secret"}]
    path = f"/v1/webhooks/{made['id']}"
    assert (await ada.json("PATCH", path, json={"active": False}))["active"] is False
    told = await ada.json("POST", f"{path}/test", status=202)
    deliveries = (await ada.json("GET", f"{path}/deliveries"))["deliveries"]
    assert [(one["id"], one["event"], one["state"]) for one in deliveries] == [
        (told["delivery"], "webhook.test", "waiting")
    ]
    await ada.json("DELETE", path, status=204)
    assert await refused(ada, "GET", f"{path}/deliveries") == (404, "unknown-webhook")


@pytest.mark.parametrize(
    "given",
    [
        {"url": "http://hooks.example/", "events": ["tryon.ended"]},
        {"url": "https://u:p@hooks.example/", "events": ["tryon.ended"]},
    ],
)
async def test_where_no_webhook_may_lead(ada: Person, given: dict[str, Any]):
    assert await refused(ada, "POST", "/v1/webhooks", json=given) == (400, "webhook-invalid")


@pytest.mark.parametrize(
    "given", [{}, {"url": "https://a.example", "events": []}, {"url": "https://a.example", "events": ["everything"]}]
)
async def test_what_is_no_webhook(ada: Person, given: dict[str, Any]):
    assert await refused(ada, "POST", "/v1/webhooks", json=given) == (400, "invalid-request")


async def test_a_key_may_if_it_was_given_the_scope(ada: Person):
    for scopes, answered in ((["webhooks:write"], 200), (["products:read"], 403)):
        key = (await ada.json("POST", "/v1/keys", json={"kind": "secret", "scopes": scopes}, status=201))["key"]
        async with ada.site.calls("GET", "/v1/webhooks", headers={"Authorization": f"Bearer {key}"}) as response:
            assert response.status == answered


async def test_in_the_dashboard(ada: Person, browser: Browser, receiver: Receiver):  # noqa: F811
    database = ada.site.services.owners.database
    outbox = Outbox(database, {"webhook": Deliverer(database, Seal(SECRET), allowed=lambda _: True).route})
    page = await (await browser.new_context(viewport=DESK)).new_page()
    page.set_default_timeout(20_000)
    page.on("dialog", lambda dialog: dialog.accept())
    cookie = next(iter(ada.client.cookie_jar))
    await page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": ada.site.url}])
    await page.goto(ada.site.url + "/dashboard/webhooks")
    await page.fill("[name=url]", "https://erp.shop.example/vitrine")
    findings = await grave(page)
    await page.click("text=Make it")
    await page.wait_for_selector("#made-secret output:has-text('whsec_')")
    await shoot(page, "webhook-made")
    await page.click("#made-secret >> text=Done")
    await page.click("text=Deliveries")
    await page.wait_for_selector("text=Nothing yet")
    shop = await ada.site.services.credentials.shop_for_slug(ada.slug)
    async with database.tenant(shop.id) as connection:  # the real one leads nowhere in a test
        await connection.execute("UPDATE webhooks SET url = $1", receiver.url + "vitrine")
    receiver.answers = [500]
    for _ in range(2):
        async with page.expect_response("**/v1/webhooks/*/test"):  # the note may still be the one before
            await page.click("text=Tell it something made up")
        await page.wait_for_selector("#note:has-text('On its way')")
        await outbox.round()
    await page.reload()
    await page.wait_for_selector("text=answered 500")
    await page.wait_for_selector("text=answered 204")
    findings += await grave(page)
    await shoot(page, "webhook")
    await page.set_viewport_size(PHONE)
    for path in ("/dashboard/webhooks", page.url.removeprefix(ada.site.url)):
        await page.goto(ada.site.url + path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        findings += await grave(page)
        await shoot(page, f"phone-{'webhooks' if path.endswith('webhooks') else 'webhook'}")
    await page.get_by_role("button", name="Tell it again").first.click()
    await page.wait_for_selector("#note:has-text('On its way again')")
    assert findings == []
    assert [headers["content-type"] for headers, _ in receiver.asked] == ["application/json"] * 2
