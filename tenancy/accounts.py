"""Accounts: signing a shop up, proving an address, choosing a new password.

An account belongs to one shop (docs/decisions/0010-accounts-belong-to-a-shop.md). Nothing here tells whether an
address has one: every answer about an address is the same, takes as long, and the rest is said by mail.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID, uuid4

import asyncpg

from tenancy.audit import note
from tenancy.clock import utc_now
from tenancy.credentials import Credentials, issue_key
from tenancy.database import Database
from tenancy.errors import InvalidEmail, InvalidLink, InvalidToken, ShopConflict, UnknownShop
from tenancy.mail import Letters
from tenancy.passwords import Passwords, check_new_password
from tenancy.shops import Shop, checked_name, checked_slug
from tenancy.tokens import new_token, tenant_of, token_digest

Role = Literal["owner", "staff", "read-only"]
Purpose = Literal["verify", "reset", "email"]

_EMAIL = re.compile(r"[^\s@<>\"(),:;\\]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)*\.?[a-z0-9]")
_GOOD_FOR: dict[Purpose, timedelta] = {
    "verify": timedelta(days=2),
    "reset": timedelta(hours=1),
    "email": timedelta(hours=1),
}
_MOST_LINKS = 3  # unused ones of an account at a time: a mailbox is not flooded


def checked_email(email: str) -> str:
    """The address in lower case. Raises InvalidEmail."""
    email = email.strip().lower()
    if len(email) > 254 or not email.isprintable() or not _EMAIL.fullmatch(email):
        raise InvalidEmail("this is no address that mail could reach")
    return email


class Accounts:
    """Signs up, verifies and resets."""

    def __init__(
        self,
        database: Database,
        credentials: Credentials,
        passwords: Passwords,
        letters: Letters,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._credentials = credentials
        self._passwords = passwords
        self._letters = letters
        self._now = now

    async def sign_up(self, slug: str, name: str, email: str, password: str) -> Shop:
        """A new shop and the account of its owner, who cannot log in before the mailed link was followed.

        Raises InvalidShop, InvalidEmail, WeakPassword, and ShopConflict if the slug is taken: a slug is public.
        """
        slug, name, email = checked_slug(slug), checked_name(name), checked_email(email)
        check_new_password(password, (slug, name, *email.split("@")))
        hashed = await self._passwords.hash(password)
        shop, account = Shop(uuid4(), slug, name, ()), uuid4()
        try:
            async with self._database.tenant(shop.id) as connection:
                await connection.execute(
                    "INSERT INTO shops (tenant_id, slug, name) VALUES ($1, $2, $3)", shop.id, slug, name
                )
                await insert_account(connection, shop.id, account, email=email, role="owner", password_hash=hashed)
                await note(connection, shop.id, email, "shop.signed-up", slug)
                await issue_key(connection, shop.id, "publishable", label="first")
                await self._post_verification(connection, shop, account, email)
        except asyncpg.UniqueViolationError:
            raise ShopConflict("this address is taken") from None
        return shop

    async def verify(self, token: str) -> Shop:
        """An address is proven: the one that the account signed up with, or a new one, which takes the old one's place
        and ends all logins. Raises InvalidLink."""
        try:
            async with self._use_link(token, "verify", "email") as (connection, tenant_id, account, new_email):
                email = await connection.fetchval("SELECT email FROM accounts WHERE id = $1 FOR UPDATE", account)
                await connection.execute(
                    "UPDATE accounts SET verified_at = COALESCE(verified_at, $2), email = $3 WHERE id = $1",
                    account,
                    self._now(),
                    new_email or email,
                )
                if new_email:
                    await self._tell_of_new_address(connection, tenant_id, account, email, new_email)
                else:
                    await note(connection, tenant_id, email, "account.verified")
        except asyncpg.UniqueViolationError:  # a colleague has that address meanwhile
            raise InvalidLink from None
        return await self._credentials.shop_of_tenant(tenant_id)

    async def mail_new_address(
        self, connection: asyncpg.Connection, tenant_id: UUID, account: UUID, email: str
    ) -> None:
        """A link to an address that is to take the place of the account's; a link before it is good no longer."""
        await connection.execute("DELETE FROM mailed_links WHERE account_id = $1 AND purpose = 'email'", account)
        token = await self._new_link(connection, tenant_id, account, "email", email)
        await self._letters.post(
            connection,
            tenant_id,
            email,
            "Confirm your new address",
            "Confirm within an hour that this is your address from now on:\n\n"
            f"{self._letters.link('confirm', token)}\n",
        )

    async def _tell_of_new_address(
        self, connection: asyncpg.Connection, tenant_id: UUID, account: UUID, old: str, new: str
    ) -> None:
        await connection.execute("DELETE FROM logins WHERE account_id = $1", account)
        await note(connection, tenant_id, old, "account.email-changed", new)
        says = f"You log in with {new} from now on. If it was not you, tell the owner of your shop.\n"
        await self._letters.post(connection, tenant_id, old, "Your address was changed", says)

    async def ask_for_reset(self, slug: str, email: str) -> None:
        """Mail a link to choose a new password with, or, where the address was never proven, one to prove it.
        The same to look at whether or not there is such an account."""
        try:
            email = checked_email(email)
            shop = await self._credentials.shop_for_slug(slug)
        except (UnknownShop, InvalidEmail):
            return
        async with self._database.tenant(shop.id) as connection:
            row = await connection.fetchrow("SELECT id, verified_at FROM accounts WHERE email = $1", email)
            if row is None:
                return
            purpose: Purpose = "reset" if row["verified_at"] else "verify"
            if await self._has_many_links(connection, row["id"], purpose):
                return
            if purpose == "verify":
                await self._post_verification(connection, shop, row["id"], email)
            else:
                token = await self._new_link(connection, shop.id, row["id"], "reset")
                await self._letters.post(
                    connection,
                    shop.id,
                    email,
                    f"A new password for {shop.name}",
                    f"Somebody, we hope you, asked for a new password at {shop.name}. Choose one here within an "
                    f"hour:\n\n{self._letters.link('new-password', token)}\n\n"
                    "You will be asked for your second factor as always. If it was not you, nothing has changed.\n",
                )

    async def reset(self, token: str, password: str) -> None:
        """A new password for the account of a mailed link. Ends all its logins, and leaves the second factor as it
        is. Raises InvalidLink, WeakPassword (the link stays good)."""
        check_new_password(password)
        hashed = await self._passwords.hash(password)
        async with self._use_link(token, "reset") as (connection, tenant_id, account, _):
            email = await connection.fetchval(
                "UPDATE accounts SET password_hash = $2 WHERE id = $1 RETURNING email", account, hashed
            )
            await connection.execute("DELETE FROM logins WHERE account_id = $1", account)
            await connection.execute("DELETE FROM mailed_links WHERE account_id = $1", account)
            await note(connection, tenant_id, email, "account.password-reset")
            says = "Your password was changed, and every open login has ended.\n"
            await self._letters.post(connection, tenant_id, email, "Your password was changed", says)

    async def _new_link(
        self,
        connection: asyncpg.Connection,
        tenant_id: UUID,
        account: UUID,
        purpose: Purpose,
        email: str | None = None,
    ) -> str:
        token = new_token(tenant_id)
        await connection.execute(
            """
            INSERT INTO mailed_links (tenant_id, digest, account_id, purpose, expires_at, email)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            tenant_id,
            token_digest(token),
            account,
            purpose,
            self._now() + _GOOD_FOR[purpose],
            email,
        )
        return token

    async def _has_many_links(self, connection: asyncpg.Connection, account: UUID, purpose: Purpose) -> bool:
        await connection.execute("DELETE FROM mailed_links WHERE expires_at <= $1", self._now())
        count: int = await connection.fetchval(
            "SELECT count(*) FROM mailed_links WHERE account_id = $1 AND purpose = $2", account, purpose
        )
        return count >= _MOST_LINKS

    @asynccontextmanager
    async def _use_link(
        self, token: str, *purposes: Purpose
    ) -> AsyncIterator[tuple[asyncpg.Connection, UUID, UUID, str | None]]:
        """A transaction in which a mailed link is used up, with the shop, the account and the address that the link
        proves, if it is a new one: all of it or nothing."""
        try:
            tenant_id = tenant_of(token)
        except InvalidToken:
            raise InvalidLink from None
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow(
                """
                DELETE FROM mailed_links WHERE digest = $1 AND purpose = ANY($2) AND expires_at > $3
                RETURNING account_id, email
                """,
                token_digest(token),
                purposes,
                self._now(),
            )
            if row is None:
                raise InvalidLink
            yield connection, tenant_id, row["account_id"], row["email"]

    async def _post_verification(self, connection: asyncpg.Connection, shop: Shop, account: UUID, email: str) -> None:
        token = await self._new_link(connection, shop.id, account, "verify")
        await self._letters.post(
            connection,
            shop.id,
            email,
            f"Confirm your address for {shop.name}",
            f"Welcome. Confirm within two days that this is your address:\n\n"
            f"{self._letters.link('confirm', token)}\n\n"
            f"Your shop's name at login is: {shop.slug}\n",
        )


async def insert_account(
    connection: asyncpg.Connection,
    tenant_id: UUID,
    account: UUID,
    *,
    email: str,
    role: Role,
    password_hash: str,
    verified_at: datetime | None = None,
) -> None:
    """Raises what asyncpg raises if the shop has an account with this address."""
    await connection.execute(
        """
        INSERT INTO accounts (tenant_id, id, email, role, password_hash, verified_at) VALUES ($1, $2, $3, $4, $5, $6)
        """,
        tenant_id,
        account,
        email,
        role,
        password_hash,
        verified_at,
    )
