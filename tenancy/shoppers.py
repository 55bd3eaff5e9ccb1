"""A shopper's rights over what is kept of her visit: to see it, and to have it erased.

She is nobody here but the holder of a visit's token or of the signed receipt of her consent. The receipt goes on to
speak for her when the token has expired.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tenancy.clock import utc_now
from tenancy.consent import Receipt, withdraw
from tenancy.database import Database
from tenancy.errors import InvalidReceipt, InvalidToken
from tenancy.receipts import Signer
from tenancy.shops import Shop
from tenancy.tokens import tenant_of, token_digest


@dataclass(frozen=True)
class Claimant:
    """Whose data it is about: the visit of a shop."""

    tenant_id: UUID
    visit_id: UUID


class Shoppers:
    """Finds, exports and erases what the tables hold of a visit; its avatars are `tenancy.avatars`' own."""

    def __init__(
        self,
        database: Database,
        signer: Signer,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._signer = signer
        self._now = now

    def receipt_of_consent(self, shop: Shop, agreed: Receipt) -> str:
        """What a shopper is given when she agrees."""
        return self._signer.sign(
            {
                "kind": "consent",
                "id": str(agreed.id),
                "shop": str(shop.id),
                "shop_name": shop.name,
                "visit": str(agreed.visit_id),
                "text_version": agreed.version,
                "text_language": agreed.language,
                "text_sha256": agreed.text_digest,
                "granted_at": agreed.granted_at.isoformat(),
                "region": agreed.region,
            }
        )

    async def claimant(self, credential: str) -> Claimant:
        """Who holds this token, also an expired one, or this receipt of a consent. Raises InvalidToken."""
        if "." in credential:
            try:
                facts = self._signer.read(credential)
            except InvalidReceipt:
                raise InvalidToken from None
            if facts.get("kind") != "consent":
                raise InvalidToken
            return Claimant(UUID(facts["shop"]), UUID(facts["visit"]))
        tenant_id = tenant_of(credential)
        async with self._database.tenant(tenant_id) as connection:
            visit = await connection.fetchval("SELECT id FROM visits WHERE token_digest = $1", token_digest(credential))
        if visit is None:
            raise InvalidToken
        return Claimant(tenant_id, visit)

    async def export(self, who: Claimant) -> dict[str, Any]:
        """All that is kept, as JSON would have it: times in RFC 3339, ids as text."""
        async with self._database.tenant(who.tenant_id) as connection:
            visit = await connection.fetchrow(
                "SELECT id, product_id, opened_at, expires_at FROM visits WHERE id = $1", who.visit_id
            )
            consents = await connection.fetch(
                """
                SELECT id, purpose, version, text_digest, language, region, granted, granted_at FROM consents
                 WHERE visit_id = $1 ORDER BY granted_at
                """,
                who.visit_id,
            )
        return {
            "visit": _plain(visit) if visit else None,
            "consents": [_plain(consent) for consent in consents],
        }

    async def consents(self, tenant_id: UUID, after: UUID | None = None, most: int = 5000) -> list[dict[str, Any]]:
        """A page of a shop's evidence of consents, by their ids; `after`: the last id of the page before."""
        async with self._database.tenant(tenant_id) as connection:
            rows = await connection.fetch(
                """
                SELECT id, visit_id, purpose, version, text_digest, language, region, granted, granted_at FROM consents
                 WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2
                """,
                after,
                most,
            )
        return [_plain(row) for row in rows]

    async def erase(self, who: Claimant, *, forgotten: Mapping[str, int]) -> str:
        """Erase the visit and what hangs on it, note that the consent is taken back, and return the signed receipt.

        `forgotten`: what the caller has ended and erased elsewhere. Again, it is harmless. That she once
        agreed, and took it back, stays until the time for such evidence is over (GDPR, article 7, 1): it names a visit
        that no longer exists.
        """
        erased: dict[str, int] = dict(forgotten)
        now = self._now()
        async with self._database.tenant(who.tenant_id) as connection:
            done = await connection.execute("DELETE FROM visits WHERE id = $1", who.visit_id)
            erased["visits"] = int(done.split()[-1])
            await withdraw(connection, who.tenant_id, who.visit_id, at=now)
            days = await connection.fetchval("SELECT keep_consents_days FROM shops")
            granted_at = await connection.fetchval(
                "SELECT max(granted_at) FROM consents WHERE visit_id = $1", who.visit_id
            )
        until = (granted_at + timedelta(days=days)).date().isoformat() if granted_at else None
        return self._signer.sign(
            {
                "kind": "erasure",
                "shop": str(who.tenant_id),
                "visit": str(who.visit_id),
                "erased": erased,
                "erased_at": now.isoformat(),
                "consent_kept_until": until,
            }
        )


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else str(value) if isinstance(value, UUID) else value
        for name, value in row.items()
    }
