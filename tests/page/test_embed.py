"""The mirror on a shop's own page: behind a button, in the shopper's language, and what she does there is counted."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tenancy.credentials import Credentials
from tenancy.database import Database
from tenancy.tallies import Tallies
from tests.installation import Installation
from tests.page.conftest import PICTURES, Open

pytestmark = pytest.mark.timeout(400)

PAGE = """<!doctype html><html lang="fr"><meta charset="utf-8"><title>Maison</title>
<body><h1>Maison</h1><p>Monture en acétate, 129 €</p>
<vitrine-try-on shop="demo" mode="button" cart></vitrine-try-on>
<script src="{server}/static/app/embed.js"></script>
<script>
  window.told = []
  for (const name of ['vitrine-change', 'vitrine-add-to-cart'])
    document.querySelector('vitrine-try-on').addEventListener(name, (e) => told.push([name, e.detail]))
</script></body></html>"""


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """In a thread of its own: Playwright keeps a loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


@pytest.fixture(scope="module")
def host(shop: Installation) -> Iterator[str]:
    """A shop's own page, on an origin of its own that the shop allows."""
    text = PAGE.replace("{server}", shop.url.replace("127.0.0.1", "localhost")).encode()

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    origin = f"http://localhost:{server.server_port}"

    async def allow() -> None:
        database = await Database.connect(shop.child("web").environ()["DATABASE_APP_URL"])
        await Credentials(database).ensure_shop("demo", "Vitrine Demo", "pk_demo", [origin])
        await database.close()

    run(allow())
    yield origin
    server.shutdown()


async def _counted(shop: Installation) -> dict[str, dict[str, int]]:
    database = await Database.connect(shop.child("web").environ()["DATABASE_APP_URL"])
    demo = await Credentials(database).shop_for_slug("demo")
    tallies = Tallies(database)
    found = {measure: await tallies.labels(demo.id, measure) for measure in ("snapshot", "add-to-cart", "delay_ms")}
    await database.close()
    return found


def test_a_try_on_behind_a_button_speaks_her_language_and_its_deeds_are_counted(
    open_page: Open, shop: Installation, host: str
) -> None:
    before = run(_counted(shop))
    page = open_page().page
    page.goto(host)
    page.get_by_role("button", name="Essayer").click()
    mirror = page.frame_locator("vitrine-try-on iframe")
    mirror.get_by_role("button", name="J’accepte, ouvrir ma caméra").click()
    mirror.locator("main[data-screen=live]").wait_for(timeout=60_000)
    worn = (mirror.locator("main").get_attribute("data-worn") or "").split()
    mirror.get_by_role("button", name="Ajouter au panier").click()
    mirror.get_by_role("button", name="Dans votre panier").wait_for()
    page.wait_for_function("() => told.some(([name]) => name === 'vitrine-add-to-cart')")
    events = page.evaluate("() => told.filter(([name]) => name === 'vitrine-add-to-cart')")
    assert events[0][1]["products"] == worn
    PICTURES.mkdir(exist_ok=True)
    page.wait_for_timeout(1500)
    page.screenshot(path=PICTURES / "embed-button-live.png")
    mirror.get_by_role("button", name="Prendre une photo").click()
    mirror.locator("dialog.album img").first.wait_for()
    mirror.get_by_role("button", name="Fermer").click()
    page.evaluate("(id) => document.querySelector('vitrine-try-on').added(id)", worn[0])
    page.wait_for_timeout(11_000)  # the browser measures every five seconds
    page.locator("vitrine-try-on").get_by_role("button", name="Fermer").click()
    page.locator("vitrine-try-on iframe").wait_for(state="detached")
    deadline = time.monotonic() + 30
    while (after := run(_counted(shop)))["delay_ms"] == before["delay_ms"] and time.monotonic() < deadline:
        time.sleep(0.5)

    def more(measure: str, label: str) -> int:
        return after[measure].get(label, 0) - before[measure].get(label, 0)

    assert more("snapshot", worn[0]) == 1
    assert more("add-to-cart", worn[0]) == 2
    assert sum(after["delay_ms"].values()) > sum(before["delay_ms"].values())


def test_a_mirror_closed_and_opened_in_one_breath_is_one_mirror(open_page: Open, host: str) -> None:
    page = open_page().page
    page.goto(host)
    page.get_by_role("button", name="Essayer").wait_for()
    page.evaluate("""async () => {
        const mirror = document.querySelector('vitrine-try-on')
        mirror.open()
        mirror.shadowRoot.querySelector('iframe').id = 'first'
        mirror.close()
        mirror.open()
        mirror.shadowRoot.querySelector('iframe').id = 'second'
        mirror.shadowRoot.querySelector('dialog').close() // as the Escape key does
        mirror.open()
        await new Promise((resolve) => setTimeout(resolve, 100)) // the first dialog's event has come
    }""")
    frames = page.locator("vitrine-try-on iframe")
    assert frames.count() == 1
    assert frames.get_attribute("id") is None
    page.locator("vitrine-try-on").get_by_role("button", name="Fermer").press("Escape")
    frames.wait_for(state="detached")
    page.get_by_role("button", name="Essayer").click()
    agree = page.frame_locator("vitrine-try-on iframe").get_by_role("button", name="J’accepte, ouvrir ma caméra")
    agree.press("Escape")  # heard by the frame alone
    frames.wait_for(state="detached")


def test_a_mirror_in_its_place_stays_there(open_page: Open, host: str) -> None:
    page = open_page().page
    page.goto(host)
    frames = page.evaluate("""() => {
        const inline = document.createElement('vitrine-try-on')
        inline.setAttribute('shop', 'demo')
        document.body.append(inline)
        inline.close() // what was not opened is not closed
        return inline.shadowRoot.querySelectorAll('iframe').length
    }""")
    assert frames == 1


def test_her_data_are_a_step_away_from_the_mirror(open_page: Open) -> None:
    visit = open_page("/s/demo?lang=de")
    visit.screen("consent")
    full = visit.page.get_by_role("link", name="Ihre Daten, ausführlich")
    assert (full.get_attribute("href") or "").startswith("/s/demo/privacy?lang=de")
    visit.page.screenshot(path=PICTURES / "consent-german.png", full_page=True)
    visit.go_live()
    with visit.page.context.expect_page() as opened:
        visit.page.get_by_role("link", name="Ihre Daten", exact=True).click()
    privacy = opened.value
    privacy.locator("[data-do=show]").click()
    privacy.locator("#facts dd").first.wait_for()
    privacy.once("dialog", lambda dialog: dialog.accept())
    privacy.locator("[data-do=erase]").click()
    privacy.locator("#says:has-text('Es ist gelöscht')").wait_for()
    visit.page.bring_to_front()
    visit.page.wait_for_selector("main:not([data-screen=live])", timeout=30_000)  # the running try-on ended with it
