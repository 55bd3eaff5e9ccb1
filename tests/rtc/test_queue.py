"""The line of waiting shoppers: fair between shops, honest about time, forgetting those who left."""

import random

from redis.asyncio import Redis

from rtc.claims import Visitor
from rtc.queue import CALLED_S, FORGOTTEN_S, MAX_WAITING, Line, Queue, Waiting, estimate_s, fair_order

FIRST, SECOND = Visitor("shop", "first"), Visitor("shop", "second")


def line(*shops: str) -> list[Waiting]:
    return [Waiting(f"{shop}{index}", shop, float(index)) for index, shop in enumerate(shops)]


def test_within_a_shop_first_come_first_served() -> None:
    assert [w.ticket for w in fair_order(line("a", "a", "a"), {})] == ["a0", "a1", "a2"]


def test_a_crowd_from_one_shop_does_not_keep_the_others_waiting() -> None:
    order = fair_order(line("a", "a", "a", "a", "b"), {})
    assert [w.ticket for w in order][:2] == ["a0", "b4"]


def test_a_shop_that_has_many_running_waits_behind_one_that_has_none() -> None:
    assert [w.ticket for w in fair_order(line("a", "b"), {"a": 3})] == ["b1", "a0"]


def test_the_estimate_grows_with_the_place_and_shrinks_with_capacity() -> None:
    assert estimate_s(1, 10, 100.0) == 10
    assert estimate_s(5, 10, 100.0) == 50
    assert estimate_s(5, 50, 100.0) == 10


def test_the_estimate_is_what_a_shopper_waits_on_average() -> None:
    """Try-ons that end at random, on nodes that are always full; eight places before hers."""
    chance, capacity, mean, position = random.Random(1), 5, 60.0, 8
    waits = []
    for _ in range(2000):
        ends = [chance.expovariate(1 / mean) for _ in range(capacity)]
        for _ in range(position):
            freed = min(ends)
            ends[ends.index(freed)] = freed + chance.expovariate(1 / mean)
        waits.append(freed)
    assert abs(sum(waits) / len(waits) / estimate_s(position, capacity, mean) - 1) < 0.05


def test_those_for_whom_there_is_room_may_come_and_the_others_are_told_where_they_stand() -> None:
    stood = Line(tuple(line("a", "a", "a", "a")), free=2, capacity=4, mean_duration_s=40.0)
    places = [stood.place_of(f"a{index}") for index in range(4)]
    assert [(place.position, place.turn) for place in places if place] == [(1, True), (2, True), (3, False), (4, False)]
    assert [place.eta_seconds for place in places if place] == [0, 0, 10, 20]
    assert stood.place_of("nobody") is None


async def test_a_ticket_keeps_its_place_as_long_as_its_shopper_asks(valkey: Redis) -> None:
    queue = Queue(valkey)
    await queue.stand("first", FIRST, now=0.0)
    await queue.stand("second", SECOND, now=1.0)
    await queue.stand("first", FIRST, now=10.0)
    assert [w.ticket for w in await queue.waiting(now=10.0)] == ["first", "second"]
    assert [w.ticket for w in await queue.waiting(now=1.1 + FORGOTTEN_S)] == ["first"]
    await queue.leave("first")
    assert await queue.waiting(now=20.0) == []


async def test_who_is_called_and_does_not_come_loses_her_place(valkey: Redis) -> None:
    queue = Queue(valkey)
    [first] = await queue.stand("first", FIRST, now=0.0)
    await queue.call(first, now=1.0)
    await queue.stay([first], now=2.0)  # not called, as far as this web process knows
    assert len(await queue.waiting(now=2.0)) == 1
    await queue.call(first, now=3.0)
    assert len(await queue.waiting(now=3.0 + CALLED_S - 0.1)) == 1
    assert await queue.waiting(now=3.1 + CALLED_S) == []


async def test_a_ticket_of_another_shop_does_not_jump_the_line(valkey: Redis) -> None:
    queue = Queue(valkey)
    await queue.stand("stolen", Visitor("a", "v"), now=0.0)
    await queue.stand("mine", Visitor("b", "v"), now=1.0)
    waiting = await queue.stand("stolen", Visitor("b", "w"), now=2.0)
    assert [(w.ticket, w.tenant) for w in waiting] == [("mine", "b"), ("stolen", "b")]


async def test_of_a_line_without_end_the_first_are_looked_at(valkey: Redis) -> None:
    queue = Queue(valkey)
    await queue.stay((Waiting(f"t{index}", "shop", float(index)) for index in range(MAX_WAITING + 1)), 5000.0)
    waiting = await queue.waiting(5001.0)
    assert len(waiting) == MAX_WAITING
    assert (waiting[0].ticket, waiting[-1].ticket) == ("t0", f"t{MAX_WAITING - 1}")


async def test_a_line_that_was_lost_is_made_whole_by_those_who_stand_in_it(valkey: Redis) -> None:
    queue = Queue(valkey)
    await queue.stand("first", FIRST, now=0.0)
    stood = await queue.stand("second", SECOND, now=1.0)
    await valkey.flushall()
    await queue.stand("newcomer", Visitor("shop", "third"), now=2.0)
    await queue.stay(stood, now=3.0)
    assert [w.ticket for w in await queue.waiting(now=3.0)] == ["first", "second", "newcomer"]


async def test_the_mean_duration_follows_what_try_ons_last(valkey: Redis) -> None:
    queue = Queue(valkey)
    for _ in range(60):
        await queue.learn_duration(30.0)
    assert 30 <= await queue.mean_duration_s() < 31
