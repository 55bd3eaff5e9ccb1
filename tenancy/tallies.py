"""Sums by day: how often something happened in a shop, how many saw which delay. No line says anything of one shopper.

A measure has labels, and a histogram's labels are the upper ends of its steps. What adds up here cannot be taken
apart again: there is no visit in it, no time but the day, no address.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import asyncpg

from tenancy.clock import utc_now
from tenancy.database import Database

BEYOND = "more"
# Upper ends of a histogram's steps; what lies beyond the last is BEYOND.
STEPS: Mapping[str, tuple[int, ...]] = {
    "delay_ms": (20, 40, 60, 80, 100, 150, 200, 300, 500, 1000),  # how old a picture is when it is seen
    "rtt_ms": (5, 10, 20, 40, 60, 100, 150, 200, 300, 500, 1000),
    "fps": (5, 10, 15, 18, 20, 22, 24, 27, 30, 60),
}
# Measures whose labels are names: of a product, of a hint, of a screen.
COUNTED = frozenset({"snapshot", "add-to-cart", "hint", "freeze"})
MEASURES = COUNTED | STEPS.keys()

Tally = tuple[str, str]  # measure and label


@dataclass(frozen=True)
class DayCount:
    """How often on one day, UTC."""

    day: date
    count: int


def step(measure: str, value: float) -> Tally:
    """Where a value falls in its histogram."""
    return measure, next((str(end) for end in STEPS[measure] if value <= end), BEYOND)


async def add(connection: asyncpg.Connection, tenant_id: UUID, day: date, counts: Mapping[Tally, int]) -> None:
    """Add to the sums of a day, in the order of their key, so that two who add at once never wait for each other
    in a ring."""
    known = sorted((key, count) for key, count in counts.items() if key[0] in MEASURES and count > 0)
    if not known:
        return
    await connection.execute(
        """
        INSERT INTO tallies (tenant_id, day, measure, label, count)
        SELECT $1, $2, t.measure, t.label, t.count
          FROM unnest($3::text[], $4::text[], $5::bigint[]) AS t (measure, label, count)
        ON CONFLICT (tenant_id, day, measure, label) DO UPDATE SET count = tallies.count + excluded.count
        """,
        tenant_id,
        day,
        [measure for (measure, _), _ in known],
        [label[:64] for (_, label), _ in known],
        [count for _, count in known],
    )


def histograms(values: Mapping[str, Iterable[float]]) -> Counter[Tally]:
    """Values by their measure, each counted in its step."""
    return Counter(step(measure, value) for measure, found in values.items() for value in found)


class Tallies:
    """Reads and adds."""

    def __init__(self, database: Database, *, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    async def count(self, tenant_id: UUID, counts: Mapping[Tally, int]) -> None:
        """It happened today."""
        async with self._database.tenant(tenant_id) as connection:
            await add(connection, tenant_id, self._now().date(), counts)

    async def days(self, tenant_id: UUID, measure: str, count: int = 30) -> list[DayCount]:
        """The last days, today last, those without any too."""
        today = self._now().date()
        async with self._database.tenant(tenant_id) as connection:
            rows = await connection.fetch(
                """
                SELECT day, sum(count)::bigint AS count FROM tallies WHERE measure = $1 AND day > $2 GROUP BY day
                """,
                measure,
                today - timedelta(days=count),
            )
        found = {row["day"]: row["count"] for row in rows}
        days = [today - timedelta(days=back) for back in reversed(range(count))]
        return [DayCount(day, found.get(day, 0)) for day in days]

    async def labels(self, tenant_id: UUID, measure: str, count: int = 30) -> dict[str, int]:
        """Each label's sum over the last days, the most first."""
        async with self._database.tenant(tenant_id) as connection:
            rows = await connection.fetch(
                """
                SELECT label, sum(count)::bigint AS count FROM tallies WHERE measure = $1 AND day > $2
                 GROUP BY label ORDER BY count DESC, label
                """,
                measure,
                self._now().date() - timedelta(days=count),
            )
        return {row["label"]: row["count"] for row in rows}

    async def every(self, tenant_id: UUID) -> list[tuple[date, str, str, int]]:
        """Day, measure, label and count of every sum that is kept."""
        async with self._database.tenant(tenant_id) as connection:
            rows = await connection.fetch("SELECT day, measure, label, count FROM tallies ORDER BY 1, 2, 3")
        return [tuple(row) for row in rows]

    async def histogram(self, tenant_id: UUID, measure: str, count: int = 30) -> list[tuple[str, int]]:
        """Every step of a measure with its sum over the last days, the lowest first."""
        found = await self.labels(tenant_id, measure, count)
        return [(label, found.get(label, 0)) for label in (*map(str, STEPS[measure]), BEYOND)]


def percentile(histogram: list[tuple[str, int]], share: float) -> int | None:
    """The upper end of the step in which this share of all values is reached; None without values or beyond the last
    step."""
    wanted, seen = share * sum(count for _, count in histogram), 0
    for label, count in histogram:
        seen += count
        if count and seen >= wanted:
            return None if label == BEYOND else int(label)
    return None
