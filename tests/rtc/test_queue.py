"""The line of waiting shoppers: fair between shops, honest about time, forgetting those who left."""

from redis.asyncio import Redis

from rtc.queue import FORGOTTEN_S, Queue, Waiting, estimate_s, fair_order


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


async def test_a_ticket_keeps_its_place_as_long_as_its_shopper_asks(valkey: Redis) -> None:
    queue = Queue(valkey)
    await queue.stand("first", "shop", now=0.0)
    await queue.stand("second", "shop", now=1.0)
    await queue.stand("first", "shop", now=10.0)
    assert [w.ticket for w in await queue.waiting(now=10.0)] == ["first", "second"]
    assert [w.ticket for w in await queue.waiting(now=1.1 + FORGOTTEN_S)] == ["first"]
    await queue.leave("first")
    assert await queue.waiting(now=20.0) == []


async def test_a_ticket_of_another_shop_does_not_jump_the_line(valkey: Redis) -> None:
    queue = Queue(valkey)
    await queue.stand("stolen", "a", now=0.0)
    await queue.stand("mine", "b", now=1.0)
    waiting = await queue.stand("stolen", "b", now=2.0)
    assert [(w.ticket, w.tenant) for w in waiting] == [("mine", "b"), ("stolen", "b")]


async def test_the_mean_duration_follows_what_try_ons_last(valkey: Redis) -> None:
    queue = Queue(valkey)
    for _ in range(60):
        await queue.learn_duration(30.0)
    assert 30 <= await queue.mean_duration_s() < 31
