"""The webhooks of a shop: where it wants to be told of what, with which secret, and what became of each delivery."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg

from tenancy.audit import note
from tenancy.clock import utc_now
from tenancy.database import Database
from tenancy.errors import InvalidWebhook, UnknownDelivery, UnknownWebhook
from tenancy.events import EVENTS, TEST_EVENT, tell_one
from tenancy.seal import Seal

MOST = 20  # of a shop
_SECRET_BYTES = 32
_PREFIX = "whsec_"
_PLACE = "webhook"


@dataclass(frozen=True)
class Webhook:
    """Where a shop is told of what."""

    id: UUID
    url: str
    events: tuple[str, ...]
    active: bool
    created_at: datetime


@dataclass(frozen=True)
class Delivery:
    """What a webhook was told. `state`: waiting, delivered or dead; `answer`: how the last attempt ended."""

    id: UUID
    event: str
    state: str
    attempts: int
    answer: str
    created_at: datetime
    due_at: datetime | None


class Webhooks:
    """Makes, changes and removes webhooks. `private`: whether they may lead into the operator's own network, over
    http too."""

    def __init__(self, database: Database, seal: Seal, *, private: bool = False) -> None:
        self._database = database
        self._seal = seal
        self._private = private

    async def every(self, tenant_id: UUID) -> list[Webhook]:
        """The oldest first."""
        async with self._database.tenant(tenant_id) as connection:
            rows = await connection.fetch(
                "SELECT id, url, events, active, created_at FROM webhooks ORDER BY created_at, id"
            )
        return [_webhook(row) for row in rows]

    async def add(self, tenant_id: UUID, url: str, events: Sequence[str], *, by: str) -> tuple[Webhook, str]:
        """A new webhook and its secret, which is never shown again. Raises InvalidWebhook."""
        url, events = self._checked_url(url), _checked_events(events)
        webhook, secret = uuid4(), secrets.token_bytes(_SECRET_BYTES)
        async with self._database.tenant(tenant_id) as connection:
            if await connection.fetchval("SELECT count(*) FROM webhooks") >= MOST:
                raise InvalidWebhook(f"a shop has {MOST} webhooks at most")
            row = await connection.fetchrow(
                """
                INSERT INTO webhooks (tenant_id, id, url, events, secret) VALUES ($1, $2, $3, $4, $5)
                RETURNING id, url, events, active, created_at
                """,
                tenant_id,
                webhook,
                url,
                events,
                self._seal.seal(secret, tenant_id, webhook, _PLACE),
            )
            await note(connection, tenant_id, by, "webhook.added", webhook, host=urlsplit(url).hostname)
        return _webhook(row), _PREFIX + base64.b64encode(secret).decode()

    async def change(
        self,
        tenant_id: UUID,
        webhook: UUID,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        active: bool | None = None,
        by: str,
    ) -> Webhook:
        """What is given changes, the rest stays. Raises UnknownWebhook, InvalidWebhook."""
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow(
                """
                UPDATE webhooks SET url = COALESCE($2, url), events = COALESCE($3, events),
                       active = COALESCE($4, active)
                 WHERE id = $1 RETURNING id, url, events, active, created_at
                """,
                webhook,
                None if url is None else self._checked_url(url),
                None if events is None else _checked_events(events),
                active,
            )
            if row is None:
                raise UnknownWebhook
            await note(connection, tenant_id, by, "webhook.changed", webhook, active=row["active"])
        return _webhook(row)

    async def remove(self, tenant_id: UUID, webhook: UUID, *, by: str) -> None:
        """With all that it was told. Raises UnknownWebhook."""
        async with self._database.tenant(tenant_id) as connection:
            if await connection.execute("DELETE FROM webhooks WHERE id = $1", webhook) != "DELETE 1":
                raise UnknownWebhook
            await note(connection, tenant_id, by, "webhook.removed", webhook)

    async def deliveries(self, tenant_id: UUID, webhook: UUID, *, most: int = 100) -> list[Delivery]:
        """What it was told in the last month, the newest first. Raises UnknownWebhook."""
        async with self._database.tenant(tenant_id) as connection:
            await _check_there(connection, webhook)
            rows = await connection.fetch(
                """
                SELECT id, subject AS event, state, attempts, answer, created_at,
                       CASE WHEN state = 'waiting' THEN due_at END AS due_at
                  FROM outbox WHERE webhook_id = $1 ORDER BY created_at DESC, id LIMIT $2
                """,
                webhook,
                most,
            )
        return [Delivery(**row) for row in rows]

    async def test(self, tenant_id: UUID, webhook: UUID) -> UUID:
        """Tell it something that did not happen; the delivery's id. Raises UnknownWebhook."""
        async with self._database.tenant(tenant_id) as connection:
            await _check_there(connection, webhook)
            return await tell_one(connection, tenant_id, webhook, TEST_EVENT, {"webhook": str(webhook)})

    async def again(self, tenant_id: UUID, webhook: UUID, delivery: UUID, *, by: str) -> None:
        """Tell it once more what it was told, under the same id, with all its attempts. Raises UnknownDelivery."""
        async with self._database.tenant(tenant_id) as connection:
            done = await connection.execute(
                """
                UPDATE outbox SET state = 'waiting', attempts = 0, due_at = $3 WHERE id = $1 AND webhook_id = $2
                   AND (state <> 'waiting' OR due_at > $3)
                """,
                delivery,
                webhook,
                utc_now(),
            )
            if done != "UPDATE 1":
                raise UnknownDelivery
            await note(connection, tenant_id, by, "webhook.told-again", delivery)

    def _checked_url(self, url: str) -> str:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise InvalidWebhook("this is no address") from None
        schemes = ("https", "http") if self._private else ("https",)
        plain = url.isascii() and url.isprintable() and " " not in url and not parts.fragment
        if parts.scheme not in schemes or not parts.hostname or not plain or len(url) > 2000 or port == 0:
            raise InvalidWebhook(f"a webhook's address begins with {' or '.join(schemes)}, and has no fragment")
        if parts.username or parts.password:
            raise InvalidWebhook("a webhook's address holds no name or password; check the signature instead")
        return url


def secret_of(seal: Seal, tenant_id: UUID, webhook: UUID, sealed: bytes) -> bytes:
    """What deliveries of a webhook are signed with."""
    return seal.open(sealed, tenant_id, webhook, _PLACE)


async def _check_there(connection: asyncpg.Connection, webhook: UUID) -> None:
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM webhooks WHERE id = $1)", webhook):
        raise UnknownWebhook


def _checked_events(events: Sequence[str]) -> list[str]:
    if not events or not set(events) <= set(EVENTS):
        raise InvalidWebhook(f"a webhook asks for at least one of: {', '.join(EVENTS)}")
    return sorted(set(events))


def _webhook(row: asyncpg.Record) -> Webhook:
    return Webhook(row["id"], row["url"], tuple(row["events"]), row["active"], row["created_at"])
