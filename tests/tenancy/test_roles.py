"""One DATABASE_URL is enough: the application's role is made through it and its password follows from it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from ops.embedded import EmbeddedPostgres
from tenancy.database import Database, migrate
from tenancy.errors import RolesMissing
from tenancy.roles import app_dsn, app_password
from tests.services import Addresses


@pytest.fixture
def real_server() -> Iterator[str]:
    """A server as a hosting platform gives it: passwords wanted, one URL of a role that may make roles."""
    folder = Path(tempfile.mkdtemp(prefix="vitrine-test-", dir="/var/tmp"))
    folder.chmod(0o711)
    with EmbeddedPostgres(folder, durable=False):
        pass
    rules = folder / "postgres" / "cluster" / "pg_hba.conf"
    rules.write_text("local all postgres trust\nlocal all all scram-sha-256\n")
    with EmbeddedPostgres(folder, durable=False) as server:
        yield server.dsn("postgres", "postgres")
    shutil.rmtree(folder)


def test_the_derived_address_differs_in_the_role_alone() -> None:
    owner = "postgresql://boss:p%40ss@db.example:5433,other:5432/shops?sslmode=verify-full&host=/run/pg"
    derived = app_dsn(owner)
    assert derived.startswith("postgresql://vitrine_app:")
    assert derived.endswith("@db.example:5433,other:5432/shops?sslmode=verify-full&host=/run/pg")
    assert "p%40ss" not in derived
    assert "boss" not in derived
    assert app_dsn(owner) == derived
    assert app_password("postgresql://boss:other@db/x") != app_password("postgresql://boss:p%40ss@db/x")
    assert app_password("postgresql://db/x?user=boss&password=p%40ss") == app_password(owner)
    assert app_dsn("postgresql://boss@/x?host=/run") == "postgresql://vitrine_app@/x?host=/run"


async def as_new(real_server: str, rights: str) -> str:
    """Bring the server to what an operator has on the first day, and return the owner's URL."""
    admin = await asyncpg.connect(real_server)
    await admin.execute("DROP DATABASE vitrine")
    await admin.execute("DROP ROLE vitrine_app")
    await admin.execute(f"CREATE ROLE boss LOGIN {rights} PASSWORD 'first/secret'")
    await admin.execute("CREATE DATABASE shops OWNER boss")
    await admin.close()
    return real_server.replace("postgres@/postgres", f"boss:{quote('first/secret', safe='')}@/shops")


async def test_one_url_makes_the_role_and_serves(real_server: str) -> None:
    owner_dsn = await as_new(real_server, "CREATEROLE")
    await migrate(owner_dsn)
    database = await Database.connect(app_dsn(owner_dsn))
    await database.ping()
    await database.close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(app_dsn(owner_dsn.replace("first", "guess")))

    admin = await asyncpg.connect(real_server)
    await admin.execute("ALTER ROLE boss PASSWORD 'second/secret'")
    await admin.close()
    changed = owner_dsn.replace("first", "second")
    await migrate(changed)
    database = await Database.connect(app_dsn(changed))
    await database.close()


async def test_an_owner_that_may_not_make_roles_is_told_what_to_run(real_server: str) -> None:
    owner_dsn = await as_new(real_server, "NOCREATEROLE")
    with pytest.raises(RolesMissing, match="CREATE ROLE vitrine_app") as raised:
        await migrate(owner_dsn)
    assert raised.value.code == "database-roles-missing"
    assert "secret" not in str(raised.value)

    admin = await asyncpg.connect(real_server)
    statements = str(raised.value).split("as a superuser run: ")[1].split(" and give")[0]
    await admin.execute(statements.replace("…", "chosen"))
    await admin.close()
    await migrate(owner_dsn, keep_app_password=True)
    database = await Database.connect(app_dsn(owner_dsn).replace(app_password(owner_dsn) or "", "chosen"))
    await database.close()


async def test_the_password_is_in_no_statement(addresses: Addresses) -> None:
    """The owner sends a verifier: a server that logs its statements does not log the password."""
    from tenancy.roles import scram_verifier

    admin = await asyncpg.connect(addresses.admin)
    await admin.execute(f"CREATE ROLE checked LOGIN PASSWORD '{scram_verifier('pass')}'")
    stored = await admin.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = 'checked'")
    await admin.execute("DROP ROLE checked")
    await admin.close()
    assert stored.startswith("SCRAM-SHA-256$4096:")
