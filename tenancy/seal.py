"""Secrets that must be read again, sealed at rest: AES-256-GCM under a key that the database does not hold.

What is sealed is bound to its place: moved to another row or another use it does not open.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tenancy.errors import SealBroken

_NONCE_BYTES = 12


class Seal:
    """Seals and opens. `secret` is the installation's own, of at least 32 random characters."""

    def __init__(self, secret: str) -> None:
        derived = HKDF(SHA256(), 32, salt=None, info=b"vitrine: secrets at rest").derive(secret.encode())
        self._cipher = AESGCM(derived)

    def seal(self, plain: bytes, *place: object) -> bytes:
        """`place`: where it will stand, such as the shop's id, the row's id and the column."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, _context(place))

    def open(self, sealed: bytes, *place: object) -> bytes:
        """Raises SealBroken if the installation's secret or the place is another one."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _context(place))
        except (InvalidTag, ValueError):
            raise SealBroken("the installation's secret is not the one this was sealed with") from None


def secret_in(folder: Path) -> str:
    """The installation's secret, made on the first call. For one machine; several share it by setting."""
    path = folder / "secret"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(made := secrets.token_urlsafe(48))
    return made


def _context(place: tuple[object, ...]) -> bytes:
    return "\0".join(str(part) for part in place).encode()
