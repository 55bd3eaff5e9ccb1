"""Keys: a publishable one names the shop in its pages, a secret one speaks for the shop from its servers.

A secret key is shown once, when it is made; the database holds its SHA-256, which cannot be guessed back from 256
random bits. A revoked key, a mistyped one and one that never was are answered alike.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid4

import asyncpg

from tenancy.audit import note
from tenancy.database import Database
from tenancy.errors import InvalidKey, ShopConflict, UnknownKey, UnknownShop
from tenancy.shops import Shop, checked_name, checked_slug, normal_origin

__all__ = ["Credentials", "Key", "Shop"]

Kind = Literal["publishable", "secret"]
_PREFIX: dict[Kind, str] = {"publishable": "pk_", "secret": "sk_"}
_LONGEST = 100  # characters; nothing longer is worth a hash or a query


@dataclass(frozen=True)
class Key:
    """A key as its shop may see it: `shown` is all of a publishable key, the beginning of a secret one."""

    id: UUID
    kind: Kind
    label: str
    shown: str
    scopes: tuple[str, ...]
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class Credentials:
    """From a key or an address to the shop, and the keys of a shop."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def shop_for_publishable_key(self, key: str) -> Shop:
        """The shop of a `pk_…` key, as it was within the last second. Raises InvalidKey."""
        cache = self._database.cache
        return await cache.find("shop-by-key", _digest(key), lambda: self._shop_for("publishable", key), _id_of)

    async def shop_for_secret_key(self, key: str) -> Shop:
        """The shop of an `sk_…` key; its last use is noted to the minute. Raises InvalidKey."""
        return (await self.secret_key(key))[0]

    async def secret_key(self, key: str) -> tuple[Shop, Key]:
        """The shop of an `sk_…` key, and what is kept of the key; its last use is noted to the minute. Raises
        InvalidKey."""
        shop = await self._shop_for("secret", key)
        async with self._database.tenant(shop.id) as connection:
            row = await connection.fetchrow("SELECT * FROM api_keys WHERE digest = $1", _digest(key))
            await connection.execute(
                """
                UPDATE api_keys SET last_used_at = now()
                 WHERE digest = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
                """,
                _digest(key),
            )
        return shop, _key(row)

    async def shop_for_slug(self, slug: str) -> Shop:
        """The shop whose page is at `/s/{slug}`, as it was within the last second. Raises UnknownShop."""
        return await self._database.cache.find("shop-by-slug", slug, lambda: self._shop_at_slug(slug), _id_of)

    async def _shop_at_slug(self, slug: str) -> Shop:
        async with self._database.system() as connection:
            row = await connection.fetchrow(
                "SELECT tenant_id, slug, name, allowed_origins, region FROM shops WHERE slug = $1",
                slug.replace("\0", ""),
            )
        if row is None:
            raise UnknownShop
        return _shop(row)

    async def shop_of_tenant(self, tenant_id: UUID) -> Shop:
        """The shop with this id, as a visit names it, as it was within the last second. Raises UnknownShop."""
        return await self._database.cache.read("shop", tenant_id, "", lambda: self._shop_with_id(tenant_id))

    async def _shop_with_id(self, tenant_id: UUID) -> Shop:
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow("SELECT tenant_id, slug, name, allowed_origins, region FROM shops")
        if row is None:
            raise UnknownShop
        return _shop(row)

    async def issue(
        self, tenant_id: UUID, kind: Kind, *, label: str = "", scopes: Sequence[str] = (), by: str = ""
    ) -> tuple[str, Key]:
        """Make a key for a shop: its value, which for a secret key is never seen again, and what is kept of it.
        `scopes`: rights of `tenancy.principals`; none means all that a key can have."""
        async with self._database.tenant(tenant_id) as connection:
            return await issue_key(connection, tenant_id, kind, label=label, scopes=scopes, by=by)

    async def keys(self, tenant_id: UUID) -> list[Key]:
        """Every key of a shop, the newest first, revoked ones too."""
        async with self._database.tenant(tenant_id) as connection:
            rows = await connection.fetch("SELECT * FROM api_keys ORDER BY created_at DESC, id")
        return [_key(row) for row in rows]

    async def publishable_key(self, tenant_id: UUID) -> str | None:
        """The newest publishable key that is good, for the shop's own page; as it was within the last second."""
        return await self._database.cache.read("key", tenant_id, "", lambda: self._newest_publishable(tenant_id))

    async def _newest_publishable(self, tenant_id: UUID) -> str | None:
        async with self._database.tenant(tenant_id) as connection:
            shown: str | None = await connection.fetchval(
                """
                SELECT shown FROM api_keys WHERE kind = 'publishable' AND revoked_at IS NULL
                 ORDER BY created_at DESC, id LIMIT 1
                """
            )
        return shown

    async def revoke(self, tenant_id: UUID, key_id: UUID, *, by: str = "") -> None:
        """End a key, at once and for good. Raises UnknownKey if the shop has no such key."""
        async with self._database.tenant(tenant_id) as connection:
            done = await connection.execute(
                "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, now()) WHERE id = $1", key_id
            )
            if done != "UPDATE 1":
                raise UnknownKey
            await note(connection, tenant_id, by, "key.revoked", key_id)
        self._database.cache.drop(tenant_id, "api_keys")

    async def ensure_shop(
        self, slug: str, name: str, publishable_key: str, allowed_origins: Sequence[str] = ()
    ) -> Shop:
        """The shop at `slug` with this name, key and these origins, made or brought to it; the same twice is the
        same. For the demo shop and for installations kept by configuration.

        Raises InvalidShop, InvalidKey for a key that does not begin with `pk_`, and ShopConflict if the key is
        another shop's.
        """
        checked_slug(slug)
        if not publishable_key.startswith("pk_") or len(publishable_key) > _LONGEST:
            raise InvalidKey("a publishable key begins with pk_")
        origins = tuple(dict.fromkeys(normal_origin(origin) for origin in allowed_origins))
        shop = await self._shop_at(slug, checked_name(name))
        try:
            async with self._database.tenant(shop.id) as connection:
                row = await connection.fetchrow(
                    """
                    UPDATE shops SET name = $1, allowed_origins = $2, updated_at = now()
                    RETURNING tenant_id, slug, name, allowed_origins, region
                    """,
                    checked_name(name),
                    list(origins),
                )
                known = await connection.fetchval(
                    "SELECT revoked_at IS NULL FROM api_keys WHERE digest = $1", _digest(publishable_key)
                )
                if known is None:
                    await _insert_key(connection, shop.id, "publishable", publishable_key)
                elif not known:
                    raise InvalidKey("that key was revoked")
        except asyncpg.UniqueViolationError:
            raise ShopConflict(f"the key {publishable_key} is another shop's") from None
        self._database.cache.drop(shop.id)
        return _shop(row)

    async def _shop_at(self, slug: str, name: str) -> Shop:
        try:
            return await self._shop_at_slug(slug)
        except UnknownShop:
            pass
        tenant_id = uuid4()
        try:
            async with self._database.tenant(tenant_id) as connection:
                await connection.execute(
                    "INSERT INTO shops (tenant_id, slug, name) VALUES ($1, $2, $3)", tenant_id, slug, name
                )
        except asyncpg.UniqueViolationError:  # another process made it meanwhile
            return await self._shop_at_slug(slug)
        return Shop(tenant_id, slug, name, ())

    async def _shop_for(self, kind: Kind, key: str) -> Shop:
        if not key.startswith(_PREFIX[kind]) or len(key) > _LONGEST:
            raise InvalidKey
        async with self._database.system() as connection:
            row = await connection.fetchrow(
                """
                SELECT s.tenant_id, s.slug, s.name, s.allowed_origins, s.region
                  FROM api_keys k JOIN shops s ON s.tenant_id = k.tenant_id
                 WHERE k.digest = $1 AND k.kind = $2 AND k.revoked_at IS NULL
                """,
                _digest(key),
                kind,
            )
        if row is None:
            raise InvalidKey
        return _shop(row)


async def issue_key(
    connection: asyncpg.Connection,
    tenant_id: UUID,
    kind: Kind,
    *,
    label: str = "",
    scopes: Sequence[str] = (),
    by: str = "",
) -> tuple[str, Key]:
    """As `Credentials.issue`, in a transaction of the caller's."""
    value = _PREFIX[kind] + secrets.token_urlsafe(32 if kind == "secret" else 18)
    row = await _insert_key(connection, tenant_id, kind, value, label=label, scopes=scopes)
    await note(connection, tenant_id, by, "key.made", row["id"], kind=kind, label=label, scopes=list(scopes))
    return value, _key(row)


async def _insert_key(
    connection: asyncpg.Connection,
    tenant_id: UUID,
    kind: Kind,
    value: str,
    *,
    label: str = "",
    scopes: Sequence[str] = (),
) -> asyncpg.Record:
    return await connection.fetchrow(
        """
        INSERT INTO api_keys (tenant_id, id, kind, label, shown, digest, scopes)
        VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *
        """,
        tenant_id,
        uuid4(),
        kind,
        label,
        value if kind == "publishable" else value[:11],
        _digest(value),
        list(scopes),
    )


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()


def _id_of(shop: Shop) -> UUID:
    return shop.id


def _shop(row: asyncpg.Record) -> Shop:
    return Shop(row["tenant_id"], row["slug"], row["name"], tuple(row["allowed_origins"]), row["region"])


def _key(row: asyncpg.Record) -> Key:
    return Key(
        id=row["id"],
        kind=row["kind"],
        label=row["label"],
        shown=row["shown"],
        scopes=tuple(row["scopes"]),
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )
