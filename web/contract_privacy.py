"""The JSON about what is kept: a shopper's data, receipts, an owner's settings, what happened at the mirror."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from web.contract import Answered, Given

Days = Annotated[int | None, Field(ge=1, le=3650)]


class MyData(Answered):
    """All that is kept of a visit."""

    visit: dict[str, Any] | None
    consents: list[dict[str, Any]]
    avatars: Annotated[list[dict[str, Any]], Field(description="Bodies; `GET /v1/avatars/{id}/export` has the files.")]


class SignedReceipt(Answered):
    """A receipt and what it says. `receipt` is a JWS in compact form, which any JOSE library can verify."""

    receipt: str
    facts: dict[str, Any]


class ReceiptKey(Answered):
    """The public key of this installation's receipts, a JWK (RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    use: Literal["sig"]
    alg: Literal["EdDSA"]


class Happening(Given):
    """Something that a shopper did beside wearing."""

    kind: Literal["snapshot", "add-to-cart"]
    products: Annotated[tuple[UUID, ...], Field(max_length=4, description="What it is about: what is worn.")] = ()


class Happenings(Given):
    """A few at a time."""

    events: Annotated[list[Happening], Field(min_length=1, max_length=20)]


class RetentionChange(Given):
    """Days; the rest stays as it is."""

    visits: Days = None
    tallies: Days = None
    consents: Days = None
    audit: Days = None


class PrivacyShown(Answered):
    """How long what is kept, in days, and whether the shop is being closed."""

    visits: int
    tallies: int
    consents: int
    audit: int
    closes_at: datetime | None
    closing_receipt: Annotated[str | None, Field(description="Where its receipt will be found.")]


class ClosureAsked(Given):
    """The shop's short name, typed to mean it."""

    shop: Annotated[str, Field(max_length=63)]
