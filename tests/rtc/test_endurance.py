"""Ten minutes of one shopper, with real peers and codecs: at the end the picture is as quick as it was at the start.

VITRINE_ENDURANCE_S makes it shorter; figures go to standard output (`-s`).
"""

import asyncio
import gc
import os
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import av
import psutil
import pytest

from bench.impairment import CLEAN, Impairment, Path
from bench.latency import Arrival, Summary, summarise
from bench.peer import Orders, Peer
from bench.relay import Link
from bench.source import LiveTrack, film
from render.pipeline import FaceState, Outcome
from rtc.placement import Placement
from tests.rtc.conftest import StartNode
from tests.rtc.test_node import offer_of

SECONDS = float(os.environ.get("VITRINE_ENDURANCE_S", "600"))
SETTLE = 0.1  # of the time, in which rates and sizes find their place and caches fill
PART = 0.2  # of the time, at the start and at the end, that are compared
HELD_S = 0.1
FPS = 24
MAX_GROWTH = 40e6

pytestmark = [pytest.mark.long, pytest.mark.timeout(SECONDS + 240)]


class Holding:
    """An effect that keeps every picture for a tenth of a second: two in three of a camera's have to give way."""

    worn: Sequence[Any] = ()
    detail = 1.0

    def process(self, frame: av.VideoFrame) -> Outcome:
        time.sleep(HELD_S)
        return Outcome(FaceState.LOST, None, False, {})

    def close(self) -> None:
        pass


class Door:
    """A peer's way to the node, over a link that may be bad."""

    products: tuple[str, ...] = ()

    def __init__(self, placement: Placement, link: Link) -> None:
        self._placement, self._link = placement, link

    async def answer(self, offer: str) -> str:
        return self._link.answer((await self._placement.open(offer_of(self._link.offer(offer)))).sdp)

    async def leave(self) -> None:
        pass


@pytest.fixture
async def link() -> AsyncIterator[Link]:
    made = Link(Path(1), Path(2))
    await made.open()
    yield made
    made.close()


async def last(placement: Placement, link: Link, how: Impairment) -> tuple[Summary, Summary, float]:
    """The first and the last part of a try-on, and by how many bytes this process, which holds both ends, grew."""
    track = LiveTrack(film(320, 240, FPS))
    peer = Peer(Orders(server="", url="", nack_again_ms=50), Door(placement, link), track)
    await peer.connect()
    async with asyncio.timeout(60):
        await peer.flowing.wait()
    link.up.impairment = link.down.impairment = how
    process = psutil.Process()
    await asyncio.sleep(SETTLE * SECONDS)
    gc.collect()
    before, start = process.memory_info().rss, time.monotonic()
    await asyncio.sleep((1 - SETTLE) * SECONDS)
    gc.collect()
    grown, end = process.memory_info().rss - before, time.monotonic()
    link.up.impairment = link.down.impairment = CLEAN
    await peer.close()
    arrivals = [Arrival(number, at) for number, at in peer.record.arrivals]
    part = PART * (end - start)
    first, final = (summarise(track.sent, arrivals, a, a + part) for a in (start, end - part))
    print(f"\nfirst {first}\nlast  {final}\ngrown {grown / 1e6:.1f} MB")
    return first, final, grown


async def test_latency_after_ten_minutes_of_mild_loss_is_latency_at_the_start(
    start_node: StartNode, placement: Placement, link: Link
) -> None:
    await start_node()
    how = Impairment(loss=0.01, delay_ms=20, jitter_ms=5)
    first, final, grown = await last(placement, link, how)
    assert final.p50_ms < first.p50_ms + 30
    assert final.frames
    assert grown < MAX_GROWTH


async def test_a_slow_consumer_raises_neither_latency_nor_memory(
    start_node: StartNode, placement: Placement, link: Link
) -> None:
    """Ten pictures a second can be worked on; the camera sends 24."""
    await start_node(make_effect=Holding)
    first, final, grown = await last(placement, link, CLEAN)
    assert final.fps == pytest.approx(first.fps, rel=0.2)
    assert 0 < final.fps < 1 / HELD_S, "the others gave way"
    assert final.p50_ms < first.p50_ms + 30
    assert grown < MAX_GROWTH
