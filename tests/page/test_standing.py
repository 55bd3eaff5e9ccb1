"""Her avatar in the mirror, in Chromium without WebGL against the whole installation: agreed to, seen, turned, left."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page

from tests.page.conftest import Open
from tests.page.fitting_room import PHONE, WITHIN_MS, screen

NO_WEBGL = """() => {
  const known = HTMLCanvasElement.prototype.getContext
  HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
    return kind.startsWith('webgl') ? null : known.call(this, kind, ...more)
  }
}"""
GRAB = """() => {
  const video = document.querySelector('.standing video')
  const canvas = document.createElement('canvas')
  canvas.width = video.videoWidth; canvas.height = video.videoHeight
  canvas.getContext('2d').drawImage(video, 0, 0)
  return canvas.toDataURL('image/png').split(',')[1]
}"""


def seen(page: Page) -> NDArray[np.float64]:
    """The returned picture a while from now, (480, 640, 3) BGR."""
    page.wait_for_timeout(1500)
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(page.evaluate(GRAB)), np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(cv2.resize(picture, (640, 480)), np.float64)


@pytest.mark.timeout(400)
def test_without_webgl_she_sees_her_avatar_in_the_mirror_and_turns_it(open_page: Open, archive: Path) -> None:
    visit = open_page("/s/demo/fitting-room?lang=en", **PHONE)
    page, errors = visit.page, []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_default_timeout(WITHIN_MS)
    screen(page, "consent")
    page.evaluate(NO_WEBGL)
    page.set_input_files("input[name=archive]", archive)
    screen(page, "consent-import")
    page.locator("[data-way=agree]").click()
    screen(page, "body")
    agree = page.locator(".standing-consent [data-way=agree]")
    agree.wait_for()  # she is led there by herself, and told why
    assert "cannot draw your body in 3D" in page.locator(".standing-consent").inner_text()
    visit.shoot("standing-consent")
    assert page.evaluate("window.cameraCalls") == 0
    assert not page.locator(".standing[data-shown]").count(), "not before she has agreed to her camera"
    agree.click()
    page.wait_for_selector(".standing[data-shown]")
    front = seen(page)
    visit.shoot("standing-studio")
    box = page.locator(".standing-picture").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.2 * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], middle, steps=12)
    page.mouse.up()
    side = seen(page)
    visit.shoot("standing-turned")
    assert np.abs(side - front)[:, 200:440].mean() > 4
    assert np.abs(side - front)[:, :120].mean() < 2, "the studio does not turn"
    page.locator("[data-scene=room]").click()
    page.wait_for_selector("[data-scene=room][aria-pressed=true]")
    room = seen(page)
    visit.shoot("standing-room")
    assert np.abs(room - side)[:, :120].mean() > 4
    page.locator(".standing [data-way=close]").click()
    page.wait_for_selector(".standing", state="detached")
    assert page.locator(".body-plate [data-way=mirror]").is_visible()
    visit.shoot("standing-closed")
    page.locator("label.piece", has_text="dress").locator("input").check(force=True)
    page.wait_for_selector(".cards [data-product], .cards .card, .cards > *:not(.empty)")
    assert page.locator(".standing").count() == 0, "who closed it is not led there again"
    page.locator("[data-way=mirror]").first.click()
    page.wait_for_selector(".standing[data-shown]")
    dressed = seen(page)
    visit.shoot("standing-dressed")
    skirt = dressed[240:290, 305:335].mean((0, 1)) - front[240:290, 305:335].mean((0, 1))
    assert np.abs(skirt).max() > 25, "she wears the dress"
    page.locator(".standing [data-way=close]").click()
    page.wait_for_selector(".standing", state="detached")
    assert errors == []
