"""The people of a shop: who is there, with which role, invited or removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID, uuid4

import asyncpg

from tenancy.accounts import Role, checked_email, insert_account
from tenancy.audit import note
from tenancy.clock import utc_now
from tenancy.database import Database
from tenancy.errors import EmailTaken, InvalidLink, InvalidToken, InvitationsFull, LastOwner, UnknownMember
from tenancy.mail import Letters
from tenancy.passwords import Passwords, check_new_password
from tenancy.shops import Shop
from tenancy.tokens import new_token, tenant_of, token_digest

ROLES: tuple[Role, ...] = ("owner", "staff", "read-only")
_INVITATION = timedelta(days=7)
MOST_INVITATIONS = 50


@dataclass(frozen=True)
class Person:
    """Somebody with an account, or, with `invited`, without one yet."""

    id: UUID
    email: str
    role: Role
    invited: bool
    since: datetime


class Team:
    """Invites, changes and removes people of a shop. `by` is who does it, for the audit log."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        letters: Letters,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._letters = letters
        self._now = now

    async def people(self, tenant_id: UUID) -> list[Person]:
        """Everybody with an account, then the open invitations."""
        async with self._database.tenant(tenant_id) as connection:
            rows = await connection.fetch(
                """
                SELECT id, email, role, false AS invited, created_at AS since FROM accounts
                UNION ALL
                SELECT id, email, role, true, created_at FROM invitations WHERE expires_at > $1
                ORDER BY invited, since, email
                """,
                self._now(),
            )
        return [Person(row["id"], row["email"], cast(Role, row["role"]), row["invited"], row["since"]) for row in rows]

    async def invite(self, shop: Shop, email: str, role: Role, *, by: str) -> None:
        """Mail an invitation, good for a week; one that was open for the same address is worth nothing any more.
        Raises InvalidEmail, InvitationsFull, and EmailTaken for somebody who has an account of this shop: the inviter
        may know, for she sees the whole team."""
        email, token = checked_email(email), new_token(shop.id)
        async with self._database.tenant(shop.id) as connection:
            await connection.execute("SELECT FROM shops FOR NO KEY UPDATE")  # who invites at once waits here
            if await connection.fetchval("SELECT EXISTS (SELECT FROM accounts WHERE email = $1)", email):
                raise EmailTaken(f"{email} is in the team already.")
            await connection.execute("DELETE FROM invitations WHERE email = $1 OR expires_at <= $2", email, self._now())
            if await connection.fetchval("SELECT count(*) FROM invitations") >= MOST_INVITATIONS:
                raise InvitationsFull(
                    f"{MOST_INVITATIONS} invitations are open. Take one back, or wait until one is answered."
                )
            await connection.execute(
                "INSERT INTO invitations (tenant_id, id, email, role, digest, expires_at) VALUES ($1,$2,$3,$4,$5,$6)",
                shop.id,
                uuid4(),
                email,
                role,
                token_digest(token),
                self._now() + _INVITATION,
            )
            await note(connection, shop.id, by, "team.invited", email, role=role)
            await self._letters.post(
                connection,
                shop.id,
                email,
                f"Join {shop.name}",
                f"{by} invites you to {shop.name} as {role}. Choose a password within a week:\n\n"
                f"{self._letters.link('join', token)}\n\nThe shop's name at login is: {shop.slug}\n",
            )

    async def accept(self, token: str, password: str) -> None:
        """An account from an invitation; that the mail arrived proves the address. Raises InvalidLink,
        WeakPassword (the invitation stays)."""
        check_new_password(password)
        hashed = await self._passwords.hash(password)
        try:
            tenant_id = tenant_of(token)
            async with self._database.tenant(tenant_id) as connection:
                row = await connection.fetchrow(
                    "DELETE FROM invitations WHERE digest = $1 AND expires_at > $2 RETURNING email, role",
                    token_digest(token),
                    self._now(),
                )
                if row is None:
                    raise InvalidLink
                await insert_account(
                    connection,
                    tenant_id,
                    uuid4(),
                    email=row["email"],
                    role=row["role"],
                    password_hash=hashed,
                    verified_at=self._now(),
                )
                await note(connection, tenant_id, row["email"], "team.joined", role=row["role"])
        except (InvalidToken, asyncpg.UniqueViolationError):
            raise InvalidLink from None

    async def change_role(self, tenant_id: UUID, person: UUID, role: Role, *, by: str) -> None:
        """Raises UnknownMember, LastOwner."""
        async with self._database.tenant(tenant_id) as connection:
            email = await connection.fetchval(
                "UPDATE accounts SET role = $2 WHERE id = $1 RETURNING email", person, role
            )
            if email is None:
                raise UnknownMember
            await _check_owner_left(connection)
            await note(connection, tenant_id, by, "team.role-changed", email, role=role)

    async def remove(self, tenant_id: UUID, person: UUID, *, by: str) -> None:
        """Take an account or an invitation away; open logins end with it. Raises UnknownMember, LastOwner."""
        async with self._database.tenant(tenant_id) as connection:
            email = await connection.fetchval("DELETE FROM accounts WHERE id = $1 RETURNING email", person)
            if email is None:
                email = await connection.fetchval("DELETE FROM invitations WHERE id = $1 RETURNING email", person)
            else:
                await _check_owner_left(connection)
            if email is None:
                raise UnknownMember
            await note(connection, tenant_id, by, "team.removed", email)

    async def forget_second_factor(self, tenant_id: UUID, person: UUID, *, by: str) -> None:
        """For somebody who lost phone and recovery codes: she sets a new one up at the next login, and her open
        logins end. For another person's hand alone (`web` sees to that). Raises UnknownMember."""
        async with self._database.tenant(tenant_id) as connection:
            email = await connection.fetchval(
                """
                UPDATE accounts SET totp_secret = NULL, totp_next = NULL, totp_since = NULL
                 WHERE id = $1 RETURNING email
                """,
                person,
            )
            if email is None:
                raise UnknownMember
            await connection.execute("DELETE FROM logins WHERE account_id = $1", person)
            await connection.execute("DELETE FROM recovery_codes WHERE account_id = $1", person)
            await connection.execute("DELETE FROM passkeys WHERE account_id = $1", person)
            await note(connection, tenant_id, by, "team.second-factor-forgotten", email)
            says = f"{by} took your second factor off. You set up a new one when you log in next.\n"
            await self._letters.post(connection, tenant_id, email, "Your second factor was taken off", says)


async def _check_owner_left(connection: asyncpg.Connection) -> None:
    """Two owners who remove each other at once must not both succeed: the shop's row is locked for the count."""
    await connection.execute("SELECT FROM shops FOR UPDATE")
    if not await connection.fetchval(
        "SELECT EXISTS (SELECT FROM accounts WHERE role = 'owner' AND verified_at IS NOT NULL)"
    ):
        raise LastOwner("a shop keeps an owner")
