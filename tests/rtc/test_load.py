"""A real node under real load: it gives way and comes back, ten times too many wait in line, and nobody is lost."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from itertools import count
from threading import Event

import pytest
from prometheus_client import REGISTRY

from rtc.claims import Visitor
from rtc.offers import Full, TryOnAnswer, TryOnOffer
from rtc.placement import Placement
from tests.camera import FaceCamera, still
from tests.rtc.conftest import RunningNode, StartNode
from tests.rtc.shopper import Shopper
from tests.rtc.test_node import connect, offer_of

pytestmark = pytest.mark.timeout(240)


@contextlib.contextmanager
def other_work(running: RunningNode) -> Iterator[None]:
    """Keeps the frame worker busy beside its frames, nearly all of the time."""
    enough, worker = Event(), running.node._worker

    def work() -> None:
        time.sleep(0.05)
        if not enough.is_set():
            worker.call(work)

    worker.call(work)
    yield
    enough.set()


async def until(condition: object, within_s: float = 20.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # type: ignore[operator]  # noqa: ASYNC110  what changes is a counter
            await asyncio.sleep(0.05)


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_under_load_pictures_become_fewer_and_come_back_when_it_falls(
    start_node: StartNode, placement: Placement, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in (("OVERLOAD_S", 0.2), ("SETTLE_S", 0.2), ("EASE_S", 0.4), ("MOST_EASE_S", 0.8)):
        monkeypatch.setattr(f"rtc.admission.{name}", seconds)
    monkeypatch.setattr("rtc.node.LOOK_S", 0.2)
    running = await start_node(capacity=None, least=1)
    shopper = Shopper(FaceCamera(path=still, fps=24))
    await connect(placement, shopper)
    [(session, *_)] = running.node.sessions
    assert session.stream.pace.limit is None
    with other_work(running):
        await until(lambda: session.stream.pace.limit == 15)
        await until(lambda: session.stream.detail == 0.5)
        await until(lambda: running.node.state.capacity == 1)  # and nobody more is taken
        assert REGISTRY.get_sample_value("vitrine_fps_limit", {"node": "a"}) == 15
        await shopper.see(2)
    monkeypatch.setattr("rtc.admission.EASY", 100.0)  # what one try-on costs on a busy machine is not the subject
    monkeypatch.setattr("rtc.admission.LAG_EASY_MS", 1e4)
    await until(lambda: session.stream.pace.limit is None)
    assert session.stream.detail == 1.0
    assert REGISTRY.get_sample_value("vitrine_frames_thinned_total", {"node": "a"}) > 0
    await shopper.close()


async def test_of_ten_times_too_many_some_are_served_and_all_others_have_a_place_in_line(
    start_node: StartNode, placement: Placement
) -> None:
    running = await start_node("crowded", capacity=2)
    shoppers = [Shopper() for _ in range(20)]
    queued = counted("vitrine_queued_total")
    tickets: dict[int, str | None] = dict.fromkeys(range(20))

    async def come(index: int) -> TryOnAnswer | Full:
        offer = offer_of(await shoppers[index].offer(), visit=f"v{index}")
        try:
            return await placement.open(offer, tickets[index])
        except Full as full:
            tickets[index] = full.ticket
            return full

    answers = await asyncio.gather(*(come(index) for index in range(20)))
    admitted = {index: answer for index, answer in enumerate(answers) if isinstance(answer, TryOnAnswer)}
    assert len(admitted) == 2
    for index, answer in admitted.items():
        await shoppers[index].accept(answer.sdp)
    waiting = [index for index in range(20) if index not in admitted]
    positions = {}
    for _ in range(3):  # they ask again and again, and those who are served stay so
        for index in waiting:
            full = await come(index)
            assert isinstance(full, Full)
            assert full.eta_seconds > 0
            positions[index] = full.position
        await asyncio.gather(*(shoppers[index].see(2) for index in admitted))
    assert sorted(positions.values()) == list(range(1, 19))
    by_place = sorted(waiting, key=positions.__getitem__)
    for leaving, coming in zip(list(admitted), by_place, strict=False):
        [visitor] = [v for s, v, _ in running.node.sessions if s.id == admitted[leaving].session_id]
        await placement.close(visitor, admitted[leaving].session_id)
        for attempt in count():  # the one behind does not get in before her, however often she asks
            assert isinstance(await come(by_place[-1]), Full)
            if isinstance(answer := await come(coming), TryOnAnswer):
                break
            assert attempt < 50
            await asyncio.sleep(0.05)
        await shoppers[coming].accept(answer.sdp)
        await shoppers[coming].see(1)
    assert len(list(running.node.sessions)) == 2
    assert counted("vitrine_admissions_total", node="crowded", answer="admitted") == 4
    assert counted("vitrine_queued_total") - queued == 18
    await until(lambda: counted("vitrine_sessions", node="crowded") == counted("vitrine_capacity", node="crowded") == 2)
    await asyncio.gather(*(shopper.close() for shopper in shoppers))


async def test_a_shop_with_one_shopper_comes_before_the_second_of_a_shop_with_many(
    start_node: StartNode, placement: Placement
) -> None:
    """One shop has both places and two who wait; the other's only shopper comes last and is told that she is next."""
    await start_node(capacity=2)
    shopper = Shopper()
    sdp = await shopper.offer()
    for visit in ("leaves", "stays"):
        await placement.open(TryOnOffer(visit, "many", visit, sdp, ()))

    async def come(shop: str, visit: str, ticket: str | None = None) -> TryOnAnswer | Full:
        try:
            return await placement.open(TryOnOffer(f"of-{shop}-{visit}", shop, visit, sdp, ()), ticket)
        except Full as full:
            return full

    first, second = await come("many", "first"), await come("many", "second")
    assert isinstance(first, Full)
    assert isinstance(second, Full)
    async with contextlib.aclosing(placement.follow(first.ticket, Visitor("many", "first"))) as places:
        assert (await anext(places)).position == 1
        lonely = await come("one", "lonely")
        assert isinstance(lonely, Full)
        assert lonely.position == 1
        assert (await asyncio.wait_for(anext(places), 10)).position == 2, "she hears that another came before her"
    await placement.close(Visitor("many", "leaves"), "leaves")
    async with asyncio.timeout(20):
        while isinstance(await come("one", "lonely", lonely.ticket), Full):
            assert isinstance(await come("many", "first", first.ticket), Full)
            await asyncio.sleep(0.05)
    places_now = [
        await come("many", visit, ticket) for visit, ticket in (("second", second.ticket), ("first", first.ticket))
    ]
    assert [full.position for full in places_now if isinstance(full, Full)] == [2, 1]
    await shopper.close()
