"""The second factors of an account: the secret of an authenticator app, recovery codes, and that there are passkeys.

A secret that no code has proven yet stands apart and counts for nothing. Wrong codes in a row, over whatever way, make
the account rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from tenancy import second_factor as factor
from tenancy.clock import utc_now
from tenancy.seal import Seal
from tenancy.tokens import token_digest

_FAILURES = 10  # codes in a row for an account, whatever the challenge, until it rests
_REST = timedelta(minutes=15)
_PLACE = "totp"


@dataclass(frozen=True)
class Held:
    """What an account has. `app_since` is None without an app."""

    app_since: datetime | None
    passkeys: int
    recovery_codes: int

    @property
    def any(self) -> bool:
        """Whether there is a second factor at all; recovery codes are none."""
        return self.app_since is not None or self.passkeys > 0


class Factors:
    """Reads and changes them, each in the caller's transaction."""

    def __init__(self, seal: Seal, *, now: Callable[[], datetime] = utc_now) -> None:
        self._seal = seal
        self._now = now

    async def held(self, connection: asyncpg.Connection, account: UUID) -> Held:
        """Locks the account, so that two changes at once cannot leave it without a factor."""
        row = await connection.fetchrow("SELECT totp_since FROM accounts WHERE id = $1 FOR UPDATE", account)
        passkeys = await connection.fetchval("SELECT count(*) FROM passkeys WHERE account_id = $1", account)
        codes = await connection.fetchval(
            "SELECT count(*) FROM recovery_codes WHERE account_id = $1 AND used_at IS NULL", account
        )
        return Held(row["totp_since"] if row else None, passkeys, codes)

    async def offer_app(self, connection: asyncpg.Connection, tenant_id: UUID, account: UUID) -> bytes:
        """A new secret for an app, which counts once a code has proven that it arrived."""
        secret = factor.new_secret()
        sealed = self._seal.seal(secret, tenant_id, account, _PLACE)
        await connection.execute("UPDATE accounts SET totp_next = $2 WHERE id = $1", account, sealed)
        return secret

    async def take_offered_app(self, connection: asyncpg.Connection, tenant_id: UUID, account: UUID, code: str) -> bool:
        """Whether the code proves the offered secret; if so, it is the account's from now on."""
        sealed = await connection.fetchval("SELECT totp_next FROM accounts WHERE id = $1 FOR UPDATE", account)
        counter = None if sealed is None else self._counter(sealed, tenant_id, account, code, after=0)
        if counter is None:
            await self._count_failure(connection, account)
            return False
        await connection.execute(
            """
            UPDATE accounts SET totp_secret = totp_next, totp_next = NULL, totp_since = $2, totp_counter = $3,
                   failures = 0, blocked_until = NULL
             WHERE id = $1
            """,
            account,
            self._now(),
            counter,
        )
        return True

    async def drop_app(self, connection: asyncpg.Connection, account: UUID) -> None:
        """Whether another factor is left is for the caller to see to."""
        await connection.execute(
            "UPDATE accounts SET totp_secret = NULL, totp_next = NULL, totp_since = NULL WHERE id = $1", account
        )

    async def take_code(self, connection: asyncpg.Connection, tenant_id: UUID, account: UUID, code: str) -> bool:
        """Whether a code of the app or a recovery code is good; if so it is used up, and failures are forgotten."""
        row = await connection.fetchrow(
            "SELECT totp_secret, totp_counter FROM accounts WHERE id = $1 FOR UPDATE", account
        )
        counter = None
        if row is not None and row["totp_secret"] is not None:
            counter = self._counter(row["totp_secret"], tenant_id, account, code, after=row["totp_counter"])
        if counter is None and not await self._take_recovery_code(connection, account, code):
            await self._count_failure(connection, account)
            return False
        await connection.execute(
            "UPDATE accounts SET totp_counter = COALESCE($2, totp_counter) WHERE id = $1", account, counter
        )
        await self.forget_failures(connection, account)
        return True

    async def new_recovery_codes(self, connection: asyncpg.Connection, tenant_id: UUID, account: UUID) -> list[str]:
        """Ten new ones in the place of those before."""
        await connection.execute("DELETE FROM recovery_codes WHERE account_id = $1", account)
        codes = factor.new_recovery_codes()
        await connection.executemany(
            "INSERT INTO recovery_codes (tenant_id, account_id, digest) VALUES ($1, $2, $3)",
            [(tenant_id, account, token_digest(code)) for code in codes],
        )
        return codes

    async def rests(self, connection: asyncpg.Connection, account: UUID) -> bool:
        """Whether too many wrong codes came in a row."""
        until = await connection.fetchval("SELECT blocked_until FROM accounts WHERE id = $1", account)
        return until is not None and until > self._now()

    async def forget_failures(self, connection: asyncpg.Connection, account: UUID) -> None:
        """A factor was good."""
        await connection.execute("UPDATE accounts SET failures = 0, blocked_until = NULL WHERE id = $1", account)

    async def _count_failure(self, connection: asyncpg.Connection, account: UUID) -> None:
        await connection.execute(
            """
            UPDATE accounts SET failures = (failures + 1) % $2::int,
                   blocked_until = CASE WHEN failures + 1 >= $2::int THEN $3 ELSE blocked_until END
             WHERE id = $1
            """,
            account,
            _FAILURES,
            self._now() + _REST,
        )

    async def _take_recovery_code(self, connection: asyncpg.Connection, account: UUID, code: str) -> bool:
        used = await connection.execute(
            "UPDATE recovery_codes SET used_at = $3 WHERE account_id = $1 AND digest = $2 AND used_at IS NULL",
            account,
            token_digest(factor.plain_recovery_code(code)),
            self._now(),
        )
        return bool(used == "UPDATE 1")

    def _counter(self, sealed: bytes, tenant_id: UUID, account: UUID, code: str, *, after: int) -> int | None:
        secret = self._seal.open(sealed, tenant_id, account, _PLACE)
        return factor.counter_of(code, secret, after=after, at=self._now().timestamp())
