"""What must be known of a live try-on outside its node: that it runs, where, and what is worn. Kept in Valkey.

All of it may be lost: a missing claim lets a second try-on in, a missing outfit begins with nothing worn.
"""

import json
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

CLAIM_S = 20
OUTFIT_S = 1800

# KEYS[1] the claim, ARGV[1] the session that must hold it: only its holder may end or prolong it.
_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"
_PROLONG = (
    "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('expire', KEYS[1], ARGV[2]) end "
    "if redis.call('exists', KEYS[1]) == 0 then redis.call('set', KEYS[1], ARGV[1], 'EX', ARGV[2]) end return 0"
)


def text(value: bytes | str) -> str:
    """What Valkey returned, as text."""
    return value.decode() if isinstance(value, bytes) else value


@dataclass(frozen=True)
class Visitor:
    """Whose try-on it is: the shop and the shopper's visit."""

    tenant: str
    visit: str


class Claims:
    """Claims of visits on live sessions, sessions' places, and outfits."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def claim(self, visitor: Visitor, session: str) -> str | None:
        """Take the visit's only place; returns the session that holds it already, or None when it is ours."""
        key = self._live(visitor)
        if await self._redis.set(key, session, nx=True, ex=CLAIM_S):
            return None
        holder = await self._redis.get(key)
        return None if holder is None else text(holder)

    async def take_over(self, visitor: Visitor, session: str) -> None:
        """Replace whoever holds the visit's place."""
        await self._redis.set(self._live(visitor), session, ex=CLAIM_S)

    async def release(self, visitor: Visitor, session: str) -> None:
        await self._redis.eval(_RELEASE, 1, self._live(visitor), session)
        await self._redis.delete(self._place(session))

    async def refresh(self, visitor: Visitor, session: str, node: str) -> None:
        """Still live on this node."""
        await self._redis.eval(_PROLONG, 1, self._live(visitor), session, CLAIM_S)
        await self._redis.set(self._place(session), json.dumps([node, visitor.tenant, visitor.visit]), ex=CLAIM_S)

    async def place_of(self, session: str) -> tuple[str, Visitor] | None:
        """The node on which a session runs, and whose it is."""
        found = await self._redis.get(self._place(session))
        if found is None:
            return None
        node, tenant, visit = json.loads(found)
        return node, Visitor(tenant, visit)

    async def remember_outfit(self, visitor: Visitor, products: tuple[str, ...]) -> None:
        """What is worn, so that a resumed try-on wears it again."""
        await self._redis.set(self._outfit(visitor), json.dumps(products), ex=OUTFIT_S)

    async def outfit(self, visitor: Visitor) -> tuple[str, ...] | None:
        """What was worn last in this visit, if anybody remembers."""
        try:
            found = await self._redis.get(self._outfit(visitor))
        except RedisError:
            return None
        return None if found is None else tuple(json.loads(found))

    async def holder(self, visitor: Visitor) -> str | None:
        """The visit's live session, if there is one."""
        found = await self._redis.get(self._live(visitor))
        return None if found is None else text(found)

    async def forget(self, visitor: Visitor) -> int:
        """Forget what a visit wore; returns how much there was."""
        return int(await self._redis.delete(self._outfit(visitor)))

    async def forget_shop(self, tenant: str) -> int:
        """Forget every key that names a shop, whoever wrote it; returns how many there were. Walks through all keys:
        for the end of a shop, and no other time."""
        forgotten = 0
        async for key in self._redis.scan_iter(match=f"*{tenant}*", count=1000):
            forgotten += int(await self._redis.delete(key))
        return forgotten

    @staticmethod
    def _live(visitor: Visitor) -> str:
        return f"t:{visitor.tenant}:live:{visitor.visit}"

    @staticmethod
    def _outfit(visitor: Visitor) -> str:
        return f"t:{visitor.tenant}:outfit:{visitor.visit}"

    @staticmethod
    def _place(session: str) -> str:
        return f"session:{session}"
