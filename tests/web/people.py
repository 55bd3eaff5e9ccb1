"""A person at a site, logged in by two steps over HTTP."""

from __future__ import annotations

import base64
import re
import time
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tenancy.second_factor import PERIOD_S, code_at
from tests.web.conftest import Site

PASSWORD = "four turnips in a tram"
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


async def mailed(site: Site, page: str) -> str:
    """The token of the newest mailed link to a page."""
    await site.outbox.round()
    assert site.services.kept_mail is not None
    for mail in site.services.kept_mail:
        if found := re.search(rf"/dashboard/{page}#(\S+)", mail.text):
            return found[1]
    raise AssertionError(f"no mail leads to {page}")


def _browser() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))  # else it keeps none of an address


@dataclass
class Person:
    """Calls of one browser."""

    site: Site
    slug: str
    email: str
    client: aiohttp.ClientSession = field(default_factory=_browser)
    secret: bytes = b""
    recovery_codes: tuple[str, ...] = ()

    def calls(self, method: str, path: str, **options: Any) -> Any:
        headers = {**OWN_PAGE, **options.pop("headers", {})}
        return self.client.request(method, self.site.url + path, headers=headers, allow_redirects=False, **options)

    async def json(self, method: str, path: str, *, status: int = 200, **options: Any) -> Any:
        async with self.calls(method, path, **options) as response:
            assert response.status == status, await response.text()
            return await response.json(content_type=None) if status != 204 else None

    async def login(self) -> None:
        given = {"shop": self.slug, "email": self.email, "password": PASSWORD}
        challenge = await self.json("POST", "/v1/login", json=given)
        after = 0
        if challenge["enrolment"]:
            self.secret = base64.b32decode(challenge["enrolment"]["secret"])
        else:
            after = 1  # the code of this period was used for the login before
        code = code_at(self.secret, int(time.time() // PERIOD_S) + after)
        given = {"challenge": challenge["challenge"], "code": code}
        opened = await self.json("POST", "/v1/login/second-factor", json=given)
        self.recovery_codes = tuple(opened["recovery_codes"] or self.recovery_codes)


async def sign_up(site: Site, slug: str = "lunettes", email: str = "ada@shop.example") -> Person:
    """The owner of a new shop, logged in. Close her `client`."""
    person = Person(site, slug, email)
    given = {"shop": slug, "name": slug.title(), "email": email, "password": PASSWORD}
    await person.json("POST", "/v1/shops", json=given, status=202)
    await person.json("POST", "/v1/confirmations", json={"token": await mailed(site, "confirm")}, status=204)
    await person.login()
    return person
