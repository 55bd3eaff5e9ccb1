"""What a shop used, read from the ledger: a month's sums, its days, its products, its bill."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import asyncpg

from tenancy.clock import utc_now
from tenancy.database import Database
from tenancy.errors import CapReached
from tenancy.plans import BYTES_PER_GB, InvoiceLine, Plan, cap_of, invoice, plan_of

_CAP_KNOWN_S = 10.0  # how long a shop may run over its cap unnoticed


@dataclass(frozen=True)
class Day:
    """The try-ons that began on one day, UTC."""

    day: date
    try_ons: int
    minutes: float


@dataclass(frozen=True)
class Worn:
    """How often a product was tried on."""

    product_id: UUID
    try_ons: int


@dataclass(frozen=True)
class Month:
    """A calendar month in UTC, up to now if it is this one. `cap`: try-ons allowed in it, or None. `expected`: the
    invoice at its end, if it goes on at this pace."""

    first: date
    plan: Plan
    cap: int | None
    try_ons: int
    minutes: float
    avatars: int
    gb_days: float
    bytes_now: float
    invoice: Sequence[InvoiceLine]
    expected: Sequence[InvoiceLine]

    @property
    def expected_cents(self) -> int:
        """What it is likely to come to."""
        return sum(line.cents for line in self.expected)

    @property
    def total_cents(self) -> int:
        """What it comes to."""
        return sum(line.cents for line in self.invoice)


@dataclass(frozen=True)
class Room:
    """What the plan has room for, and what of it is taken."""

    plan: Plan
    products: int
    bytes_now: float

    @property
    def share(self) -> float:
        """Of the tighter of the two quotas, 0 to 1 and beyond."""
        stored = self.bytes_now / (self.plan.most_gb * BYTES_PER_GB)
        return max(stored, self.products / self.plan.most_products)


class Usage:
    """Reads the ledger."""

    def __init__(self, database: Database, *, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    async def month(self, tenant_id: UUID, first: date | None = None) -> Month:
        """`first`: any day of the month; None for this one."""
        begin, end = month_of(first or self._now().date())
        async with self._database.tenant(tenant_id) as connection:
            shop = await connection.fetchrow("SELECT plan, cap_try_ons FROM shops")
            try_ons, seconds = await connection.fetchrow(
                """
                SELECT count(*), COALESCE(sum(quantity), 0) FROM usage_events
                 WHERE kind = 'try-on' AND at >= $1 AND at < $2
                """,
                begin,
                end,
            )
            avatars = await connection.fetchval(
                "SELECT count(*) FROM usage_events WHERE kind = 'avatar' AND at >= $1 AND at < $2", begin, end
            )
            gb_days, bytes_now = await _storage(connection, begin, min(end, self._now()))
        plan = plan_of(shop["plan"] if shop else "free")
        cap = cap_of(plan, shop["cap_try_ons"] if shop else None)
        pace, days_left = _pace(begin, end, self._now())
        ahead = round(try_ons * pace)
        return Month(
            first=begin.date(),
            plan=plan,
            cap=cap,
            try_ons=try_ons,
            minutes=seconds / 60,
            avatars=avatars,
            gb_days=gb_days,
            bytes_now=bytes_now,
            invoice=invoice(plan, try_ons=try_ons, gb_days=gb_days, avatars=avatars),
            expected=invoice(
                plan,
                try_ons=ahead if cap is None else max(try_ons, min(ahead, cap)),
                gb_days=gb_days + bytes_now / BYTES_PER_GB * days_left,
                avatars=round(avatars * pace),
            ),
        )

    async def room(self, tenant_id: UUID) -> Room:
        """The quotas of products and storage."""
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow(
                """
                SELECT (SELECT plan FROM shops) AS plan, (SELECT count(*) FROM products) AS products,
                       (SELECT COALESCE(sum(quantity), 0) FROM usage_events WHERE kind = 'storage') AS bytes
                """
            )
        return Room(plan_of(row["plan"] or "free"), row["products"], row["bytes"])

    async def days(self, tenant_id: UUID, count: int = 30) -> list[Day]:
        """The last days, today last, those without a try-on too."""
        async with self._database.tenant(tenant_id) as connection:
            rows = await connection.fetch(
                """
                SELECT d::date AS day, count(u.at) AS try_ons, COALESCE(sum(u.quantity), 0) / 60 AS minutes
                  FROM generate_series($1::timestamp, $2::timestamp, interval '1 day') d
                  LEFT JOIN usage_events u
                    ON u.kind = 'try-on' AND u.at >= d AT TIME ZONE 'UTC'
                   AND u.at < (d + interval '1 day') AT TIME ZONE 'UTC'
                 GROUP BY d ORDER BY d
                """,
                datetime.combine(self._now().date() - timedelta(days=count - 1), datetime.min.time()),
                datetime.combine(self._now().date(), datetime.min.time()),
            )
        return [Day(row["day"], row["try_ons"], row["minutes"]) for row in rows]

    async def most_worn(self, tenant_id: UUID, count: int = 30) -> list[Worn]:
        """Products by how often they were tried on in the last days, the most first."""
        async with self._database.tenant(tenant_id) as connection:
            rows = await connection.fetch(
                """
                SELECT p AS product_id, count(*) AS try_ons FROM usage_events, unnest(products) p
                 WHERE kind = 'try-on' AND at >= $1 GROUP BY p ORDER BY count(*) DESC, p
                """,
                self._now() - timedelta(days=count),
            )
        return [Worn(**row) for row in rows]

    async def refuse_beyond_cap(self, tenant_id: UUID) -> None:
        """Raises CapReached. Known for some seconds, or until the shop changes, so that a shopper's visit seldom costs
        a query."""
        cache = self._database.cache
        if await cache.read("cap", tenant_id, "", lambda: self._is_capped(tenant_id), lasting_s=_CAP_KNOWN_S):
            raise CapReached("this month's try-ons are used up")

    async def _is_capped(self, tenant_id: UUID) -> bool:
        begin, end = month_of(self._now().date())
        async with self._database.tenant(tenant_id) as connection:
            shop = await connection.fetchrow(
                """
                SELECT plan, cap_try_ons, (SELECT count(*) FROM usage_events
                                            WHERE kind = 'try-on' AND at >= $1 AND at < $2) AS try_ons
                  FROM shops
                """,
                begin,
                end,
            )
        if shop is None:
            return False
        cap = cap_of(plan_of(shop["plan"]), shop["cap_try_ons"])
        return cap is not None and bool(shop["try_ons"] >= cap)


def month_of(day: date) -> tuple[datetime, datetime]:
    """The month that a day is in: its first moment and the first after it."""
    begin = datetime(day.year, day.month, 1, tzinfo=UTC)
    return begin, (begin + timedelta(days=32)).replace(day=1)


def _pace(begin: datetime, end: datetime, now: datetime) -> tuple[float, float]:
    """By how much a month will have grown at its end, and its days that are left. A day at least is taken for gone:
    an hour's luck is no pace."""
    now = min(max(now, begin + timedelta(days=1)), end)
    return (end - begin) / (now - begin), (end - now) / timedelta(days=1)


async def storage_gb_days(connection: asyncpg.Connection, begin: datetime, end: datetime) -> float:
    """What was stored between two moments, in gigabytes times days."""
    return (await _storage(connection, begin, end))[0]


async def _storage(connection: asyncpg.Connection, begin: datetime, end: datetime) -> tuple[float, float]:
    """GB-days between two moments, and the bytes held at the end: the area under the ledger's running sum."""
    rows = await connection.fetch(
        """
        SELECT GREATEST(at, $1) AS at, quantity FROM usage_events WHERE kind = 'storage' AND at < $2 ORDER BY at
        """,
        begin,
        end,
    )
    held = byte_days = 0.0
    since = begin
    for row in rows:
        byte_days += held * (row["at"] - since).total_seconds() / 86_400
        held, since = held + row["quantity"], row["at"]
    byte_days += held * max(0.0, (end - since).total_seconds()) / 86_400
    return byte_days / BYTES_PER_GB, held
