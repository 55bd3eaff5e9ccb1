"""The real PostgreSQL and Valkey for every test: one server each for the session, a fresh database for each test."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import redis.asyncio

from ops.embedded import EmbeddedPostgres, EmbeddedValkey
from tenancy.database import Database, migrate
from tenancy.files import Files


@dataclass(frozen=True)
class Addresses:
    """One database as its owner, as the application and as the superuser."""

    owner: str
    app: str
    admin: str


@contextmanager
def folder_for_services() -> Iterator[Path]:
    """A folder that the services' OS user can enter; pytest's own are closed to other users."""
    folder = Path(tempfile.mkdtemp(prefix="vitrine-test-", dir="/var/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def migrated_postgres(folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server whose database `vitrine` is migrated and otherwise empty."""
    with EmbeddedPostgres(folder, durable=False) as server:
        asyncio.run(migrate(server.dsn_owner))
        yield server


@contextmanager
def small_valkey(folder: Path) -> Iterator[EmbeddedValkey]:
    """A server with room for what tests keep."""
    with EmbeddedValkey(folder, memory_mb=64) as server:
        yield server


@pytest.fixture(scope="session")
def services_folder() -> Iterator[Path]:
    """The folder of the session's services."""
    with folder_for_services() as folder:
        yield folder


@pytest.fixture(scope="session")
def postgres(services_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server for the session; its database is the template of every test's own."""
    with migrated_postgres(services_folder) as server:
        yield server


@pytest.fixture(scope="session")
def valkey_url(services_folder: Path) -> Iterator[str]:
    """A server for the session; take `valkey` to find it empty."""
    with small_valkey(services_folder) as server:
        yield server.url


@pytest.fixture
async def valkey(valkey_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    """An empty Valkey."""
    client = redis.asyncio.from_url(valkey_url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
async def addresses(postgres: EmbeddedPostgres) -> AsyncIterator[Addresses]:
    """A database of this test's own, migrated and empty."""
    name = f"test_{uuid4().hex}"
    admin = await asyncpg.connect(postgres.dsn("postgres", "postgres"))
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE vitrine OWNER vitrine_owner STRATEGY file_copy")
    yield Addresses(*(postgres.dsn(role, name) for role in ("vitrine_owner", "vitrine_app", "postgres")))
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture
async def database(addresses: Addresses) -> AsyncIterator[Database]:
    """That database, as the application uses it."""
    connected = await Database.connect(addresses.app)
    yield connected
    await connected.close()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """An empty object store in a local folder."""
    return Files.open((tmp_path / "files").as_uri())
