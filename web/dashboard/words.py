"""What a shop's owner reads in the place of codes: deeds in the audit log, rights of keys, roles."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from tenancy.audit import Line

DEEDS: Mapping[str, str] = {
    "account.app-removed": "Took the authenticator app off",
    "account.app-set-up": "Set up an authenticator app",
    "account.email-asked-for": "Asked for another address",
    "account.email-changed": "Changed the address",
    "account.logged-in": "Logged in",
    "account.logged-out": "Logged out",
    "account.passkey-added": "Added a passkey",
    "account.passkey-removed": "Removed a passkey",
    "account.password-changed": "Changed the password",
    "account.password-reset": "Chose a new password by mail",
    "account.recovery-codes-renewed": "Made new recovery codes",
    "account.second-factor-set-up": "Set up the second factor",
    "account.verified": "Confirmed the address",
    "domain.added": "Asked for a domain",
    "domain.removed": "Gave a domain up",
    "domain.verified": "Proved a domain",
    "import.previewed": "Looked through an import",
    "import.started": "Started an import",
    "key.made": "Made a key",
    "key.revoked": "Revoked a key",
    "product.added": "Added a product",
    "product.changed": "Changed a product",
    "product.model-replaced": "Replaced a model",
    "product.published": "Published a product",
    "product.removed": "Removed a product",
    "product.restored": "Took a product back to an earlier version",
    "product.unpublished": "Took a product from shoppers’ sight",
    "shop.changed": "Changed the shop’s name or pages",
    "shop.closure-asked": "Asked to close the shop",
    "shop.closure-taken-back": "Kept the shop",
    "shop.colours-changed": "Changed the colours",
    "shop.font-changed": "Changed the font",
    "shop.logo-changed": "Changed the logo",
    "shop.plan-changed": "Changed plan or cap",
    "shop.region-changed": "Changed where shoppers are",
    "shop.retention-changed": "Changed how long what is kept",
    "shop.signed-up": "Opened the shop",
    "shop.words-changed": "Changed words or language",
    "team.invited": "Invited somebody",
    "team.joined": "Joined the team",
    "team.removed": "Removed somebody",
    "team.role-changed": "Changed a role",
    "team.second-factor-forgotten": "Took somebody’s second factor off",
    "webhook.added": "Added a webhook",
    "webhook.changed": "Changed a webhook",
    "webhook.removed": "Removed a webhook",
    "webhook.told-again": "Told a webhook again",
}
RIGHTS: Mapping[str, str] = {
    "export:read": "take everything along",
    "keys:write": "make and revoke keys",
    "products:read": "see products and settings",
    "products:write": "change products",
    "usage:read": "see usage and bill",
    "webhooks:write": "change webhooks",
}
DIMENSIONS: Mapping[str, str] = {  # in the order in which an optician or a hatter names them
    "frame_width_mm": "Frame width",
    "lens_width_mm": "Lens width",
    "lens_height_mm": "Lens height",
    "bridge_mm": "Bridge",
    "temple_mm": "Temple",
    "head_circumference_mm": "Head circumference",
    "brim_mm": "Brim",
}
_NO_NAMES = ("shop.logo-changed", "webhook.told-again")  # a digest, a delivery: nothing that anybody calls by it


def target_of(line: Line, named: Mapping[str, str]) -> str:
    """What a deed was about, as a person would say it. `named`: products, keys and webhooks by their ids."""
    detail = line.detail
    if line.action in _NO_NAMES:
        return ""
    said = named.get(line.target) or detail.get("name") or detail.get("label") or detail.get("host")
    if not said:
        said = "" if _is_id(line.target) else line.target
    return " · ".join(str(part) for part in (said, detail.get("role")) if part)


# In this order: what comes later in a browser's name of itself is for the sake of the sites that know an older one.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def browser_of(agent: str) -> str:
    """What a person would call her browser: `Firefox on Windows`; as it names itself where that is not known."""
    browser = next((name for sign, name in _BROWSERS if sign in agent), "")
    system = next((name for sign, name in _SYSTEMS if sign in agent), "")
    return f"{browser} on {system}" if browser and system else agent[:80]


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
