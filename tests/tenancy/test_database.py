"""A transaction belongs to one shop, whatever the pool did before, and a database that could leak is refused."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest

from tenancy.database import Database, migrate
from tenancy.errors import NotIsolated, NotMigrated, UnsafeRole
from tests.services import Addresses

EMPTY = """
DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION vitrine_owner; DROP SCHEMA jobs CASCADE
"""


async def add_shop(database: Database, slug: str) -> UUID:
    tenant_id = uuid4()
    async with database.tenant(tenant_id) as connection:
        await connection.execute("INSERT INTO shops (tenant_id, slug, name) VALUES ($1, $2, $2)", tenant_id, slug)
    return tenant_id


async def slugs(database: Database, tenant_id: UUID) -> list[str]:
    async with database.tenant(tenant_id) as connection:
        return [row["slug"] for row in await connection.fetch("SELECT slug FROM shops")]


async def test_a_shop_sees_its_own_rows_and_no_others(database: Database) -> None:
    a, b = await add_shop(database, "a"), await add_shop(database, "b")
    assert await slugs(database, a) == ["a"]
    assert await slugs(database, b) == ["b"]
    assert await slugs(database, uuid4()) == []


async def test_rows_of_another_shop_cannot_be_written_changed_or_moved(database: Database) -> None:
    a, b = await add_shop(database, "a"), await add_shop(database, "b")
    async with database.tenant(a) as connection:
        assert await connection.execute("UPDATE shops SET name = 'taken' WHERE tenant_id = $1", b) == "UPDATE 0"
    for statement in (
        "INSERT INTO products (tenant_id, id, kind, name, source_digest, glb_digest, thumbnail_digest)"
        " VALUES ($1, gen_random_uuid(), 'hat', 'n', '', '', '')",
        "UPDATE shops SET tenant_id = $1",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.tenant(a) as connection:
                await connection.execute(statement, b)
    assert await slugs(database, b) == ["b"]


async def test_without_a_shop_there_are_no_rows(database: Database, addresses: Addresses) -> None:
    a = await add_shop(database, "a")
    connection = await asyncpg.connect(addresses.app)
    assert await connection.fetch("SELECT * FROM shops") == []
    async with connection.transaction():
        await connection.execute("SELECT set_config('app.tenant_id', $1, true)", str(a))
        assert len(await connection.fetch("SELECT * FROM shops")) == 1
    # The setting now reads '' and not NULL; it still means nobody.
    assert await connection.fetchval("SELECT current_setting('app.tenant_id', true)") == ""
    assert await connection.fetch("SELECT * FROM shops") == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("INSERT INTO shops (tenant_id, slug, name) VALUES (gen_random_uuid(), 'x', 'x')")
    await connection.close()


async def test_one_connection_serves_shops_in_turn_without_mixing_them(addresses: Addresses) -> None:
    database = await Database.connect(addresses.app, most=1)
    shops = {name: await add_shop(database, name) for name in ("a", "b", "c")}
    onlooker = await asyncpg.connect(addresses.admin)

    async def fails(name: str) -> None:
        async with database.tenant(shops[name]) as connection:
            await connection.execute("UPDATE shops SET name = 'half-done'")
            raise LookupError

    async def fails_in_sql(name: str) -> None:
        async with database.tenant(shops[name]) as connection:
            await connection.execute("UPDATE shops SET name = 'half-done'")
            await connection.execute("SELECT 1 / 0")

    async def waits(name: str) -> None:
        async with database.tenant(shops[name]) as connection:
            await connection.execute("UPDATE shops SET name = 'half-done'")
            await connection.execute("SELECT pg_sleep(30)")

    async def asleep() -> None:
        """A request to cancel that comes before its query is lost."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(30)'"
        while not await onlooker.fetchval(query):  # noqa: ASYNC110  another process's doing
            await asyncio.sleep(0.01)

    for _ in range(3):
        waiting = asyncio.create_task(waits("a"))
        await asleep()
        reads = asyncio.gather(*(slugs(database, shops[name]) for name in "bcbcb"))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await reads == [["b"], ["c"], ["b"], ["c"], ["b"]]
        with pytest.raises(LookupError):
            await fails("b")
        assert await slugs(database, shops["c"]) == ["c"]
        with pytest.raises(asyncpg.DivisionByZeroError):
            await fails_in_sql("c")
        assert await slugs(database, shops["a"]) == ["a"]
        async with database.system() as connection:
            assert len(await connection.fetch("SELECT slug FROM shops")) == 3
        assert await slugs(database, uuid4()) == []
    for name, tenant_id in shops.items():
        async with database.tenant(tenant_id) as connection:
            assert await connection.fetchval("SELECT name FROM shops") == name
    await onlooker.close()
    await database.close()


async def test_a_shop_is_set_for_its_transaction_even_where_nothing_resets_a_connection(
    addresses: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a pooler that hands connections on as they are; asyncpg's own pool would clean up after us."""

    async def left_as_it_is(_connection: asyncpg.Connection, **_: object) -> None:
        return None

    database = await Database.connect(addresses.app, most=1)
    shop = await add_shop(database, "a")
    monkeypatch.setattr(asyncpg.Connection, "reset", left_as_it_is)
    monkeypatch.setattr(asyncpg.pool.PoolConnectionProxy, "reset", left_as_it_is)
    assert await slugs(database, shop) == ["a"]
    async with database.jobs() as connection:
        assert await connection.fetch("SELECT * FROM shops") == []
    await database.close()


async def test_the_look_across_shops_reads_a_few_columns_and_writes_nothing(database: Database) -> None:
    await add_shop(database, "a")
    async with database.system() as connection:
        assert await connection.fetchval("SELECT slug FROM shops") == "a"
    for statement in (
        "SELECT * FROM shops",
        "SELECT shown FROM api_keys",
        "SELECT id FROM products",
        "SELECT * FROM visits",
        "SELECT * FROM avatar_photos",
        "SELECT id FROM consents",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.system() as connection:
                await connection.fetch(statement)
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError)):
        async with database.system() as connection:
            await connection.execute("UPDATE shops SET name = 'x'")


async def test_a_superuser_and_an_owner_are_refused(addresses: Addresses) -> None:
    for dsn, says in ((addresses.admin, "superuser"), (addresses.owner, "owns")):
        with pytest.raises(UnsafeRole, match=says) as raised:
            await Database.connect(dsn)
        assert raised.value.code == "database-role-unsafe"


async def test_a_role_that_bypasses_row_level_security_is_refused(addresses: Addresses) -> None:
    admin = await asyncpg.connect(addresses.admin)
    await admin.execute("ALTER ROLE vitrine_app BYPASSRLS")
    try:
        with pytest.raises(UnsafeRole, match="bypasses"):
            await Database.connect(addresses.app)
    finally:
        await admin.execute("ALTER ROLE vitrine_app NOBYPASSRLS")
        await admin.close()


async def test_a_member_of_the_owner_is_refused(addresses: Addresses) -> None:
    admin = await asyncpg.connect(addresses.admin)
    await admin.execute("GRANT vitrine_owner TO vitrine_app")
    try:
        with pytest.raises(UnsafeRole, match="owns"):
            await Database.connect(addresses.app)
    finally:
        await admin.execute("REVOKE vitrine_owner FROM vitrine_app")
        await admin.close()


async def test_a_database_that_is_behind_or_leaks_is_refused(addresses: Addresses) -> None:
    owner = await asyncpg.connect(addresses.owner)
    await owner.execute("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(NotMigrated, match="0000"):
        await Database.connect(addresses.app)
    await migrate_version_back(owner)
    await owner.execute("ALTER TABLE visits NO FORCE ROW LEVEL SECURITY")
    with pytest.raises(NotIsolated, match="visits: row-level security is not forced"):
        await Database.connect(addresses.app)
    await owner.close()


async def migrate_version_back(owner: asyncpg.Connection) -> None:
    from tenancy.schema import newest_revision

    await owner.execute("UPDATE alembic_version SET version_num = $1", newest_revision())


async def test_a_migration_that_fails_leaves_nothing_half_done(addresses: Addresses) -> None:
    admin = await asyncpg.connect(addresses.admin)
    await admin.execute(EMPTY)
    await admin.execute("CREATE TABLE visits (in_the_way text)")
    with pytest.raises(Exception, match="visits"):
        await migrate(addresses.owner)
    tables = {row[0] for row in await admin.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    assert tables <= {"visits", "alembic_version"}
    await admin.execute("DROP TABLE visits")
    await admin.close()
    await migrate(addresses.owner)
    await (await Database.connect(addresses.app)).close()


async def test_many_may_migrate_at_once(addresses: Addresses) -> None:
    owner = await asyncpg.connect(addresses.admin)
    await owner.execute(EMPTY)
    await owner.close()
    await asyncio.gather(*(migrate(addresses.owner) for _ in range(4)))
    database = await Database.connect(addresses.app)
    await add_shop(database, "a")
    await database.close()
