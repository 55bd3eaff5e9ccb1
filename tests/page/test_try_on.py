"""What a shopper sees: herself, wearing what she chose, where her eyes and her head are."""

import time

import numpy as np
import pytest

from tests.installation import Installation
from tests.page.conftest import Open

pytestmark = pytest.mark.timeout(400)


def browsers_told(shop: Installation) -> float:
    """How often browsers have said at how many frames a second they see themselves, by `/metrics`."""
    rows = shop.get("/metrics")[1].splitlines()
    return sum(float(row.split()[1]) for row in rows if row.startswith("vitrine_browser_fps_count"))


def test_the_camera_opens_only_after_consent_in_plain_words(open_page: Open) -> None:
    visit = open_page()
    visit.screen("consent")
    visit.page.wait_for_timeout(500)
    assert visit.page.evaluate("window.cameraCalls") == 0
    words = visit.page.locator("main").inner_text()
    assert "working memory only" in words
    visit.shoot("consent")
    visit.agree()
    visit.screen("live")
    assert visit.page.evaluate("window.cameraCalls") == 1


def test_products_appear_where_the_eyes_and_the_head_are_and_vanish_again(open_page: Open, shop: Installation) -> None:
    told = browsers_told(shop)
    visit = open_page()
    visit.go_live()
    visit.bare()

    def change(one: np.ndarray, other: np.ndarray, up: float) -> float:
        return float(np.abs(visit.around(one, up) - visit.around(other, up)).mean())

    eyes, crown = 0.0, 1.4
    visit.page.wait_for_timeout(2000)  # what was worn at the start is off, and the picture is sharp
    bare = visit.picture()
    visit.wear("glasses", "Norton Black")
    glasses = visit.settle(lambda picture: change(picture, bare, eyes) > 12)
    visit.shoot("glasses")
    visit.wear("hat", "Alder Beanie")
    both = visit.settle(lambda picture: change(picture, bare, crown) > 20)
    visit.shoot("glasses-and-hat")
    visit.bare()
    bare_again = visit.settle(lambda picture: change(picture, bare, crown) < 8 and change(picture, bare, eyes) < 6)
    assert change(glasses, bare, eyes) > 12
    assert change(glasses, bare, crown) < 8
    assert change(both, bare, eyes) > 12
    assert change(both, bare, crown) > 20
    assert change(bare_again, bare, eyes) < 6
    assert change(bare_again, bare, crown) < 8
    deadline = time.monotonic() + 30
    while browsers_told(shop) <= told and time.monotonic() < deadline:  # it says every five seconds what it saw
        visit.page.wait_for_timeout(500)
    assert browsers_told(shop) > told


def test_every_product_of_the_shop_can_be_worn(open_page: Open) -> None:
    visit = open_page()
    visit.go_live()
    for card in visit.page.locator("input[name^=wear-]").all():
        value = card.get_attribute("value")
        if value:
            card.check(force=True)
            visit.page.wait_for_selector(f"main[data-worn~='{value}']", timeout=20_000)


def test_a_snapshot_can_be_kept(open_page: Open) -> None:
    visit = open_page()
    visit.go_live()
    visit.picture()
    visit.page.get_by_role("button", name="picture").first.click()
    visit.page.wait_for_selector("img[src^='blob:'], img[src^='data:']", timeout=10_000)
    visit.shoot("snapshot")


def test_it_can_be_used_by_keyboard_alone(open_page: Open) -> None:
    visit = open_page()
    visit.screen("consent")
    for _ in range(12):
        visit.page.keyboard.press("Tab")
        if visit.page.evaluate("document.activeElement?.dataset.way") == "agree":
            break
    visit.page.keyboard.press("Enter")
    visit.screen("live")
    worn = visit.page.locator("main").get_attribute("data-worn")
    visit.page.locator("input[name=wear-glasses]:checked").focus()
    visit.page.keyboard.press("ArrowDown")
    visit.page.wait_for_function("old => document.querySelector('main').dataset.worn !== old", arg=worn)


def test_it_fits_a_phone(open_page: Open) -> None:
    visit = open_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    visit.screen("consent")
    visit.shoot("phone-consent")
    visit.agree()
    visit.screen("live")
    visit.wear("glasses", "Meridian")
    visit.picture()
    visit.shoot("phone-live")
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_product_page_begins_with_that_product(open_page: Open) -> None:
    visit = open_page()
    visit.screen("consent")
    card = visit.page.evaluate("document.getElementById('vitrine').textContent")
    assert '"key": "pk_demo"' in card
    visit.agree()
    visit.screen("live")
    product = visit.page.locator("label", has_text="Odette").locator("input").get_attribute("value")
    visit.page.goto(visit.page.url.rstrip("/") + f"/{product}")
    visit.go_live()
    visit.page.wait_for_selector(f"main[data-worn='{product}']")


def test_an_address_of_no_product_says_so_and_shows_the_others(open_page: Open) -> None:
    visit = open_page("/s/demo/last-years-frame")
    visit.page.get_by_text("no longer in the shop").wait_for()
    visit.go_live()
    assert visit.page.locator("main").get_attribute("data-worn")
