"""Products in the dashboard beyond one at a time: an import from the table to the shelf, and variants."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page

from tenancy.import_runner import ImportRunner
from tests.tenancy.test_imports import HEADING, a_zip
from tests.web.conftest import ROOT, Site
from tests.web.people import sign_up
from tests.web.test_dashboard import DESK, PHONE, grave, shoot, site, use_the_ledger  # noqa: F401  fixtures

pytestmark = pytest.mark.timeout(300)  # a browser on a busy machine

TABLE = (
    HEADING + "P-1,Panto 49,glasses,panto.glb,P-1a|tortoise|49; P-1b|black|51,yes\n"
    "P-2,Aviator,glasses,aviator.glb,,\nP-3,Round 44,glasses,round.glb,,no\n"
    "P-4,Clubmaster,glasses,club.glb,,\nP-1,Panto again,glasses,panto.glb,,\n"
).encode()
CHART = (
    '{"chart": "garment", "kind": "skirt", "sizes": [{"label": "one", "cm": {"waist": 88, "hip": 112, "length": 57}}]}'
)
MODELS = {"panto": b"glTF one", "aviator": b"glTF two", "round": b"glTF three"}


@pytest.fixture
async def page(site: Site, browser: Browser) -> AsyncIterator[Page]:  # noqa: F811
    ada = await sign_up(site)
    context = await browser.new_context(viewport=DESK)
    (cookie,) = [cookie for cookie in ada.client.cookie_jar if cookie.key == "vitrine"]
    await context.add_cookies([{"name": "vitrine", "value": cookie.value, "url": site.url}])
    opened = await context.new_page()
    opened.set_default_timeout(20_000)
    yield opened
    await ada.client.close()


async def test_from_a_table_to_the_shelf(site: Site, page: Page) -> None:  # noqa: F811
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    findings: list[str] = []
    await page.goto(site.url + "/dashboard/products")
    await page.click("summary:has-text('Import many')")
    table = {"name": "table.csv", "mimeType": "text/csv", "buffer": TABLE}
    models = {"name": "models.zip", "mimeType": "application/zip", "buffer": a_zip(**MODELS).getvalue()}
    await page.set_input_files("[name=table]", table)
    await page.set_input_files("[name=models]", models)
    findings += await grave(page)
    await shoot(page, "import-form")
    await page.click("text=Preview")
    await page.wait_for_selector("h1:has-text('What the import will do')")
    await page.wait_for_selector("text=club.glb is not in the zip.")
    findings += await grave(page)
    await shoot(page, "import-preview")
    await page.set_viewport_size(PHONE)
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    await shoot(page, "phone-import")
    await page.set_viewport_size(DESK)
    await page.click("button:has-text('Import 3 products')")
    await page.wait_for_selector("h1:has-text('Importing')")
    findings += await grave(page)
    runner = ImportRunner(site.services.owners.imports)
    runner.start()
    await page.wait_for_selector("h1:has-text('Imported')")  # the page looks by itself
    await shoot(page, "import-done")
    findings += await grave(page)
    await page.click("td >> text=Panto 49")
    await page.wait_for_selector("h2:has-text('Variants')")
    assert await page.locator("[data-item]").count() == 3
    await page.click("text=One more line")
    await page.locator("[data-item]").nth(3).locator("[data-field=sku]").fill("P-1c")
    await page.locator("[data-item]").nth(3).locator("[data-field=colour]").fill("olive")
    await page.locator("[data-item]").nth(0).locator("[data-field=sku]").fill("")
    for field in ("colour", "size"):
        await page.locator("[data-item]").nth(0).locator(f"[data-field={field}]").fill("")
    await page.click("text=Save variants")
    await page.wait_for_selector("#note:has-text('Variants saved')")
    assert await page.locator("[data-field=sku]").nth(1).input_value() == "P-1c"
    findings += await grave(page)
    await shoot(page, "variants")
    await page.set_viewport_size(PHONE)
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    await shoot(page, "phone-variants")
    await page.goto(site.url + "/dashboard/products")
    await page.wait_for_selector("text=3 of 50 products")
    assert findings == []
    assert complaints == []
    await runner.stop()


async def test_the_usage_page_says_what_is_left(site: Site, page: Page) -> None:  # noqa: F811
    shop = await site.services.credentials.shop_for_slug("lunettes")
    await site.services.products.add(shop.id, "Panto", "glasses", b"glTF")
    await site.services.owners.settings.change(shop.id, {"plan": "shop", "cap_try_ons": 60}, by="test")
    await use_the_ledger(site)
    await page.goto(site.url + "/dashboard/usage")
    await page.wait_for_selector("th:has-text('Expected')")
    assert await page.locator("progress").count() == 3
    await page.wait_for_selector("text=This month’s try-ons are used up")
    findings = await grave(page)
    await shoot(page, "usage-cap")
    await page.set_viewport_size(PHONE)
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    findings += await grave(page)
    await shoot(page, "phone-usage-cap")
    assert findings == []


WATCHED = """() => {
  window.shares = []
  const bar = document.querySelector('progress')
  new MutationObserver(() => shares.push(bar.hidden ? null : bar.value)).observe(bar, { attributes: true })
}"""


async def test_an_upload_shows_how_far_it_is(site: Site, page: Page) -> None:  # noqa: F811
    await page.goto(site.url + "/dashboard/products")
    tools = await page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 400_000}
    await tools.send("Network.enable")
    await tools.send("Network.emulateNetworkConditions", slow)
    await page.evaluate(WATCHED)
    model = {"name": "a.glb", "mimeType": "model/gltf-binary", "buffer": b"glTF" + bytes(600_000)}
    await page.fill("[name=name]", "Heavy")
    await page.set_input_files("[name=glb]", model)
    await page.click("form[data-send=form] button")
    await page.wait_for_selector(".shelf >> text=Heavy")
    shares = await page.evaluate("shares")
    shown = [share for share in shares if share is not None]
    assert shown == sorted(shown)
    assert len({share for share in shown if 0 < share < 1}) >= 2
    assert shares[-1] is None, "and it goes when the upload is done"


async def test_a_garment_comes_with_its_charts_and_they_can_be_changed(site: Site, page: Page) -> None:  # noqa: F811
    findings: list[str] = []
    await page.goto(site.url + "/dashboard/products")
    await page.fill("form[data-call='POST /v1/products'] [name=name]", "Vela Skirt")
    await page.select_option("[name=kind]", "garment")
    await page.set_input_files("[name=glb]", ROOT / "models" / "garments" / "skirt.glb")
    await page.click("summary:has-text('charts')")
    async with page.expect_download() as download:
        await page.click("a:has-text('in between')")
    assert (await download.value).suggested_filename == "vitrine-base-neutral.glb"
    findings += await grave(page)
    await shoot(page, "garment-form")
    await page.click("button:has-text('Upload')")
    await page.click("a:has-text('Vela Skirt')")
    await page.wait_for_selector("h2:has-text('Sizes')")
    assert await page.locator("section:has(h2:has-text('Sizes')) tbody").first.locator("tr").count() == 5
    findings += await grave(page)
    await shoot(page, "garment")
    await page.set_viewport_size(PHONE)
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    await page.set_viewport_size(DESK)
    await page.click("summary:has-text('Change the charts')")
    await page.fill("[name=chart]", "{")
    await page.click("button:has-text('Save charts')")
    await page.wait_for_selector("#note.wrong")
    await page.fill("[name=chart]", CHART)
    await page.click("button:has-text('Save charts')")
    await page.wait_for_selector("td:has-text('one')")
    assert findings == []
