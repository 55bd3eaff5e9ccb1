"""Mail to the people of a shop. SMTP where the operator gave a server; else kept in memory, to be looked at.

Posting never waits for the mail server: whether an address has an account must not show in how long an answer took.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import unquote, urlsplit

log = logging.getLogger("vitrine.mail")

MAX_WAITING = 1000
_TRIES = 5


@dataclass(frozen=True)
class Mail:
    """A plain text to one address."""

    to: str
    subject: str
    text: str
    at: datetime


class Carrier(Protocol):
    """Brings one mail on its way; raises OSError or its own errors when it cannot."""

    async def __call__(self, mail: Mail) -> None: ...


class Kept:
    """A carrier for development: the newest mails in memory."""

    def __init__(self, most: int = 50) -> None:
        self._mails: deque[Mail] = deque(maxlen=most)

    async def __call__(self, mail: Mail) -> None:
        self._mails.appendleft(mail)

    def __iter__(self) -> Iterator[Mail]:
        """The newest first."""
        return iter(list(self._mails))


class Smtp:
    """A carrier to `smtp://[user:password@]host[:port]` (STARTTLS when offered) or `smtps://…` (TLS throughout)."""

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
        message.set_content(mail.text)
        await aiosmtplib.send(
            message,
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            use_tls=self._tls,
            timeout=20,
        )


class Postman:
    """Takes mails and carries them one after the other, each tried a few times. `stop` waits for none."""

    def __init__(self, carrier: Carrier, *, retry_s: float = 5.0) -> None:
        self.carrier = carrier
        self.lost = 0
        self._retry_s = retry_s
        self._waiting: asyncio.Queue[Mail] = asyncio.Queue(MAX_WAITING)
        self._task: asyncio.Task[None] | None = None

    def post(self, to: str, subject: str, text: str) -> None:
        """Returns at once. A mail that finds the bag full is lost, counted and logged without its address."""
        if self._task is None:
            self._task = asyncio.create_task(self._carry())
        try:
            self._waiting.put_nowait(Mail(to, subject, text, datetime.now(UTC)))
        except asyncio.QueueFull:
            self._lose("mail-bag-full")

    async def stop(self) -> None:
        """End the round."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _carry(self) -> None:
        while True:
            mail = await self._waiting.get()
            for attempt in range(_TRIES):
                try:
                    await self.carrier(mail)
                    break
                except Exception as error:  # a mail server fails in many ways, and each is worth another try
                    log.warning("mail-not-sent: %s", type(error).__name__)
                    if attempt + 1 < _TRIES:
                        await asyncio.sleep(self._retry_s * 2**attempt)
            else:
                self._lose("mail-given-up")

    def _lose(self, what: str) -> None:
        self.lost += 1
        log.error(what)
