"""One live try-on for each visit, held by its session and by nobody else."""

from redis.asyncio import Redis

from rtc.claims import Claims, Visitor

SHOPPER, OTHER_SHOP = Visitor("shop", "visit"), Visitor("other", "visit")


async def test_a_claim_is_held_by_the_first_and_ended_only_by_its_holder(valkey: Redis) -> None:
    claims = Claims(valkey)
    assert await claims.claim(SHOPPER, "one") is None
    assert await claims.claim(SHOPPER, "two") == "one"
    await claims.release(SHOPPER, "two")
    assert await claims.claim(SHOPPER, "two") == "one"
    await claims.release(SHOPPER, "one")
    assert await claims.claim(SHOPPER, "two") is None


async def test_the_same_visit_id_in_another_shop_is_another_visit(valkey: Redis) -> None:
    claims = Claims(valkey)
    assert await claims.claim(SHOPPER, "one") is None
    assert await claims.claim(OTHER_SHOP, "two") is None
    await claims.remember_outfit(SHOPPER, ("glasses",))
    assert await claims.outfit(OTHER_SHOP) is None


async def test_a_superseded_session_cannot_prolong_its_claim(valkey: Redis) -> None:
    claims = Claims(valkey)
    await claims.claim(SHOPPER, "old")
    await claims.take_over(SHOPPER, "new")
    await claims.refresh(SHOPPER, "old", "node")
    assert await claims.claim(SHOPPER, "third") == "new"


async def test_a_refresh_makes_a_lost_claim_whole_again(valkey: Redis) -> None:
    """Valkey may be emptied while try-ons run."""
    claims = Claims(valkey)
    await claims.claim(SHOPPER, "one")
    await valkey.flushall()
    await claims.refresh(SHOPPER, "one", "node-a")
    assert await claims.claim(SHOPPER, "two") == "one"
    assert await claims.place_of("one") == ("node-a", SHOPPER)
