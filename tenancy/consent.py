"""What a shopper agrees to before the camera opens, photos are sent or a body is brought along, and the receipt of it.

The words lie in `consent_texts/`, a folder for each purpose but the camera, a file for each version. Files are only
ever added: a receipt names a version and the hash of the words in the language that was read, and both must be found
again years later. The newest is current, and agreeing to an older one counts as not agreeing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Literal, cast, get_args
from uuid import UUID, uuid4

import asyncpg

from tenancy.errors import ConsentRequired

_TEXTS = Path(__file__).parent / "consent_texts"
_FIRST_LANGUAGE = "en"

Purpose = Literal["camera", "photo", "import"]


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
    """That the shopper of a visit agreed to a version of the text, when, and in which region, if that is known."""

    id: UUID
    visit_id: UUID
    version: str
    text_digest: str
    granted_at: datetime
    language: str = _FIRST_LANGUAGE
    region: str | None = None


@cache
def texts(purpose: Purpose = "camera") -> tuple[ConsentText, ...]:
    """Every text that was ever shown for a purpose, the oldest version first."""
    folder = _TEXTS if purpose == "camera" else _TEXTS / purpose
    files = sorted(folder.glob("*.json"), key=lambda path: path.stem)
    return tuple(
        ConsentText(path.stem, said["title"], tuple(said["paragraphs"]), language)
        for path in files
        for language, said in json.loads(path.read_text())["languages"].items()
    )


def current_text(language: str = _FIRST_LANGUAGE, purpose: Purpose = "camera") -> ConsentText:
    """The text that a shopper must have agreed to, in her language, or in English where there is none in it."""
    newest = texts(purpose)[-1].version
    current = {text.language: text for text in texts(purpose) if text.version == newest}
    return current.get(language, current[_FIRST_LANGUAGE])


def purpose_of(version: str | None) -> Purpose:
    """What a shopper allows by agreeing to a version. Raises ConsentRequired if it is nothing's current one."""
    for purpose in get_args(Purpose):
        if version == current_text(purpose=purpose).version:
            return cast(Purpose, purpose)
    raise ConsentRequired


async def record(
    connection: asyncpg.Connection,
    tenant_id: UUID,
    visit_id: UUID,
    version: str | None,
    *,
    at: datetime,
    region: str | None = None,
    language: str = _FIRST_LANGUAGE,
    purpose: Purpose = "camera",
) -> Receipt:
    """Write the receipt of a visit, in the transaction of what it allows. Raises ConsentRequired if `version` is not
    the current one. `region` is a code of `tenancy.regions`: whose law it was given under."""
    text = current_text(language, purpose)
    if version != text.version:
        raise ConsentRequired
    receipt = Receipt(uuid4(), visit_id, text.version, text.digest, at, text.language, region)
    await _insert(connection, tenant_id, receipt, purpose, granted=True)
    return receipt


async def withdraw(connection: asyncpg.Connection, tenant_id: UUID, visit_id: UUID, *, at: datetime) -> bool:
    """Note that the shopper took back what she agreed to, for whatever purpose; False if there is nothing, or she took
    it back before."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT ON (purpose) purpose, version, text_digest, region, language, granted FROM consents
         WHERE visit_id = $1 ORDER BY purpose, granted_at DESC, granted
        """,
        visit_id,
    )
    given = [row for row in rows if row["granted"]]
    for last in given:
        same = (last["version"], last["text_digest"], at, last["language"], last["region"])
        await _insert(connection, tenant_id, Receipt(uuid4(), visit_id, *same), last["purpose"], granted=False)
    return bool(given)


async def _insert(
    connection: asyncpg.Connection,
    tenant_id: UUID,
    receipt: Receipt,
    purpose: Purpose,
    *,
    granted: bool,
) -> None:
    await connection.execute(
        """
        INSERT INTO consents (tenant_id, id, visit_id, purpose, version, text_digest, region, granted_at, granted,
                              language)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        tenant_id,
        receipt.id,
        receipt.visit_id,
        purpose,
        receipt.version,
        receipt.text_digest,
        receipt.region,
        receipt.granted_at,
        granted,
        receipt.language,
    )
