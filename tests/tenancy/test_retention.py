"""What is kept goes when its time is over, by each shop's own setting and not a day before."""

from __future__ import annotations

from uuid import uuid4

import asyncpg
import pytest

from tenancy.closure import Closures
from tenancy.consent import current_text
from tenancy.credentials import Credentials
from tenancy.database import Database
from tenancy.errors import InvalidShop
from tenancy.files import Files
from tenancy.mail import Letters
from tenancy.receipts import Signer
from tenancy.retention import BOUNDS, Retention, Retentions, Sweeper
from tenancy.seal import Seal
from tenancy.shops import Shop
from tenancy.tallies import Tallies
from tenancy.visits import Visits
from tests.tenancy.clock import Clock

SECRET = "s" * 40
KEPT = Retention(visits=7, tallies=40, consents=100, audit=90)


@pytest.fixture
async def shop(database: Database) -> Shop:
    made = await Credentials(database).ensure_shop("a", "A", "pk_a")
    await Retentions(database).change(made.id, KEPT, by="ada")
    return made


@pytest.fixture
def sweeper(database: Database, files: Files, clock: Clock) -> Sweeper:
    closures = Closures(database, files, Signer(SECRET), Letters(Seal(SECRET), "http://localhost"), now=clock)
    return Sweeper(database, closures, now=clock)


async def live_a_day(database: Database, shop: Shop, clock: Clock, admin: asyncpg.Connection) -> None:
    """One of everything that has a time."""
    await Visits(database, now=clock).open(shop, None, current_text().version)
    await Tallies(database, now=clock).count(shop.id, {("snapshot", ""): 1})
    await admin.execute(
        "INSERT INTO audit_log (tenant_id, at, actor, action) VALUES ($1, $2, 'ada', 'lived')", shop.id, clock.at
    )


async def counts(admin: asyncpg.Connection, shop: Shop) -> tuple[int, ...]:
    """Visits, sums, consents, and lines of the log but for the one that tells of the setting."""
    row = await admin.fetchrow(
        """
        SELECT (SELECT count(*) FROM visits WHERE tenant_id = $1), (SELECT count(*) FROM tallies WHERE tenant_id = $1),
               (SELECT count(*) FROM consents WHERE tenant_id = $1),
               (SELECT count(*) FROM audit_log WHERE tenant_id = $1 AND action = 'lived')
        """,
        shop.id,
    )
    return tuple(row)


ENDED = ("logins", "mailed_links", "invitations")


async def test_what_has_ended_anyway_goes_a_month_later(
    shop: Shop, sweeper: Sweeper, clock: Clock, admin: asyncpg.Connection
) -> None:
    account, at = uuid4(), clock.at
    await admin.execute(
        "INSERT INTO accounts (tenant_id, id, email, role, password_hash) VALUES ($1, $2, 'a@b.example', 'owner', '')",
        shop.id,
        account,
    )
    await admin.execute(
        """
        INSERT INTO logins (tenant_id, id, account_id, digest, complete, created_at, seen_at, expires_at)
        VALUES ($1, $2, $3, $4, true, $5, $5, $5)
        """,
        shop.id,
        uuid4(),
        account,
        bytes(32),
        at,
    )
    await admin.execute(
        "INSERT INTO mailed_links (tenant_id, digest, account_id, purpose, expires_at) VALUES ($1,$2,$3,'reset',$4)",
        shop.id,
        bytes(32),
        account,
        at,
    )
    await admin.execute(
        """
        INSERT INTO invitations (tenant_id, id, email, role, digest, expires_at)
        VALUES ($1, $2, 'c@d.example', 'staff', $3, $4)
        """,
        shop.id,
        uuid4(),
        bytes(32),
        at,
    )
    clock.pass_by(days=29)
    assert {name for name, count in (await sweeper.sweep()).items() if count} & set(ENDED) == set()
    clock.pass_by(days=2)
    swept = await sweeper.sweep()
    assert {name: swept[name] for name in ENDED} == dict.fromkeys(ENDED, 1)


async def test_each_goes_on_its_own_day(
    database: Database, shop: Shop, sweeper: Sweeper, clock: Clock, admin: asyncpg.Connection
) -> None:
    await live_a_day(database, shop, clock, admin)
    seen = [(0, await counts(admin, shop))]
    for day in range(1, 103):
        clock.pass_by(days=1)
        await sweeper.sweep()
        if (left := await counts(admin, shop)) != seen[-1][1]:
            seen.append((day, left))
    # A visit ends half an hour after it began, so its seventh day is over on the eighth sweep.
    assert seen == [(0, (1, 1, 1, 1)), (8, (0, 1, 1, 1)), (41, (0, 0, 1, 1)), (91, (0, 0, 1, 0)), (101, (0, 0, 0, 0))]


async def test_one_shops_setting_is_not_anothers(
    database: Database, shop: Shop, sweeper: Sweeper, clock: Clock, admin: asyncpg.Connection
) -> None:
    other = await Credentials(database).ensure_shop("b", "B", "pk_b")
    for one in (shop, other):
        await live_a_day(database, one, clock, admin)
    clock.pass_by(days=60)
    swept = await sweeper.sweep()
    assert (await counts(admin, shop), await counts(admin, other)) == ((0, 0, 1, 1), (0, 1, 1, 1))
    assert swept == {"visits": 2, "tallies": 1}


async def test_the_application_cannot_delete_evidence_before_its_time(database: Database, shop: Shop) -> None:
    """Also not by a statement that the sweeper would never send: the tables hold to it by themselves."""
    await Visits(database).open(shop, None, current_text().version)
    async with database.tenant(shop.id) as connection:
        assert await connection.execute("DELETE FROM consents") == "DELETE 0"
        assert await connection.execute("DELETE FROM audit_log") == "DELETE 0"
        assert await connection.execute("DELETE FROM shops") == "DELETE 0"
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute("UPDATE shops SET keep_audit_days = 1")


@pytest.mark.parametrize("name", BOUNDS)
async def test_days_out_of_bounds_are_refused(database: Database, shop: Shop, name: str) -> None:
    least, most = BOUNDS[name]
    for days in (least - 1, most + 1):
        with pytest.raises(InvalidShop):
            await Retentions(database).change(shop.id, Retention(**{**vars(KEPT), name: days}), by="ada")
    for days in (least, most):
        await Retentions(database).change(shop.id, Retention(**{**vars(KEPT), name: days}), by="ada")
    assert vars(await Retentions(database).read(shop.id))[name] == most


async def test_two_sweepers_do_not_meet(
    database: Database, shop: Shop, sweeper: Sweeper, clock: Clock, admin: asyncpg.Connection
) -> None:
    await live_a_day(database, shop, clock, admin)
    clock.pass_by(days=60)
    await admin.execute("SELECT pg_advisory_lock($1)", 0x76697473)
    assert await sweeper.sweep() == {}
    await admin.execute("SELECT pg_advisory_unlock($1)", 0x76697473)
    assert await sweeper.sweep() == {"visits": 1, "tallies": 1}
