"""`python -m bench.page`: the try-on page itself in Chromium without a GPU, with a fake camera that plays a face.

First the page is left alone and its frame rate and the browser's CPU are taken; then every frame's number is read on
both sides of the page for the time from the camera's frame to its return on the screen. Beside it runs a bare page
against the marker-bit echo: what any page would cost here. The goal is 24 frames a second on the try-on page, and what
is tapped on is on within 200 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import psutil
from playwright.async_api import Browser, Page, Route, async_playwright

from bench.frames import burn, checked
from bench.latency import Arrival, summarise
from bench.live import say
from bench.servers import ROOT, EchoServer, Server, VitrineServer, tree_cpu
from tests.camera import FaceCamera

GOAL_FPS, GOAL_SWITCH_MS = 24, 200
BARE_PAGE = """<!doctype html><video autoplay muted playsinline></video><script type="module">
const peer = new RTCPeerConnection()
const camera = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480, frameRate: 24 } })
const { receiver } = peer.addTransceiver(camera.getVideoTracks()[0], { streams: [camera] })
receiver.jitterBufferTarget = 0
peer.ontrack = ({ track }) => { document.querySelector('video').srcObject = new MediaStream([track]) }
await peer.setLocalDescription()
await new Promise((done) => { peer.onicecandidate = ({ candidate }) => candidate || done() })
const answer = await fetch('/offer', { method: 'POST', body: peer.localDescription.sdp })
await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() })
</script>"""


@dataclass(frozen=True)
class Undisturbed:
    """The page left alone. CPU of the browser in cores and for each frame, of the server for each frame."""

    fps: float
    dropped: int
    client_cpu: float
    client_cpu_ms: float
    server_cpu_ms: float
    width: int
    height: int


@dataclass(frozen=True)
class PageResult:
    """What the browser showed. Latencies are from the camera's frame to the returned one on the page, in
    milliseconds, and include the cost of reading the numbers."""

    server: str
    alone: Undisturbed
    p50_ms: float
    p95_ms: float
    # From a tap on a product to the picture that wears it: each product's first time on this node, and its second.
    first_switch_ms: tuple[float, ...] = ()
    second_switch_ms: tuple[float, ...] = ()


async def visit(server: Server, browser: Browser, *, seconds: float, screenshot: Path | None) -> PageResult:
    """Open the page, agree, wait for the picture, measure."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, permissions=["camera"])
    page = await context.new_page()
    await page.add_init_script(path=str(ROOT / "bench" / "page_probe.js"))
    try:
        if isinstance(server, EchoServer):
            await page.route("**/bare", _bare)
            await page.goto(f"{server.url}/bare")
        else:
            async with aiohttp.ClientSession() as http:
                glasses = await server.first_product(http, "glasses")
            await page.goto(f"{server.url}/s/demo/{glasses}")
            await page.locator('[data-way="agree"]').click()
        await _flowing(page)
        await asyncio.sleep(4)  # the browser's bandwidth estimate and its resolution settle
        undisturbed = await _rate(page, server, seconds)
        if screenshot is not None:
            await page.screenshot(path=screenshot)
        p50, p95 = await _latency(page, seconds)
        switches = [await _switches(page) for _ in range(2)] if isinstance(server, VitrineServer) else [(), ()]
    finally:
        await context.close()
    return PageResult(server.name, undisturbed, p50, p95, *switches)


async def _switches(page: Page) -> tuple[float, ...]:
    """Taps on every product in turn; milliseconds until the picture wears it."""
    await page.evaluate("() => { __probe.worn = [] }")
    others = """() => [...document.querySelectorAll(".tile input")]
        .filter((input) => input.value && !input.checked).map((input) => input.value)"""
    for index, product in enumerate(await page.evaluate(others)):
        await page.evaluate("(product) => document.querySelector(`.tile input[value='${product}']`).click()", product)
        for _ in range(100):
            if await page.evaluate("() => __probe.worn.length") > index:
                break
            await asyncio.sleep(0.05)
    return tuple(await page.evaluate("() => __probe.worn"))


async def _flowing(page: Page) -> None:
    # Asked again and again: the page's content security policy keeps Playwright from waiting inside it.
    for _ in range(200):
        if await page.evaluate("() => __probe.picture()?.getVideoPlaybackQuality().totalVideoFrames > 20"):
            return
        await asyncio.sleep(0.2)
    raise TimeoutError(f"no picture came back to {page.url}")


async def _bare(route: Route) -> None:
    await route.fulfill(body=BARE_PAGE, content_type="text/html")


async def _rate(page: Page, server: Server, seconds: float) -> Undisturbed:
    quality = """() => { const video = __probe.picture(), q = video.getVideoPlaybackQuality()
        return [q.totalVideoFrames, q.droppedVideoFrames, performance.now(), video.videoWidth, video.videoHeight] }"""
    before, client_before, server_before = await page.evaluate(quality), sum(chromium_cpu().values()), server.cpu()
    await asyncio.sleep(seconds)
    after, client_after, server_after = await page.evaluate(quality), sum(chromium_cpu().values()), server.cpu()
    frames, dropped, elapsed_ms = (after[i] - before[i] for i in range(3))
    shown = frames - dropped
    return Undisturbed(
        fps=shown / elapsed_ms * 1e3,
        dropped=dropped,
        client_cpu=(client_after - client_before) / elapsed_ms * 1e3,
        client_cpu_ms=(client_after - client_before) / max(1, shown) * 1e3,
        server_cpu_ms=server_after.since(server_before)[0] / max(1, shown) * 1e3,
        width=after[3],
        height=after[4],
    )


async def _latency(page: Page, seconds: float) -> tuple[float, float]:
    await page.evaluate("() => __probe.read()")
    await asyncio.sleep(seconds)
    told = await page.evaluate("() => { __probe.reading = false; return [__probe.sent, __probe.shown] }")
    sent, shown = ([(checked(bits), at / 1e3) for bits, at in side] for side in told)
    if not sent or not shown:
        return float("nan"), float("nan")
    # The film's numbers come round again every ten seconds: each showing is of the last frame sent by that number.
    arrivals, times = [], {}
    for index, (number, at) in enumerate(shown):
        before = [t for n, t in sent if n == number and t <= at]
        if number is not None and before:
            times[index] = before[-1]
            arrivals.append(Arrival(index, at))
    found = summarise(times, arrivals, shown[0][1], shown[-1][1])
    return found.p50_ms, found.p95_ms


def chromium_cpu() -> dict[int, float]:
    """CPU seconds by process id of every browser process that this process started."""
    mine = psutil.Process().children(recursive=True)
    heads = [p.pid for p in mine if "chrom" in p.name()]
    return tree_cpu(heads)


async def run(options: argparse.Namespace) -> list[PageResult]:
    """The bare page on the echo, then the try-on page."""
    servers: list[Server] = [EchoServer("marker")]
    if not options.echo_only:
        servers.append(VitrineServer())
    camera = FaceCamera(options.width, options.height, GOAL_FPS)
    results = []
    with tempfile.TemporaryDirectory(prefix="vitrine-camera-") as folder:
        film = camera.write_y4m(Path(folder) / "face.y4m", stamp=burn)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=options.chromium, args=chromium_flags(film))
            try:
                for server in servers:
                    await server.start()
                    try:
                        shot = options.screenshot if isinstance(server, VitrineServer) else None
                        results.append(await visit(server, browser, seconds=options.seconds, screenshot=shot))
                    finally:
                        await server.stop()
            finally:
                await browser.close()
    return results


def chromium_flags(film: Path) -> list[str]:
    """Flags for a browser whose camera plays `film` and asks nobody."""
    return [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
        "--disable-gpu",
        "--no-sandbox",
    ]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="bench.page", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="of each of the two measurements")
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--echo-only", action="store_true", help="leave Vitrine out")
    parser.add_argument("--screenshot", type=Path, help="of the try-on page, for a person to look at")
    parser.add_argument("--json", type=Path, help="where to write (default: bench/results/)")
    options = parser.parse_args()
    results = asyncio.run(run(options))
    for r in results:
        a = r.alone
        say(
            f"{r.server:<12} {a.width}x{a.height}  {a.fps:5.1f} fps ({a.dropped} dropped)"
            f"  browser {a.client_cpu:.2f} cores, {a.client_cpu_ms:.1f} ms a frame"
            f"  server {a.server_cpu_ms:.1f} ms a frame"
            f"  in the page p50 {r.p50_ms:.1f} ms, p95 {r.p95_ms:.1f} ms"
        )
        for label, times in (("first", r.first_switch_ms), ("second", r.second_switch_ms)):
            if times:
                say(
                    f"  {len(times)} products put on for the {label} time: "
                    f"p50 {statistics.median(times):.0f} ms, longest {max(times):.0f} ms (goal {GOAL_SWITCH_MS})"
                )
    path: Path = options.json or ROOT / "bench" / "results" / f"page-{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(r) for r in results], indent=1))
    say(f"\ngoal: {GOAL_FPS} frames a second on the try-on page; written to {path}")


if __name__ == "__main__":
    main()
