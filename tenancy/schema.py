"""The schema's migrations, run from Python as the role that owns the tables.

Alembic keeps the order; every revision is an SQL file. They go forward only: a change that must be taken back is
taken back by a new revision, because the data written meanwhile has no way back.
"""

# ruff: noqa: PLC0415  A process that only serves spares itself a second of imports.

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg

from tenancy.roles import ensure_roles

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x76697472  # "vitr": whoever holds it migrates
_LOCK_SECONDS = 60


def newest_revision() -> str:
    """The revision that this program needs, by the files' names: `0007_…` is `0007`."""
    return max(path.name.split("_", 1)[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


async def migrate(owner_dsn: str, *, keep_app_password: bool = False) -> None:
    """Bring the database at `owner_dsn` to this program's schema; quick and harmless if it is there already.

    Several processes may call it at once: the first one works, the others wait. `keep_app_password` leaves the
    application's password alone, for operators who give DATABASE_APP_URL. Raises RolesMissing.
    """
    guard = await asyncpg.connect(owner_dsn, timeout=30)
    try:
        await guard.execute("SELECT pg_advisory_lock($1)", _LOCK, timeout=_LOCK_SECONDS)
        await ensure_roles(guard, owner_dsn, keep_app_password=keep_app_password)
        if await current_revision(guard) != newest_revision():
            await _upgrade(owner_dsn)
    finally:
        await guard.close()  # and with it the lock


async def current_revision(connection: asyncpg.Connection) -> str | None:
    """The revision the database is at, None before the first."""
    if await connection.fetchval("SELECT to_regclass('public.alembic_version')") is None:
        return None
    found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return found


async def _upgrade(owner_dsn: str) -> None:
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(owner_dsn, timeout=30, server_settings={"lock_timeout": "4s"})

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_run_alembic)
    finally:
        await engine.dispose()


def _run_alembic(connection: Any) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def run_sql(revision_file: str) -> None:
    """Run the SQL file that lies beside a revision, all its statements, in the revision's transaction."""
    from alembic import op

    text = Path(revision_file).with_suffix(".sql").read_text(encoding="utf-8")
    driver = op.get_bind().connection.dbapi_connection
    if driver is None:
        raise RuntimeError("migrations run on a live connection")
    # The dialect prepares each statement and so takes one at a time; asyncpg itself takes a script.
    driver.run_async(lambda connection: connection.execute(text))


if __name__ == "__main__":
    import os

    asyncio.run(migrate(os.environ["DATABASE_URL"]))
