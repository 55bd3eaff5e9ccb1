"""What a shopper agrees to before the camera opens, and the receipt that she did.

Texts are only ever added: a receipt names a version and the hash of its words, and both must be found again years
later. The last one is current, and agreeing to an older one counts as not agreeing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from tenancy.errors import ConsentRequired


@dataclass(frozen=True)
class ConsentText:
    """One version of the words. `digest` is the SHA-256 of title and paragraphs, joined by line feeds."""

    version: str
    title: str
    paragraphs: tuple[str, ...]

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


CAMERA_TEXTS = (
    ConsentText(
        version="2026-11",
        title="Before your camera opens",
        paragraphs=(
            "To show you wearing a product, the picture from your camera is sent to the server that runs this mirror"
            " for the shop, for as long as the mirror is open. The microphone stays off.",
            "The server finds your face in each picture and works out where it is, which way it turns and how large"
            " it is, so that the product sits and fits as it would on you. It draws the product in and sends the"
            " picture straight back to you.",
            "This happens in the server's working memory only. No picture, no video, and nothing measured from your"
            " face is stored. It is not used to recognise who you are, not used to train any model, and not passed"
            " on to anybody.",
            "What is kept: that you agreed to this text and when, and how long which product was tried on. Your"
            " picture is not part of it.",
            "You can stop at any time: close the mirror or the page, or take the camera permission back in your"
            " browser. From that moment nothing more is sent. If you would rather not, choose No: you can shop"
            " here just the same.",
        ),
    ),
)


def current_text() -> ConsentText:
    """The text that a shopper must have agreed to."""
    return CAMERA_TEXTS[-1]


async def record(
    connection: asyncpg.Connection,
    tenant_id: UUID,
    visit_id: UUID,
    version: str | None,
    *,
    at: datetime,
    region: str | None = None,
) -> Receipt:
    """Write the receipt of a visit, in the transaction that opens it. Raises ConsentRequired if `version` is not
    the current one. `region` is a country code, where the law of the place matters."""
    text = current_text()
    if version != text.version:
        raise ConsentRequired
    receipt = Receipt(uuid4(), visit_id, text.version, text.digest, at)
    await connection.execute(
        """
        INSERT INTO consents (tenant_id, id, visit_id, purpose, version, text_digest, region, granted_at)
        VALUES ($1, $2, $3, 'camera', $4, $5, $6, $7)
        """,
        tenant_id,
        receipt.id,
        visit_id,
        text.version,
        text.digest,
        region,
        at,
    )
    return receipt
