"""What is kept of a try-on: nothing if no picture came back, else how long it lasted and what was worn."""

from __future__ import annotations

import time

from rtc.claims import Visitor
from rtc.placement import Placement
from rtc.record import EndedTryOn, TryOnRecord
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
