"""All that the owner's side of an installation stands on, built over one database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from tenancy.accounts import Accounts
from tenancy.closure import Closures, nothing_kept
from tenancy.credentials import Credentials
from tenancy.database import Database
from tenancy.domains import Domains, Lookup
from tenancy.factors import Factors
from tenancy.files import Files
from tenancy.imports import Imports
from tenancy.logins import Logins
from tenancy.mail import Letters
from tenancy.own_account import OwnAccount
from tenancy.passkeys import Passkeys
from tenancy.passwords import Passwords
from tenancy.product_versions import ProductVersions
from tenancy.products import Products
from tenancy.receipts import Signer
from tenancy.retention import Retentions, Sweeper
from tenancy.seal import Seal
from tenancy.shop_settings import Settings
from tenancy.shoppers import Shoppers
from tenancy.tallies import Tallies
from tenancy.team import Team
from tenancy.usage import Usage
from tenancy.webhooks import Webhooks


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
    own_account: OwnAccount
    webhooks: Webhooks
    team: Team
    versions: ProductVersions
    imports: Imports
    usage: Usage
    settings: Settings
    domains: Domains
    tallies: Tallies
    signer: Signer
    shoppers: Shoppers
    retentions: Retentions
    closures: Closures
    sweeper: Sweeper

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
        forget_keys: Callable[[UUID], Awaitable[int]] = nothing_kept,
        private_webhooks: bool = False,
        lookup: Lookup | None = None,
    ) -> Self:
        """`secret`: the installation's own (`tenancy.seal`). `forget_keys`: forgets what lies in Valkey of a shop.
        `lookup`: TXT records, by the machine's resolver without it."""
        passwords, signer = Passwords(), Signer(secret)
        factors, passkeys = Factors(Seal(secret)), Passkeys(database)
        accounts = Accounts(database, credentials, passwords, letters)
        logins = Logins(database, credentials, passwords, factors, passkeys)
        closures = Closures(database, files, signer, letters, forget_keys=forget_keys)
        return cls(
            database=database,
            credentials=credentials,
            products=products,
            files=files,
            letters=letters,
            accounts=accounts,
            logins=logins,
            webhooks=Webhooks(database, Seal(secret), private=private_webhooks),
            own_account=OwnAccount(
                database,
                accounts=accounts,
                logins=logins,
                passwords=passwords,
                factors=factors,
                passkeys=passkeys,
                letters=letters,
            ),
            team=Team(database, passwords, letters),
            versions=ProductVersions(database, products),
            imports=Imports(database, products, files),
            usage=Usage(database),
            settings=Settings(database, files),
            domains=Domains(database, credentials, lookup),
            tallies=Tallies(database),
            signer=signer,
            shoppers=Shoppers(database, signer),
            retentions=Retentions(database),
            closures=closures,
            sweeper=Sweeper(database, closures),
        )
