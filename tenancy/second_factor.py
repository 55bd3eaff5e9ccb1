"""The second factor: time-based codes (RFC 6238, SHA-1, 6 digits, 30 s, as every authenticator app has them) and
recovery codes of 120 random bits. A code is good once, and for one period before and after its own."""

from __future__ import annotations

import base64
import hmac
import secrets
import time
from urllib.parse import quote

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

PERIOD_S = 30
DIGITS = 6
RECOVERY_CODES = 10
_SECRET_BYTES = 20
_RECOVERY_BYTES = 15


def new_secret() -> bytes:
    """160 random bits."""
    return secrets.token_bytes(_SECRET_BYTES)


def shown_secret(secret: bytes) -> str:
    """As a person types it into an app: base32."""
    return base64.b32encode(secret).decode()


def enrolment_uri(secret: bytes, *, account: str, shop: str) -> str:
    """What the QR code holds (`otpauth://`, the key URI format of the authenticator apps)."""
    label = quote(f"Vitrine {shop}:{account}", safe="")
    issuer = quote(f"Vitrine {shop}", safe="")
    return f"otpauth://totp/{label}?secret={shown_secret(secret)}&issuer={issuer}&digits={DIGITS}&period={PERIOD_S}"


def code_at(secret: bytes, counter: int) -> str:
    """The code of one period (RFC 4226)."""
    return HOTP(secret, DIGITS, SHA1(), enforce_key_length=False).generate(counter).decode()  # noqa: S303


def counter_of(code: str, secret: bytes, *, after: int, at: float | None = None) -> int | None:
    """The period whose code this is, if it is this one or a neighbour and later than `after`; else None."""
    now = int((time.time() if at is None else at) // PERIOD_S)
    code = code.replace(" ", "")
    found = None
    for counter in (now - 1, now, now + 1):
        same = hmac.compare_digest(code_at(secret, counter).encode(), code.encode("utf-8", "surrogatepass"))
        if same and counter > after:
            found = counter
    return found


def new_recovery_codes() -> list[str]:
    """Ten codes in groups of four."""
    codes = (base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower() for _ in range(RECOVERY_CODES))
    return ["-".join(code[i : i + 4] for i in range(0, len(code), 4)) for code in codes]


def plain_recovery_code(typed: str) -> str:
    """A recovery code as it was made, however it was typed."""
    letters = "".join(letter for letter in typed.lower() if letter.isalnum())
    return "-".join(letters[i : i + 4] for i in range(0, len(letters), 4))
