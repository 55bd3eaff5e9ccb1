"""What every role stands on: tables, files, and what may be lost, opened from the settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from prometheus_client import Counter
from redis.asyncio import Redis

from ops.settings import InvalidSettings, Settings, cores
from rtc.claims import Visitor
from tenancy.cache import Cache
from tenancy.credentials import Credentials
from tenancy.database import Database
from tenancy.files import Files
from tenancy.products import Products
from tenancy.roles import app_dsn
from tenancy.seal import secret_in
from tenancy.visits import Visits
from wiring.intakes import garment_intake, product_intake
from wiring.portraits import portrait_desk

READS = "vitrine_shop_reads_total"


@dataclass(frozen=True)
class Stores:
    """Of one process."""

    database: Database
    redis: Redis
    files: Files
    credentials: Credentials
    products: Products
    visits: Visits

    async def renew(self, visitor: Visitor) -> None:
        """A visit whose try-on is live goes on."""
        await self.visits.renew(await self.visits.get(UUID(visitor.tenant), UUID(visitor.visit)))


@asynccontextmanager
async def open_stores(settings: Settings) -> AsyncIterator[Stores]:
    """Connects as the application's role, never as the owner. Raises InvalidSettings when an address is missing."""
    if settings.redis_url is None or (dsn := _app_dsn(settings)) is None:
        raise InvalidSettings("this role needs REDIS_URL, and DATABASE_APP_URL or DATABASE_URL; `all` brings its own")
    storage, at_once = settings.storage_url, max(1, cores() // 2)
    async with AsyncExitStack() as stack:
        database = await Database.connect(dsn, cache=_cache())
        stack.push_async_callback(database.close)
        redis = Redis.from_url(settings.redis_url.get_secret_value(), socket_connect_timeout=2, socket_timeout=5)
        stack.push_async_callback(redis.aclose)
        files = Files.open(storage.get_secret_value() if storage else (settings.data / "files").as_uri())
        visits = Visits(database, lasting=timedelta(minutes=settings.session_minutes))
        portraits = portrait_desk()
        stack.push_async_callback(portraits.close)
        yield Stores(
            database,
            redis,
            files,
            Credentials(database),
            Products(database, files, product_intake(at_once), garment_intake(settings.models, at_once, portraits)),
            visits,
        )


def _cache() -> Cache:
    """What is read of shops, counted by where the answer came from."""
    reads = Counter(READS, "Reads of the shopper's path, by what answered.", ["what", "answered_by"])
    return Cache(on_read=lambda what, here: reads.labels(what, "cache" if here else "database").inc())


def _app_dsn(settings: Settings) -> str | None:
    if settings.database_app_url is not None:
        return settings.database_app_url.get_secret_value()
    return app_dsn(settings.database_url.get_secret_value()) if settings.database_url is not None else None


async def installation_secret(settings: Settings) -> str:
    """What tokens, seals and receipts of this installation are made with."""
    if settings.secret:
        return settings.secret.get_secret_value()
    return await asyncio.to_thread(secret_in, settings.data)
