"""The end of a shop: asked for by its owner, taken back within the days of grace, then carried out to the last row.

What is left is a receipt, signed, that names the shop by an id that means nothing any more.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import asyncpg

from tenancy.audit import note
from tenancy.clock import utc_now
from tenancy.database import Database
from tenancy.errors import InvalidShop, UnknownReceipt, UnknownShop
from tenancy.files import Files
from tenancy.mail import Letters
from tenancy.receipts import Signer

GRACE = timedelta(days=14)
_DELETE_SECONDS = 600  # a shop's ledger may be long

log = logging.getLogger("vitrine.closure")


@dataclass(frozen=True)
class Closing:
    """`receipt_id`: under which the receipt will be found once the shop has ended."""

    closes_at: datetime
    receipt_id: UUID


async def nothing_kept(_tenant_id: UUID) -> int:
    """For an installation without Valkey."""
    return 0


class Closures:
    """Asks, takes back and carries out. `forget_keys`: forgets what lies in Valkey of a shop, and says how much."""

    def __init__(
        self,
        database: Database,
        files: Files,
        signer: Signer,
        letters: Letters,
        *,
        forget_keys: Callable[[UUID], Awaitable[int]] = nothing_kept,
        grace: timedelta = GRACE,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._files = files
        self._signer = signer
        self._letters = letters
        self._forget_keys = forget_keys
        self._grace = grace
        self._now = now

    async def state(self, tenant_id: UUID) -> Closing | None:
        """When the shop ends, if its owner asked for it."""
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow("SELECT closes_at, closure_id FROM shops")
        return Closing(row["closes_at"], row["closure_id"]) if row and row["closes_at"] else None

    async def ask(self, tenant_id: UUID, slug: str, *, by: str) -> Closing:
        """From now on the shop takes no shoppers, and after the days of grace it ends. Asked for again, the day stays.

        `slug` is typed by the owner to mean it. Raises InvalidShop if it is another.
        """
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow("SELECT slug, closes_at, closure_id FROM shops FOR UPDATE")
            if row is None or row["slug"] != slug.strip():
                raise InvalidShop("type the shop's short name to close it")
            if row["closes_at"]:
                return Closing(row["closes_at"], row["closure_id"])
            closing = Closing(self._now() + self._grace, uuid4())
            await connection.execute(
                "UPDATE shops SET closes_at = $1, closure_id = $2", closing.closes_at, closing.receipt_id
            )
            await note(connection, tenant_id, by, "shop.closure-asked", slug, closes_at=closing.closes_at.isoformat())
            await self._tell_owners(connection, tenant_id, slug, closing, by)
        return closing

    async def take_back(self, tenant_id: UUID, *, by: str) -> None:
        """The shop goes on. Harmless if it was not closing."""
        async with self._database.tenant(tenant_id) as connection:
            done = await connection.execute(
                "UPDATE shops SET closes_at = NULL, closure_id = NULL WHERE closes_at IS NOT NULL"
            )
            if done == "UPDATE 1":
                await note(connection, tenant_id, by, "shop.closure-taken-back")

    async def carry_out(self, tenant_id: UUID) -> str:
        """End a shop whose day has come; returns the receipt. Interrupted, it is carried out again from the start.
        Raises UnknownShop if the shop is not there or not due."""
        async with self._database.tenant(tenant_id) as connection:
            due = await connection.fetchrow("SELECT closure_id FROM shops WHERE closes_at <= $1", self._now())
            if due is None:
                raise UnknownShop
        objects = await self._files.remove_shop(tenant_id)
        keys = await self._forget_keys(tenant_id)
        async with self._database.tenant(tenant_id) as connection:
            rows = await _rows(connection)
            done = await connection.execute("DELETE FROM shops", timeout=_DELETE_SECONDS)
            if done != "DELETE 1":
                raise UnknownShop
            now = self._now()
            receipt = self._signer.sign(
                {
                    "kind": "closure",
                    "id": str(due["closure_id"]),
                    "shop": str(tenant_id),
                    "erased": {"rows": rows, "objects": objects, "keys": keys},
                    "erased_at": now.isoformat(),
                }
            )
            await connection.execute(
                "INSERT INTO closed_shops (id, closed_at, receipt) VALUES ($1, $2, $3)", due["closure_id"], now, receipt
            )
        await self._files.remove_shop(tenant_id)  # what an upload under way may have put there since
        log.info("shop-closed")
        return receipt

    async def receipt(self, receipt_id: UUID) -> str:
        """The receipt of a closed shop. Raises UnknownReceipt."""
        async with self._database.tenant(receipt_id) as connection:  # a table of no shop's: any scope reads it
            found: str | None = await connection.fetchval("SELECT receipt FROM closed_shops WHERE id = $1", receipt_id)
        if found is None:
            raise UnknownReceipt
        return found

    async def _tell_owners(
        self, connection: asyncpg.Connection, tenant_id: UUID, slug: str, closing: Closing, by: str
    ) -> None:
        """Now, for the mails of a shop go with it: later there is nobody to write to."""
        rows = await connection.fetch("SELECT email FROM accounts WHERE role = 'owner' AND verified_at IS NOT NULL")
        day = f"{closing.closes_at:%d %B %Y}"
        text = (
            f"The closure of your shop was asked for by {by}. On {day} everything it has here is erased: products,"
            f" files, people, usage, logs. Until then you can export it all, and change your mind, in the dashboard"
            f" under Privacy.\n\nThe receipt will then be found here:\n\n"
            f"{self._letters.base}/v1/closures/{closing.receipt_id}\n"
        )
        for row in rows:
            await self._letters.post(connection, tenant_id, row["email"], f"{slug} will be closed on {day}", text)


async def _rows(connection: asyncpg.Connection) -> int:
    """How many rows of the shop there are in all tables together."""
    tables = await connection.fetch(
        """
        SELECT format('SELECT count(*) FROM %s', oid::regclass) AS counting FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relrowsecurity
           AND has_table_privilege(oid, 'SELECT')
        """
    )
    return sum([await connection.fetchval(row["counting"], timeout=_DELETE_SECONDS) for row in tables])
