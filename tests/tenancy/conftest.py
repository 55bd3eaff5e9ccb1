"""Fixtures of the tests of shops."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.services import Addresses
from tests.tenancy.clock import Clock


@pytest.fixture
def clock() -> Clock:
    """In the past, for the test to move."""
    return Clock()


@pytest.fixture
async def admin(addresses: Addresses) -> AsyncIterator[asyncpg.Connection]:
    """A connection that sees every row."""
    connection = await asyncpg.connect(addresses.admin)
    yield connection
    await connection.close()
