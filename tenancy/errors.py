"""What can be wrong in this room, each with a stable code that the HTTP layer passes on."""

from __future__ import annotations

from typing import ClassVar


class TenancyError(Exception):
    """The family. `code` is part of the public contract and never changes its meaning."""

    code: ClassVar[str] = "tenancy-error"


class InvalidKey(TenancyError):
    """No shop has this key, or it was revoked. Says nothing about which."""

    code = "invalid-key"


class UnknownShop(TenancyError):
    """No shop has this slug."""

    code = "unknown-shop"


class ShopConflict(TenancyError):
    """The slug or the key wanted for a shop is another shop's."""

    code = "shop-conflict"


class InvalidShop(TenancyError):
    """A slug, name or origin that no shop can have."""

    code = "shop-invalid"


class ConsentRequired(TenancyError):
    """The shopper has not agreed to the current text; an older version counts as none."""

    code = "consent-required"


class InvalidToken(TenancyError):
    """No visit has this token. Another shop's token, a mistyped one and a made-up one look the same."""

    code = "invalid-token"


class TokenExpired(TenancyError):
    """The visit was there and is over."""

    code = "token-expired"


class UnknownProduct(TenancyError):
    """The shop has no such product; another shop may."""

    code = "unknown-product"


class InvalidProduct(TenancyError):
    """A product's name or kind that cannot be."""

    code = "product-invalid"


class UnknownFile(TenancyError):
    """The shop has no file with this digest."""

    code = "unknown-file"


class DamagedFile(TenancyError):
    """What the store returned is not what was put there: its hash is another."""

    code = "file-damaged"


class DatabaseRefused(TenancyError):
    """The database is not as this program needs it; the message says what to change."""

    code = "database-refused"


class UnsafeRole(DatabaseRefused):
    """The application would connect as a role for which row-level security does not hold."""

    code = "database-role-unsafe"


class RolesMissing(DatabaseRefused):
    """The owner may not make the application's roles, and they are not there."""

    code = "database-roles-missing"


class NotMigrated(DatabaseRefused):
    """The tables are older than this program."""

    code = "database-not-migrated"


class NotIsolated(DatabaseRefused):
    """A table, view or policy lets one shop see another's rows."""

    code = "database-not-isolated"
