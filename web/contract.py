"""The JSON of the public contract, version 1: what goes in and what comes out, field by field.

Requests refuse fields they do not know; answers may grow by new ones. Lengths say their unit in their name.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["glasses", "hat", "garment"]


class Given(BaseModel):
    """What a client sends, as JSON: a number is no truth value and a text no number."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, strict=True)


class Answered(BaseModel):
    """What the server answers."""

    model_config = ConfigDict(frozen=True)


class ConsentGiven(Given):
    """What the shopper agreed to."""

    version: Annotated[str, Field(max_length=100, description="The version of the text she was shown.")]
    granted: bool
    language: Annotated[str, Field(max_length=10, description="The language in which she read it.")] = "en"


class SessionRequest(Given):
    """The beginning of a shopper's visit."""

    key: Annotated[str, Field(max_length=200, description="The shop's publishable key, `pk_…`.")]
    product: Annotated[UUID | None, Field(description="What she wears first.")] = None
    consent: ConsentGiven | None = None


class CameraConsent(Given):
    """What a shopper agrees to whose visit began without a camera."""

    consent: ConsentGiven


class CameraAgreed(Answered):
    """Her camera's picture may come."""

    receipt: Annotated[str, Field(description="That she agreed, signed.")]


class SessionCreated(Answered):
    """A shopper's visit: the token is the right to one live try-on at a time."""

    token: str
    expires_at: datetime
    ice_servers: Annotated[list[dict[str, Any]], Field(description="As in the browser's RTCConfiguration.")]
    receipt: Annotated[str, Field(description="That she agreed, signed. It goes on to speak for her visit.")]


class IceServers(Answered):
    """Fresh ones, for a connection that comes long after the visit began."""

    ice_servers: Annotated[list[dict[str, Any]], Field(description="As in the browser's RTCConfiguration.")]


class ConsentText(Answered):
    """What a shopper agrees to before her camera opens."""

    version: str
    language: str
    title: str
    paragraphs: list[str]


class GarmentSize(Answered):
    """A size with the garment's finished dimensions, girths all round."""

    label: str
    cm: dict[str, float]


class GarmentShown(Answered):
    """What a garment says beyond other products."""

    worn_as: Literal["top", "jacket", "bottom", "skirt", "dress"]
    sizes: Annotated[list[GarmentSize], Field(description="From small to large.")]
    modelled: Annotated[str, Field(description="The size that its model has.")]
    version: Annotated[str, Field(description="Changes with whatever of it is drawn.")]


class CatalogItem(Answered):
    """A product as the shopper's page shows it."""

    id: UUID
    kind: Kind
    name: str
    thumbnail: Annotated[str, Field(description="Path of a PNG with a transparent ground.")]
    dimensions: Annotated[dict[str, float], Field(description="True sizes; each name ends with its unit.")]
    garment: Annotated[GarmentShown | None, Field(description="Of kind `garment`, which is worn on avatars alone.")]


class Catalog(Answered):
    """All a shop has to try on."""

    products: list[CatalogItem]


class Readiness(Answered):
    """Whether the installation can serve shoppers, and what each part says."""

    ready: bool
    checks: dict[str, str]


class Health(Answered):
    """The event loop turns."""

    status: Literal["ok"]


class ProblemDetails(Answered):
    """An error (RFC 9457). `code` is stable; `title` and `detail` are for people and may change."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
