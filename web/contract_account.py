"""The JSON of what a person does to her own account, version 1: passkeys, proof, address, password, factors."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from web.contract import Answered, Given
from web.contract_owner import Email, Password, Token

Credential = Annotated[dict[str, Any], Field(description="A PublicKeyCredential, as its `toJSON` has it.")]
Code = Annotated[str, Field(min_length=1, max_length=64)]


class PasskeyChallenge(Given):
    """The second step of a login is to be taken with a passkey."""

    challenge: Token


class PasskeyAsked(Answered):
    """What the browser is to do: `navigator.credentials.create` at the first login, else `get`."""

    act: Literal["create", "get"]
    options: Annotated[dict[str, Any], Field(description="`publicKey`, with bytes as base64url.")]


class PasskeyLogin(Given):
    """The second step: what the browser answered."""

    challenge: Token
    credential: Credential


class ProofAsked(Answered):
    """What a passkey may be asked for in the place of a code; null without one."""

    options: dict[str, Any] | None


class Proof(Given):
    """Password and second factor once more: a code, or a passkey's answer."""

    password: Password
    code: Annotated[str, Field(max_length=64)] = ""
    credential: Credential | None = None


class PasskeyShown(Answered):
    """A passkey of one's own."""

    id: UUID
    name: str
    created_at: datetime
    last_used_at: datetime | None


class FactorsShown(Answered):
    """How one's account is secured. `proven_until`: until when this login may change it."""

    app_since: datetime | None
    passkeys: list[PasskeyShown]
    recovery_codes: Annotated[int, Field(description="How many are left.")]
    proven_until: datetime | None


class PasswordChange(Given):
    """Another password."""

    current: Password
    password: Password


class EmailChange(Given):
    """Another address."""

    email: Email


class AppCode(Given):
    """A code of the new app."""

    code: Code


class RecoveryCodes(Answered):
    """Shown this once."""

    recovery_codes: list[str]


class PasskeyOptions(Answered):
    """What `navigator.credentials.create` takes."""

    options: dict[str, Any]


class PasskeyMade(Given):
    """A new passkey: what the browser answered, and what to call it."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    credential: Credential
