"""The calls of people: signing a shop up, logging in by two steps, passwords, open logins."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiohttp import hdrs, web

from tenancy.logins import Opened
from tenancy.owners import Owners
from web import contract_account
from web import contract_owner as contract
from web.access import Access, owners_call
from web.contract import Given
from web.limits import Limits
from web.openapi import Answer, Body, Operation
from web.problem import Handler
from web.requests import JSON_PROBLEMS, Shape, json_answer, read_json, uuid_or_unknown

_PASSWORD = ("password-breached", "password-weak")


@dataclass(frozen=True)
class Account:
    """The handlers."""

    owners: Owners
    access: Access
    limits: Limits
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def create_shop(self, request: web.Request) -> web.Response:
        given = await self._read(request, contract.SignUp, "sign-up")
        await self.owners.accounts.sign_up(given.shop, given.name, given.email, given.password)
        return json_answer(contract.Accepted(), status=202)

    async def confirm_address(self, request: web.Request) -> web.Response:
        given = await self._read(request, contract.MailedToken, "login")
        await self.owners.accounts.verify(given.token)
        return web.Response(status=204)

    async def login(self, request: web.Request) -> web.Response:
        given = await self._read(request, contract.LoginRequest, "login")
        await self.limits.hit_account(given.shop, given.email)
        made = await self.owners.logins.check_password(given.shop, given.email, given.password, agent=agent_of(request))
        enrolment = contract.EnrolmentShown(**vars(made.enrolment)) if made.enrolment else None
        shown = contract.ChallengeGiven(challenge=made.token, enrolment=enrolment, passkeys=made.passkeys)
        return json_answer(shown)

    async def login_second_factor(self, request: web.Request) -> web.Response:
        given = await self._read(request, contract.CodeRequest, "login")
        return self._opened(await self.owners.logins.check_code(given.challenge, given.code, agent=agent_of(request)))

    async def login_passkey_options(self, request: web.Request) -> web.Response:
        given = await self._read(request, contract_account.PasskeyChallenge, "login")
        act, options = await self.owners.logins.ask_for_passkey(given.challenge, self.access.site(request))
        return json_answer(contract_account.PasskeyAsked.model_validate({"act": act, "options": options}))

    async def login_passkey(self, request: web.Request) -> web.Response:
        given = await self._read(request, contract_account.PasskeyLogin, "login")
        site, agent = self.access.site(request), agent_of(request)
        opened = await self.owners.logins.check_passkey(given.challenge, given.credential, site, agent=agent)
        return self._opened(opened)

    def _opened(self, opened: Opened) -> web.Response:
        shown = contract.LoggedIn(shop=opened.shop.slug, recovery_codes=opened.recovery_codes)
        response = json_answer(shown)
        self.access.remember(response, opened.token)
        return response

    async def ask_for_reset(self, request: web.Request) -> web.Response:
        """Answered before the work is done: how long that takes depends on whether there is an account."""
        given = await self._read(request, contract.ResetRequest, "login")
        await self.limits.hit_account(given.shop, given.email)
        self.in_background_ask_for_reset(given.shop, given.email)
        return json_answer(contract.Accepted(), status=202)

    def in_background_ask_for_reset(self, shop: str, email: str) -> None:
        """Mail a link, if there is such an account."""
        task = asyncio.create_task(self.owners.accounts.ask_for_reset(shop, email))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def reset_password(self, request: web.Request) -> web.Response:
        given = await self._read(request, contract.NewPassword, "login")
        await self.owners.accounts.reset(given.token, given.password)
        return web.Response(status=204)

    async def accept_invitation(self, request: web.Request) -> web.Response:
        given = await self._read(request, contract.NewPassword, "login")
        await self.owners.team.accept(given.token, given.password)
        return web.Response(status=204)

    async def get_me(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request)
        role = who.member.role if who.member else None
        return json_answer(contract.Me(name=who.name, shop=who.shop.slug, role=role, rights=sorted(who.rights)))

    async def list_logins(self, request: web.Request) -> web.Response:
        member = self.access.member(await self.access.principal(request))
        there = await self.owners.logins.open_logins(member)
        shown = [contract.Login(**vars(login), this=login.id == member.login_id) for login in there]
        return json_answer(contract.Logins(logins=shown))

    async def end_login(self, request: web.Request) -> web.Response:
        member = self.access.member(await self.access.principal(request))
        given = request.match_info["login"]
        login = member.login_id if given == "this" else uuid_or_unknown(given, "unknown-login")
        await self.owners.logins.end(member, login)
        response = web.Response(status=204)
        if login == member.login_id:
            self.access.forget(response)
        return response

    async def _read(self, request: web.Request, shape: type[Shape], limit: str) -> Shape:
        self.access.refuse_other_sites(request)
        await self.limits.hit(limit, self.limits.address(request))
        return await read_json(request, shape)

    def operations(self) -> list[Operation]:
        """All of the above, described."""
        taken = Answer(202, "What follows comes by mail.", contract.Accepted)
        opened = Answer(200, "Logged in.", contract.LoggedIn, headers={"Set-Cookie": "The login."})
        failed = ["second-factor-failed"]
        return [
            _strangers_call(
                "/v1/shops",
                self.create_shop,
                "Sign a shop up",
                taken,
                ["email-invalid", *_PASSWORD, "shop-conflict", "shop-invalid"],
                takes=contract.SignUp,
            ),
            _strangers_call(
                "/v1/confirmations",
                self.confirm_address,
                "Confirm an address with the mailed token",
                Answer(204, "Confirmed."),
                ["link-invalid"],
                takes=contract.MailedToken,
            ),
            _strangers_call(
                "/v1/login",
                self.login,
                "Log in: shop, address and password",
                Answer(200, "What the second step takes.", contract.ChallengeGiven),
                ["login-failed"],
                takes=contract.LoginRequest,
            ),
            _strangers_call(
                "/v1/login/second-factor",
                self.login_second_factor,
                "Log in: the second factor",
                opened,
                failed,
                takes=contract.CodeRequest,
            ),
            _strangers_call(
                "/v1/login/passkey-options",
                self.login_passkey_options,
                "Log in: what to ask a passkey for, or what to make the first one with",
                Answer(200, "For the browser.", contract_account.PasskeyAsked),
                failed,
                takes=contract_account.PasskeyChallenge,
            ),
            _strangers_call(
                "/v1/login/passkey",
                self.login_passkey,
                "Log in: a passkey as the second factor",
                opened,
                [*failed, "passkey-invalid"],
                takes=contract_account.PasskeyLogin,
            ),
            _strangers_call(
                "/v1/password-resets",
                self.ask_for_reset,
                "Have a link mailed to choose a new password",
                taken,
                takes=contract.ResetRequest,
            ),
            _strangers_call(
                "/v1/passwords",
                self.reset_password,
                "Choose a new password with the mailed token",
                Answer(204, "Chosen; all logins have ended."),
                ["link-invalid", *_PASSWORD],
                takes=contract.NewPassword,
            ),
            _strangers_call(
                "/v1/team/members",
                self.accept_invitation,
                "Accept an invitation with the mailed token",
                Answer(204, "The account is there; log in."),
                ["link-invalid", *_PASSWORD],
                takes=contract.NewPassword,
            ),
            owners_call(
                "GET /v1/me", self.get_me, "Who asks, and what she or it may do", Answer(200, "You.", contract.Me)
            ),
            owners_call(
                "GET /v1/logins",
                self.list_logins,
                "One's open logins",
                Answer(200, "The last used first.", contract.Logins),
            ),
            owners_call(
                "DELETE /v1/logins/{login}",
                self.end_login,
                "End one of one's logins; `this` is the one that asks",
                Answer(204, "Ended."),
                ["unknown-login"],
            ),
        ]


def _strangers_call(
    path: str, handler: Handler, summary: str, answer: Answer, problems: Sequence[str] = (), *, takes: type[Given]
) -> Operation:
    """A call that anybody may make from our own pages, as often as one address may."""
    refusals = sorted({*JSON_PROBLEMS, "cross-site", "rate-limited", "unavailable", *problems})
    return Operation("POST", path, handler, summary, [answer], refusals, body=Body(takes))


def agent_of(request: web.Request) -> str:
    """The browser, as it names itself, for the list of logins."""
    return request.headers.get(hdrs.USER_AGENT, "")[:200]
