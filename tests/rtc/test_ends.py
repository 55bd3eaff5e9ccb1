"""A try-on ends by itself: never connected, fallen silent, too long. Nothing of it stays, and the place is free."""

import asyncio

import pytest

import rtc.session
from rtc.measures import SESSIONS_ENDED
from rtc.placement import Placement
from tests.rtc.conftest import RunningNode, StartNode
from tests.rtc.shopper import Shopper
from tests.rtc.test_node import connect, offer_of


def ended(running: RunningNode, reason: str) -> float:
    return float(SESSIONS_ENDED.labels(running.node.settings.id, reason)._value.get())


async def until_gone(running: RunningNode) -> None:
    async with asyncio.timeout(15):
        while running.node.sessions:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_an_offer_that_nobody_follows_up_ends(
    start_node: StartNode, placement: Placement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rtc.session, "CONNECT_S", 0.5)
    running, shopper = await start_node("never"), Shopper()
    await placement.open(offer_of(await shopper.offer()))
    assert running.node.sessions
    await until_gone(running)
    assert ended(running, "never-connected") == 1
    await shopper.close()


async def test_a_shopper_who_falls_silent_is_gone_and_one_who_only_pings_is_not(
    start_node: StartNode, placement: Placement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rtc.session, "HEARTBEAT_S", 2.0)
    running, shopper = await start_node("silent"), Shopper()
    await connect(placement, shopper)
    await shopper.see(2)
    shopper.connection.getTransceivers()[0].sender._enabled = False  # the camera is off
    for _ in range(8):
        shopper.say(type="ping", t=1)
        await asyncio.sleep(0.5)
    assert running.node.sessions
    await until_gone(running)
    assert ended(running, "silent") == 1
    await shopper.close()


async def test_a_try_on_has_an_end_however_lively(start_node: StartNode, placement: Placement) -> None:
    running, shopper = await start_node("long", session_limit_s=2.0), Shopper()
    await connect(placement, shopper)
    await until_gone(running)
    assert ended(running, "time-limit") == 1
    await shopper.close()
