"""Overview, look and privacy in Chromium, with the page's real build: they say what happened, and do what they say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page

from rtc.claims import Claims, Visitor
from rtc.offers import NodeState
from tenancy.consent import current_text
from tenancy.ledger import TryOn, note_try_on
from tenancy.tallies import add, histograms
from tests.web.conftest import ROOT, StartSite
from tests.web.people import Person, sign_up
from tests.web.test_dashboard import DESK, PHONE, PICTURES, drawn, grave

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def built() -> Path:
    """The page as it is served, not a stand-in."""
    folder = ROOT / "web" / "static" / "app"
    assert (folder / "manifest.json").exists(), "npm --prefix web/client run build"
    return folder


@pytest.fixture
async def owner(start_site: StartSite, services, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Person]:
    monkeypatch.setattr(services.products, "_intake", drawn)
    person = await sign_up(await start_site())
    yield person
    await person.client.close()


@pytest.fixture
async def context(browser: Browser, owner: Person) -> AsyncIterator[BrowserContext]:
    """A browser in which she is logged in."""
    made = await browser.new_context(viewport=DESK)
    cookies = [{"name": c.key, "value": c.value, "url": owner.site.url} for c in owner.client.cookie_jar]
    await made.add_cookies(cookies)
    made.set_default_timeout(60_000)
    yield made
    await made.close()


async def open_page(context: BrowserContext, owner: Person, path: str) -> tuple[Page, list[str]]:
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: dialog.accept())
    await page.goto(owner.site.url + path)
    return page, complaints


async def both_widths(page: Page, name: str) -> list[str]:
    """Looked at on desk and phone; what axe finds grave there, and whether it is too wide."""
    PICTURES.mkdir(exist_ok=True)
    found = []
    for size, where in ((DESK, "desk"), (PHONE, "phone")):
        await page.set_viewport_size(size)
        found += await grave(page)
        wide = await page.evaluate("() => document.documentElement.scrollWidth")
        found += [f"{name} is {wide} wide on {where}"] if wide > size["width"] else []
        await page.screenshot(path=PICTURES / f"{name}-{where}.png", full_page=True)
    await page.set_viewport_size(DESK)
    return found


async def live_a_month(owner: Person) -> None:
    services = owner.site.services
    shop = await services.credentials.shop_for_slug(owner.slug)
    products = [
        await services.products.add(shop.id, name, "glasses", b"glTF" + name.encode(), by="ada")
        for name in ("Panto 49", "Aviator", "Clubmaster", "Round Wire")
    ]
    now = datetime.now(UTC)
    async with services.owners.database.tenant(shop.id) as connection:
        for day in range(30):
            at = now - timedelta(days=29 - day)
            for number in range(6 + (day * 7) % 13 + day // 3):
                product = products[number * number % len(products)].id
                seen = histograms({"delay_ms": [38 + number * 3 + day % 5, 55], "fps": [24, 23.5], "rtt_ms": [20]})
                await note_try_on(connection, TryOn(shop.id, f"{day}-{number}", at, 95.0 + number, (product,), seen))
                if number % 4 == 0:
                    await add(connection, shop.id, at.date(), {("snapshot", str(product)): 1, ("hint", "too_dark"): 1})
                if number % 9 == 0:
                    deeds = {("add-to-cart", str(product)): 1, ("hint", "lost"): 2, ("freeze", ""): 1}
                    await add(connection, shop.id, at.date(), deeds)
    state = NodeState(
        "n", "unix:/x", 3, 4, 0.5, True, False, {str(shop.id): 3}, now.timestamp() + 3600,
        worn={str(shop.id): {str(products[0].id): 2, str(products[1].id): 1}},
    )  # fmt: skip
    await _announce(services, state)


async def _announce(services, state: NodeState) -> None:
    import dataclasses
    import json

    await services.placement._redis.hset("nodes", state.id, json.dumps(dataclasses.asdict(state)))


async def test_the_overview_tells_what_happened_and_what_happens_now(context: BrowserContext, owner: Person):
    page, complaints = await open_page(context, owner, "/dashboard")
    await page.wait_for_selector("text=There is nothing to try on yet")
    await live_a_month(owner)
    await page.wait_for_selector("#live .lit:text-is('3')")  # by itself, within five seconds
    worn = await page.locator(".wearing li").all_inner_texts()
    assert [" ".join(one.split()) for one in worn] == ["Panto 49 × 2", "Aviator"]
    assert "gets in" in await page.locator("#live").inner_text()
    await page.reload()
    names = await page.locator(".ranked tbody td:first-child").all_inner_texts()
    assert names[0] == "Panto 49"
    assert await page.locator("svg.plot").count() == 3
    seen = await page.locator("section:has(> h2:text-is('What shoppers saw'))").inner_text()
    assert "Too dark" in seen
    assert "60 ms" in seen
    assert await both_widths(page, "overview") == []
    await page.click("text=7 days")
    await page.wait_for_selector(".periods [aria-current]:text-is('7 days')")
    assert await page.locator("svg.plot").first.locator("rect").count() == 7
    assert complaints == []


async def test_look_shows_colours_before_they_are_saved_and_builds_the_widget(context: BrowserContext, owner: Person):
    await live_a_month(owner)
    page, complaints = await open_page(context, owner, "/dashboard/look")
    preview = page.frame_locator("#preview")
    await preview.locator("[data-way=agree]").wait_for()
    await page.fill("[name=accent]", "#7a1f3d")
    colour = await preview.locator("[data-way=agree]").evaluate("(b) => getComputedStyle(b).backgroundColor")
    assert colour == "rgb(122, 31, 61)"
    await page.fill("[name=paper]", "#ffffff")
    await page.click("text=Save colours")
    await page.wait_for_selector("text=Back to our colours")
    await page.select_option("[name=font]", "eb-garamond")
    await page.click("text=Use it")
    await page.wait_for_selector("[name=font] option[value=eb-garamond][selected]", state="attached")
    await preview.locator("[data-way=agree]").wait_for()
    assert "EB Garamond" in await preview.locator("main").evaluate("(m) => getComputedStyle(m).fontFamily")

    await page.click(".periods >> text=Deutsch")
    await page.click("summary:has-text('Texts of your own in Deutsch')")
    await page.fill("[name='consent.agree']", "Na gut, Kamera an")
    await page.click("text=Save words")
    await page.wait_for_selector("summary:has-text('(1)')")
    await preview.locator("button:has-text('Na gut, Kamera an')").wait_for()

    await page.select_option("[data-option=mode]", "button")
    await page.fill("[data-option=button]", 'Auf"setzen')
    await page.select_option("[data-option=lang]", "de")
    await page.select_option("[data-option=cart]", "yes")
    snippet = await page.locator("#snippet").inner_text()
    element = '<vitrine-try-on shop="lunettes" mode="button" lang="de" button="Auf&quot;setzen" cart></vitrine-try-on>'
    assert snippet.endswith(element)
    assert snippet.startswith(f'<script src="{owner.site.url}/static/app/embed.js" defer></script>')
    await page.click("#widget-place button")
    await page.frame_locator("#widget-place iframe").locator("button:has-text('Na gut, Kamera an')").wait_for()
    await page.screenshot(path=PICTURES / "look-widget.png")
    await page.click("#widget-place [aria-label='Schließen']")
    assert await page.locator("#widget-place iframe").count() == 0

    await page.fill("[name=host]", "try-on.lunettes.example")
    await page.click("text=Add >> nth=-1")
    await page.wait_for_selector("td:has-text('_vitrine.try-on.lunettes.example')")
    assert await both_widths(page, "look") == []
    assert complaints == []


async def test_privacy_says_how_long_and_closes_the_shop_and_takes_it_back(context: BrowserContext, owner: Person):
    page, complaints = await open_page(context, owner, "/dashboard/privacy")
    await page.fill("[name=visits]", "3")
    await page.click("text=Save")
    await page.wait_for_selector("#note:has-text('Kept so')")
    assert await page.input_value("[name=visits]") == "3"
    assert await both_widths(page, "privacy-room") == []
    await page.click("summary:has-text('Close the shop')")
    await page.fill("[name=shop]", "lunettes")
    await page.click("button:has-text('Close the shop')")
    await page.wait_for_selector("h2:has-text('will be erased on')")
    assert await both_widths(page, "privacy-closing") == []
    await page.click("text=Keep the shop")
    await page.wait_for_selector("#note:has-text('The shop goes on')")
    assert await page.locator("h2:has-text('will be erased on')").count() == 0
    assert complaints == []


async def test_a_shopper_sees_and_erases_what_is_kept_of_her(context: BrowserContext, owner: Person):
    services = owner.site.services
    shop = await services.credentials.shop_for_slug(owner.slug)
    _, visit = await services.visits.open(shop, None, current_text().version, language="de")
    await Claims(services.placement._redis).remember_outfit(Visitor(str(shop.id), str(visit.id)), ("a",))
    assert visit.agreed
    receipt = services.owners.shoppers.receipt_of_consent(shop, visit.agreed)
    page, complaints = await open_page(context, owner, f"/s/lunettes/privacy?lang=de#{receipt}")
    assert await page.locator("h1").inner_text() == "Ihre Daten"
    assert "#" not in page.url
    await page.click("[data-do=show]")
    await page.wait_for_selector(f"#facts dd:text-is('{visit.id}')")
    await page.click("[data-do=check]")
    await page.wait_for_selector("#says:has-text('Echt')")
    assert await both_widths(page, "privacy-page") == []
    await page.click("[data-do=erase]")
    await page.wait_for_selector("#says:has-text('Es ist gelöscht')")
    proof = await page.locator("#new-receipt").inner_text()
    assert services.owners.signer.read(proof)["erased"]["visits"] == 1
    await page.fill("#receipt", "nonsense")
    await page.click("[data-do=show]")
    await page.wait_for_selector("#says:has-text('Das ging nicht')")
    assert [line for line in complaints if "401" not in line] == []
