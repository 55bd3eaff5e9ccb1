"""A shopper's picture when the media process that makes it is killed, or told to stop, again and again."""

from __future__ import annotations

import itertools
import json
import math
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from playwright.sync_api import Browser, Playwright

from tests.camera import FaceCamera
from tests.installation import Installation
from tests.page.conftest import CHROMIUM, FLAGS, Visit

KILLS = int(os.environ.get("NODE_KILLS", "10"))
MOVES = int(os.environ.get("NODE_MOVES", "5"))
BETWEEN_S = 8  # a supervisor ends when a program of its ends five times a minute, and here two take turns
SLACK = 1.5  # the goal is half a second; a machine that does other things paints late
# When each picture of the shown video was painted, in milliseconds of the page's clock.
PAINTED = """
window.painted = [];
const watched = new WeakSet();
const watch = (video) => {
  watched.add(video);
  const paint = (now) => {
    if (video.classList.contains('on')) window.painted.push(now);
    video.requestVideoFrameCallback(paint);
  };
  video.requestVideoFrameCallback(paint);
};
new MutationObserver(() => {
  for (const video of document.querySelectorAll('video.returned')) if (!watched.has(video)) watch(video);
}).observe(document, { childList: true, subtree: true });
"""

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


@dataclass(frozen=True)
class TwoNodes:
    """An installation with two media processes, and its Valkey."""

    installation: Installation
    valkey: redis.Redis

    def ready(self) -> dict[str, dict[str, Any]]:
        """What the nodes that take sessions say of themselves, by name."""
        said = [json.loads(row) for row in self.valkey.hgetall("nodes").values()]
        fresh = [one for one in said if time.time() - one["seen_at"] < 2.5]
        return {one["id"]: one for one in fresh if one["ready"] and not one["draining"]}

    def serving(self, within_s: float = 120) -> psutil.Process:
        """The media process on which the only try-on runs, once the other one is ready to take it."""
        deadline = time.monotonic() + within_s
        while True:
            there = self.ready()
            busy = [name for name, said in there.items() if said["sessions"]]
            if len(there) == 2 and len(busy) == 1:
                break
            assert time.monotonic() < deadline, there
            time.sleep(0.2)
        assert self.installation.process is not None
        processes = psutil.Process(self.installation.process.pid).children(recursive=True)
        return next(one for one in processes if busy[0] in one.cmdline())

    def outfit(self) -> list[str]:
        """What the only visit is remembered to wear."""
        [key] = self.valkey.scan_iter("*:outfit:*")
        worn: list[str] = json.loads(self.valkey.get(key) or b"[]")
        return worn


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[TwoNodes]:
    """Two media processes that give their shoppers ten seconds to move."""
    with Installation() as made:
        made.start(settings={"VITRINE_MEDIA_PROCESSES": "2", "VITRINE_DRAIN_SECONDS": "10"})
        with redis.Redis.from_url(made.child("web").environ()["REDIS_URL"]) as client:
            yield TwoNodes(made, client)


@pytest.fixture
def visit(chromium: Playwright, film: Path, face: FaceCamera, two_nodes: TwoNodes) -> Iterator[Visit]:
    camera = ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}"]
    flags = [*FLAGS, *camera, "--use-fake-ui-for-media-stream"]
    browser: Browser = chromium.chromium.launch(executable_path=CHROMIUM, args=flags)
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.add_init_script(PAINTED)
    page.goto(two_nodes.installation.url.replace("127.0.0.1", "localhost") + "/s/demo")
    made = Visit(page, face)
    made.go_live()
    page.wait_for_timeout(3000)
    yield made
    browser.close()


def longest_gap_ms(visit: Visit) -> float:
    """Between two pictures since the last call."""
    painted: list[float] = visit.page.evaluate(
        "() => { const all = window.painted; window.painted = all.slice(-1); return all }"
    )
    return max(after - before for before, after in itertools.pairwise(painted))


def report(**figures: object) -> None:
    """For a person, with `-s`."""
    print(json.dumps(figures), flush=True)


def test_after_each_kill_the_picture_is_back_within_seconds_wearing_the_same(visit: Visit, two_nodes: TwoNodes) -> None:
    two_nodes.valkey.delete(*two_nodes.valkey.scan_iter("*:outfit:*"))  # of earlier visits
    visit.wear("glasses", "Linden")
    worn = visit.page.locator("main").get_attribute("data-worn")
    gaps: list[float] = []
    for _ in range(KILLS):
        visit.page.wait_for_timeout(BETWEEN_S * 1000)
        victim = two_nodes.serving()
        longest_gap_ms(visit)
        victim.kill()
        visit.page.wait_for_function("() => document.querySelector('main').dataset.screen !== 'live'", timeout=20_000)
        visit.screen("live", within_s=60)
        visit.page.wait_for_timeout(1500)
        gaps.append(longest_gap_ms(visit))
        assert visit.page.locator("main").get_attribute("data-worn") == worn
        assert two_nodes.outfit() == [worn]
    p95 = sorted(gaps)[math.ceil(0.95 * len(gaps)) - 1]
    report(kills=len(gaps), median_ms=round(statistics.median(gaps)), p95_ms=round(p95), gaps_ms=list(map(round, gaps)))
    assert p95 < 3000


def test_when_a_node_is_told_to_stop_the_picture_hardly_does(visit: Visit, two_nodes: TwoNodes) -> None:
    gaps: list[float] = []
    for _ in range(MOVES):
        visit.page.wait_for_timeout(BETWEEN_S * 1000)
        leaving = two_nodes.serving()
        longest_gap_ms(visit)
        leaving.terminate()
        leaving.wait(20)
        visit.page.wait_for_timeout(1500)
        gaps.append(longest_gap_ms(visit))
        assert visit.page.locator("main").get_attribute("data-screen") == "live"
    report(moves=len(gaps), median_ms=round(statistics.median(gaps)), longest_ms=round(max(gaps)))
    assert max(gaps) < SLACK * 500


def test_the_picture_of_a_node_that_stays_has_no_such_gap(visit: Visit) -> None:
    """What the two above measure against: the same page and the same machine, and nothing happens."""
    longest_gap_ms(visit)
    visit.page.wait_for_timeout(10_000)
    gap = longest_gap_ms(visit)
    report(quiet_longest_ms=round(gap))
    assert gap < SLACK * 500
