"""The key service: it wraps the keys of photos, and never sees a photo.

Any key management service that wraps 32 bytes under a named key and some context fits `KeyService`: AWS KMS does
(tenancy/kms.py). The default is a folder.

What a wrapping key once wrapped can be read by whoever has both, and backups of the database keep what was wrapped. So
wrapping keys are changed often, and forgotten as soon as no photo waits under them: photos live for minutes.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tenancy.clock import utc_now
from tenancy.errors import PhotoKeyLost

ROTATE_EVERY = timedelta(days=1)
# A wrapping key that was current a moment ago may be about to wrap: it is not forgotten sooner than this.
FORGET_AFTER = timedelta(hours=1)
_KEY_BYTES, _NONCE_BYTES = 32, 12
_NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")


class KeyService(Protocol):
    """Wraps and unwraps 32-byte keys. `context` is bound to what is wrapped: with another one it does not open."""

    async def wrap(self, key: bytes, context: bytes) -> tuple[str, bytes]:
        """The id of the wrapping key that is current, and the wrapped key."""

    async def unwrap(self, key_id: str, wrapped: bytes, context: bytes) -> bytes:
        """The key again. Raises PhotoKeyLost if the wrapping key is gone or the context another one."""

    async def rotate(self, in_use: Collection[str]) -> None:
        """Change the wrapping key when it is time, and forget old ones that no key in `in_use` was wrapped by."""


class LocalKeys:
    """Wrapping keys as files of one folder, named by when they were made: the newest is the current one.

    For one machine, or for several that share the folder.
    """

    def __init__(self, folder: Path, *, now: Callable[[], datetime] = utc_now) -> None:
        self._folder = folder
        self._now = now

    async def wrap(self, key: bytes, context: bytes) -> tuple[str, bytes]:
        """See KeyService."""
        key_id = self._names()[-1] if self._names() else self._make()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return key_id, nonce + AESGCM(self._read(key_id)).encrypt(nonce, key, context)

    async def unwrap(self, key_id: str, wrapped: bytes, context: bytes) -> bytes:
        """See KeyService."""
        try:
            return AESGCM(self._read(key_id)).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            raise PhotoKeyLost("the key of a photo does not open in this place") from None

    async def rotate(self, in_use: Collection[str]) -> None:
        """See KeyService."""
        names = self._names()
        if not names or self._now() - _made_at(names[-1]) >= ROTATE_EVERY:
            names.append(self._make())
        for older, newer in pairwise(names):
            if older not in in_use and self._now() - _made_at(newer) >= FORGET_AFTER:
                self._forget(older)

    def _names(self) -> list[str]:
        """All that are there, the oldest first."""
        if not self._folder.is_dir():
            return []
        return sorted(path.name for path in self._folder.iterdir() if _NAME.fullmatch(path.name))

    def _make(self) -> str:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{self._now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        fresh = self._folder / f".{name}"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(self._folder / name)  # whole or not there
        return name

    def _read(self, key_id: str) -> bytes:
        if not _NAME.fullmatch(key_id):
            raise PhotoKeyLost("no wrapping key has such a name")
        try:
            return (self._folder / key_id).read_bytes()
        except FileNotFoundError:
            raise PhotoKeyLost("the wrapping key is gone") from None

    def _forget(self, name: str) -> None:
        path = self._folder / name
        with suppress(FileNotFoundError):
            # Overwritten first: a journal or a copy-on-write disk may keep the old block, a plain one does not.
            path.write_bytes(secrets.token_bytes(_KEY_BYTES))
            path.unlink()


def _made_at(name: str) -> datetime:
    return datetime.strptime(name.partition("-")[0] + "+0000", "%Y%m%dT%H%M%SZ%z")
