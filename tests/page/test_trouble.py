"""Every trouble has its own clear screen, and a way on."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.camera import FaceCamera, still
from tests.installation import Installation
from tests.page.conftest import Open

pytestmark = pytest.mark.timeout(400)


def test_a_refused_camera_is_explained(open_page: Open) -> None:
    visit = open_page(camera="refused")
    visit.screen("consent")
    visit.agree()
    visit.screen("camera-refused")
    visit.shoot("camera-refused")


def test_a_missing_camera_is_explained(open_page: Open) -> None:
    visit = open_page(camera="absent")
    visit.screen("consent")
    visit.agree()
    visit.screen("camera-absent")
    visit.shoot("camera-absent")


def test_when_the_server_is_full_the_next_shopper_waits_and_then_comes_in(open_page: Open) -> None:
    first = open_page()
    first.go_live()
    first.page.wait_for_timeout(1500)
    second = open_page()
    asked: list[str] = []
    second.page.on("request", lambda request: asked.append(f"{request.method} {urlsplit(request.url).path}"))
    second.screen("consent")
    second.agree()
    second.screen("queue")
    second.shoot("queue")
    second.page.wait_for_timeout(5000)
    [events] = [call for call in asked if call.startswith("GET /v1/queue/")]
    assert asked[-1] == events, "while she is told where she stands she does not ask"
    first.page.close()
    second.screen("live", within_s=90)
    assert asked.count("POST /v1/try-on") == 2


def test_after_a_crash_of_the_media_process_the_try_on_resumes_with_what_was_worn(
    open_page: Open, shop: Installation
) -> None:
    visit = open_page()
    visit.go_live()
    visit.wear("glasses", "Linden")
    worn = visit.page.locator("main").get_attribute("data-worn")
    visit.page.evaluate("""() => { window.screens = []; new MutationObserver(() =>
        window.screens.push(document.querySelector('main').dataset.screen)).observe(
        document.querySelector('main'), {attributes: true, attributeFilter: ['data-screen']}) }""")
    shop.child("media").kill()
    visit.page.wait_for_function("() => window.screens.includes('lost')", timeout=60_000)
    visit.screen("live", within_s=90)
    assert visit.page.locator("main").get_attribute("data-worn") == worn
    visit.page.wait_for_function("() => document.querySelector('video.on')?.videoWidth > 0")


def test_hints_say_what_to_do(open_page: Open, tmp_path: Path) -> None:
    for state, camera in (("lost", FaceCamera(faces=0)), ("too_dark", FaceCamera(path=still, brightness=0.0))):
        visit = open_page(camera=camera.write_mjpeg(tmp_path / f"{state}.mjpeg", 1.0))
        visit.go_live()
        visit.page.wait_for_selector(f"main[data-face={state}]")
        visit.shoot(f"hint-{state}")
        visit.page.close()
        visit.page.context.browser.close()


def test_a_shop_that_does_not_exist_is_a_plain_page(open_page: Open) -> None:
    visit = open_page("/s/no-such-shop")
    words = visit.page.locator("body").inner_text()
    assert "shop" in words.lower()
    visit.shoot("no-such-shop")
