"""Receipts that anybody can check: facts signed with the installation's own key.

A receipt is a JWS in compact form (RFC 7515) with Ed25519 (RFC 8037), so any JOSE library can verify it against the
published key. Whoever holds the receipt of a consent speaks for that visit: it cannot be guessed or made.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tenancy.errors import InvalidReceipt

MAX_CHARACTERS = 8192
_TYPE = "vitrine-receipt+jws"


class Signer:
    """Signs and checks. `secret` is the installation's own, of at least 32 random characters."""

    def __init__(self, secret: str) -> None:
        seed = HKDF(SHA256(), 32, salt=None, info=b"vitrine: receipts").derive(secret.encode())
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = self._private.public_key()
        self._x = _encoded(self._public.public_bytes_raw())

    @property
    def key(self) -> dict[str, str]:
        """The public key as a JWK (RFC 8037); `kid` is its thumbprint (RFC 7638)."""
        required = {"crv": "Ed25519", "kty": "OKP", "x": self._x}
        thumbprint = _encoded(hashlib.sha256(_canonical(required)).digest())
        return {**required, "kid": thumbprint, "use": "sig", "alg": "EdDSA"}

    def sign(self, facts: Mapping[str, Any]) -> str:
        """The receipt of these facts. Times in them are RFC 3339, ids are text."""
        header = {"alg": "EdDSA", "kid": self.key["kid"], "typ": _TYPE}
        signed = f"{_encoded(_canonical(header))}.{_encoded(_canonical(facts))}"
        return f"{signed}.{_encoded(self._private.sign(signed.encode()))}"

    def read(self, receipt: str) -> dict[str, Any]:
        """The facts. Raises InvalidReceipt for anything that this installation did not sign."""
        signed, _, signature = receipt.strip().rpartition(".")
        try:
            if len(receipt) > MAX_CHARACTERS or not receipt.isascii():
                raise InvalidReceipt
            self._public.verify(_decoded(signature), signed.encode())
            facts = json.loads(_decoded(signed.partition(".")[2]))
        except (InvalidSignature, binascii.Error, ValueError):
            raise InvalidReceipt("this installation signed no such receipt") from None
        return dict(facts)


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
