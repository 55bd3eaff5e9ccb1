"""The catalogue keeps shops apart, and each way to weaken it is found."""

from __future__ import annotations

import ast
import gc
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from tenancy.isolation import SHARED_TABLES, SPANNING_KEYS, findings
from tests.services import Addresses

ROOT = Path(__file__).parents[2]
ROOMS = ("avatar", "demo", "ops", "render", "rtc", "tenancy", "web", "wiring")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "node_modules" not in path.parts)


@pytest.fixture
async def owner(addresses: Addresses) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(addresses.owner)
    yield connection
    await connection.close()


async def test_nothing_is_found_in_the_schema_as_it_is(owner: asyncpg.Connection) -> None:
    assert await findings(owner) == []
    tables = {row[0] for row in await owner.fetch("SELECT relname FROM pg_class WHERE relrowsecurity")}
    assert tables >= {"shops", "api_keys", "products", "visits", "consents"}


def test_what_is_shared_is_a_short_reviewed_list() -> None:
    assert {"alembic_version", "closed_shops"} == SHARED_TABLES
    assert {"shops_slug_key", "api_keys_digest_key", "domains_verified"} == SPANNING_KEYS


WEAKENINGS = {
    "ALTER TABLE visits DISABLE ROW LEVEL SECURITY": "visits: row-level security is not enabled",
    "ALTER TABLE visits NO FORCE ROW LEVEL SECURITY": "visits: row-level security is not forced",
    "DROP POLICY own_rows ON products": "products: the policy own_rows is missing or another",
    "ALTER POLICY own_rows ON products WITH CHECK (true)": "products: the policy own_rows is missing or another",
    "ALTER POLICY own_rows ON products USING (true)": "products: the policy own_rows is missing or another",
    "ALTER POLICY own_rows ON products TO vitrine_system": "products: the policy own_rows is missing or another",
    "CREATE POLICY more ON products USING (true)": "products: the policy more opens rows",
    "CREATE POLICY more ON products FOR DELETE TO vitrine_system USING (true)": "products: the policy more opens",
    "CREATE TABLE notes (id uuid PRIMARY KEY)": "notes: no tenant_id",
    "CREATE TABLE notes (tenant_id uuid NOT NULL, id uuid UNIQUE)": "notes: the key notes_id_key does not begin",
    "CREATE UNIQUE INDEX one_name ON products (name)": "products: the key one_name does not begin with tenant_id",
    "CREATE TABLE notes (tenant_id uuid NOT NULL, product uuid, PRIMARY KEY (tenant_id, product),"
    " shop text REFERENCES shops (slug))": "notes: the foreign key notes_shop_fkey does not begin with tenant_id",
    "CREATE VIEW every_shop AS SELECT * FROM shops": "every_shop: a view that is not security_invoker",
    "CREATE MATERIALIZED VIEW every_shop AS SELECT * FROM shops": "every_shop: a materialized view",
    "CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM shops'": (
        "peek: a security definer function"
    ),
}


@pytest.mark.parametrize("statement", WEAKENINGS)
async def test_each_weakening_is_found(owner: asyncpg.Connection, statement: str) -> None:
    await owner.execute(statement)
    found = await findings(owner)
    assert any(line.startswith(WEAKENINGS[statement]) for line in found), found


async def test_a_role_that_inherits_the_look_across_shops_is_found(addresses: Addresses) -> None:
    admin = await asyncpg.connect(addresses.admin)
    await admin.execute("GRANT vitrine_system TO vitrine_app WITH INHERIT TRUE")
    try:
        assert await findings(admin) == ["vitrine_app: inherits what vitrine_system may read"]
    finally:
        await admin.execute("GRANT vitrine_system TO vitrine_app WITH INHERIT FALSE")
        await admin.close()


async def test_a_view_with_the_callers_rights_is_fine(owner: asyncpg.Connection) -> None:
    await owner.execute("CREATE VIEW mine WITH (security_invoker = true) AS SELECT * FROM shops")
    assert await findings(owner) == []


async def test_receipts_and_the_audit_log_cannot_be_changed_by_the_application(addresses: Addresses) -> None:
    app = await asyncpg.connect(addresses.app)
    for table in ("consents", "audit_log"):
        for statement in (f"UPDATE {table} SET tenant_id = tenant_id", f"TRUNCATE {table}"):  # noqa: S608
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(statement)
    await app.close()


def _parsed(path: Path) -> ast.Module:
    """Without the garbage collector, whose finalizers may switch stacks under Python 3.11's parser (SystemError)."""
    gc.disable()
    try:
        return ast.parse(path.read_text())
    finally:
        gc.enable()


def test_only_the_listed_places_look_across_shops() -> None:
    """Each caller of `Database.system`, by file and function: a new one is a decision to be reviewed."""
    found = set()
    for path in [*SOURCES, ROOT / "server.py"]:
        if not path.exists():
            continue
        for node in ast.walk(_parsed(path)):
            if isinstance(node, ast.AsyncFunctionDef):
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Call) and ast.unparse(inner.func).endswith("database.system"):
                        found.add(f"{path.relative_to(ROOT)}:{node.name}")
    assert found == {
        "tenancy/avatar_work.py:_lost",
        "tenancy/avatar_work.py:_of_visits_that_are_over",
        "tenancy/avatar_work.py:_too_late",
        "tenancy/imports.py:due",
        "tenancy/live_try_ons.py:_lines",
        "tenancy/meter_reports.py:_paying",
        "tenancy/credentials.py:_shop_for",
        "tenancy/outbox.py:_begin_due",
        "tenancy/credentials.py:_shop_at_slug",
        "tenancy/photos.py:_due",
        "tenancy/photos.py:_key_ids_in_use",
        "tenancy/photos.py:past_deadline",
        "tenancy/domains.py:_shop_at_host",
        "tenancy/retention.py:sweep",
    }


def test_sql_reaches_the_database_in_this_room_alone() -> None:
    """No other room imports the driver."""
    for path in SOURCES:
        if path.relative_to(ROOT).parts[0] != "tenancy":
            assert "import asyncpg" not in path.read_text(), path
