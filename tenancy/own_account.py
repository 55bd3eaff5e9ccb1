"""What a person changes of her own account: address, password, second factors.

Each change takes a login that has shown password and second factor within ten minutes (`Logins.require_proof`), ends
her other logins where it changes what they were opened with, is told to her by mail, and stands in the audit log.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from tenancy.accounts import Accounts, checked_email
from tenancy.audit import note
from tenancy.clock import utc_now
from tenancy.database import Database
from tenancy.errors import EmailTaken, LastFactor, LoginFailed, SecondFactorFailed
from tenancy.factors import Factors, Held
from tenancy.logins import PROOF, Enrolment, Logins, Member, enrolment_of
from tenancy.mail import Letters
from tenancy.passkeys import Passkey, Passkeys, Site
from tenancy.passwords import Passwords, check_new_password
from tenancy.shops import Shop


@dataclass(frozen=True)
class Standing:
    """How an account is secured. `proven_until`: until when this login may change it, None if it may not."""

    app_since: datetime | None
    passkeys: Sequence[Passkey]
    recovery_codes: int
    proven_until: datetime | None


class OwnAccount:
    """Changes the account of the person who asks."""

    def __init__(
        self,
        database: Database,
        *,
        accounts: Accounts,
        logins: Logins,
        passwords: Passwords,
        factors: Factors,
        passkeys: Passkeys,
        letters: Letters,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._logins = logins
        self._passwords = passwords
        self._factors = factors
        self._passkeys = passkeys
        self._letters = letters
        self._now = now

    async def standing(self, member: Member) -> Standing:
        """How her account is secured now."""
        async with self._database.tenant(member.tenant_id) as connection:
            held = await self._factors.held(connection, member.account_id)
            passkeys = await self._passkeys.of(connection, member.account_id)
            proven = await connection.fetchval("SELECT proven_at FROM logins WHERE id = $1", member.login_id)
        until = None if proven is None or self._now() - proven > PROOF else proven + PROOF
        return Standing(held.app_since, passkeys, held.recovery_codes, until)

    async def change_password(self, member: Member, current: str, password: str, *, shop: Shop) -> None:
        """Ends her other logins. Raises ProofRequired, LoginFailed for a wrong current password, WeakPassword,
        BreachedPassword."""
        check_new_password(password, (shop.slug, shop.name, *member.email.split("@")))
        async with self._database.tenant(member.tenant_id) as connection:
            await self._logins.require_proof(connection, member)
            hashed = await connection.fetchval("SELECT password_hash FROM accounts WHERE id = $1", member.account_id)
        if not await self._passwords.verify(current, hashed):
            raise LoginFailed("the current password is another one")
        renewed = await self._passwords.hash(password)
        async with self._changing(member, "account.password-changed", "Your password was changed") as connection:
            await connection.execute("UPDATE accounts SET password_hash = $2 WHERE id = $1", member.account_id, renewed)
            await _end_others(connection, member)

    async def ask_for_email(self, member: Member, email: str) -> None:
        """Mail a link to the new address, and word of it to the old one. Nothing changes until the link is followed.
        Raises ProofRequired, InvalidEmail, EmailTaken (she may see the whole team, or has a colleague who does)."""
        email = checked_email(email)
        async with self._database.tenant(member.tenant_id) as connection:
            await self._logins.require_proof(connection, member)
            if await connection.fetchval("SELECT EXISTS (SELECT FROM accounts WHERE email = $1)", email):
                raise EmailTaken
            await self._accounts.mail_new_address(connection, member.tenant_id, member.account_id, email)
            says = (
                f"Somebody, we hope you, asked to change the address of your account to {email}. It changes when the "
                "link that went there is followed. If it was not you, change your password now.\n"
            )
            await self._letters.post(connection, member.tenant_id, member.email, "A new address was asked for", says)
            await note(connection, member.tenant_id, member.email, "account.email-asked-for", email)

    async def offer_app(self, member: Member, *, shop: Shop) -> Enrolment:
        """A secret for an authenticator app; the one in use counts until `take_app`. Raises ProofRequired."""
        async with self._database.tenant(member.tenant_id) as connection:
            await self._logins.require_proof(connection, member)
            secret = await self._factors.offer_app(connection, member.tenant_id, member.account_id)
        return enrolment_of(secret, account=member.email, shop=shop.name)

    async def take_app(self, member: Member, code: str) -> None:
        """The offered secret counts from now on. Raises ProofRequired, SecondFactorFailed."""
        says, good = "Your authenticator app was set up anew", False
        async with self._database.tenant(member.tenant_id) as connection:
            await self._logins.require_proof(connection, member)
            good = not await self._factors.rests(
                connection, member.account_id
            ) and await self._factors.take_offered_app(connection, member.tenant_id, member.account_id, code)
            if good:
                await _end_others(connection, member)
                await self._tell(connection, member, "account.app-set-up", says)
        if not good:  # raised here, so that the failure stays counted
            raise SecondFactorFailed

    async def drop_app(self, member: Member) -> None:
        """Raises ProofRequired, LastFactor."""
        async with self._changing(member, "account.app-removed", "Your authenticator app was taken off") as connection:
            held = await self._factors.held(connection, member.account_id)
            _check_one_left(held, app=held.app_since is not None)
            await self._factors.drop_app(connection, member.account_id)
            await _end_others(connection, member)

    async def renew_recovery_codes(self, member: Member) -> list[str]:
        """Ten new ones, shown this once. Raises ProofRequired."""
        what = "New recovery codes were made for your account"
        async with self._changing(member, "account.recovery-codes-renewed", what) as connection:
            return await self._factors.new_recovery_codes(connection, member.tenant_id, member.account_id)

    async def ask_for_passkey(self, member: Member, site: Site) -> dict[str, Any]:
        """What the browser is to make a passkey with. Raises ProofRequired."""
        async with self._database.tenant(member.tenant_id) as connection:
            await self._logins.require_proof(connection, member)
            return await self._passkeys.ask_for_new(
                connection, member.login_id, member.account_id, email=member.email, site=site
            )

    async def add_passkey(self, member: Member, name: str, credential: Mapping[str, Any], site: Site) -> Passkey:
        """Raises ProofRequired, InvalidPasskey."""
        signed = await self._passkeys.take_ceremony(member.tenant_id, member.login_id)
        what = "A passkey was added to your account"
        async with self._changing(member, "account.passkey-added", what, target=name) as connection:
            return await self._passkeys.add(
                connection,
                member.tenant_id,
                member.account_id,
                credential=credential,
                challenge=signed,
                name=name,
                site=site,
            )

    async def remove_passkey(self, member: Member, passkey: UUID) -> None:
        """Raises ProofRequired, UnknownPasskey, LastFactor."""
        what = "A passkey was taken off your account"
        async with self._changing(member, "account.passkey-removed", what, target=passkey) as connection:
            held = await self._factors.held(connection, member.account_id)
            await self._passkeys.remove(connection, member.account_id, passkey)
            _check_one_left(held, passkeys=1)
            await _end_others(connection, member)

    @asynccontextmanager
    async def _changing(
        self, member: Member, action: str, says: str, *, target: object = ""
    ) -> AsyncIterator[asyncpg.Connection]:
        """A transaction for a change that was proven, in whose end it is told and noted."""
        async with self._database.tenant(member.tenant_id) as connection:
            await self._logins.require_proof(connection, member)
            yield connection
            await self._tell(connection, member, action, says, target)

    async def _tell(
        self, connection: asyncpg.Connection, member: Member, action: str, says: str, target: object = ""
    ) -> None:
        await note(connection, member.tenant_id, member.email, action, target)
        text = f"{says}. If it was not you, choose a new password now and tell the owner of your shop.\n"
        await self._letters.post(connection, member.tenant_id, member.email, says, text)


def _check_one_left(held: Held, *, app: bool = False, passkeys: int = 0) -> None:
    """Raises LastFactor if nothing would be left after `app` and that many passkeys went."""
    if not (held.app_since is not None and not app) and held.passkeys - passkeys < 1:
        raise LastFactor("an account keeps an authenticator app or a passkey")


async def _end_others(connection: asyncpg.Connection, member: Member) -> None:
    await connection.execute(
        "DELETE FROM logins WHERE account_id = $1 AND id <> $2", member.account_id, member.login_id
    )
