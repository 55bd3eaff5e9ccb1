"""What a shop can be told of, over its webhooks, and telling it: in the transaction of the deed itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from tenancy.clock import utc_now
from tenancy.outbox import put
from tenancy.plans import cap_of, plan_of

EVENTS: Mapping[str, str] = {
    "product.published": "A product can be tried on from now on.",
    "tryon.ended": "A try-on ended; nothing is said of the shopper.",
    "usage.cap_reached": "The last try-on that the month's cap allows was made.",
}
TEST_EVENT = "webhook.test"
KEPT = timedelta(days=30)


async def tell(connection: asyncpg.Connection, tenant_id: UUID, event: str, data: Mapping[str, Any]) -> None:
    """Every webhook of the shop that asked for the event gets it, once the transaction is committed."""
    for row in await connection.fetch("SELECT id FROM webhooks WHERE active AND $1 = ANY(events)", event):
        await tell_one(connection, tenant_id, row["id"], event, data)


async def tell_one(
    connection: asyncpg.Connection, tenant_id: UUID, webhook: UUID, event: str, data: Mapping[str, Any]
) -> UUID:
    """One webhook gets it, whether it asked for it or not. What it was told a month ago is forgotten."""
    now = utc_now()
    await connection.execute(
        "DELETE FROM outbox WHERE webhook_id = $1 AND state <> 'waiting' AND created_at < $2", webhook, now - KEPT
    )
    body = json.dumps({"type": event, "timestamp": now.isoformat(), "data": data}, ensure_ascii=False)
    return await put(connection, tenant_id, "webhook", body.encode(), subject=event, webhook_id=webhook, now=now)


async def tell_of_try_on(
    connection: asyncpg.Connection, tenant_id: UUID, session_id: str, *, seconds: float, products: list[UUID]
) -> None:
    """A try-on came into the ledger; if it was the one that reached the month's cap, that too is told."""
    worn = [str(product) for product in products]
    await tell(connection, tenant_id, "tryon.ended", {"id": session_id, "seconds": seconds, "products": worn})
    # Locked, so that of two that end at once exactly one finds itself to be the last.
    shop = await connection.fetchrow("SELECT plan, cap_try_ons FROM shops FOR NO KEY UPDATE")
    cap = cap_of(plan_of(shop["plan"]), shop["cap_try_ons"]) if shop else None
    if cap is None:
        return
    month = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    made = await connection.fetchval("SELECT count(*) FROM usage_events WHERE kind = 'try-on' AND at >= $1", month)
    if made == cap:
        await tell(connection, tenant_id, "usage.cap_reached", {"month": f"{month:%Y-%m}", "cap": cap})
