"""What the biller was told adds up to the ledger, whatever failed on the way, and it was told each thing once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiohttp import web

from tenancy.database import Database
from tenancy.ledger import TryOn, note_avatar, note_try_on
from tenancy.meter_reports import MeterReports
from tenancy.stripe_meters import StripeMeters
from tests.services import Addresses
from tests.tenancy.clock import Clock
from tests.tenancy.test_database import add_shop

KEY = "sk_test_of_stripe"


@dataclass
class FakeStripe:
    """Stripe's rules for idempotency over HTTP: the same key with the same body is answered as the first time, with
    another body it is an error; an identifier counts once."""

    events: dict[str, dict[str, str]] = field(default_factory=dict)
    customers: dict[str, dict[str, str]] = field(default_factory=dict)
    answered: dict[str, tuple[dict[str, str], dict[str, str]]] = field(default_factory=dict)
    requests: int = 0
    trouble: list[str] = field(default_factory=list)  # what goes wrong next, first in first out
    violations: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        body = {name: str(value) for name, value in (await request.post()).items()}
        trouble = self.trouble.pop(0) if self.trouble else ""
        if trouble.isdigit():
            return web.json_response({"error": {"message": "not today"}}, status=int(trouble))
        key = request.headers["Idempotency-Key"]
        if key in self.answered:
            before, answer = self.answered[key]
            if before != body:
                self.violations.append(f"the key {key} with another body")
                return web.json_response({"error": {"code": "idempotency_error"}}, status=400)
        else:
            answer = self._do(request.path, body)
            self.answered[key] = body, answer
        if trouble == "answer lost":
            assert request.transport
            request.transport.close()
        return web.json_response(answer)

    def _do(self, path: str, body: dict[str, str]) -> dict[str, str]:
        if path == "/v1/customers":
            customer = f"cus_{len(self.customers)}"
            self.customers[customer] = body
            return {"id": customer}
        assert path == "/v1/billing/meter_events"
        if body["identifier"] in self.events:
            self.violations.append("an identifier twice")
        self.events[body["identifier"]] = body
        return {"object": "billing.meter_event"}

    def total(self, name: str, customer: str) -> float:
        return sum(
            float(event["payload[value]"])
            for event in self.events.values()
            if event["event_name"] == name and event["payload[stripe_customer_id]"] == customer
        )


@pytest.fixture
def now() -> Clock:
    return Clock.now()


@pytest.fixture
async def stripe() -> AsyncIterator[tuple[FakeStripe, StripeMeters]]:
    fake = FakeStripe()
    app = web.Application()
    app.router.add_post("/v1/{any:.*}", fake.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    meters = StripeMeters(KEY, f"http://127.0.0.1:{runner.addresses[0][1]}")
    yield fake, meters
    await meters.close()
    await runner.cleanup()


async def paying(database: Database, slug: str) -> UUID:
    shop = await add_shop(database, slug)
    async with database.tenant(shop) as connection:
        await connection.execute("UPDATE shops SET plan = 'shop'")
    return shop


async def use(database: Database, shop: UUID, count: int, first: int = 0) -> None:
    async with database.tenant(shop) as connection:
        for number in range(first, first + count):
            await note_try_on(connection, TryOn(shop, f"s{number}", datetime.now(UTC), 30.0, []))


async def test_each_event_is_reported_once_and_to_the_customer_of_its_shop(
    database: Database, stripe: tuple[FakeStripe, StripeMeters], now: Clock
) -> None:
    fake, meters = stripe
    a, b, free = await paying(database, "a"), await paying(database, "b"), await add_shop(database, "c")
    for shop, count in ((a, 7), (b, 3), (free, 5)):
        await use(database, shop, count)
    async with database.tenant(a) as connection:
        await note_avatar(connection, a, uuid4(), now())
    reports = MeterReports(database, meters, now=now)
    for _ in range(3):
        await reports.round()
    assert sorted(customer["metadata[shop]"] for customer in fake.customers.values()) == ["a", "b"]
    of = {customer["name"]: key for key, customer in fake.customers.items()}
    assert fake.total("vitrine_try_ons", of["a"]) == 7
    assert fake.total("vitrine_try_ons", of["b"]) == 3
    assert fake.total("vitrine_avatars", of["a"]) == 1
    assert len(fake.events) == 3, "sums, not single events"
    await use(database, a, 2, first=7)
    await reports.round()
    assert fake.total("vitrine_try_ons", of["a"]) == 9
    assert fake.violations == []


async def test_what_fails_is_told_again_and_counts_once(
    database: Database, stripe: tuple[FakeStripe, StripeMeters], now: Clock
) -> None:
    fake, meters = stripe
    shop = await paying(database, "a")
    await use(database, shop, 4)
    reports = MeterReports(database, meters, now=now)
    fake.trouble = ["500", "", "answer lost", "429", "503", "answer lost"]
    for number in range(12):
        await use(database, shop, 1, first=100 + number)
        await reports.round()
        now.pass_by(hours=2)
    assert fake.total("vitrine_try_ons", "cus_0") == 16
    assert fake.violations == []
    assert not fake.trouble


async def test_two_processes_report_side_by_side_and_nothing_twice(
    database: Database, addresses: Addresses, stripe: tuple[FakeStripe, StripeMeters], now: Clock
) -> None:
    fake, meters = stripe
    shop = await paying(database, "a")
    second = await Database.connect(addresses.app)
    both = [MeterReports(database, meters, now=now), MeterReports(second, meters, now=now)]
    for number in range(5):
        await use(database, shop, 3, first=10 * number)
        await asyncio.gather(*(one.round() for one in both))
        now.pass_by(minutes=5)
    for one in both:
        await one.round()
    assert fake.total("vitrine_try_ons", "cus_0") == 15
    assert len(fake.customers) == 1
    assert fake.violations == []
    await second.close()


async def test_a_crash_between_making_and_sending_changes_nothing(
    database: Database, stripe: tuple[FakeStripe, StripeMeters], now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, meters = stripe
    shop = await paying(database, "a")
    await use(database, shop, 5)
    dead = MeterReports(database, meters, now=now)
    monkeypatch.setattr(dead, "_send", lambda *_: asyncio.sleep(0))  # taken, and then the process is gone
    await dead.round()
    assert fake.events == {}
    after = MeterReports(database, meters, now=now)
    await after.round()
    assert fake.events == {}, "the other may still be at it"
    now.pass_by(minutes=3)
    await after.round()
    assert fake.total("vitrine_try_ons", "cus_0") == 5
    assert fake.violations == []


async def test_storage_is_reported_by_the_day_and_once(
    database: Database, addresses: Addresses, stripe: tuple[FakeStripe, StripeMeters], now: Clock
) -> None:
    fake, meters = stripe
    shop = await paying(database, "a")
    admin = await asyncpg.connect(addresses.admin)
    await admin.execute(
        "INSERT INTO usage_events (tenant_id, kind, event_id, at, quantity) VALUES ($1, 'storage', 'p/1', $2, 5e8)",
        shop,
        now() - timedelta(days=10),
    )
    await admin.close()
    reports = MeterReports(database, meters, now=now)
    for _ in range(3):
        for _ in range(2):
            await reports.round()
        now.pass_by(days=1)
    assert fake.total("vitrine_gb_days", "cus_0") == pytest.approx(1.5)
    assert len(fake.events) == 3


async def test_what_is_refused_is_kept_with_its_reason_and_counted(
    database: Database, stripe: tuple[FakeStripe, StripeMeters], now: Clock
) -> None:
    fake, meters = stripe
    shop = await paying(database, "a")
    await use(database, shop, 1)
    refused: list[int] = []
    reports = MeterReports(database, meters, now=now, on_refused=lambda: refused.append(1))
    fake.trouble = ["", "400"]
    for _ in range(3):
        await reports.round()
        now.pass_by(hours=1)
    assert refused == [1]
    async with database.tenant(shop) as connection:
        row = await connection.fetchrow("SELECT state, answer FROM meter_reports")
    assert tuple(row) == ("refused", "400: not today")
