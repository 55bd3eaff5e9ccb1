"""How long what is kept, by each shop's own setting, and the sweeper that holds to it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from uuid import UUID

import asyncpg

from tenancy.audit import note
from tenancy.clock import utc_now
from tenancy.closure import Closures
from tenancy.database import Database
from tenancy.errors import InvalidShop, TenancyError, UnknownShop

SWEEP_EVERY_S = 600.0
_LOCK = 0x76697473  # "vits": whoever holds it sweeps
_AT_ONCE = 5000  # rows a statement; the next ones follow

log = logging.getLogger("vitrine.retention")


@dataclass(frozen=True)
class Retention:
    """Days. `visits`: after they ended. `tallies`: sums by day. `consents`: the evidence that shoppers agreed.
    `audit`: the log of the team's deeds."""

    visits: int
    tallies: int
    consents: int
    audit: int


# What may be set, in days; the same floors and ceilings as in the tables.
BOUNDS: Mapping[str, tuple[int, int]] = {
    "visits": (1, 90),
    "tallies": (30, 1830),
    "consents": (30, 3650),
    "audit": (90, 3650),
}


def _aged(table: str, ended: str) -> str:
    """Removes what is over: $1 the clock, $2 the days, $3 how many at once. `ended`: which rows, by those."""
    rows = f"SELECT ctid FROM {table} WHERE {ended} LIMIT $3"  # noqa: S608  written below, by nobody else
    return f"DELETE FROM {table} WHERE ctid = ANY (ARRAY({rows}))"  # noqa: S608


_LONG_AGO = "$1::timestamptz - make_interval(days => $2)"
# What goes when its time is over, a statement for each.
_DUE: Mapping[str, str] = {
    "visits": _aged("visits", f"expires_at < {_LONG_AGO}"),
    "tallies": _aged("tallies", "day < ($1::timestamptz AT TIME ZONE 'UTC')::date - $2::int"),
    "consents": _aged("consents", f"granted_at < {_LONG_AGO}"),
    "audit": _aged("audit_log", f"at < {_LONG_AGO}"),
    # What has ended anyway, and of which nobody has any use: a month for the list of one's own logins.
    "logins": _aged("logins", f"expires_at < {_LONG_AGO}"),
    "mailed_links": _aged("mailed_links", f"expires_at < {_LONG_AGO}"),
    "invitations": _aged("invitations", f"expires_at < {_LONG_AGO}"),
}
_ENDED_DAYS = 30


@dataclass(frozen=True)
class Held:
    """How many of each a shop has."""

    visits: int
    consents: int


class Retentions:
    """Reads and changes a shop's setting."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, tenant_id: UUID) -> Retention:
        """Raises UnknownShop."""
        async with self._database.tenant(tenant_id) as connection:
            return await _retention(connection)

    async def shown(self, tenant_id: UUID) -> Retention:
        """As shoppers' pages need it: from this process's memory where that is still true. Raises UnknownShop."""
        return await self._database.cache.read("retention", tenant_id, "", lambda: self.read(tenant_id))

    async def held(self, tenant_id: UUID) -> Held:
        """How much there is now."""
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow(
                "SELECT (SELECT count(*) FROM visits) AS visits, (SELECT count(*) FROM consents) AS consents"
            )
        return Held(row["visits"], row["consents"])

    async def change(self, tenant_id: UUID, wanted: Retention, *, by: str) -> None:
        """Raises InvalidShop for days out of bounds."""
        for name, days in asdict(wanted).items():
            least, most = BOUNDS[name]
            if not least <= days <= most:
                raise InvalidShop(f"{name} are kept for {least} to {most} days")
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute(
                """
                UPDATE shops SET keep_visits_days = $1, keep_tallies_days = $2, keep_consents_days = $3,
                                 keep_audit_days = $4
                """,
                wanted.visits,
                wanted.tallies,
                wanted.consents,
                wanted.audit,
            )
            await note(connection, tenant_id, by, "shop.retention-changed", **asdict(wanted))
        self._database.cache.drop(tenant_id)


class Sweeper:
    """Deletes what is due, and carries out closures whose day has come. One process at a time does."""

    def __init__(self, database: Database, closures: Closures, *, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._closures = closures
        self._now = now

    async def sweep(self) -> Counter[str]:
        """How many rows of what were deleted, and `shops` closed; nothing while another process sweeps."""
        swept: Counter[str] = Counter()
        async with self._database.system() as guard:
            if not await guard.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
                return swept
            shops = await guard.fetch("SELECT tenant_id, closes_at FROM shops")
            for shop in shops:
                try:
                    if shop["closes_at"] and shop["closes_at"] <= self._now():
                        await self._closures.carry_out(shop["tenant_id"])
                        swept["shops"] += 1
                    else:
                        swept += await self._sweep_shop(shop["tenant_id"])
                except TenancyError as error:  # one shop's trouble is not another's
                    log.warning("not-swept: %s", error.code)
        return swept

    async def always(self) -> None:
        """Sweep now and then, for as long as the process serves."""
        while True:
            try:
                swept = await self.sweep()
                if swept:
                    log.info("swept: %s", dict(swept))
            except Exception:  # PostgreSQL away, a statement too slow: the next round may do
                log.exception("sweep-failed")
            await asyncio.sleep(SWEEP_EVERY_S)

    async def _sweep_shop(self, tenant_id: UUID) -> Counter[str]:
        swept: Counter[str] = Counter()
        async with self._database.tenant(tenant_id) as connection:
            days = asdict(await _retention(connection))
        for name, statement in _DUE.items():
            while True:
                async with self._database.tenant(tenant_id) as connection:
                    done = await connection.execute(statement, self._now(), days.get(name, _ENDED_DAYS), _AT_ONCE)
                deleted = int(done.split()[-1])
                swept[name] += deleted
                if deleted < _AT_ONCE:
                    break
        return +swept


async def _retention(connection: asyncpg.Connection) -> Retention:
    row = await connection.fetchrow(
        """
        SELECT keep_visits_days AS visits, keep_tallies_days AS tallies, keep_consents_days AS consents,
               keep_audit_days AS audit
          FROM shops
        """
    )
    if row is None:
        raise UnknownShop
    return Retention(**{field.name: row[field.name] for field in fields(Retention)})
