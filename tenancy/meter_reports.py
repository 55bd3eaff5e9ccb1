"""From the ledger to somebody who bills by meters: reports that are made once, and sent until they were taken.

A report sums up events of the ledger, and each event is in one report (`metered_events`), so what was reported adds up
to the ledger whatever crashed in between. A report has its identifier and its value before it is first sent, and keeps
both: sent twice, it is the same report.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from uuid import UUID, uuid4

import asyncpg

from tenancy.clock import utc_now
from tenancy.database import Database
from tenancy.usage import storage_gb_days

EVERY_S = 300.0
EVENTS_A_REPORT = 10_000
METERS = ("try-on", "avatar")  # counted by event; storage is summed by day
# Waits between attempts; the last is repeated for as long as the biller takes a report (Stripe: 35 days back).
BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 1800, 3600))
_LEASE = timedelta(minutes=2)
log = logging.getLogger("vitrine.billing")


@dataclass(frozen=True)
class Report:
    """So many of something, used by a shop up to a moment."""

    id: UUID
    meter: str
    quantity: float
    at: datetime
    attempts: int


class Refused(Exception):
    """The biller will never take it; `says` is for the operator."""

    def __init__(self, says: str) -> None:
        super().__init__(says)
        self.says = says[:200]


class Biller(Protocol):
    """Whoever bills. Both methods raise Refused, or anything else to be asked again later; both may be called twice
    with the same."""

    async def customer(self, shop: UUID, slug: str, name: str) -> str: ...

    async def report(self, customer: str, report: Report) -> None: ...


class MeterReports:
    """Makes the reports of every shop that pays, and sends them."""

    def __init__(
        self,
        database: Database,
        biller: Biller,
        *,
        now: Callable[[], datetime] = utc_now,
        every_s: float = EVERY_S,
        on_refused: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._biller = biller
        self._now = now
        self._every_s = every_s
        self._on_refused = on_refused
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Returns at once."""
        self._task = asyncio.create_task(self._always(), name="meter reports")

    async def stop(self) -> None:
        """What was not sent waits."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def round(self) -> None:
        """Once through all shops that pay."""
        for tenant_id in await self._paying():
            try:
                await self._of_shop(tenant_id)
            except Exception as error:  # one shop's trouble is no other's
                log.warning("billing-failed: %s", type(error).__name__)

    async def _always(self) -> None:
        while True:
            try:
                await self.round()
            except Exception as error:  # the database is away: the ledger keeps
                log.warning("billing-away: %s", type(error).__name__)
            await asyncio.sleep(self._every_s)

    async def _paying(self) -> list[UUID]:
        async with self._database.system() as connection:
            rows = await connection.fetch("SELECT tenant_id FROM shops WHERE plan <> 'free' ORDER BY tenant_id")
        return [row["tenant_id"] for row in rows]

    async def _of_shop(self, tenant_id: UUID) -> None:
        customer = await self._customer(tenant_id)
        for meter in METERS:
            while await self._make(tenant_id, meter) == EVENTS_A_REPORT:
                pass
        await self._make_storage(tenant_id)
        for report in await self._take(tenant_id):
            await self._send(tenant_id, customer, report)

    async def _customer(self, tenant_id: UUID) -> str:
        async with self._database.tenant(tenant_id) as connection:
            shop = await connection.fetchrow("SELECT slug, name, billing_customer FROM shops")
        if shop["billing_customer"]:
            return str(shop["billing_customer"])
        made = await self._biller.customer(tenant_id, shop["slug"], shop["name"])
        async with self._database.tenant(tenant_id) as connection:
            kept: str = await connection.fetchval(
                "UPDATE shops SET billing_customer = COALESCE(billing_customer, $1) RETURNING billing_customer", made
            )
        return kept

    async def _make(self, tenant_id: UUID, meter: str) -> int:
        """A report of the events that are in none; returns how many they are."""
        report = uuid4()
        async with self._database.tenant(tenant_id) as connection:
            await _insert(connection, tenant_id, report, meter, self._now(), day=None)
            count: int = await connection.fetchval(
                """
                WITH fresh AS (
                    INSERT INTO metered_events (tenant_id, kind, event_id, report_id)
                    SELECT tenant_id, kind, event_id, $1 FROM usage_events u
                     WHERE kind = $2 AND noted_at > $3 AND NOT EXISTS (
                        SELECT FROM metered_events m WHERE m.kind = u.kind AND m.event_id = u.event_id)
                     LIMIT $4
                    ON CONFLICT DO NOTHING RETURNING 1)
                SELECT count(*) FROM fresh
                """,
                report,
                meter,
                self._now() - timedelta(days=34),
                EVENTS_A_REPORT,
            )
            if count:
                await connection.execute("UPDATE meter_reports SET quantity = $2 WHERE id = $1", report, count)
            else:
                await connection.execute("DELETE FROM meter_reports WHERE id = $1", report)
        return count

    async def _make_storage(self, tenant_id: UUID) -> None:
        """Yesterday's GB-days, once."""
        today = self._now().astimezone(UTC).date()
        begin, end = _midnight(today - timedelta(days=1)), _midnight(today)
        async with self._database.tenant(tenant_id) as connection:
            if await connection.fetchval(
                "SELECT EXISTS (SELECT FROM meter_reports WHERE meter = 'storage' AND day = $1)", begin.date()
            ):
                return
            quantity = await storage_gb_days(connection, begin, end)
            if quantity > 0:
                await _insert(
                    connection, tenant_id, uuid4(), "storage", end, day=begin.date(), quantity=round(quantity, 6)
                )

    async def _take(self, tenant_id: UUID) -> list[Report]:
        """Those that are due, for nobody else to send meanwhile."""
        async with self._database.tenant(tenant_id) as connection:
            rows = await connection.fetch(
                """
                UPDATE meter_reports SET due_at = $2, attempts = attempts + 1
                 WHERE id IN (SELECT id FROM meter_reports WHERE state = 'waiting' AND due_at <= $1
                               ORDER BY at LIMIT 100 FOR UPDATE SKIP LOCKED)
                RETURNING id, meter, quantity, at, attempts
                """,
                self._now(),
                self._now() + _LEASE,
            )
        return [Report(**row) for row in rows]

    async def _send(self, tenant_id: UUID, customer: str, report: Report) -> None:
        state, answer, due = "sent", "", self._now()
        try:
            await self._biller.report(customer, report)
        except Refused as refused:
            state, answer = "refused", refused.says
            self._on_refused()
            log.error("meter-report-refused")  # noqa: TRY400  the biller's words are in the table
        except Exception as error:
            wait = BACKOFF[min(report.attempts, len(BACKOFF)) - 1]
            state, answer, due = "waiting", type(error).__name__, self._now() + wait
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute(
                "UPDATE meter_reports SET state = $2, answer = $3, due_at = $4 WHERE id = $1",
                report.id,
                state,
                answer,
                due,
            )


async def _insert(
    connection: asyncpg.Connection,
    tenant_id: UUID,
    report: UUID,
    meter: str,
    at: datetime,
    *,
    day: date | None,
    quantity: float = 0,
) -> None:
    await connection.execute(
        """
        INSERT INTO meter_reports (tenant_id, id, meter, quantity, at, day, due_at) VALUES ($1, $2, $3, $4, $5, $6, $5)
        ON CONFLICT (tenant_id, meter, day) DO NOTHING
        """,
        tenant_id,
        report,
        meter,
        quantity,
        at,
        day,
    )


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
