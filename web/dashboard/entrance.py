"""The way in: login by two steps, sign-up, what a mailed link leads to, and in development the mails themselves."""

from __future__ import annotations

import io
import ipaddress
import json
from dataclasses import dataclass
from typing import Any

import segno
from aiohttp import hdrs, web
from markupsafe import Markup

from tenancy.errors import TenancyError
from tenancy.logins import Opened
from tenancy.mail import Kept
from tenancy.owners import Owners
from web.access import Access
from web.account import agent_of
from web.dashboard.shell import Shell
from web.limits import Limits
from web.problem import REFUSALS, Problem
from web.requests import MAX_JSON_BYTES

MAILED_PAGES = ("confirm", "new-password", "join")


@dataclass(frozen=True)
class Entrance:
    """The handlers. `kept_mail`: the mails to show, where they are not sent."""

    owners: Owners
    access: Access
    limits: Limits
    shell: Shell
    kept_mail: Kept | None

    async def get_login(self, request: web.Request) -> web.Response:
        if await self.access.visitor(request) is not None:
            raise web.HTTPSeeOther("/dashboard")
        return self.shell.page(request, "login.html", slug=request.query.get("shop", ""))

    async def get_sign_up(self, request: web.Request) -> web.Response:
        return self.shell.page(request, "sign_up.html")

    async def get_forgotten(self, request: web.Request) -> web.Response:
        return self.shell.page(request, "forgotten.html")

    async def get_mailed_page(self, request: web.Request) -> web.Response:
        """The token is behind `#` and stays in the browser until its person sends it."""
        return self.shell.page(request, "mailed.html", purpose=request.match_info["purpose"])

    async def post_login(self, request: web.Request) -> web.Response:
        form = await self._form(request)
        slug, email = form.get("shop", "").strip().lower(), form.get("email", "").strip().lower()
        try:
            await self.limits.hit_account(slug, email)
            made = await self.owners.logins.check_password(
                slug, email, form.get("password", ""), agent=agent_of(request)
            )
        except (TenancyError, Problem) as error:
            return self._again(request, "login_form.html", error, slug=slug, email=email)
        drawn = qr_code(made.enrolment.uri) if made.enrolment else None
        return self.shell.page(
            request,
            "second_factor_form.html",
            challenge=made.token,
            enrolment=made.enrolment,
            drawn=drawn,
            passkeys=made.passkeys,
        )

    async def post_second_factor(self, request: web.Request) -> web.Response:
        form = await self._form(request)
        challenge = form.get("challenge", "")
        try:
            opened = await self.owners.logins.check_code(challenge, form.get("code", ""), agent=agent_of(request))
        except (TenancyError, Problem) as error:
            passkeys = form.get("passkeys") == "yes"
            return self._again(request, "second_factor_form.html", error, challenge=challenge, passkeys=passkeys)
        return self._enter(request, opened)

    async def post_passkey(self, request: web.Request) -> web.Response:
        """The second step with what the browser's passkey answered, as JSON in a field."""
        form = await self._form(request, most=MAX_JSON_BYTES)
        challenge, site = form.get("challenge", ""), self.access.site(request)
        try:
            credential = json.loads(form.get("credential", ""))
            opened = await self.owners.logins.check_passkey(
                challenge, credential if isinstance(credential, dict) else {}, site, agent=agent_of(request)
            )
        except (ValueError, RecursionError):
            raise Problem("invalid-json") from None
        except (TenancyError, Problem) as error:
            return self._again(request, "second_factor_form.html", error, challenge=challenge, passkeys=True)
        return self._enter(request, opened)

    def _enter(self, request: web.Request, opened: Opened) -> web.Response:
        if opened.recovery_codes:
            response = self.shell.page(request, "recovery_codes.html", codes=opened.recovery_codes)
        else:
            response = web.Response(headers={"HX-Redirect": "/dashboard"})
        self.access.remember(response, opened.token)
        return response

    async def get_kept_mail(self, request: web.Request) -> web.Response:
        """For a browser on this machine alone: a mail opens an account."""
        here = ipaddress.ip_address(request.remote or "0.0.0.0").is_loopback  # noqa: S104  nobody's address
        if self.kept_mail is None or not here or hdrs.X_FORWARDED_FOR in request.headers:
            raise Problem("not-found")
        mails = [(mail, _with_links(mail.text)) for mail in self.kept_mail]
        return self.shell.page(request, "kept_mail.html", mails=mails)

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Pages are for people: they are no part of the described interface."""
        router.add_get("/dashboard/login", self.get_login)
        router.add_post("/dashboard/login", self.post_login)
        router.add_post("/dashboard/second-factor", self.post_second_factor)
        router.add_post("/dashboard/passkey", self.post_passkey)
        router.add_get("/dashboard/sign-up", self.get_sign_up)
        router.add_get("/dashboard/forgotten", self.get_forgotten)
        router.add_get("/dashboard/{purpose:" + "|".join(MAILED_PAGES) + "}", self.get_mailed_page)
        if self.kept_mail is not None:
            router.add_get("/dev/mail", self.get_kept_mail)

    async def _form(self, request: web.Request, *, most: int = 512) -> dict[str, str]:
        self.access.refuse_other_sites(request)
        await self.limits.hit("login", self.limits.address(request))
        if request.content_type != "application/x-www-form-urlencoded":
            raise Problem("unsupported-media-type")
        try:
            fields = await request.post()
        except (LookupError, ValueError):  # no such charset, or bytes that are not of it
            raise Problem("invalid-request", "The form is no UTF-8.") from None
        return {name: value[:most] for name, value in fields.items() if isinstance(value, str)}

    def _again(self, request: web.Request, template: str, error: TenancyError | Problem, **more: Any) -> web.Response:
        status, says = REFUSALS[error.code]
        return self.shell.page(request, template, status=status, wrong=says, **more)


def qr_code(uri: str) -> Markup:
    """As an SVG without style, dark on light whatever the page's colours."""
    sink = io.BytesIO()
    segno.make(uri, error="m").save(
        sink, kind="svg", xmldecl=False, svgns=True, nl=False, omitsize=True, svgclass="qr", lineclass=None, border=4
    )
    return Markup(sink.getvalue().decode())  # noqa: S704  made here, of modules alone


def _with_links(text: str) -> Markup:
    lines = []
    for line in text.splitlines():
        link = line.strip()
        lines.append(Markup('<a href="{0}">{0}</a>').format(link) if link.startswith("http") else Markup.escape(line))
    return Markup("\n").join(lines)
