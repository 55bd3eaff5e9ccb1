"""The fitting room in Chromium against the whole installation: in with a body or photos, and out with nothing left."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.installation import Installation
from tests.page.conftest import Open
from tests.page.fitting_room import PHONE, WITHIN_MS, at_rest, bring, screen


@pytest.mark.timeout(400)
def test_a_body_is_turned_corrected_taken_along_and_deleted(open_page: Open, archive: Path) -> None:
    visit = open_page("/s/demo/fitting-room", camera="absent", **PHONE)
    page, errors = visit.page, []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.set_default_timeout(WITHIN_MS)
    with page.expect_request(lambda request: "/v1/avatars/import" in request.url) as sent:
        bring(page, archive)
    assert sent.value.url.endswith("?lang=en")  # the language in which she read what she agreed to
    still = at_rest(page)
    visit.shoot("fitting-room-phone")
    page.locator("[data-turn=back]").click()
    page.wait_for_function(f"() => +document.querySelector('.body-plate > canvas').dataset.drawn > {still}")
    page.locator("[data-tab=measures]").click()
    waist = page.locator("[data-measure=waist]")
    was = float(waist.locator(".value").inner_text())
    waist.locator("button.measure").click()
    waist.locator("input").fill(f"{was + 4:.1f}")
    waist.locator("form button").click()
    page.wait_for_selector("[data-measure=waist].own")  # the old body stands until the new one is there
    assert page.get_attribute("main", "data-screen") == "body"
    assert abs(float(waist.locator(".value").inner_text()) - (was + 4)) < 1
    page.locator("[data-tab=hers]").click()
    with page.expect_download() as download:
        page.locator("[data-way=take-along]").click()
    with zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes())) as taken:
        assert {"avatar.json", "body.glb", "plain.glb"} <= set(taken.namelist())
    page.locator("[data-way=erase]").click()
    assert page.get_attribute("main", "data-screen") == "body"  # asked twice
    page.locator("[data-way=erase]").click()
    screen(page, "gone")
    with page.expect_download() as receipt:
        page.locator("[data-way=receipt]").click()
    assert Path(receipt.value.path()).read_text().count(".") >= 2  # a JWS
    assert errors == []


@pytest.mark.timeout(400)
def test_a_photo_that_will_not_do_comes_back_with_advice(open_page: Open, tmp_path: Path) -> None:
    wall = np.random.default_rng(5).normal(150, 6, (900, 700, 3)).clip(0, 255).astype(np.uint8)
    Image.fromarray(wall).save(tmp_path / "wall.jpg")
    visit = open_page("/s/demo/fitting-room?lang=de", camera="absent")
    page = visit.page
    page.set_default_timeout(WITHIN_MS)
    screen(page, "consent")
    assert "Fotos" in page.locator(".terms h2").inner_text()
    page.locator("[data-way=agree]").click()
    screen(page, "photos")
    page.locator("[data-way=send]").click()
    assert page.locator("form > .wrong").is_visible()  # nothing was sent without a photo
    page.set_input_files("input[name=front]", tmp_path / "wall.jpg")
    page.fill("input[name=height_cm]", "170")
    page.locator("[data-way=send]").click()
    screen(page, "working")
    visit.shoot("fitting-room-working")
    screen(page, "photos")
    assert "niemanden gefunden" in page.locator("form > .wrong").inner_text()  # in her language
    assert page.input_value("input[name=height_cm]") == "170"  # nothing has to be said again
    assert page.locator(".slot[data-view=front].has-photo").count() == 1
    visit.shoot("fitting-room-photos")


def test_the_camera_shows_an_outline_to_stand_in_and_takes_the_photo_itself(open_page: Open) -> None:
    visit = open_page("/s/demo/fitting-room", **PHONE)
    page = visit.page
    page.set_default_timeout(WITHIN_MS)
    screen(page, "consent")
    assert page.evaluate("window.cameraCalls") == 0
    page.locator("[data-way=agree]").click()
    page.locator("[data-way=camera-front]").click()
    page.wait_for_function("() => document.querySelector('.finder video')?.videoWidth > 0")
    assert page.locator(".finder .silhouette").is_visible()
    visit.shoot("fitting-room-finder")
    page.locator("[data-way=shoot-3]").click()
    page.locator("[data-way=retake]").click()
    page.locator("[data-way=shoot-3]").click()
    page.locator("[data-way=keep]").click()
    page.wait_for_selector(".finder[data-view=side][data-step=stand]")  # on to the side, with the camera still open
    assert page.evaluate("window.cameraCalls") == 1
    page.keyboard.press("Escape")
    page.wait_for_selector(".slot[data-view=front].has-photo img")
    assert page.locator("dialog.finder").count() == 0
    assert page.locator(".slot[data-view=side].has-photo").count() == 0


def test_who_declines_sends_nothing(open_page: Open) -> None:
    visit = open_page("/s/demo/fitting-room", camera="absent")
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    screen(visit.page, "consent")
    visit.page.locator("[data-way=decline]").click()
    screen(visit.page, "declined")
    assert not any(line.startswith("POST") for line in asked)


def test_a_shop_that_is_not_there(open_page: Open) -> None:
    visit = open_page("/s/nowhere/fitting-room", camera="absent")
    screen(visit.page, "trouble")


def test_the_mirror_leads_to_the_fitting_room_where_the_shop_sells_clothes(open_page: Open, shop: Installation) -> None:
    told = json.loads(shop.get("/v1/catalog", Authorization="Bearer pk_demo", Origin=shop.url)[1])
    garment = next(product["id"] for product in told["products"] if product["kind"] == "garment")
    visit = open_page(f"/s/demo/{garment}?lang=en")
    screen(visit.page, "consent")
    assert visit.page.url.endswith(f"/s/demo/fitting-room?lang=en&wear={garment}")
    assert visit.page.locator(".bar a.data").get_attribute("href") == "/s/demo?lang=en"
