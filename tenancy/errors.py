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


class SealBroken(TenancyError):
    """A secret at rest does not open: the installation's own secret was changed."""

    code = "seal-broken"


class LoginFailed(TenancyError):
    """Shop, address and password do not go together, or the address was never proven. Says nothing about which."""

    code = "login-failed"


class SecondFactorFailed(TenancyError):
    """The code is not the one, was used before, or came too late."""

    code = "second-factor-failed"


class LoggedOut(TenancyError):
    """No open login has this token."""

    code = "logged-out"


class InvalidLink(TenancyError):
    """A mailed link that was used, is too old, or never was."""

    code = "link-invalid"


class WeakPassword(TenancyError):
    """A new password that would be guessed."""

    code = "password-weak"


class InvalidEmail(TenancyError):
    """No address that mail could reach."""

    code = "email-invalid"


class NotAllowed(TenancyError):
    """The role or the key's scopes do not go so far."""

    code = "not-allowed"


class UnknownMember(TenancyError):
    """The shop has no such account or invitation."""

    code = "unknown-member"


class LastOwner(TenancyError):
    """A shop must keep an owner."""

    code = "last-owner"


class UnknownLogin(TenancyError):
    """The account has no such login."""

    code = "unknown-login"


class UnknownKey(TenancyError):
    """The shop has no key with this id."""

    code = "unknown-key"


class CapReached(TenancyError):
    """The shop has had the try-ons that its owner or its plan allows in a month."""

    code = "cap-reached"


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


class Unavailable(TenancyError):
    """The database does not answer; a moment later it may."""

    code = "unavailable"
