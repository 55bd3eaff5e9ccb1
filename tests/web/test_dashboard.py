"""The dashboard in Chromium: from signing up to the bill, on desk and phone, and nothing that axe finds grave."""

from __future__ import annotations

import base64
import io
import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from playwright.async_api import Browser, Page

from tenancy.ledger import TryOn, note_try_on
from tenancy.second_factor import code_at
from tests.web.conftest import ROOT, Site, StartSite, Taken
from tests.web.people import PASSWORD

CLIENT = ROOT / "web" / "client" / "node_modules"
PICTURES = ROOT / "tests" / "artifacts"
# What a thumb would have to look for beyond the edge.
OUT_OF_REACH = """[...document.querySelectorAll('main a, main button, main input, main select, main textarea')]
    .filter((it) => it.checkVisibility() && it.getBoundingClientRect().right > innerWidth - 8)
    .map((it) => it.outerHTML.slice(0, 120))"""
DESK, PHONE = {"width": 1200, "height": 860}, {"width": 390, "height": 844}


async def drawn(glb: bytes, kind: str | None) -> Taken:
    """A stand-in for the intake with a picture that can be looked at."""
    image = Image.new("RGBA", (512, 512))
    pen = ImageDraw.Draw(image)
    for x in (130, 382):
        pen.ellipse((x - 105, 170, x + 105, 350), outline=(60, 40, 30, 255), width=18)
    pen.line((235, 240, 277, 240), fill=(60, 40, 30, 255), width=18)
    sink = io.BytesIO()
    image.save(sink, "PNG")
    return Taken(glb, kind or "glasses", sink.getvalue())


@pytest.fixture
async def site(start_site: StartSite, services, built: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    (built / "fonts").mkdir()
    font = CLIENT / "@fontsource-variable/instrument-sans/files/instrument-sans-latin-wght-normal.woff2"
    for name, path in (
        ("htmx.js", CLIENT / "htmx.org/dist/htmx.min.js"),
        ("fonts/instrument-sans.woff2", font),
        ("colours.css", CLIENT.parent / "src/style/colours.css"),
    ):
        (built / name).write_bytes(path.read_bytes())
    (built / "assets" / "main-abc123.css").write_text("")
    (built / "embed.js").write_text("")  # a classic script, which the look room tries out
    monkeypatch.setattr(services.products, "_intake", drawn)
    return await start_site()


async def grave(page: Page) -> list[str]:
    """What axe calls serious or critical. Its script is put in past the page's policy, as a person's tool would be."""
    await page.evaluate((CLIENT / "axe-core" / "axe.min.js").read_text())
    found = await page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{page.url}: {rule['id']}: {rule['nodes'][0]['html'][:200]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]


async def shoot(page: Page, name: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    await page.screenshot(path=PICTURES / f"dashboard-{name}.png", full_page=True)


async def use_the_ledger(site: Site) -> None:
    """A month of try-ons."""
    shop = await site.services.credentials.shop_for_slug("lunettes")
    products = await site.services.products.every(shop.id)
    now = datetime.now(UTC)
    async with site.services.owners.database.tenant(shop.id) as connection:
        for day in range(30):
            for number in range((day * 7) % 13 + day // 4):
                at = now - timedelta(days=29 - day)
                worn = [products[number % len(products)].id]
                await note_try_on(connection, TryOn(shop.id, f"{day}-{number}", at, 95.0 + number, worn))


async def test_an_owners_way_from_signing_up_to_the_bill(site: Site, browser: Browser, tmp_path: Path):
    page = await browser.new_page(viewport=DESK)
    page.set_default_timeout(20_000)
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: dialog.accept())
    findings: list[str] = []

    await page.goto(site.url + "/dashboard")
    assert page.url.endswith("/dashboard/login")
    findings += await grave(page)
    await shoot(page, "login")
    await page.get_by_text("Open a shop").click()
    for field, value in (("name", "Lunettes Noires"), ("shop", "lunettes"), ("email", "ada@shop.example")):
        await page.fill(f"[name={field}]", value)
    await page.fill("[name=password]", PASSWORD)
    findings += await grave(page)
    await page.click("button.primary")
    await page.wait_for_selector(".told")

    await site.outbox.round()
    await page.goto(site.url + "/dev/mail")
    await shoot(page, "mail")
    link = re.sub(r"^http://localhost", site.url, await page.locator("pre a").first.inner_text())
    await page.goto(link)
    assert "#" not in page.url
    await page.click("button.primary")
    await page.wait_for_url("**/dashboard/login")

    async def first_step(password: str) -> None:
        await page.fill("[name=shop]", "lunettes")
        await page.fill("[name=email]", "ada@shop.example")
        await page.fill("[name=password]", password)
        await page.click("button.primary")

    await first_step("wrong turnips in a tram")
    await page.wait_for_selector("[role=alert]")
    await first_step(PASSWORD)
    await page.wait_for_selector(".qr-plate svg")
    findings += await grave(page)
    await shoot(page, "second-factor")
    secret = base64.b32decode(await page.locator("code.secret").text_content() or "")
    await page.fill("[name=code]", code_at(secret, int(time.time() // 30)))
    await page.click("button.primary")
    await page.wait_for_selector(".codes")
    assert len((await page.locator(".codes").inner_text()).split()) == 10
    await page.click("a.primary")
    await page.wait_for_selector("text=There is nothing to try on yet")

    await page.click("nav >> text=Products")
    await page.wait_for_selector("h1:has-text('Products')")
    for name in ("Panto 49", "Aviator", "Clubmaster"):
        model = tmp_path / f"{name}.glb"
        model.write_bytes(b"glTF " + name.encode())
        await page.fill("[name=name]", name)
        await page.set_input_files("[name=glb]", model)
        await page.click("form[data-send=form] button")
        await page.wait_for_selector(f".shelf >> text={name}")
        if not await page.locator("[name=name]").is_visible():
            await page.click("summary")
    await shoot(page, "products")
    findings += await grave(page)

    await page.click(".shelf >> text=Panto 49")
    await page.wait_for_selector("h1:has-text('Panto 49')")
    await page.fill("form.row [name=name]", "Panto 51")
    await page.click("text=Rename")
    await page.wait_for_selector("h1:has-text('Panto 51')")
    await page.get_by_role("button", name="Unpublish").click()
    await page.wait_for_selector("dd:has-text('Not published')")
    await page.get_by_role("button", name="Publish").click()
    await page.wait_for_selector("dd:text-is('Published')")
    await shoot(page, "product")
    findings += await grave(page)
    await page.get_by_role("button", name="Undo").click()
    await page.wait_for_selector("h1:has-text('Panto 49')")

    await page.click("nav >> text=Keys")
    await page.click("summary")
    await page.fill("[name=label]", "ERP import")
    await page.check("[value='products:read']")
    await page.click("form.step button")
    await page.wait_for_selector("#made-key output:has-text('sk_')")
    key = await page.locator("#made-key output").inner_text()
    await shoot(page, "keys")
    findings += await grave(page)
    async with site.calls("GET", "/v1/products", headers={"Authorization": f"Bearer {key}"}) as response:
        assert len((await response.json())["products"]) == 3

    await page.click("nav >> text=Look")
    await page.fill("[name=allowed_origins]", "https://shop.example\nhttps://www.shop.example")
    await page.click("form:has([name=allowed_origins]) button")
    await page.wait_for_selector("#note:has-text('Saved')")
    await page.fill("[name=accent]", "#7a1f3d")
    await page.click("text=Save colours")
    await page.wait_for_selector("text=Back to our colours")
    logo = io.BytesIO()
    Image.new("RGB", (300, 90), "#7a1f3d").save(logo, "PNG")
    await page.set_input_files(
        "input[type=file]", {"name": "l.png", "mimeType": "image/png", "buffer": logo.getvalue()}
    )
    await page.click("text=Upload")
    await page.wait_for_selector(".logo-plate img")
    await shoot(page, "look")
    findings += await grave(page)
    async with site.calls("GET", "/static/looks/lunettes.css") as response:
        style = await response.text()
    assert "--accent: #7a1f3d" in style
    async with site.calls("GET", re.search(r"url\((.*?)\)", style)[1]) as response:
        assert response.content_type == "image/png"

    await page.click("nav >> text=Team")
    await page.fill("[name=email]", "bo@shop.example")
    await page.click("text=Invite >> nth=-1")
    await page.wait_for_selector("td:has-text('bo@shop.example')")
    await page.wait_for_selector("text=1 of at most 50 invitations is open")
    await page.fill("[name=email]", "ada@shop.example")
    await page.get_by_role("button", name="Invite", exact=True).click()
    await page.wait_for_selector(".note.wrong:has-text('ada@shop.example is in the team already.')")
    await shoot(page, "team")
    findings += await grave(page)

    await use_the_ledger(site)
    for room in ("Usage", "Audit", "Overview"):
        await page.click(f"nav >> text={room}")
        await page.wait_for_selector(f"h1:has-text('{room}')")
        findings += await grave(page)
        await shoot(page, room.lower())
    await page.emulate_media(color_scheme="dark")
    findings += await grave(page)
    await shoot(page, "overview-dark")
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size(PHONE)
    for path in ("", "/products", "/look", "/keys", "/webhooks", "/team", "/usage", "/audit", "/privacy", "/me"):
        await page.goto(site.url + "/dashboard" + path)
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE["width"], path
        assert await page.evaluate(OUT_OF_REACH) == [], path
        findings += await grave(page)
        await shoot(page, f"phone{path.replace('/', '-')}")

    await page.click("text=Log out")
    await page.wait_for_url("**/dashboard/login")
    await page.goto(site.url + "/dashboard/keys")
    assert page.url.endswith("/dashboard/login")
    assert findings == []
    refused = [line for line in complaints if not re.search("401|409", line)]
    assert refused == [], json.dumps(refused)


async def test_pages_of_the_dashboard_are_kept_by_nobody_and_framed_by_nobody(site: Site):
    async with site.calls("GET", "/dashboard/login") as response:
        assert response.headers["Cache-Control"] == "no-store"
        policy = response.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert policy.endswith("frame-ancestors 'none'")
    async with site.calls("GET", "/dashboard") as response:
        assert (response.status, response.headers["Location"]) == (303, "/dashboard/login")


async def test_kept_mail_is_for_this_machine_alone(site: Site):
    assert await site.refusal("GET", "/dev/mail", headers={"X-Forwarded-For": "192.0.2.1"}) == (404, "not-found")
