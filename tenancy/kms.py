"""A key service that is not ours: AWS KMS, or whatever else speaks its interface.

The wrapping key never leaves the service, which writes down each use of it and changes its material by itself. It
forgets nothing: with a backup of the database and the right to use the key, what a photo was sealed with can be had
again. What it sealed is gone from the object store, and a store that keeps versions must not keep these.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import structlog

from tenancy.errors import PhotoKeyLost, Unavailable

PATIENCE_S = 5.0
TRIES = 2
THREADS = 4  # of its own: passwords and health shall not wait behind a service that hangs
# What says that this key will not open, now or later, as KMS names it. Everything else may be better in a moment: a key
# that is disabled can be enabled again.
_LOST = {
    "IncorrectKeyException",
    "InvalidCiphertextException",
    "InvalidKeyUsageException",
    "NotFoundException",
}


log = structlog.get_logger("kms")


class KmsUnusable(Exception):
    """KMS is asked for, and the package that speaks to it is not installed, or nothing says which region."""


class AwsKms:
    """Wraps under one symmetric key of the service.

    key: its id, ARN or alias. Region, credentials and another endpoint (`AWS_ENDPOINT_URL_KMS`) come from where every
    AWS client looks for them. Raises KmsUnusable.
    """

    def __init__(self, key: str) -> None:
        try:
            import botocore.session  # noqa: PLC0415 -- an optional extra
            from botocore.config import Config  # noqa: PLC0415
            from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
        except ImportError:
            raise KmsUnusable("botocore is not installed: .venv/bin/python -m pip install botocore==1.44.5") from None
        self._key = key
        self._threads = ThreadPoolExecutor(THREADS, "kms")
        self._refused: type[Any] = ClientError
        self._failed = BotoCoreError
        patience = Config(
            connect_timeout=PATIENCE_S,
            read_timeout=PATIENCE_S,
            retries={"total_max_attempts": TRIES, "mode": "standard"},
        )
        try:
            self._client: Any = botocore.session.Session().create_client("kms", config=patience)
        except (BotoCoreError, ValueError) as error:
            raise KmsUnusable(f"the client of KMS cannot be made: {error}") from None

    async def wrap(self, key: bytes, context: bytes) -> tuple[str, bytes]:
        """See KeyService. Raises Unavailable."""
        answer = await self._ask(
            self._client.encrypt, KeyId=self._key, Plaintext=key, EncryptionContext=_context(context)
        )
        return answer["KeyId"], answer["CiphertextBlob"]

    async def unwrap(self, key_id: str, wrapped: bytes, context: bytes) -> bytes:
        """See KeyService. Raises Unavailable."""
        answer = await self._ask(
            self._client.decrypt, KeyId=key_id, CiphertextBlob=wrapped, EncryptionContext=_context(context)
        )
        key: bytes = answer["Plaintext"]
        return key

    async def rotate(self, in_use: Collection[str]) -> None:
        """The service does so by itself."""

    async def _ask(self, call: Callable[..., Any], **what: Any) -> Any:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, partial(call, **what))
        except self._refused as error:
            code = error.response["Error"]["Code"]
            if code in _LOST and "CiphertextBlob" in what:
                raise PhotoKeyLost(f"the key service says {code}") from None
        except self._failed as error:
            code = type(error).__name__
        log.warning("key-service-failed", code=code)
        raise Unavailable


def _context(context: bytes) -> dict[str, str]:
    return {"vitrine": context.hex()}
