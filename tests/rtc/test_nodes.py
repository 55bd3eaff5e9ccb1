"""Two real nodes: where a session lands, how it moves from one to the other, and what happens when one is gone."""

import asyncio
import time

import pytest
from redis.asyncio import Redis

from rtc.offers import Full, NoNode, SessionActive, TryOnOffer
from rtc.placement import NODE_FORGOTTEN_S, Placement
from tests.rtc.conftest import RunningNode, StartNode
from tests.rtc.shopper import Shopper
from tests.rtc.test_node import connect, offer_of

pytestmark = pytest.mark.timeout(240)


def sessions(running: RunningNode) -> list[str]:
    return [session.id for session, *_ in running.node.sessions]


async def replace(placement: Placement, old: TryOnOffer) -> tuple[Shopper, TryOnOffer]:
    """The same visit's next connection, as the page makes it after `move` or a drop."""
    shopper = Shopper()
    offer = TryOnOffer("next-" + old.session_id, old.tenant, old.visit, await shopper.offer(), None, old.session_id)
    await shopper.accept((await placement.open(offer)).sdp)
    async with asyncio.timeout(20):
        await shopper.open.wait()
    return shopper, offer


async def vanish(running: RunningNode) -> None:
    """As after kill -9: nothing is said to Valkey or to shoppers, and nothing answers."""
    for site in list(running.runner.sites):
        await site.stop()
    assert running.runner.server is not None
    for connection in list(running.runner.server.connections):  # those that placement keeps open for its next call
        connection.force_close()
        if connection.transport is not None:
            connection.transport.abort()
    running.node.announce = running.node._claims.refresh = _say_nothing  # type: ignore[method-assign, assignment]
    running.node._claims.release = _say_nothing  # type: ignore[method-assign, assignment]
    for session, *_ in list(running.node.sessions):
        assert session.receiver is not None
        for protocol in session.receiver.transport.transport._connection._protocols:
            protocol.transport.abort()


async def _say_nothing(*_: object) -> None: ...


async def test_a_session_lands_where_most_room_is(start_node: StartNode, placement: Placement) -> None:
    small, large = await start_node("small", capacity=1), await start_node("large", capacity=2)
    shoppers = [Shopper() for _ in range(3)]
    landed = []
    for index, shopper in enumerate(shoppers):
        landed.append((await placement.open(offer_of(await shopper.offer(), visit=f"v{index}"))).node)
        await asyncio.gather(small.node.announce(), large.node.announce())
    assert (landed[0], sorted(landed[1:])) == ("large", ["large", "small"])
    with pytest.raises(Full):
        await placement.open(offer_of(await shoppers[0].offer(), visit="one-too-many"))
    await asyncio.gather(*(shopper.close() for shopper in shoppers))


async def test_a_node_that_stops_announcing_itself_is_forgotten(
    start_node: StartNode, placement: Placement, valkey: Redis
) -> None:
    running = await start_node()
    await vanish(running)
    [state] = await placement.nodes()
    shopper = Shopper()
    with pytest.raises(NoNode):  # announced, but it does not answer
        await placement.open(offer_of(await shopper.offer()))
    await asyncio.sleep(max(0.0, state.seen_at + NODE_FORGOTTEN_S + 0.1 - time.time()))
    assert await placement.nodes() == []
    await shopper.close()


async def test_when_a_node_drains_the_picture_goes_on_until_the_other_ones_is_there(
    start_node: StartNode, placement: Placement
) -> None:
    leaving = await start_node("leaving")
    shopper = Shopper()
    first = await connect(placement, shopper, products=("acetate",))
    await shopper.see(2)
    staying = await start_node("staying")
    draining = asyncio.create_task(leaving.node.drain(30))
    assert 0 < (await shopper.hear("move", within_s=5))["within_ms"] <= 30_000
    again, second = await replace(placement, first)
    await again.see(2)
    await shopper.see(2)  # make before break
    assert (sessions(leaving), sessions(staying)) == ([first.session_id], [second.session_id])
    [(session, *_)] = staying.node.sessions
    assert session.worn == ("acetate",)
    await placement.close(first.visitor, first.session_id)
    await asyncio.wait_for(draining, 5)  # it waits for its shoppers, not for its deadline
    third = Shopper()
    with pytest.raises(SessionActive):  # the claim went with the move
        await placement.open(offer_of(await third.offer()))
    await asyncio.gather(*(one.close() for one in (shopper, again, third)))


async def test_who_has_to_move_comes_before_those_who_wait_for_a_place(
    start_node: StartNode, placement: Placement
) -> None:
    leaving = await start_node("leaving", capacity=1)
    shopper, waiting = Shopper(), Shopper()
    first = await connect(placement, shopper)
    with pytest.raises(Full) as full:
        await placement.open(offer_of(await waiting.offer(), visit="waiting"))
    staying = await start_node("staying", capacity=1)
    stranger = TryOnOffer("x", first.tenant, "stranger", await waiting.offer(), (), replaces=first.session_id)
    with pytest.raises(Full):  # it is not hers to go on with
        await placement.open(stranger)
    draining = asyncio.create_task(leaving.node.drain(30))
    await shopper.hear("move")
    again, second = await replace(placement, first)
    assert sessions(staying) == [second.session_id]
    await placement.close(first.visitor, first.session_id)
    await asyncio.wait_for(draining, 5)
    with pytest.raises(Full) as still:
        await placement.open(offer_of(await waiting.offer(), visit="waiting"), full.value.ticket)
    assert still.value.position == 1
    await asyncio.gather(*(one.close() for one in (shopper, waiting, again)))


async def test_those_who_have_to_move_are_told_one_after_the_other(start_node: StartNode, placement: Placement) -> None:
    running = await start_node()
    shoppers = [Shopper(), Shopper()]
    for index, shopper in enumerate(shoppers):
        await connect(placement, shopper, visit=f"v{index}")
    draining = asyncio.create_task(running.node.drain(4))
    heard = [(await shopper.hear("move"))["within_ms"] for shopper in shoppers]
    assert heard[0] - heard[1] > 900
    with pytest.raises(NoNode):  # nobody new comes in
        await placement.open(offer_of(await shoppers[0].offer(), visit="late"))
    await asyncio.wait_for(draining, 10)  # a deadline, though nobody has moved
    await asyncio.gather(*(shopper.close() for shopper in shoppers))


async def test_after_a_node_is_killed_the_same_visit_goes_on_elsewhere_wearing_the_same(
    start_node: StartNode, placement: Placement
) -> None:
    killed = await start_node("killed")
    shopper = Shopper()
    first = await connect(placement, shopper, products=("acetate",))
    await shopper.see(2)
    staying = await start_node("staying")
    await vanish(killed)
    started = time.monotonic()
    again, second = await replace(placement, first)
    assert time.monotonic() - started < 3
    await again.see(2)
    [(session, *_)] = staying.node.sessions
    assert (session.id, session.worn) == (second.session_id, ("acetate",))
    await asyncio.gather(shopper.close(), again.close())


async def test_a_live_session_gives_way_only_to_the_one_that_names_it(
    start_node: StartNode, placement: Placement
) -> None:
    running = await start_node()
    shopper, stranger = Shopper(), Shopper()
    first = await connect(placement, shopper)
    await shopper.see(2)
    wrong = TryOnOffer("x", first.tenant, first.visit, await stranger.offer(), (), replaces="another")
    with pytest.raises(SessionActive):
        await placement.open(wrong)
    again, second = await replace(placement, first)
    assert sessions(running) == [second.session_id]
    await asyncio.gather(*(one.close() for one in (shopper, stranger, again)))
