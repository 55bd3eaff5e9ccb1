"""Passkeys (WebAuthn, level 3) as a second factor: registered, asked for, listed, removed.

The random bytes that a passkey signs are kept with the login that asked for them, for minutes, and are good once. A
passkey whose counter does not go on is a copy, and is refused.
"""

# ruff: noqa: PLC0415  `webauthn` is read when the first passkey comes: most processes never see one.

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from tenancy.clock import utc_now
from tenancy.database import Database
from tenancy.errors import InvalidPasskey, UnknownPasskey

CEREMONY = timedelta(minutes=5)
MOST = 20  # of an account
_CHALLENGE_BYTES = 32
_TRANSPORTS = ("usb", "nfc", "ble", "hybrid", "internal")


@dataclass(frozen=True)
class Site:
    """What a passkey is bound to: the `host` of our pages and their whole `origin`."""

    host: str
    origin: str


@dataclass(frozen=True)
class Passkey:
    """A passkey as its person sees it."""

    id: UUID
    name: str
    created_at: datetime
    last_used_at: datetime | None


class Passkeys:
    """Deals with the passkeys of an account, on behalf of one of its logins (also one that is only a challenge)."""

    def __init__(self, database: Database, *, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    async def of(self, connection: asyncpg.Connection, account: UUID) -> list[Passkey]:
        """The oldest first."""
        rows = await connection.fetch(
            "SELECT id, name, created_at, last_used_at FROM passkeys WHERE account_id = $1 ORDER BY created_at, id",
            account,
        )
        return [Passkey(**row) for row in rows]

    async def ask_for_new(
        self, connection: asyncpg.Connection, login: UUID, account: UUID, *, email: str, site: Site
    ) -> dict[str, Any]:
        """What `navigator.credentials.create` takes, in JSON."""
        import webauthn
        from webauthn.helpers.structs import (
            AuthenticatorSelectionCriteria,
            ResidentKeyRequirement,
            UserVerificationRequirement,
        )

        options = webauthn.generate_registration_options(
            rp_id=site.host,
            rp_name="Vitrine",
            user_id=account.bytes,
            user_name=email,
            challenge=await self._new_ceremony(connection, login),
            timeout=int(CEREMONY.total_seconds() * 1000),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.DISCOURAGED,
                user_verification=UserVerificationRequirement.PREFERRED,
            ),
            exclude_credentials=await _descriptors(connection, account),
        )
        return _plain(webauthn.options_to_json(options))

    async def add(
        self,
        connection: asyncpg.Connection,
        tenant_id: UUID,
        account: UUID,
        *,
        credential: Mapping[str, Any],
        challenge: bytes | None,
        name: str,
        site: Site,
    ) -> Passkey:
        """Keep a passkey that has signed `challenge`. Raises InvalidPasskey."""
        import webauthn

        name = name.strip()
        if challenge is None or not name.isprintable() or not 0 < len(name) <= 100:
            raise InvalidPasskey("it came too late, or its name is none")
        try:
            made = webauthn.verify_registration_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=site.host,
                expected_origin=site.origin,
            )
            told = credential.get("response", {}).get("transports") or []
        except Exception:  # whatever is wrong with a stranger's bytes
            raise InvalidPasskey("the browser's answer does not prove a passkey") from None
        if await connection.fetchval("SELECT count(*) FROM passkeys WHERE account_id = $1", account) >= MOST:
            raise InvalidPasskey(f"an account has {MOST} passkeys at most")
        try:
            row = await connection.fetchrow(
                """
                INSERT INTO passkeys (tenant_id, id, account_id, credential_id, public_key, sign_count, transports,
                                      name, created_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id, name, created_at, last_used_at
                """,
                tenant_id,
                uuid4(),
                account,
                made.credential_id,
                made.credential_public_key,
                made.sign_count,
                [one for one in _TRANSPORTS if one in told],
                name,
                self._now(),
            )
        except asyncpg.UniqueViolationError:
            raise InvalidPasskey("this passkey is there already") from None
        return Passkey(**row)

    async def ask_for_known(
        self, connection: asyncpg.Connection, login: UUID, account: UUID, *, site: Site
    ) -> dict[str, Any]:
        """What `navigator.credentials.get` takes, in JSON."""
        import webauthn
        from webauthn.helpers.structs import UserVerificationRequirement

        options = webauthn.generate_authentication_options(
            rp_id=site.host,
            challenge=await self._new_ceremony(connection, login),
            timeout=int(CEREMONY.total_seconds() * 1000),
            allow_credentials=await _descriptors(connection, account),
            user_verification=UserVerificationRequirement.PREFERRED,
        )
        return _plain(webauthn.options_to_json(options))

    async def check(
        self,
        connection: asyncpg.Connection,
        account: UUID,
        *,
        credential: Mapping[str, Any],
        challenge: bytes | None,
        site: Site,
    ) -> bool:
        """Whether a passkey of the account signed `challenge`; its counter goes on."""
        import webauthn

        try:
            credential_id = webauthn.base64url_to_bytes(str(credential.get("id", "")))
        except ValueError:
            return False
        row = await connection.fetchrow(
            """
            SELECT id, public_key, sign_count FROM passkeys WHERE account_id = $1 AND credential_id = $2 FOR UPDATE
            """,
            account,
            credential_id,
        )
        if row is None or challenge is None:
            return False
        try:
            proven = webauthn.verify_authentication_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=site.host,
                expected_origin=site.origin,
                credential_public_key=row["public_key"],
                credential_current_sign_count=row["sign_count"],
            )
        except Exception:  # whatever is wrong with a stranger's bytes
            return False
        await connection.execute(
            "UPDATE passkeys SET sign_count = $2, last_used_at = $3 WHERE id = $1",
            row["id"],
            proven.new_sign_count,
            self._now(),
        )
        return True

    async def remove(self, connection: asyncpg.Connection, account: UUID, passkey: UUID) -> str:
        """Its name. Whether another factor is left is for the caller to see to. Raises UnknownPasskey."""
        name: str | None = await connection.fetchval(
            "DELETE FROM passkeys WHERE id = $1 AND account_id = $2 RETURNING name", passkey, account
        )
        if name is None:
            raise UnknownPasskey
        return name

    async def take_ceremony(self, tenant_id: UUID, login: UUID) -> bytes | None:
        """The bytes that this login has to show signed, which are used up by it; None if there are none any more.
        A transaction of its own: they are used up whatever follows."""
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow(
                """
                WITH held AS (SELECT id, ceremony, ceremony_until FROM logins WHERE id = $1 FOR UPDATE)
                UPDATE logins l SET ceremony = NULL, ceremony_until = NULL FROM held WHERE l.id = held.id
                RETURNING held.ceremony, held.ceremony_until
                """,
                login,
            )
        if row is None or row["ceremony"] is None or row["ceremony_until"] <= self._now():
            return None
        return bytes(row["ceremony"])

    async def _new_ceremony(self, connection: asyncpg.Connection, login: UUID) -> bytes:
        challenge = secrets.token_bytes(_CHALLENGE_BYTES)
        await connection.execute(
            "UPDATE logins SET ceremony = $2, ceremony_until = $3 WHERE id = $1",
            login,
            challenge,
            self._now() + CEREMONY,
        )
        return challenge


async def _descriptors(connection: asyncpg.Connection, account: UUID) -> list[Any]:
    from webauthn.helpers.structs import AuthenticatorTransport, PublicKeyCredentialDescriptor

    rows = await connection.fetch("SELECT credential_id, transports FROM passkeys WHERE account_id = $1", account)
    return [
        PublicKeyCredentialDescriptor(
            id=row["credential_id"], transports=[AuthenticatorTransport(one) for one in row["transports"]] or None
        )
        for row in rows
    ]


def _plain(text: str) -> dict[str, Any]:
    options: dict[str, Any] = json.loads(text)
    return options
