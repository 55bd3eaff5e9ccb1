"""What a shopper agrees to before the camera opens, and the receipt that she did.

The words lie in `consent_texts/`, a file for each version. Files are only ever added: a receipt names a version and
the hash of the words in the language that was read, and both must be found again years later. The newest is current,
and agreeing to an older one counts as not agreeing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg

from tenancy.errors import ConsentRequired

_TEXTS = Path(__file__).parent / "consent_texts"
_FIRST_LANGUAGE = "en"


@dataclass(frozen=True)
class ConsentText:
    """One version of the words in one language. `digest` is the SHA-256 of title and paragraphs, joined by line
    feeds."""

    version: str
    title: str
    paragraphs: tuple[str, ...]
    language: str = _FIRST_LANGUAGE

    @property
    def digest(self) -> str:
        """In hexadecimal."""
        return hashlib.sha256("\n".join((self.title, *self.paragraphs)).encode()).hexdigest()


@dataclass(frozen=True)
class Receipt:
    """That the shopper of a visit agreed to a version of the text, and when."""

    id: UUID
    visit_id: UUID
    version: str
    text_digest: str
    granted_at: datetime
    language: str = _FIRST_LANGUAGE


@cache
def texts() -> tuple[ConsentText, ...]:
    """Every text that was ever shown, the oldest version first."""
    files = sorted(_TEXTS.glob("*.json"), key=lambda path: path.stem)
    return tuple(
        ConsentText(path.stem, said["title"], tuple(said["paragraphs"]), language)
        for path in files
        for language, said in json.loads(path.read_text())["languages"].items()
    )


def current_text(language: str = _FIRST_LANGUAGE) -> ConsentText:
    """The text that a shopper must have agreed to, in her language, or in English where there is none in it."""
    newest = texts()[-1].version
    current = {text.language: text for text in texts() if text.version == newest}
    return current.get(language, current[_FIRST_LANGUAGE])


async def record(
    connection: asyncpg.Connection,
    tenant_id: UUID,
    visit_id: UUID,
    version: str | None,
    *,
    at: datetime,
    region: str | None = None,
    language: str = _FIRST_LANGUAGE,
) -> Receipt:
    """Write the receipt of a visit, in the transaction that opens it. Raises ConsentRequired if `version` is not
    the current one. `region` is a country code, where the law of the place matters."""
    text = current_text(language)
    if version != text.version:
        raise ConsentRequired
    receipt = Receipt(uuid4(), visit_id, text.version, text.digest, at, text.language)
    await _insert(connection, tenant_id, receipt, region, granted=True)
    return receipt


async def withdraw(connection: asyncpg.Connection, tenant_id: UUID, visit_id: UUID, *, at: datetime) -> bool:
    """Note that the shopper took her consent back; False if she had none, or took it back before."""
    last = await connection.fetchrow(
        """
        SELECT version, text_digest, region, language, granted FROM consents
         WHERE visit_id = $1 ORDER BY granted_at DESC, granted LIMIT 1
        """,
        visit_id,
    )
    if last is None or not last["granted"]:
        return False
    taken_back = Receipt(uuid4(), visit_id, last["version"], last["text_digest"], at, last["language"])
    await _insert(connection, tenant_id, taken_back, last["region"], granted=False)
    return True


async def _insert(
    connection: asyncpg.Connection, tenant_id: UUID, receipt: Receipt, region: str | None, *, granted: bool
) -> None:
    await connection.execute(
        """
        INSERT INTO consents (tenant_id, id, visit_id, purpose, version, text_digest, region, granted_at, granted,
                              language)
        VALUES ($1, $2, $3, 'camera', $4, $5, $6, $7, $8, $9)
        """,
        tenant_id,
        receipt.id,
        receipt.visit_id,
        receipt.version,
        receipt.text_digest,
        region,
        receipt.granted_at,
        granted,
        receipt.language,
    )
