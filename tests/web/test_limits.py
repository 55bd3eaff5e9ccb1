"""Limits are counted for all processes together, and by each alone while Valkey is away."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
import redis.asyncio
from multidict import CIMultiDict

from ops.embedded import EmbeddedValkey
from web.limits import FALLBACKS, Limits
from web.problem import Problem


async def count(limits: Limits, most: int, *whose: str) -> int:
    """How many of `most` went through."""
    for done in range(most):
        try:
            await limits.hit("visit", *whose)
        except Problem as problem:
            assert problem.code == "rate-limited"
            assert 1 <= int(problem.headers["Retry-After"]) <= 60
            return done
    return most


async def test_two_processes_count_together_and_each_address_for_itself(valkey: redis.asyncio.Redis):
    first, second = (Limits(valkey, {"visit": "5/minute"}) for _ in range(2))
    assert await count(first, 3, "192.0.2.1") == 3
    assert await count(second, 9, "192.0.2.1") == 2
    assert await count(second, 5, "192.0.2.2") == 5


async def test_without_valkey_a_process_counts_alone_and_says_so(services_folder):
    folder = services_folder / "limits"
    folder.mkdir(mode=0o711, exist_ok=True)
    before = FALLBACKS._value.get()
    with EmbeddedValkey(folder, memory_mb=64) as server:
        client = redis.asyncio.from_url(server.url)
        limits = Limits(client, {"visit": "5/minute"})
        assert await count(limits, 2, "192.0.2.1") == 2
    assert await count(limits, 9, "192.0.2.1") == 5
    assert FALLBACKS._value.get() > before
    await client.aclose()


@pytest.mark.parametrize(
    ("hops", "remote", "forwarded", "found"),
    [
        (0, "192.0.2.1", "198.51.100.9", "192.0.2.1"),
        (1, "10.0.0.1", "203.0.113.7, 198.51.100.9", "198.51.100.9"),
        (2, "10.0.0.1", "203.0.113.7, 198.51.100.9", "203.0.113.7"),
        (1, "10.0.0.1", "not an address", "unknown"),
        (0, "2001:db8:1:2:3::4", "", "2001:db8:1:2::/64"),
    ],
)
def test_an_address_is_that_of_the_last_proxy_of_ours(hops: int, remote: str, forwarded: str, found: str):
    headers = CIMultiDict({"X-Forwarded-For": forwarded}) if forwarded else CIMultiDict()
    assert Limits(None, trusted_hops=hops).address(Mock(remote=remote, headers=headers)) == found
