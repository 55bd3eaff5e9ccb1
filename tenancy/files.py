"""Files of the shops in object storage, named by their content and never written twice.

A name is built from the shop's id and a SHA-256 alone, both checked, so no input can lead outside a shop's folder.
What is under a name never changes: it may be cached forever.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from datetime import timedelta
from pathlib import Path
from typing import IO, Self
from urllib.parse import unquote, urlsplit
from uuid import UUID

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import AzureStore, GCSStore, LocalStore, ObjectStore, S3Store, from_url

from tenancy.errors import DamagedFile, UnknownFile

FOR_EVER = "public, max-age=31536000, immutable"
_LENT_CHUNK = 8 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Files:
    """The object store of an installation."""

    def __init__(self, store: ObjectStore) -> None:
        """Takes any store of obstore; `open` makes one from a URL."""
        self._store = store

    @classmethod
    def open(cls, url: str) -> Self:
        """The store at `url`: `file:///folder`, made if missing and closed to other OS users, or `s3://bucket/prefix`
        with credentials from the usual `AWS_…` variables."""
        parts = urlsplit(url)
        if parts.scheme != "file":
            return cls(from_url(url))
        folder = Path(unquote(parts.path))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(LocalStore(folder))

    async def put(self, tenant_id: UUID, content: bytes, media_type: str) -> str:
        """Keep `content` for a shop and return its SHA-256 in hexadecimal. The same content again costs nothing.

        `media_type` is stored with it where the store can (a CDN in front of S3 wants it).
        """
        digest = hashlib.sha256(content).hexdigest()
        name = _name(tenant_id, digest)
        if isinstance(self._store, LocalStore):
            try:
                await obstore.put_async(self._store, name, content, mode="create")  # a rename: whole or not there
            except AlreadyExistsError:
                return digest
        elif not await self._is_there(name):
            # What a CDN that reads from the bucket itself wants to know.
            told = {"Content-Type": media_type, "Cache-Control": FOR_EVER}
            await obstore.put_async(self._store, name, content, attributes=told)
        return digest

    async def get(self, tenant_id: UUID, digest: str) -> bytes:
        """The file of a shop. Raises UnknownFile; DamagedFile if the store returns other bytes than were put."""
        try:
            result = await obstore.get_async(self._store, _name(tenant_id, digest))
            content = bytes(await result.bytes_async())
        except FileNotFoundError:
            raise UnknownFile(digest) from None
        if hashlib.sha256(content).hexdigest() != digest:
            raise DamagedFile(digest)
        return content

    async def remove(self, tenant_id: UUID, digest: str) -> None:
        """Forget a file; harmless if it is not there."""
        try:
            await obstore.delete_async(self._store, _name(tenant_id, digest))
        except FileNotFoundError:
            return

    async def remove_shop(self, tenant_id: UUID) -> int:
        """Forget every file of a shop; returns how many there were."""
        if not isinstance(tenant_id, UUID):
            raise TypeError("a shop's id is a UUID")
        removed = 0
        async for listed in obstore.list(self._store, f"shops/{tenant_id}/", chunk_size=500):
            paths = [item["path"] for item in listed]
            await obstore.delete_async(self._store, paths)
            removed += len(paths)
        return removed

    async def stage(self, tenant_id: UUID, content: bytes) -> str:
        """Keep something that is not yet of use, apart from what is: its SHA-256, for `staged` and `unstage`."""
        digest = hashlib.sha256(content).hexdigest()
        name = _staged(tenant_id, digest)
        if not await self._is_there(name):
            await obstore.put_async(self._store, name, content)
        return digest

    async def staged(self, tenant_id: UUID, digest: str) -> bytes:
        """What was staged. Raises UnknownFile."""
        try:
            result = await obstore.get_async(self._store, _staged(tenant_id, digest))
            return bytes(await result.bytes_async())
        except FileNotFoundError:
            raise UnknownFile(digest) from None

    async def unstage(self, tenant_id: UUID, digest: str) -> None:
        """Forget what was staged; harmless if it is not there."""
        try:
            await obstore.delete_async(self._store, _staged(tenant_id, digest))
        except FileNotFoundError:
            return

    async def lend(self, tenant_id: UUID, file: IO[bytes], *, name: str, lasting: timedelta) -> str | None:
        """An address from which whoever knows it may take a large file straight from the store, for so long; None if
        the store has no such addresses. What was lent to the shop before is gone then.

        A download from the store can be broken off and gone on with, and holds no place of ours.
        """
        if not isinstance(self._store, S3Store | GCSStore | AzureStore):
            return None
        folder = f"shops/{_checked(tenant_id)}/lent"
        async for listed in obstore.list(self._store, folder):
            for old in listed:
                await obstore.delete_async(self._store, old["path"])
        path = f"{folder}/{secrets.token_urlsafe(16)}/{name}"
        told = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
        async with obstore.open_writer_async(self._store, path, attributes=told, buffer_size=_LENT_CHUNK) as sink:
            while chunk := await asyncio.to_thread(file.read, _LENT_CHUNK):
                await sink.write(chunk)
        return await obstore.sign_async(self._store, "GET", path, lasting)

    async def _is_there(self, name: str) -> bool:
        try:
            await obstore.head_async(self._store, name)
        except FileNotFoundError:
            return False
        return True


def _staged(tenant_id: UUID, digest: str) -> str:
    head, _, tail = _name(tenant_id, digest).rpartition(f"/{digest[:2]}/")
    return f"{head}/staged/{tail}"


def _name(tenant_id: UUID, digest: str) -> str:
    """Where a file lies. Raises UnknownFile for what is no digest, TypeError for what is no UUID."""
    if not _DIGEST.fullmatch(digest):
        raise UnknownFile("not a digest")
    return f"shops/{_checked(tenant_id)}/{digest[:2]}/{digest}"


def _checked(tenant_id: UUID) -> UUID:
    if not isinstance(tenant_id, UUID):
        raise TypeError("a shop's id is a UUID")
    return tenant_id
