"""Who speaks for a shop, and what she or it may do there: a person by her role, a secret key by its scopes."""

from __future__ import annotations

from dataclasses import dataclass

from tenancy.accounts import Role
from tenancy.errors import NotAllowed
from tenancy.logins import Member
from tenancy.shops import Shop

_READ = frozenset({"products:read", "usage:read"})
_STAFF = _READ | {"products:write", "export:read"}
_OWNER = _STAFF | {"keys:write", "webhooks:write", "shop:write", "team:write", "audit:read"}
ROLE_RIGHTS: dict[Role, frozenset[str]] = {"owner": _OWNER, "staff": _STAFF, "read-only": _READ}
# What a key can have: people and their second factors are for people.
KEY_SCOPES = _STAFF | {"keys:write", "webhooks:write"}


@dataclass(frozen=True)
class Principal:
    """`name`: an address, or the beginning of a key, as the audit log shows it. `member`: with a login only."""

    shop: Shop
    name: str
    rights: frozenset[str]
    member: Member | None = None

    def require(self, right: str) -> None:
        """Raises NotAllowed."""
        if right not in self.rights:
            raise NotAllowed(f"this takes the right {right}")


def rights_of_key(scopes: tuple[str, ...]) -> frozenset[str]:
    """A key without scopes has all that a key can have."""
    return KEY_SCOPES.intersection(scopes) if scopes else KEY_SCOPES
