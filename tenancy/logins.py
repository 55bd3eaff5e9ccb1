"""Logging in, in two steps, and the logins that are open.

The first step takes shop, address and password and gives a challenge, which opens nothing. The second takes the
challenge and a code, and gives the session's token: a new one, so that what was known before counts for nothing. Who
has no second factor yet proves one in the second step; there is no way round it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID, uuid4

import asyncpg

from tenancy import second_factor as factor
from tenancy.accounts import Role, checked_email, utc_now
from tenancy.audit import note
from tenancy.credentials import Credentials
from tenancy.database import Database
from tenancy.errors import (
    InvalidEmail,
    InvalidToken,
    LoggedOut,
    LoginFailed,
    SecondFactorFailed,
    UnknownLogin,
    UnknownShop,
)
from tenancy.passwords import Passwords
from tenancy.seal import Seal
from tenancy.shops import Shop
from tenancy.tokens import new_token, tenant_of, token_digest

CHALLENGE = timedelta(minutes=10)
IDLE, ABSOLUTE = timedelta(hours=12), timedelta(days=7)
_TRIES = 5  # codes for a challenge
_FAILURES = 10  # codes in a row for an account, whatever the challenge, until it rests
_REST = timedelta(minutes=15)


@dataclass(frozen=True)
class Enrolment:
    """A second factor to be set up: the secret as typed, and as a QR code holds it."""

    secret: str
    uri: str


@dataclass(frozen=True)
class Challenge:
    """The first step passed. `enrolment` is there until a code has proven that the secret arrived."""

    token: str
    enrolment: Enrolment | None


@dataclass(frozen=True)
class Opened:
    """A login. `recovery_codes` are there after an enrolment, this once."""

    token: str
    shop: Shop
    recovery_codes: list[str] | None


@dataclass(frozen=True)
class Member:
    """Who an open login belongs to."""

    login_id: UUID
    account_id: UUID
    email: str
    role: Role
    tenant_id: UUID


@dataclass(frozen=True)
class Login:
    """An open login as its person sees it."""

    id: UUID
    agent: str
    created_at: datetime
    seen_at: datetime


class Logins:
    """Opens, finds, lists and ends logins."""

    def __init__(
        self,
        database: Database,
        credentials: Credentials,
        passwords: Passwords,
        seal: Seal,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._credentials = credentials
        self._passwords = passwords
        self._seal = seal
        self._now = now

    async def check_password(self, slug: str, email: str, password: str, *, agent: str = "") -> Challenge:
        """The first step. Raises LoginFailed after the same work whatever was wrong."""
        shop, row = None, None
        try:
            email = checked_email(email)
            shop = await self._credentials.shop_for_slug(slug)
        except (UnknownShop, InvalidEmail):
            pass
        else:
            async with self._database.tenant(shop.id) as connection:
                row = await connection.fetchrow(
                    "SELECT id, password_hash, verified_at, totp_since FROM accounts WHERE email = $1", email
                )
        good = await self._passwords.verify(password, row["password_hash"] if row else None)
        if shop is None or row is None or not good or row["verified_at"] is None:
            raise LoginFailed
        async with self._database.tenant(shop.id) as connection:
            token = await self._open(connection, shop.id, row["id"], complete=False, agent=agent)
            enrolment = None
            if row["totp_since"] is None:
                secret = factor.new_secret()
                sealed = self._seal.seal(secret, shop.id, row["id"], "totp")
                await connection.execute("UPDATE accounts SET totp_secret = $2 WHERE id = $1", row["id"], sealed)
                uri = factor.enrolment_uri(secret, account=email, shop=shop.name)
                enrolment = Enrolment(factor.shown_secret(secret), uri)
        return Challenge(token, enrolment)

    async def check_code(self, challenge: str, code: str, *, agent: str = "") -> Opened:
        """The second step: a code of the app, or a recovery code. Raises SecondFactorFailed, also for a challenge
        that is too old or has seen too many codes."""
        try:
            tenant_id = tenant_of(challenge)
        except InvalidToken:
            raise SecondFactorFailed from None
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow(
                """
                UPDATE logins l SET tries = tries + 1 FROM accounts a
                 WHERE l.digest = $1 AND NOT l.complete AND l.tries < $2 AND l.expires_at > $3 AND a.id = l.account_id
                RETURNING l.id AS login_id, a.*
                """,
                token_digest(challenge),
                _TRIES,
                self._now(),
            )
        # That was a transaction of its own: a try counts even if what follows fails.
        if row is None or (row["blocked_until"] is not None and row["blocked_until"] > self._now()):
            raise SecondFactorFailed
        shop = await self._credentials.shop_of_tenant(tenant_id)
        async with self._database.tenant(tenant_id) as connection:
            if not await self._take_code(connection, tenant_id, row["id"], code):
                await self._count_failure(connection, row["id"])
                token = None
            else:
                await connection.execute("DELETE FROM logins WHERE id = $1", row["login_id"])
                token = await self._open(connection, tenant_id, row["id"], complete=True, agent=agent)
                codes = await self._enrol(connection, tenant_id, row) if row["totp_since"] is None else None
                await note(connection, tenant_id, row["email"], "account.logged-in")
        if token is None:
            raise SecondFactorFailed
        return Opened(token, shop, codes)

    async def resolve(self, token: str) -> Member:
        """Whose login it is; notes to the minute that it is used. Raises LoggedOut."""
        now = self._now()
        try:
            tenant_id = tenant_of(token)
        except InvalidToken:
            raise LoggedOut from None
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow(
                """
                SELECT l.id, l.seen_at, a.id AS account_id, a.email, a.role
                  FROM logins l JOIN accounts a ON a.id = l.account_id
                 WHERE l.digest = $1 AND l.complete AND l.expires_at > $2 AND l.seen_at > $3
                """,
                token_digest(token),
                now,
                now - IDLE,
            )
            if row is None:
                raise LoggedOut
            if now - row["seen_at"] > timedelta(minutes=1):
                await connection.execute("UPDATE logins SET seen_at = $2 WHERE id = $1", row["id"], now)
        return Member(row["id"], row["account_id"], row["email"], cast(Role, row["role"]), tenant_id)

    async def open_logins(self, member: Member) -> list[Login]:
        """The open logins of a person, the last used first."""
        async with self._database.tenant(member.tenant_id) as connection:
            rows = await connection.fetch(
                """
                SELECT id, agent, created_at, seen_at FROM logins
                 WHERE account_id = $1 AND complete AND expires_at > $2 AND seen_at > $3 ORDER BY seen_at DESC
                """,
                member.account_id,
                self._now(),
                self._now() - IDLE,
            )
        return [Login(**row) for row in rows]

    async def end(self, member: Member, login_id: UUID) -> None:
        """End a login of this person. Raises UnknownLogin."""
        async with self._database.tenant(member.tenant_id) as connection:
            done = await connection.execute(
                "DELETE FROM logins WHERE id = $1 AND account_id = $2", login_id, member.account_id
            )
            if done != "DELETE 1":
                raise UnknownLogin
            await note(connection, member.tenant_id, member.email, "account.logged-out")

    async def _open(
        self, connection: asyncpg.Connection, tenant_id: UUID, account: UUID, *, complete: bool, agent: str
    ) -> str:
        token, now = new_token(tenant_id), self._now()
        await connection.execute(
            "DELETE FROM logins WHERE account_id = $1 AND (expires_at <= $2 OR seen_at <= $3)",
            account,
            now,
            now - IDLE,
        )
        await connection.execute(
            """
            INSERT INTO logins (tenant_id, id, account_id, digest, complete, agent, created_at, seen_at, expires_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)
            """,
            tenant_id,
            uuid4(),
            account,
            token_digest(token),
            complete,
            "".join(letter for letter in agent if letter.isprintable())[:200],
            now,
            now + (ABSOLUTE if complete else CHALLENGE),
        )
        return token

    async def _take_code(self, connection: asyncpg.Connection, tenant_id: UUID, account: UUID, code: str) -> bool:
        """Whether the code is good; if so it is used up, and the account's failures are forgotten."""
        row = await connection.fetchrow(
            "SELECT totp_secret, totp_since, totp_counter FROM accounts WHERE id = $1 FOR UPDATE", account
        )
        if row is None or row["totp_secret"] is None:
            return False
        secret = self._seal.open(row["totp_secret"], tenant_id, account, "totp")
        at = self._now().timestamp()
        counter = factor.counter_of(code, secret, after=row["totp_counter"], at=at)
        if counter is None:
            if row["totp_since"] is None:
                return False
            used = await connection.execute(
                "UPDATE recovery_codes SET used_at = $3 WHERE account_id = $1 AND digest = $2 AND used_at IS NULL",
                account,
                token_digest(factor.plain_recovery_code(code)),
                self._now(),
            )
            if used != "UPDATE 1":
                return False
        await connection.execute(
            """
            UPDATE accounts SET totp_counter = COALESCE($2, totp_counter), failures = 0, blocked_until = NULL
             WHERE id = $1
            """,
            account,
            counter,
        )
        return True

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

    async def _enrol(self, connection: asyncpg.Connection, tenant_id: UUID, row: asyncpg.Record) -> list[str]:
        await connection.execute("UPDATE accounts SET totp_since = $2 WHERE id = $1", row["id"], self._now())
        await connection.execute("DELETE FROM recovery_codes WHERE account_id = $1", row["id"])
        codes = factor.new_recovery_codes()
        await connection.executemany(
            "INSERT INTO recovery_codes (tenant_id, account_id, digest) VALUES ($1, $2, $3)",
            [(tenant_id, row["id"], token_digest(code)) for code in codes],
        )
        await note(connection, tenant_id, row["email"], "account.second-factor-set-up")
        return codes
