"""A shop with people in it, for tests: everything real, with a clock that a test can turn."""

from __future__ import annotations

import base64
import re

from tenancy.accounts import Accounts
from tenancy.credentials import Credentials
from tenancy.database import Database
from tenancy.factors import Factors
from tenancy.logins import Logins, Opened
from tenancy.mail import Kept, Letters, mail_route
from tenancy.outbox import Outbox
from tenancy.own_account import OwnAccount
from tenancy.passkeys import Passkeys
from tenancy.passwords import Passwords
from tenancy.seal import Seal
from tenancy.second_factor import PERIOD_S, code_at
from tenancy.team import Team
from tests.tenancy.clock import Clock

PASSWORD = "four turnips in a tram"


class People:
    """The rooms' classes that deal with people, over one database."""

    def __init__(self, database: Database) -> None:
        self.clock = Clock.now()
        self.kept = Kept()
        seal = Seal("x" * 40)
        self.outbox = Outbox(database, {"mail": mail_route(seal, self.kept)})
        letters = Letters(seal, "https://vitrine.example")
        credentials, passwords = Credentials(database), Passwords()
        factors = Factors(seal, now=self.clock)
        passkeys = Passkeys(database, now=self.clock)
        self.accounts = Accounts(database, credentials, passwords, letters, now=self.clock)
        self.logins = Logins(database, credentials, passwords, factors, passkeys, now=self.clock)
        self.own = OwnAccount(
            database,
            accounts=self.accounts,
            logins=self.logins,
            passwords=passwords,
            factors=factors,
            passkeys=passkeys,
            letters=letters,
            now=self.clock,
        )
        self.team = Team(database, passwords, letters, now=self.clock)
        self.secrets: dict[str, bytes] = {}

    async def mailed(self, page: str) -> str:
        """The token of the newest mailed link to a page."""
        await self.outbox.round()
        for mail in self.kept:
            if found := re.search(rf"/dashboard/{page}#(\S+)", mail.text):
                return found[1]
        raise AssertionError(f"no mail leads to {page}")

    async def owner(self, slug: str = "lunettes", email: str = "ada@shop.example") -> Opened:
        """A new shop whose owner has logged in for the first time."""
        await self.accounts.sign_up(slug, slug.title(), email, PASSWORD)
        await self.accounts.verify(await self.mailed("confirm"))
        return await self.login(slug, email)

    async def login(self, slug: str, email: str, password: str = PASSWORD) -> Opened:
        """Both steps, with the code that this person's app would show."""
        challenge = await self.logins.check_password(slug, email, password)
        if challenge.enrolment:
            self.secrets[email] = base64.b32decode(challenge.enrolment.secret)
        return await self.logins.check_code(challenge.token, self.code(email))

    def code(self, email: str) -> str:
        """What the app shows; each call is one period later, for a code is good once."""
        self.clock.pass_by(seconds=PERIOD_S)
        return code_at(self.secrets[email], int(self.clock().timestamp() // PERIOD_S))
