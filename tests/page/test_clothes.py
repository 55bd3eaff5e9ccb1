"""Clothes on a body in Chromium, against the whole installation: sizes and the map of ease."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page

from tests.page.conftest import Open
from tests.page.fitting_room import PHONE, WITHIN_MS, at_rest, bring, on_stage, put_on


def stage(page: Page) -> NDArray[np.float64]:
    """The stage as it is seen once nothing moves, (h, w, 3) RGB."""
    at_rest(page)
    picture = Image.open(io.BytesIO(page.locator(".body-plate").screenshot()))
    return np.asarray(picture.convert("RGB"), float)


@pytest.mark.timeout(500)
def test_clothes_are_put_on_in_the_size_that_fits_and_mapped(open_page: Open, archive: Path) -> None:
    visit = open_page("/s/demo/fitting-room?lang=de", camera="absent", **PHONE)
    page, files, wrong = visit.page, [], []
    page.on("request", lambda request: files.append(request.url) if ".glb" in request.url else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.set_default_timeout(WITHIN_MS)
    bring(page, archive)
    shirt, jeans = put_on(page, "T-shirt"), put_on(page, "Jeans")
    card = page.locator(f".card[data-garment='{shirt}']")
    best = card.locator("label.best").first
    assert "%" in best.locator(".share").inner_text()
    size = str(best.locator("input").get_attribute("value"))
    assert card.get_attribute("data-size") == size  # in the size that is recommended
    assert card.locator("[data-zone=chest]").is_visible()
    visit.shoot("fitting-room-dressed")
    # Another size is other cloth on the same body.
    other = next(label for label in ("S", "M", "L") if label != size)
    card.locator(f"[data-sizes=size] input[value={other}]").check(force=True)
    on_stage(page, f"{shirt}:{other}", jeans)
    assert sum("body.glb" in url for url in files) == 1
    plain = stage(page)
    shirt_there = plain[int(0.35 * len(plain)), plain.shape[1] // 2]
    assert shirt_there[2] > shirt_there[0] + 30  # the shop's blue cloth, not white for want of its picture
    page.locator("[data-way=map]").click()
    page.wait_for_selector(".legend .ticks")
    mapped = stage(page)
    changed = np.abs(mapped - plain).mean(2) > 25
    body = changed[: int(0.75 * len(changed))]  # above the legend, or nearly
    assert body.mean() > 0.08  # the clothes have the colours of the map
    visit.shoot("fitting-room-map")
    page.locator("[data-way=map]").click()
    # Two sizes stand beside each other, each with its name and its own centimetres.
    card.locator("[data-way=compare]").click()
    page.wait_for_selector(".body-plate[data-two]")
    names = page.locator(".body-plate .names span").all_inner_texts()
    assert names[0] == other and len(set(names)) == 2
    assert card.locator("table.zones.two [data-zone=chest] td").count() == 2
    at_rest(page)
    visit.shoot("fitting-room-two-sizes")
    card.locator("[data-way=compare]").click()
    page.wait_for_selector(".body-plate:not([data-two])")
    # A dress takes the place of shirt and jeans.
    put_on(page, "Dress")
    worn = page.locator(".body-plate").get_attribute("data-garment") or ""
    assert shirt not in worn and jeans not in worn
    # Another colour of the skin is another body of hers, in the same dress.
    before = stage(page)
    fetched = sum("body.glb" in url for url in files)
    page.get_by_role("tab", name="Meine Daten").click()
    page.locator("input[name=skin][value='#7d5237']").check(force=True)
    page.wait_for_selector(".body-plate:not([data-busy])")
    while sum("body.glb" in url for url in files) == fetched:
        page.wait_for_timeout(200)
    page.wait_for_selector(".body-plate:not([data-busy])")
    after = stage(page)
    face = np.s_[int(0.09 * len(before)) : int(0.13 * len(before)), before.shape[1] // 2 - 4 : before.shape[1] // 2 + 4]
    assert after[face].mean() < before[face].mean() - 40
    assert page.locator(".body-plate").get_attribute("data-garment") != ""
    visit.shoot("fitting-room-dress-brown")
    assert wrong == []
