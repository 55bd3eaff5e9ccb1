"""Logging in, in two steps, and the logins that are open.

The first step takes shop, address and password and gives a challenge, which opens nothing. The second takes the
challenge and a code or a passkey, and gives the session's token: a new one, so that what was known before counts for
nothing. Who has no second factor yet proves one in the second step; there is no way round it. Before a login changes
what it was opened with, it shows both again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg

from tenancy import second_factor as factor
from tenancy.accounts import Role, checked_email
from tenancy.audit import note
from tenancy.clock import utc_now
from tenancy.credentials import Credentials
from tenancy.database import Database
from tenancy.errors import (
    InvalidEmail,
    InvalidToken,
    LoggedOut,
    LoginFailed,
    ProofRequired,
    SecondFactorFailed,
    UnknownLogin,
    UnknownShop,
)
from tenancy.factors import Factors
from tenancy.passkeys import Passkeys, Site
from tenancy.passwords import Passwords
from tenancy.shops import Shop
from tenancy.tokens import new_token, tenant_of, token_digest

CHALLENGE = timedelta(minutes=10)
IDLE, ABSOLUTE = timedelta(hours=12), timedelta(days=7)
PROOF = timedelta(minutes=10)  # how long password and factor, once shown, count for changing them
_TRIES = 5  # codes for a challenge
_FIRST_PASSKEY = "First passkey"


@dataclass(frozen=True)
class Enrolment:
    """A second factor to be set up: the secret as typed, and as a QR code holds it."""

    secret: str
    uri: str


@dataclass(frozen=True)
class Challenge:
    """The first step passed. `enrolment` is there until a second factor was proven; `passkeys`: whether one of them
    may be shown in the place of a code."""

    token: str
    enrolment: Enrolment | None
    passkeys: bool


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
        factors: Factors,
        passkeys: Passkeys,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._credentials = credentials
        self._passwords = passwords
        self._factors = factors
        self._passkeys = passkeys
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
                    "SELECT id, password_hash, verified_at FROM accounts WHERE email = $1", email
                )
        good = await self._passwords.verify(password, row["password_hash"] if row else None)
        if shop is None or row is None or not good or row["verified_at"] is None:
            raise LoginFailed
        async with self._database.tenant(shop.id) as connection:
            token = await self._open(connection, shop.id, row["id"], complete=False, agent=agent)
            held, enrolment = await self._factors.held(connection, row["id"]), None
            if not held.any:
                secret = await self._factors.offer_app(connection, shop.id, row["id"])
                enrolment = enrolment_of(secret, account=email, shop=shop.name)
        return Challenge(token, enrolment, held.passkeys > 0)

    async def check_code(self, challenge: str, code: str, *, agent: str = "") -> Opened:
        """The second step: a code of the app, or a recovery code. Raises SecondFactorFailed, also for a challenge
        that is too old or has seen too many codes."""

        async def prove(connection: asyncpg.Connection, tried: _Tried, first: bool) -> bool:
            take = self._factors.take_offered_app if first else self._factors.take_code
            return await take(connection, tried.tenant_id, tried.account_id, code)

        return await self._second_step(await self._try(challenge), prove, agent)

    async def ask_for_passkey(self, challenge: str, site: Site) -> tuple[str, dict[str, Any]]:
        """What the browser is to do, `create` or `get` (the first if there is no second factor yet), and with which
        options. Raises SecondFactorFailed."""
        tried = await self._try(challenge, counts=False)
        async with self._database.tenant(tried.tenant_id) as connection:
            held = await self._factors.held(connection, tried.account_id)
            if not held.any:
                asked = await self._passkeys.ask_for_new(
                    connection, tried.login_id, tried.account_id, email=tried.email, site=site
                )
                return "create", asked
            if not held.passkeys:
                raise SecondFactorFailed
            asked = await self._passkeys.ask_for_known(connection, tried.login_id, tried.account_id, site=site)
            return "get", asked

    async def check_passkey(
        self, challenge: str, credential: Mapping[str, Any], site: Site, *, agent: str = ""
    ) -> Opened:
        """The second step with a passkey, or with the first one there is. Raises SecondFactorFailed, InvalidPasskey."""
        tried = await self._try(challenge)
        signed = await self._passkeys.take_ceremony(tried.tenant_id, tried.login_id)

        async def prove(connection: asyncpg.Connection, tried: _Tried, first: bool) -> bool:
            if first:
                await self._passkeys.add(
                    connection,
                    tried.tenant_id,
                    tried.account_id,
                    credential=credential,
                    challenge=signed,
                    name=_FIRST_PASSKEY,
                    site=site,
                )
                return True
            return await self._passkeys.check(
                connection, tried.account_id, credential=credential, challenge=signed, site=site
            )

        return await self._second_step(tried, prove, agent)

    async def ask_for_proof(self, member: Member, site: Site) -> dict[str, Any] | None:
        """What the browser is to ask a passkey for; None without one."""
        async with self._database.tenant(member.tenant_id) as connection:
            if not (await self._factors.held(connection, member.account_id)).passkeys:
                return None
            return await self._passkeys.ask_for_known(connection, member.login_id, member.account_id, site=site)

    async def prove(
        self, member: Member, password: str, *, code: str = "", credential: Mapping[str, Any] | None = None, site: Site
    ) -> None:
        """Password and second factor once more: for ten minutes this login may change them. Raises LoginFailed,
        SecondFactorFailed."""
        signed = await self._passkeys.take_ceremony(member.tenant_id, member.login_id) if credential else None
        async with self._database.tenant(member.tenant_id) as connection:
            hashed = await connection.fetchval("SELECT password_hash FROM accounts WHERE id = $1", member.account_id)
            resting = await self._factors.rests(connection, member.account_id)
        if not await self._passwords.verify(password, hashed):
            raise LoginFailed
        if resting:
            raise SecondFactorFailed
        async with self._database.tenant(member.tenant_id) as connection:
            if credential is not None:
                good = await self._passkeys.check(
                    connection, member.account_id, credential=credential, challenge=signed, site=site
                )
            else:
                good = await self._factors.take_code(connection, member.tenant_id, member.account_id, code)
            if good:
                await connection.execute("UPDATE logins SET proven_at = $2 WHERE id = $1", member.login_id, self._now())
        if not good:
            raise SecondFactorFailed

    async def require_proof(self, connection: asyncpg.Connection, member: Member) -> None:
        """Raises ProofRequired unless this login showed password and factor within the last ten minutes."""
        proven = await connection.fetchval("SELECT proven_at FROM logins WHERE id = $1", member.login_id)
        if proven is None or self._now() - proven > PROOF:
            raise ProofRequired

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
            INSERT INTO logins (tenant_id, id, account_id, digest, complete, agent, created_at, seen_at, expires_at,
                                proven_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9)
            """,
            tenant_id,
            uuid4(),
            account,
            token_digest(token),
            complete,
            "".join(letter for letter in agent if letter.isprintable())[:200],
            now,
            now + (ABSOLUTE if complete else CHALLENGE),
            now if complete else None,
        )
        return token

    async def _try(self, challenge: str, *, counts: bool = True) -> _Tried:
        """The account of a challenge that may still be answered. A transaction of its own: a try counts even if what
        follows fails. Raises SecondFactorFailed."""
        try:
            tenant_id = tenant_of(challenge)
        except InvalidToken:
            raise SecondFactorFailed from None
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow(
                """
                UPDATE logins l SET tries = tries + $4 FROM accounts a
                 WHERE l.digest = $1 AND NOT l.complete AND l.tries < $2 AND l.expires_at > $3 AND a.id = l.account_id
                RETURNING l.tenant_id, l.id AS login_id, l.account_id, a.email
                """,
                token_digest(challenge),
                _TRIES,
                self._now(),
                int(counts),
            )
            if row is None or await self._factors.rests(connection, row["account_id"]):
                row = None
        if row is None:
            raise SecondFactorFailed
        return _Tried(**row)

    async def _second_step(self, tried: _Tried, prove: Prove, agent: str) -> Opened:
        shop = await self._credentials.shop_of_tenant(tried.tenant_id)
        token, codes = None, None
        async with self._database.tenant(tried.tenant_id) as connection:
            first = not (await self._factors.held(connection, tried.account_id)).any
            if await prove(connection, tried, first):
                await connection.execute("DELETE FROM logins WHERE id = $1", tried.login_id)
                token = await self._open(connection, tried.tenant_id, tried.account_id, complete=True, agent=agent)
                if first:
                    codes = await self._factors.new_recovery_codes(connection, tried.tenant_id, tried.account_id)
                    await note(connection, tried.tenant_id, tried.email, "account.second-factor-set-up")
                await note(connection, tried.tenant_id, tried.email, "account.logged-in")
        if token is None:
            raise SecondFactorFailed
        return Opened(token, shop, codes)


@dataclass(frozen=True)
class _Tried:
    tenant_id: UUID
    login_id: UUID
    account_id: UUID
    email: str


Prove = Callable[[asyncpg.Connection, _Tried, bool], Awaitable[bool]]


def enrolment_of(secret: bytes, *, account: str, shop: str) -> Enrolment:
    """A secret as a person takes it into an app."""
    return Enrolment(factor.shown_secret(secret), factor.enrolment_uri(secret, account=account, shop=shop))
