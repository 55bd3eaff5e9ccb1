"""Tokens that name their shop: its id and 256 random bits, in base64. Kept nowhere but as a SHA-256.

A token begins with the shop's id so that finding what it stands for is a read of that shop alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from uuid import UUID

from tenancy.errors import InvalidToken

_RANDOM_BYTES = 32
_LENGTH = 64  # characters: 16 bytes of the shop's id and 32 random ones in base64


def new_token(tenant_id: UUID) -> str:
    """64 characters that can stand in a URL."""
    return base64.urlsafe_b64encode(tenant_id.bytes + secrets.token_bytes(_RANDOM_BYTES)).decode()


def tenant_of(token: str) -> UUID:
    """The shop that a token names; whether the token is good is another matter. Raises InvalidToken."""
    if len(token) != _LENGTH or not token.isascii():
        raise InvalidToken
    try:
        return UUID(bytes=base64.b64decode(token, altchars=b"-_", validate=True)[:16])
    except (binascii.Error, ValueError):
        raise InvalidToken from None


def token_digest(token: str) -> bytes:
    """What is kept of a token, or of any secret of at least 112 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
