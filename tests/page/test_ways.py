"""Between the mirror and the fitting room: one visit, there and back, and her body in the live picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.page.conftest import Open
from tests.page.fitting_room import PHONE, WITHIN_MS, bring, put_on, screen

SWITCH_TWICE = """() => {
  const button = document.querySelector('.tool.other')
  button.click()
  button.click()
}"""


@pytest.mark.timeout(600)
def test_there_and_back_she_is_one_visit_and_sees_her_body_in_the_live_picture(open_page: Open, archive: Path) -> None:
    visit = open_page("/s/demo/fitting-room?lang=en", **PHONE)
    page, tokens, opened, errors = visit.page, set(), [], []
    page.set_default_timeout(WITHIN_MS)
    page.on("pageerror", lambda error: errors.append(str(error)))

    def note(request) -> None:
        if request.method == "POST" and request.url.endswith("/v1/sessions"):
            opened.append(request.url)
        if any(part in request.url for part in ("/v1/avatars", "/v1/try-on", "/v1/sessions/camera")):
            tokens.add(request.headers.get("authorization"))

    page.on("request", note)
    bring(page, archive)
    dress = put_on(page, "dress")
    page.locator(".bar a.data").click()
    visit.go_live()
    mine = visit.picture().astype(float)
    page.locator(".tool", has=page.locator("svg")).and_(page.get_by_role("button", name="Your body")).click()
    page.wait_for_selector(".stage[data-body=on]")
    visit.shoot("way-body-live")
    body = visit.picture().astype(float)
    assert np.abs(body - mine).mean() > 15
    assert np.abs(body[:, :60].mean((0, 1)) - body[:, -60:].mean((0, 1))).max() < 12, "she stands in the studio"
    box = page.locator(".videos").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.2 * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], middle, steps=12)
    page.mouse.up()
    page.wait_for_timeout(1500)
    turned = visit.picture().astype(float)
    assert np.abs(turned - body)[:, 200:440].mean() > 4
    assert np.abs(turned - body)[:, :100].mean() < 3
    page.get_by_role("button", name="Your body").click()
    page.wait_for_selector(".stage[data-body=off]")
    again = visit.settle(lambda seen: float(np.abs(seen.astype(float) - mine).mean()) < 15)
    assert np.abs(again.astype(float) - mine).mean() < 15, "herself again"
    switch = page.get_by_role("button", name="Your body")
    switch.click()
    page.wait_for_selector(".stage[data-body=on]")
    page.evaluate(SWITCH_TWICE)  # off and on, before anything of it is answered
    page.wait_for_selector(".stage[data-body=on]")
    page.wait_for_timeout(1500)
    assert page.locator(".stage[data-body=on]").count() == 1
    switch.click()
    page.wait_for_selector(".stage[data-body=off]")
    page.locator("a[href*=fitting-room]:visible").first.click()
    screen(page, "body")  # no consent again, no photos again
    page.wait_for_function("(id) => document.querySelector('.body-plate').dataset.garment?.includes(id)", arg=dress)
    assert (len(opened), len(tokens)) == (1, 1)
    page.get_by_role("tab", name="My data").click()
    page.locator("[data-way=erase]").click()
    page.locator("[data-way=erase]").click()
    screen(page, "gone")
    page.locator(".bar a.data").click()
    visit.go_live()
    assert page.locator(".stage[data-body=none]").count() == 1
    assert not page.get_by_role("button", name="Your body").is_visible()
    assert errors == []
