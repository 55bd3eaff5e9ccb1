"""What a visit comes to in the fitting room's page: begun, stopped, gone on with, and erased to the last of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Route

from tests.page.conftest import Open
from tests.page.fitting_room import WITHIN_MS, bring, screen

TOKEN = "() => JSON.parse(sessionStorage.getItem('vitrine.visit.demo') ?? '{}').token ?? null"
AVATARS = """async (token) => {
  const answer = await fetch('/v1/avatars', { headers: { Authorization: `Bearer ${token}` } })
  return (await answer.json()).avatars
}"""


def avatars(page: Page) -> list[dict[str, Any]]:
    """What the server has of the tab's visit."""
    found: list[dict[str, Any]] = page.evaluate(AVATARS, page.evaluate(TOKEN))
    return found


def erase(page: Page) -> None:
    page.locator("[data-tab=hers]").click()
    page.locator("[data-way=erase]").click()
    page.locator("[data-way=erase]").click()
    screen(page, "gone")


@pytest.mark.timeout(400)
def test_everything_is_deleted_and_not_the_newest_body_alone(open_page: Open, archive: Path) -> None:
    page = open_page("/s/demo/fitting-room", camera="absent").page
    page.set_default_timeout(WITHIN_MS)
    bring(page, archive)
    page.locator("[data-tab=hers]").click()
    page.locator("[data-way=again]").click()
    bring(page, archive)  # who brought a body has not agreed to photos: she is asked
    assert len(avatars(page)) == 2
    erase(page)
    assert avatars(page) == []


@pytest.mark.timeout(400)
def test_a_visit_outlasts_a_busy_server_and_a_page_loaded_amid_a_correction(open_page: Open, archive: Path) -> None:
    page = open_page("/s/demo/fitting-room", camera="absent").page
    page.set_default_timeout(WITHIN_MS)
    bring(page, archive)
    visit = page.evaluate(TOKEN)
    assert visit is not None
    page.route("**/v1/avatars", lambda route: route.fulfill(status=503, json={"code": "unavailable"}))
    page.reload()
    screen(page, "trouble")
    assert page.evaluate(TOKEN) == visit

    def in_work(route: Route) -> None:
        told = route.fetch().json()
        told["avatars"][0] |= {"status": "processing", "stage": "shaping", "progress": 0.4}
        route.fulfill(json=told)

    page.unroute("**/v1/avatars")
    page.route("**/v1/avatars", in_work)
    page.route("**/events", lambda route: route.abort())  # nothing is heard of it for now
    page.locator("[data-way=retry]").click()
    screen(page, "body")
    page.wait_for_selector(".body-plate[data-state=shown]")
    assert page.locator(".refit").is_visible()
    page.unroute("**/events")
    page.wait_for_selector(".refit", state="hidden")
    page.unroute("**/v1/avatars")
    erase(page)
    assert avatars(page) == []


@pytest.mark.timeout(200)
def test_who_stops_while_photos_are_sent_leaves_nothing(open_page: Open, tmp_path: Path) -> None:
    wall = np.random.default_rng(5).normal(150, 6, (900, 700, 3)).clip(0, 255).astype(np.uint8)
    Image.fromarray(wall).save(tmp_path / "wall.jpg")
    page = open_page("/s/demo/fitting-room", camera="absent").page
    page.set_default_timeout(WITHIN_MS)
    screen(page, "consent")
    page.locator("[data-way=agree]").click()
    screen(page, "photos")
    page.set_input_files("input[name=front]", tmp_path / "wall.jpg")
    page.fill("input[name=height_cm]", "170")
    begun: list[dict[str, Any]] = []
    erased: list[str] = []
    page.on("request", lambda request: erased.append(request.url) if request.method == "DELETE" else None)

    def unanswered(route: Route) -> None:
        """The photos arrive, the answer does not; it is in work for as long as it is there."""
        if route.request.method == "POST":
            # A photo out of a file is not in what a route may send on: it is sent again here.
            said = page.request.get(f"{route.request.url.rsplit('/', 1)[0]}/consent/photo").json()
            photo: Any = {"name": "front", "mimeType": "image/jpeg", "buffer": (tmp_path / "wall.jpg").read_bytes()}
            form = {"front": photo, "height_cm": "170", "consent": said["version"]}
            headers = {name: route.request.headers[name] for name in ("authorization", "origin")}
            begun.append(page.request.post(route.request.url, headers=headers, multipart=form).json())
        else:
            route.fulfill(json={"avatars": begun if not erased else []})

    page.route("**/v1/avatars*", unanswered)
    with page.expect_request(lambda request: request.method == "POST" and "/v1/avatars?" in request.url):
        page.locator("[data-way=send]").click()
    page.wait_for_timeout(200)
    page.locator("[data-way=stop]").click()
    screen(page, "photos")
    page.unroute("**/v1/avatars*")
    assert [url.rsplit("/", 1)[1] for url in erased] == [begun[0]["id"]]
    assert avatars(page) == []


@pytest.mark.timeout(200)
def test_the_mirror_goes_on_with_a_visit_that_has_no_body_yet(open_page: Open) -> None:
    page = open_page("/s/demo/fitting-room?lang=en").page
    page.set_default_timeout(WITHIN_MS)
    screen(page, "consent")
    page.locator("[data-way=agree]").click()
    screen(page, "photos")
    visit = page.evaluate(TOKEN)
    page.goto(page.url.split("/s/")[0] + "/s/demo?lang=en")
    screen(page, "consent")
    page.locator("[data-way=agree]").click()
    screen(page, "live")
    assert page.evaluate(TOKEN) == visit
