"""The JSON of webhooks, version 1: where a shop is told of what, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from web.contract import Answered, Given

Event = Literal["product.published", "tryon.ended", "usage.cap_reached"]
Url = Annotated[str, Field(min_length=1, max_length=2000, description="`https://…`, at a public address.")]
Events = Annotated[list[Event], Field(min_length=1, max_length=20)]


class WebhookRequest(Given):
    """Where to tell of what."""

    url: Url
    events: Events


class WebhookChange(Given):
    """What is to change; the rest stays."""

    url: Url | None = None
    events: Events | None = None
    active: bool | None = None


class WebhookShown(Answered):
    """A webhook."""

    id: UUID
    url: str
    events: list[Event]
    active: bool
    created_at: datetime


class WebhookMade(WebhookShown):
    """A webhook just made. `secret` is shown this once: check `webhook-signature` with it (Standard Webhooks)."""

    secret: str


class WebhooksShown(Answered):
    """The oldest first."""

    webhooks: list[WebhookShown]


class Delivery(Answered):
    """What a webhook was told. Its `id` is the header `webhook-id`, the same at every attempt."""

    id: UUID
    event: str
    state: Literal["waiting", "delivered", "dead"]
    attempts: int
    answer: Annotated[str, Field(description="How the last attempt ended.")]
    created_at: datetime
    due_at: Annotated[datetime | None, Field(description="Of the next attempt.")]


class Deliveries(Answered):
    """Of the last month, the newest first, a hundred at most."""

    deliveries: list[Delivery]


class Told(Answered):
    """It is on its way."""

    delivery: UUID
