"""A shopper's visit: a token for one shop that lasts half an hour and is renewed while she is in front of the mirror.

The token names the shop (`tenancy.tokens`); the database holds its SHA-256.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg

from tenancy.consent import Receipt, purpose_of, record
from tenancy.database import Database
from tenancy.errors import InvalidToken, ShopClosing, TokenExpired, UnknownProduct
from tenancy.shops import Shop
from tenancy.tokens import new_token, tenant_of, token_digest


@dataclass(frozen=True)
class Visit:
    """An open visit. `product_id` is what it began with, if that is still in the shop; `camera`: whether its shopper
    agreed to her camera's picture being sent; `agreed` is the receipt of the consent, when it has just been given."""

    id: UUID
    tenant_id: UUID
    product_id: UUID | None
    expires_at: datetime
    camera: bool = True
    agreed: Receipt | None = field(default=None, compare=False)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Visits:
    """Opens, finds and renews visits. `lasting` is how long one is good for without renewal."""

    def __init__(
        self,
        database: Database,
        *,
        lasting: timedelta = timedelta(minutes=30),
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._database = database
        self._lasting = lasting
        self._now = now

    async def open(
        self,
        shop: Shop,
        product_id: UUID | None,
        consent_version: str | None,
        *,
        region: str | None = None,
        language: str = "en",
    ) -> tuple[str, Visit]:
        """Open a visit and write the consent's receipt, both or neither; returns the token and the visit.

        `language` is the one in which she read the text. Raises ConsentRequired if `consent_version` is not a
        current text's, UnknownProduct if the shop does not have `product_id`, ShopClosing.
        """
        purpose = purpose_of(consent_version)
        camera = purpose == "camera"
        token = new_token(shop.id)
        now, unchanged_since = self._now(), self._database.cache.change_of(shop.id)
        visit_id, expires_at = uuid4(), now + self._lasting
        try:
            async with self._database.tenant(shop.id) as connection:
                done = await connection.execute(
                    """
                    INSERT INTO visits (tenant_id, id, token_digest, product_id, opened_at, expires_at, camera)
                    SELECT tenant_id, $1, $2, $3, $4, $5, $6 FROM shops WHERE closes_at IS NULL
                    """,
                    visit_id,
                    token_digest(token),
                    product_id,
                    now,
                    expires_at,
                    camera,
                )
                if done != "INSERT 0 1":
                    raise ShopClosing("the shop is being closed")
                agreed = await record(
                    connection,
                    shop.id,
                    visit_id,
                    consent_version,
                    at=now,
                    region=region,
                    language=language,
                    purpose=purpose,
                )
        except asyncpg.ForeignKeyViolationError:
            raise UnknownProduct from None
        kept = Visit(visit_id, shop.id, product_id, expires_at, camera)
        self._database.cache.keep("visit", shop.id, token_digest(token), kept, since=unchanged_since)
        return token, replace(kept, agreed=agreed)

    async def agree_to_camera(
        self, visit: Visit, consent_version: str | None, *, region: str | None = None, language: str = "en"
    ) -> Receipt:
        """Let the camera's picture come in a visit that began without it, and write the receipt, both or neither.

        Raises ConsentRequired if the version is not the current text's, TokenExpired.
        """
        now = self._now()
        async with self._database.tenant(visit.tenant_id) as connection:
            agreed = await record(
                connection, visit.tenant_id, visit.id, consent_version, at=now, region=region, language=language
            )
            done = await connection.execute(
                "UPDATE visits SET camera = true WHERE id = $1 AND expires_at > $2", visit.id, now
            )
            if done != "UPDATE 1":
                raise TokenExpired
        return agreed

    async def has_camera(self, visit: Visit) -> bool:
        """Whether its shopper agreed to the camera: when it began, or since, which a cache may not know yet."""
        return visit.camera or (await self.get(visit.tenant_id, visit.id)).camera

    async def resolve(self, token: str) -> Visit:
        """The visit of a token. Raises InvalidToken, TokenExpired."""
        tenant_id, digest = tenant_of(token), token_digest(token)
        cache = self._database.cache
        visit = await cache.read("visit", tenant_id, digest, lambda: self._with_token(tenant_id, digest))
        if visit.expires_at <= self._now():  # unless another process renewed it since
            visit = await self._with_token(tenant_id, digest)
        if visit.expires_at <= self._now():
            raise TokenExpired
        return visit

    async def _with_token(self, tenant_id: UUID, digest: bytes) -> Visit:
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow(
                "SELECT id, product_id, expires_at, camera FROM visits WHERE token_digest = $1", digest
            )
        if row is None:
            raise InvalidToken
        return Visit(row["id"], tenant_id, row["product_id"], row["expires_at"], row["camera"])

    async def get(self, tenant_id: UUID, visit_id: UUID) -> Visit:
        """A visit by its id, for those who keep it alive. Raises InvalidToken when the shop has no such visit."""
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow("SELECT product_id, expires_at, camera FROM visits WHERE id = $1", visit_id)
        if row is None:
            raise InvalidToken
        return Visit(visit_id, tenant_id, row["product_id"], row["expires_at"], row["camera"])

    async def renew(self, visit: Visit) -> Visit:
        """The visit, good for the whole time again. Raises TokenExpired: a visit that is over stays over."""
        now = self._now()
        async with self._database.tenant(visit.tenant_id) as connection:
            row = await connection.fetchrow(
                """
                UPDATE visits SET expires_at = GREATEST(expires_at, $2)
                 WHERE id = $1 AND expires_at > $3 RETURNING product_id, expires_at, camera
                """,
                visit.id,
                now + self._lasting,
                now,
            )
        if row is None:
            raise TokenExpired
        return Visit(visit.id, visit.tenant_id, row["product_id"], row["expires_at"], row["camera"])
