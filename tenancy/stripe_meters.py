"""Stripe as the biller: customers and meter events over HTTP (docs.stripe.com/api/billing/meter-event, version 1).

Every request carries an `Idempotency-Key`, and an event its `identifier`, both made of ids of ours that never change;
Stripe answers a repeated request as it answered the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import aiohttp

from tenancy.meter_reports import Refused, Report

EVENT_NAMES: Final[Mapping[str, str]] = {
    "try-on": "vitrine_try_ons",
    "avatar": "vitrine_avatars",
    "storage": "vitrine_gb_days",
}
WITHIN_S = 20.0
_LATER: Final = frozenset({408, 409, 425, 429})  # 409: the same request is just being worked on


class Later(Exception):
    """Not now; its words are the status."""


class StripeMeters:
    """Speaks for one account of Stripe's."""

    def __init__(self, key: str, url: str = "https://api.stripe.com") -> None:
        self._key = key
        self._url = url.rstrip("/")
        self._client: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Let go of connections."""
        if self._client is not None:
            await self._client.close()

    async def customer(self, shop: UUID, slug: str, name: str) -> str:
        """The customer of a shop, made if it is not there."""
        answer = await self._post("/v1/customers", f"shop-{shop}", {"name": name, "metadata[shop]": slug})
        return str(answer["id"])

    async def report(self, customer: str, report: Report) -> None:
        """One meter event."""
        given = {
            "event_name": EVENT_NAMES[report.meter],
            "identifier": str(report.id),
            "timestamp": str(int(report.at.timestamp())),
            "payload[stripe_customer_id]": customer,
            "payload[value]": f"{report.quantity:.6f}".rstrip("0").rstrip("."),
        }
        await self._post("/v1/billing/meter_events", str(report.id), given)

    async def _post(self, path: str, key: str, given: Mapping[str, str]) -> dict[str, Any]:
        """Raises Refused for what will never be taken, Later and aiohttp's errors for what may be."""
        if self._client is None:
            headers = {"Authorization": f"Bearer {self._key}"}
            self._client = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=WITHIN_S))
        headers = {"Idempotency-Key": key}
        async with self._client.post(self._url + path, data=given, headers=headers, allow_redirects=False) as response:
            if response.status in _LATER or response.status >= 500:
                raise Later(str(response.status))
            try:
                answer: dict[str, Any] = await response.json(content_type=None)
            except (TimeoutError, ValueError):
                raise Later("unreadable") from None
            if response.status != 200:
                wrong = answer.get("error") if isinstance(answer, dict) else None
                says = wrong.get("message") if isinstance(wrong, dict) else None
                raise Refused(f"{response.status}: {says or 'no reason given'}")
            return answer
