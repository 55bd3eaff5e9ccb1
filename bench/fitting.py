"""`python -m bench.fitting`: the fitting room at a phone's size in Chromium without a GPU: its frame rate.

A body is brought along, turned by the mouse as by a finger, dressed, shown as the map of ease, and in two sizes side by
side; each is turned for some seconds, and every frame that the page draws is counted where the page counts it. The goal
is 30 frames a second. The page draws coarser where drawing is slow: what it gave up is told with the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from playwright.async_api import Page, async_playwright

from bench.live import say
from bench.servers import ROOT, VitrineServer
from tests.brought import write_archive

GOAL_FPS = 30
WIDTH, HEIGHT = 390, 844
WITHIN_MS = 120_000
_WATCH = """() => {
  const canvas = document.querySelector('.body-plate > canvas')
  window.__drawn = []
  new MutationObserver(() => __drawn.push(performance.now())).observe(canvas, { attributeFilter: ['data-drawn'] })
}"""


@dataclass(frozen=True)
class Turned:
    """What was turned; frames a second; the time between two frames at the 95th percentile; pixels drawn across."""

    what: str
    fps: float
    p95_ms: float
    width_px: int


async def turn(page: Page, what: str, seconds: float) -> Turned:
    """Drag to and fro over the stage without a pause."""
    box = await page.locator(".body-plate > canvas").bounding_box()
    assert box is not None
    x, y, reach = box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.45, box["width"] * 0.4
    await page.mouse.move(x, y)
    await page.mouse.down()
    begun = time.monotonic()
    warm = 2.0  # in which the page finds its pace
    while (gone := time.monotonic() - begun) < warm + seconds:
        if gone < warm:
            await page.evaluate("() => { __drawn = [] }")
        await page.mouse.move(x + reach * math.sin(gone * 2.4), y)
        await asyncio.sleep(0.008)
    times: list[float] = await page.evaluate("() => __drawn")
    width = await page.evaluate("() => document.querySelector('.body-plate > canvas').width")
    await page.mouse.up()
    gaps = [later - earlier for earlier, later in pairwise(times)]
    fps = 1000 * len(gaps) / (times[-1] - times[0])
    return Turned(what, fps, statistics.quantiles(gaps, n=20)[-1], width)


async def wear(page: Page, kind: str) -> None:
    """Put a garment on by its name in the demo shop."""
    tile = page.locator(".piece", has_text=kind)
    product = await tile.locator("input").get_attribute("value")
    await tile.locator("input").check(force=True)
    await page.wait_for_selector(f".body-plate[data-garment*='{product}']:not([data-busy])", timeout=WITHIN_MS)


async def run(options: argparse.Namespace) -> list[Turned]:
    """One visit, from the archive to two sizes side by side."""
    server = VitrineServer({"VITRINE_MEDIA_PROCESSES": "1"})
    await server.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=options.chromium, args=["--disable-gpu", "--no-sandbox"]
                )
                page = await browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
                page.set_default_timeout(WITHIN_MS)
                await page.goto(server.url.replace("127.0.0.1", "localhost") + "/s/demo/fitting-room")
                await page.set_input_files("input[name=archive]", write_archive(Path(folder)))
                await page.wait_for_selector("main[data-screen=consent-import]")
                await page.locator("[data-way=agree]").click()
                await page.wait_for_selector(".body-plate[data-state=shown]:not([data-busy])")
                await page.evaluate(_WATCH)
                found = [await turn(page, "the body", options.seconds)]
                await wear(page, "T-shirt")
                await wear(page, "Jeans")
                found.append(await turn(page, "in T-shirt and jeans", options.seconds))
                await page.locator("[data-way=map]").click()
                found.append(await turn(page, "with the map of ease", options.seconds))
                await page.locator("[data-way=map]").click()
                await page.locator("[data-way=compare]").first.click()
                await page.wait_for_selector(".names span")
                await page.wait_for_selector(".body-plate:not([data-busy])")
                found.append(await turn(page, "in two sizes", options.seconds))
                await browser.close()
    finally:
        await server.stop()
    return found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="bench.fitting", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=6.0, help="of each of the four measurements")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--json", type=Path, help="where to write (default: bench/results/)")
    options = parser.parse_args()
    found = asyncio.run(run(options))
    for one in found:
        say(f"{one.what:<22} {one.fps:5.1f} fps  p95 {one.p95_ms:5.1f} ms  {one.width_px} px across")
    path: Path = options.json or ROOT / "bench" / "results" / f"fitting-{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(one) for one in found], indent=1))
    say(f"\ngoal: {GOAL_FPS} frames a second at {WIDTH}x{HEIGHT} without a GPU; written to {path}")


if __name__ == "__main__":
    main()
