"""The real page in real Chromium against the real server, with a face before the fake camera."""

import base64
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.brought import write_archive
from tests.camera import FaceCamera, still
from tests.installation import Installation

CHROMIUM = "/usr/bin/chromium"
PICTURES = Path(__file__).parents[1] / "artifacts"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# The newest returned picture, unmirrored, as PNG.
GRAB = """async () => {
  const video = document.querySelector('video.on');
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth; canvas.height = video.videoHeight;
  canvas.getContext('2d').drawImage(video, 0, 0);
  return canvas.toDataURL('image/png').split(',')[1];
}"""


@dataclass(frozen=True)
class Visit:
    """One open page."""

    page: Page
    camera: FaceCamera

    def screen(self, name: str, within_s: float = 45) -> None:
        """Wait until this screen is shown."""
        self.page.wait_for_selector(f"main[data-screen={name}]", timeout=within_s * 1000)

    def agree(self) -> None:
        self.page.locator("[data-way=agree]").click()

    def go_live(self) -> None:
        self.screen("consent")
        self.agree()
        self.screen("live")
        self.page.wait_for_function("() => document.querySelector('video.on')?.videoWidth > 0")

    def wear(self, kind: str, name: str) -> None:
        """Choose a product by its name in the strip and wait until the server has confirmed it."""
        card = self.page.locator("label", has_text=name).locator(f"input[name=wear-{kind}]")
        value = card.get_attribute("value")
        card.check(force=True)
        self.page.wait_for_selector(f"main[data-worn~='{value}']")

    def bare(self) -> None:
        self.page.locator(".all-off").click()
        self.page.wait_for_selector("main[data-worn='']")

    def picture(self) -> NDArray[np.uint8]:
        """The returned picture some frames from now, (h, w, 3) BGR, in the size of the camera's."""
        self.page.wait_for_timeout(700)
        png = base64.b64decode(self.page.evaluate(GRAB))
        seen = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
        return np.asarray(cv2.resize(seen, (self.camera.width, self.camera.height)), np.uint8)

    def settle(self, holds: Callable[[NDArray[np.uint8]], bool], within_s: float = 20) -> NDArray[np.uint8]:
        """The first returned picture for which this holds, or the last one seen: a busy machine shows things late."""
        deadline = time.monotonic() + within_s
        while not holds(picture := self.picture()) and time.monotonic() < deadline:
            pass
        return picture

    def shoot(self, name: str) -> None:
        """A screenshot for a person to look at."""
        PICTURES.mkdir(exist_ok=True)
        self.page.screenshot(path=str(PICTURES / f"{name}.png"))

    def around(self, picture: NDArray[np.uint8], up: float = 0.0) -> NDArray[np.float64]:
        """The picture around the eyes, or `up` pupil distances above them; float."""
        (x0, y0), (x1, y1) = self.camera.pupils(0)
        span = x1 - x0
        middle = (y0 + y1) / 2 - up * span
        rows = slice(max(0, int(middle - 0.35 * span)), int(middle + 0.35 * span))
        return picture[rows, int(x0 - 0.5 * span) : int(x1 + 0.5 * span)].astype(float)


@pytest.fixture(scope="session")
def face() -> FaceCamera:
    return FaceCamera(640, 480, 24, path=still)


@pytest.fixture(scope="session")
def film(face: FaceCamera, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return face.write_mjpeg(tmp_path_factory.mktemp("camera") / "face.mjpeg", 2.0)


@pytest.fixture(scope="session")
def shop() -> Iterator[Installation]:
    """A server with one media process that takes one shopper, so that the second one has to wait."""
    with Installation() as made:
        made.start(settings={"VITRINE_SESSIONS_PER_PROCESS": "1"})
        yield made


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What another shop's fitting room exported."""
    return write_archive(tmp_path_factory.mktemp("brought"))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Playwright]:
    """Playwright keeps a loop running in this thread, so it must be gone before the next module's async tests."""
    with sync_playwright() as started:
        yield started


Open = Callable[..., Visit]


@pytest.fixture
def open_page(chromium: Playwright, film: Path, shop: Installation, face: FaceCamera) -> Iterator[Open]:
    """Opens the demo shop in a browser of its own. camera: a film to play, "film", "refused" or "absent"."""
    browsers: list[Browser] = []

    def start(path: str = "/s/demo", *, camera: str | Path = "film", **options: Any) -> Visit:
        flags = [*FLAGS]
        if camera == "refused":
            flags += ["--use-fake-device-for-media-stream", "--deny-permission-prompts"]
        elif camera != "absent":
            played = film if camera == "film" else camera
            flags += ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={played}"]
            flags += ["--use-fake-ui-for-media-stream"]
        browser = chromium.chromium.launch(executable_path=CHROMIUM, args=flags)
        browsers.append(browser)
        page = browser.new_page(**({"viewport": {"width": 1280, "height": 800}} | options))
        page.add_init_script(
            "window.cameraCalls = 0; const real = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);"
            "if (real) navigator.mediaDevices.getUserMedia = (...a) => { window.cameraCalls++; return real(...a) };"
        )
        page.goto(shop.url.replace("127.0.0.1", "localhost") + path)
        return Visit(page, face)

    yield start
    for browser in browsers:
        browser.close()
