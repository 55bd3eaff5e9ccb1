"""The JSON of the owner's side of the public contract, version 1."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from web.contract import Answered, CatalogItem, Given

Email = Annotated[str, Field(max_length=254)]
Password = Annotated[str, Field(max_length=256)]
Token = Annotated[str, Field(max_length=100)]
Role = Literal["owner", "staff", "read-only"]
Scope = Literal["products:read", "products:write", "usage:read", "export:read", "keys:write", "webhooks:write"]


class SignUp(Given):
    """A new shop and its owner."""

    shop: Annotated[str, Field(max_length=63, description="The slug: lower-case letters, digits, single dashes.")]
    name: Annotated[str, Field(max_length=200)]
    email: Email
    password: Password


class Accepted(Answered):
    """It was taken note of; what follows comes by mail."""

    status: Literal["mailed"] = "mailed"


class MailedToken(Given):
    """The token of a mailed link."""

    token: Token


class LoginRequest(Given):
    """The first step of a login."""

    shop: Annotated[str, Field(max_length=200, description="The shop's slug.")]
    email: Email
    password: Password


class EnrolmentShown(Answered):
    """A second factor to set up: as an authenticator app takes it."""

    secret: str
    uri: str


class ChallengeGiven(Answered):
    """The first step passed. `enrolment` is there at the first login: prove it with a code, or make a passkey.
    `passkeys`: whether one may be shown in the place of a code."""

    challenge: str
    enrolment: EnrolmentShown | None
    passkeys: bool


class CodeRequest(Given):
    """The second step: a code of the app, or a recovery code."""

    challenge: Token
    code: Annotated[str, Field(max_length=64)]


class LoggedIn(Answered):
    """The session is in the cookie. `recovery_codes` are shown this once, after a second factor was set up."""

    shop: str
    recovery_codes: list[str] | None


class ResetRequest(Given):
    """Whose password is to be chosen anew."""

    shop: Annotated[str, Field(max_length=200)]
    email: Email


class NewPassword(Given):
    """A new password with the token that was mailed, of a reset or of an invitation."""

    token: Token
    password: Password


class Login(Answered):
    """An open login."""

    id: UUID
    agent: str
    created_at: datetime
    seen_at: datetime
    this: Annotated[bool, Field(description="Whether it is the one that asks.")]


class Logins(Answered):
    """The open logins of a person."""

    logins: list[Login]


class Me(Answered):
    """Who speaks, for which shop, and what she or it may do."""

    name: str
    shop: str
    role: Role | None
    rights: list[str]


class Variant(Given):
    """One way in which a product is sold."""

    sku: Annotated[str, Field(min_length=1, max_length=100)]
    colour: Annotated[str | None, Field(max_length=100)] = None
    size: Annotated[str | None, Field(max_length=100)] = None


class ProductChange(Given):
    """What is to change; the rest stays."""

    name: Annotated[str | None, Field(max_length=120)] = None
    variants: Annotated[list[Variant] | None, Field(max_length=200)] = None
    published: bool | None = None
    chart: Annotated[dict[str, Any] | None, Field(description="Of a garment: its finished dimensions in cm.")] = None
    body_chart: Annotated[dict[str, Any] | None, Field(description="Of a garment: whom a size is for.")] = None


class OwnersProduct(CatalogItem):
    """A product as its owner sees it."""

    external_id: str | None
    published: bool
    version: int
    variants: list[dict[str, str]]
    glb: Annotated[str, Field(description="Path of the file as it was cleaned and stored.")]
    report: Annotated[dict[str, Any], Field(description="What the intake found and changed.")]
    chart: Annotated[dict[str, Any] | None, Field(description="Of a garment.")]
    body_chart: Annotated[dict[str, Any] | None, Field(description="Of a garment, where it has one.")]
    created_at: datetime
    updated_at: datetime


class OwnersProducts(Answered):
    """Every product, published or not."""

    products: list[OwnersProduct]


class Version(Answered):
    """A state that a product had."""

    number: int
    name: str
    glb: str
    thumbnail: str
    made_by: str
    made_at: datetime


class Versions(Answered):
    """The newest first."""

    versions: list[Version]


class KeyRequest(Given):
    """A new key."""

    kind: Literal["publishable", "secret"]
    label: Annotated[str, Field(max_length=200)] = ""
    scopes: Annotated[tuple[Scope, ...], Field(max_length=10, description="None means all of them.")] = ()


class Key(Answered):
    """A key as it is kept: `shown` is all of a publishable key and the beginning of a secret one."""

    id: UUID
    kind: Literal["publishable", "secret"]
    label: str
    shown: str
    scopes: list[str]
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class KeyMade(Key):
    """A key just made; `key` is shown this once."""

    key: str


class Keys(Answered):
    """The newest first, revoked ones too."""

    keys: list[Key]


class UsageDay(Answered):
    """The try-ons that began on a day, UTC."""

    day: date
    try_ons: int
    minutes: float


class InvoiceLine(Answered):
    """A line of the bill, in cents of a euro."""

    says: str
    quantity: float
    cents: int


class UsageShown(Answered):
    """A month, its days and its bill so far."""

    month: date
    plan: str
    cap: int | None
    try_ons: int
    minutes: float
    avatars: int
    gb_days: float
    bytes_now: float
    invoice: list[InvoiceLine]
    total_cents: int
    expected_cents: Annotated[int, Field(description="At the month's end, if it goes on at this pace.")]
    days: list[UsageDay]


class Person(Answered):
    """Somebody of the team, or invited to it."""

    id: UUID
    email: str
    role: Role
    invited: bool
    since: datetime


class People(Answered):
    """The team."""

    people: list[Person]


class Invitation(Given):
    """Whom to invite."""

    email: Email
    role: Role


class RoleChange(Given):
    """Her new role."""

    role: Role


class AuditLine(Answered):
    """Who did what."""

    id: int
    at: datetime
    actor: str
    action: str
    target: str
    detail: dict[str, Any]


class AuditLog(Answered):
    """The newest first; ask on with `?before=` and the last id."""

    lines: list[AuditLine]
