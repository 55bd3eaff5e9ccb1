"""Snapshots are few, a visit's own, and gone with their node."""

import json
import time
from dataclasses import asdict

import pytest
from redis.asyncio import Redis

from rtc.claims import Visitor
from rtc.offers import NodeState, UnknownSession
from rtc.placement import NODES_KEY, Placement
from rtc.snapshots import MOST, MOST_OF_ONE, Snapshots

GREEDY, OTHER = Visitor("shop", "greedy"), Visitor("another", "other")


def name_of(path: str) -> str:
    return path.removeprefix("/v1/snapshots/").removesuffix(".jpg")


def test_who_takes_many_loses_her_own_and_nobody_elses() -> None:
    snapshots = Snapshots("node")
    other = name_of(snapshots.keep(b"hers", OTHER))
    taken = [name_of(snapshots.keep(b"%d" % index, GREEDY)) for index in range(2 * MOST)]
    assert snapshots.find(other) == b"hers"
    assert [snapshots.find(name) for name in taken[-MOST_OF_ONE:]] == [b"%d" % n for n in range(120, 128)]
    assert snapshots.find(taken[-MOST_OF_ONE - 1]) is None


def test_a_node_keeps_only_so_many() -> None:
    snapshots = Snapshots("node")
    taken = [name_of(snapshots.keep(b"one", Visitor("shop", str(index)))) for index in range(MOST + 1)]
    assert snapshots.find(taken[0]) is None
    assert snapshots.find(taken[1]) == b"one"


async def test_one_of_a_node_that_has_just_died_is_gone(valkey: Redis) -> None:
    state = NodeState("gone", "http://127.0.0.1:9", 0, 1, 0.0, True, False, {}, time.time())
    await valkey.hset(NODES_KEY, "gone", json.dumps(asdict(state)))
    placement = Placement(valkey)
    with pytest.raises(UnknownSession):
        await placement.snapshot("gone~abc")
    await placement.aclose()
