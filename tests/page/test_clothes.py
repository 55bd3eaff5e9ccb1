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
    page, files = visit.page, []
    page.on("request", lambda request: files.append(request.url) if ".glb" in request.url else None)
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
    assert page.locator(".legend .ticks").is_visible()
    mapped = stage(page)
    changed = np.abs(mapped - plain).mean(2) > 25
    body = changed[: int(0.75 * len(changed))]  # above the legend, or nearly
    assert body.mean() > 0.08  # the clothes have the colours of the map
    visit.shoot("fitting-room-map")
