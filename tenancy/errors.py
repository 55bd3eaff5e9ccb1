"""What can be wrong in this room, each with a stable code that the HTTP layer passes on."""

from __future__ import annotations

from collections.abc import Sequence
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


class BreachedPassword(TenancyError):
    """A new password that is in the lists which everybody tries, whatever its length."""

    code = "password-breached"


class ProofRequired(TenancyError):
    """This login has to show password and second factor again before it may change them."""

    code = "proof-required"


class InvalidPasskey(TenancyError):
    """A passkey that cannot be kept."""

    code = "passkey-invalid"


class UnknownPasskey(TenancyError):
    """The account has no such passkey."""

    code = "unknown-passkey"


class LastFactor(TenancyError):
    """An account keeps a second factor."""

    code = "last-factor"


class EmailTaken(TenancyError):
    """Another account of the same shop has this address."""

    code = "email-taken"


class InvitationsFull(TenancyError):
    """As many invitations are open as a shop may have; one has to be answered, taken back or run out first."""

    code = "invitations-full"


class InvalidWebhook(TenancyError):
    """An address or an event that no webhook can have."""

    code = "webhook-invalid"


class UnknownWebhook(TenancyError):
    """The shop has no such webhook."""

    code = "unknown-webhook"


class UnknownDelivery(TenancyError):
    """The webhook has no such delivery."""

    code = "unknown-delivery"


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


class InvalidDomain(TenancyError):
    """No host that a shop's page could have."""

    code = "domain-invalid"


class UnknownDomain(TenancyError):
    """The shop has no such domain; another shop may."""

    code = "unknown-domain"


class UnprovenDomain(TenancyError):
    """Its DNS does not show what would prove that it is the shop's."""

    code = "domain-unproven"


class TakenDomain(TenancyError):
    """Another shop has proven that it has this domain."""

    code = "domain-taken"


class InvalidReceipt(TenancyError):
    """No receipt of this installation: its signature is another's, or it was changed."""

    code = "receipt-invalid"


class UnknownReceipt(TenancyError):
    """No closed shop left a receipt of this id."""

    code = "unknown-receipt"


class ShopClosing(TenancyError):
    """The owner is closing the shop: it takes no shoppers any more."""

    code = "shop-closing"


class CapReached(TenancyError):
    """The shop has had the try-ons that its owner or its plan allows in a month."""

    code = "cap-reached"


class UnknownAvatar(TenancyError):
    """The visit has no such avatar; another one may."""

    code = "unknown-avatar"


class AvatarActive(TenancyError):
    """An avatar of the visit is being made already."""

    code = "avatar-active"


class AvatarNotReady(TenancyError):
    """The avatar is not complete, so there is nothing of it to show or to change."""

    code = "avatar-not-ready"


class AvatarRefused(TenancyError):
    """What is stated of a body, or what was brought along, cannot be."""

    code = "avatar-invalid"


class AvatarsBusy(TenancyError):
    """The line for avatars is longer than anybody should wait; `eta_seconds` is how long it is."""

    code = "avatars-busy"

    def __init__(self, eta_seconds: int) -> None:
        super().__init__("many avatars are being made")
        self.eta_seconds = eta_seconds


class Superseded(TenancyError):
    """The work was taken over or called off meanwhile; its result is nobody's."""

    code = "superseded"


class PhotoKeyLost(TenancyError):
    """A photo cannot be read any more: it was destroyed, or it is not where it was put."""

    code = "photo-gone"


class WearInvalid(TenancyError):
    """These things cannot be worn together, or not on a body; the message says which."""

    code = "wear-invalid"


class UnknownSize(TenancyError):
    """The garment is not made in this size; `sizes` are those it is made in."""

    code = "unknown-size"

    def __init__(self, sizes: Sequence[str]) -> None:
        super().__init__(f"It is made in {', '.join(sizes)}.")
        self.sizes = tuple(sizes)


class Unwearable(TenancyError):
    """A garment that cannot be put on this body; the message says why."""

    code = "garment-unwearable"


class QuotaReached(TenancyError):
    """The shop's plan has no room for more products, or for more of their files. The message says which."""

    code = "quota-reached"


class InvalidImport(TenancyError):
    """A table or a zip that no import can be made of; the message says what to change."""

    code = "import-invalid"


class UnknownImport(TenancyError):
    """The shop has no such import."""

    code = "unknown-import"


class Busy(TenancyError):
    """More is being taken in than this machine can work on; a minute later it may go."""

    code = "busy"


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
