"""What is kept of a try-on: nothing if no picture came back, else how long it lasted and what was worn."""

from __future__ import annotations

import time

from rtc.claims import Visitor
from rtc.control import Stats
from rtc.placement import Placement
from rtc.record import MOST_READINGS, EndedTryOn, TryOnRecord
from tests.rtc.conftest import StartNode
from tests.rtc.shopper import Shopper
from tests.rtc.test_node import TENANT, connect


def test_a_try_on_without_a_picture_was_none() -> None:
    record = TryOnRecord("s", Visitor("t", "v"))
    record.worn(("a",))
    assert record.end() is None


def test_it_lasts_from_the_first_picture_to_the_last_and_knows_what_was_worn() -> None:
    record = TryOnRecord("s", Visitor("t", "v"))
    record.worn(("a",))
    record.frame()
    time.sleep(0.03)
    record.worn(("b", "a"))
    record.frame()
    ended = record.end()
    assert ended is not None
    assert (ended.session_id, ended.visitor.tenant, ended.products) == ("s", "t", ("a", "b"))
    assert 0.03 <= ended.seconds < 1


async def test_a_node_tells_of_each_try_on_once_when_it_ends(start_node: StartNode, placement: Placement) -> None:
    told: list[EndedTryOn] = []
    running = await start_node()
    running.node._record = told.append
    shopper = Shopper()
    offer = await connect(placement, shopper)
    await shopper.see(3)
    shopper.say(type="wear", products=["acetate"])
    await shopper.hear("worn")
    await shopper.see(3)
    assert told == []
    await placement.close(Visitor(TENANT, "visit"), offer.session_id)
    await shopper.close()
    assert [(ended.session_id, ended.visitor.visit, ended.products) for ended in told] == [
        (offer.session_id, "visit", ("acetate",))
    ]
    assert 0 < told[0].seconds < 60


def test_a_hint_is_one_when_its_cause_has_lasted_and_only_once_for_each_time() -> None:
    record = TryOnRecord("s", Visitor("t", "v"))
    for state, frames in (("found", 9), ("too_dark", 4), ("found", 3), ("too_dark", 40), ("found", 9), ("too_dark", 5)):
        for _ in range(frames):
            record.frame(state)
    ended = record.end()
    assert ended is not None
    assert ended.seen.hints == {"too_dark": 2}


def test_a_delay_is_the_network_the_work_and_the_buffer() -> None:
    record = TryOnRecord("s", Visitor("t", "v"))
    for _ in range(200):
        record.frame("found", 12.0)
    record.reading(Stats(type="stats", fps=24, rtt_ms=30, jitter_buffer_ms=8, freezes=1))
    record.reading(Stats(type="stats", fps=12))
    ended = record.end()
    assert ended is not None
    assert (ended.seen.fps, ended.seen.rtts_ms, ended.seen.freezes) == ([24, 12], [30], 1)
    assert abs(ended.seen.delays_ms[0] - 50) < 0.1


def test_a_page_that_reports_without_end_fills_no_memory() -> None:
    record = TryOnRecord("s", Visitor("t", "v"))
    record.frame()
    for _ in range(MOST_READINGS + 50):
        record.reading(Stats(type="stats", fps=24, rtt_ms=30, freezes=10**9))
    ended = record.end()
    assert ended is not None
    assert len(ended.seen.fps) == MOST_READINGS
    assert ended.seen.freezes == 100 * MOST_READINGS
