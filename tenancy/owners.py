"""All that the owner's side of an installation stands on, built over one database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from tenancy.accounts import Accounts, Letters
from tenancy.credentials import Credentials
from tenancy.database import Database
from tenancy.files import Files
from tenancy.logins import Logins
from tenancy.passwords import Passwords
from tenancy.product_versions import ProductVersions
from tenancy.products import Products
from tenancy.seal import Seal
from tenancy.shop_settings import Settings
from tenancy.team import Team
from tenancy.usage import Usage


@dataclass(frozen=True)
class Owners:
    """The owner's services of every shop."""

    database: Database
    credentials: Credentials
    products: Products
    files: Files
    letters: Letters
    accounts: Accounts
    logins: Logins
    team: Team
    versions: ProductVersions
    usage: Usage
    settings: Settings

    @classmethod
    def over(
        cls,
        database: Database,
        credentials: Credentials,
        products: Products,
        files: Files,
        *,
        secret: str,
        letters: Letters,
    ) -> Self:
        """`secret`: the installation's own (`tenancy.seal`)."""
        passwords = Passwords()
        return cls(
            database=database,
            credentials=credentials,
            products=products,
            files=files,
            letters=letters,
            accounts=Accounts(database, credentials, passwords, letters),
            logins=Logins(database, credentials, passwords, Seal(secret)),
            team=Team(database, passwords, letters),
            versions=ProductVersions(database, products),
            usage=Usage(database),
            settings=Settings(database, files),
        )
