"""Mail to the people of a shop. SMTP where the operator gave a server; else kept in memory, to be looked at.

A mail lies in the outbox (`tenancy.outbox`), written with the deed that it tells of and sealed, for what it holds may
open an account.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import unquote, urlsplit
from uuid import UUID

import asyncpg

from tenancy.outbox import Parcel, Route, Undelivered, put
from tenancy.seal import Seal

_PLACE = "mail"
# Some three days, as mail servers do it.
_WAITS = tuple(timedelta(minutes=minutes) for minutes in (0.2, 1, 5, 15, 60, 240, 720, 1440, 1440))
_REFUSED = range(500, 600)  # SMTP: for good


@dataclass(frozen=True)
class Mail:
    """A plain text to one address. `id` is the same however often it is sent."""

    id: UUID
    to: str
    subject: str
    text: str
    at: datetime


@dataclass(frozen=True)
class Letters:
    """Writes mails. Where the links in them lead: `base` is the installation's own address, never what a request
    claims."""

    seal: Seal
    base: str

    def link(self, page: str, token: str) -> str:
        """The token stands behind `#`: no server log, proxy or Referer ever sees it."""
        return f"{self.base}/dashboard/{page}#{token}"

    async def post(self, connection: asyncpg.Connection, tenant_id: UUID, to: str, subject: str, text: str) -> None:
        """A mail goes out if this transaction is committed."""
        written = json.dumps({"to": to, "subject": subject, "text": text}).encode()
        await put(connection, tenant_id, "mail", self.seal.seal(written, tenant_id, _PLACE))


class Server(Protocol):
    """Takes one mail; raises Undelivered."""

    async def __call__(self, mail: Mail) -> None: ...


class Kept:
    """A server for development: the newest mails in memory."""

    def __init__(self, most: int = 50) -> None:
        self._mails: deque[Mail] = deque(maxlen=most)

    async def __call__(self, mail: Mail) -> None:
        self._mails.appendleft(mail)

    def __iter__(self) -> Iterator[Mail]:
        """The newest first."""
        return iter(list(self._mails))


class Smtp:
    """The server at `smtp://[user:password@]host[:port]` (STARTTLS when offered) or `smtps://…` (TLS throughout)."""

    def __init__(self, url: str, sender: str) -> None:
        parts = urlsplit(url)
        self._tls = parts.scheme == "smtps"
        self._host = parts.hostname or "localhost"
        self._port = parts.port or (465 if self._tls else 587)
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._sender = sender

    async def __call__(self, mail: Mail) -> None:
        import aiosmtplib  # noqa: PLC0415  only an operator with a mail server needs it

        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, mail.to, mail.subject
        message["Date"], message["Message-ID"] = mail.at, f"<{mail.id}@vitrine>"
        message.set_content(mail.text)
        try:
            await aiosmtplib.send(
                message,
                hostname=self._host,
                port=self._port,
                username=self._user,
                password=self._password,
                use_tls=self._tls,
                timeout=20,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise Undelivered("refused", final=all(one.code in _REFUSED for one in error.recipients)) from error
        except aiosmtplib.SMTPResponseException as error:
            raise Undelivered(f"the mail server says {error.code}", final=error.code in _REFUSED) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Undelivered("no mail server answers") from error


def mail_route(seal: Seal, server: Server) -> Route:
    """How mails leave the outbox: opened, handed to the server, and forgotten."""

    async def carry(parcel: Parcel) -> str:
        written = json.loads(seal.open(parcel.content, parcel.tenant_id, _PLACE))
        await server(Mail(parcel.id, written["to"], written["subject"], written["text"], parcel.created_at))
        return "taken"

    return Route(carry, _WAITS, kept=False)
