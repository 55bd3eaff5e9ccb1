"""What goes on behind the owners' side goes on in the process as it is put together, not in its parts alone."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from ops.settings import load_settings
from tenancy.clock import utc_now
from tenancy.consent import current_text
from tenancy.credentials import Credentials
from tenancy.database import Database
from tenancy.visits import Visits
from tests.services import Addresses
from wiring.owners import open_owners
from wiring.stores import open_stores


@pytest.mark.timeout(60)
async def test_what_is_over_its_time_is_swept_and_mails_are_carried(
    addresses: Addresses, database: Database, valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "DATABASE_APP_URL": addresses.app,
        "REDIS_URL": valkey_url,
        "VITRINE_DATA": str(tmp_path),
        "VITRINE_SECRET": "x" * 40,
    }.items():
        monkeypatch.setenv(name, value)
    shop = await Credentials(database).ensure_shop("a", "A", "pk_a")
    long_ago = utc_now() - timedelta(days=400)
    await Visits(database, now=lambda: long_ago).open(shop, None, current_text().version)
    admin = await asyncpg.connect(addresses.admin)
    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(open_stores(load_settings()))
        owners, kept = await open_owners(load_settings(), stores, stack)
        await owners.accounts.sign_up("lunettes", "Lunettes", "ada@shop.example", "four turnips in a tram")
        while await admin.fetchval("SELECT count(*) FROM visits"):  # noqa: ASYNC110  what changes is in the table
            await asyncio.sleep(0.1)
        assert kept is not None
        while [mail.to for mail in kept] != ["ada@shop.example"]:  # noqa: ASYNC110  another task's doing
            await asyncio.sleep(0.1)
    await admin.close()
