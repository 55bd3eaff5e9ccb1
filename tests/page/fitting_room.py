"""Ways through the fitting room's page, for the tests of it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

PHONE = {"viewport": {"width": 390, "height": 844}}
WITHIN_MS = 150_000


def screen(page: Page, name: str) -> None:
    page.wait_for_selector(f"main[data-screen={name}]", timeout=WITHIN_MS)


def bring(page: Page, archive: Path) -> None:
    screen(page, "consent")
    page.set_input_files("input[name=archive]", archive)
    screen(page, "consent-import")
    page.locator("[data-way=agree]").click()
    screen(page, "body")
    page.wait_for_selector(".body-plate[data-state=shown]", timeout=WITHIN_MS)


def at_rest(page: Page) -> int:
    """Frames drawn, once nothing is drawn any more: nothing moves, so nothing is drawn."""

    def drawn() -> int:
        return int(page.locator(".body-plate > canvas").get_attribute("data-drawn") or 0)

    for _ in range(60):
        before = drawn()
        page.wait_for_timeout(700)
        if drawn() == before:
            return before
    raise AssertionError("it is drawn again and again while nothing moves")


def put_on(page: Page, name: str) -> str:
    """Put a garment on by its name, and wait until it stands on the stage; its id."""
    choice = page.locator(".piece", has_text=name).locator("input")
    product = str(choice.get_attribute("value"))
    choice.focus()
    page.keyboard.press("Space")
    on_stage(page, product)
    return product


def on_stage(page: Page, *wanted: str) -> None:
    """Wait until the garments' file on the stage is one of all of these, and nothing more is awaited."""
    page.wait_for_function(
        """(wanted) => { const { garment } = document.querySelector('.body-plate').dataset
            return wanted.every((one) => (garment ?? '').includes(one)) && !document.querySelector('[data-busy]') }""",
        arg=list(wanted),
        timeout=WITHIN_MS,
    )
