"""The calls of people: signing a shop up, logging in by two steps, passwords, open logins."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from aiohttp import hdrs, web

from tenancy.owners import Owners
from tenancy.principals import Principal
from web import contract_owner as contract
from web.access import ACCESS_PROBLEMS, Access
from web.limits import Limits
from web.openapi import Answer, Body, Credential, Operation
from web.problem import Problem
from web.requests import Shape, json_answer, read_json, uuid_or_unknown

# fmt: off
_JSON = ("cross-site", "invalid-json", "invalid-request", "payload-too-large", "rate-limited", "unavailable",
         "unsupported-media-type")
# fmt: on


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
        await self.limits.hit("login-account", f"{given.shop.lower()} {given.email.strip().lower()}")
        made = await self.owners.logins.check_password(given.shop, given.email, given.password, agent=agent_of(request))
        enrolment = contract.EnrolmentShown(**vars(made.enrolment)) if made.enrolment else None
        return json_answer(contract.ChallengeGiven(challenge=made.token, enrolment=enrolment))

    async def login_second_factor(self, request: web.Request) -> web.Response:
        given = await self._read(request, contract.CodeRequest, "login")
        opened = await self.owners.logins.check_code(given.challenge, given.code, agent=agent_of(request))
        shown = contract.LoggedIn(shop=opened.shop.slug, recovery_codes=opened.recovery_codes)
        response = json_answer(shown)
        self.access.remember(response, opened.token)
        return response

    async def ask_for_reset(self, request: web.Request) -> web.Response:
        """Answered before the work is done: how long that takes depends on whether there is an account."""
        given = await self._read(request, contract.ResetRequest, "login")
        await self.limits.hit("login-account", f"{given.shop.lower()} {given.email.strip().lower()}")
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
        who = await self._person(request)
        assert who.member
        there = await self.owners.logins.open_logins(who.member)
        shown = [contract.Login(**vars(login), this=login.id == who.member.login_id) for login in there]
        return json_answer(contract.Logins(logins=shown))

    async def end_login(self, request: web.Request) -> web.Response:
        who = await self._person(request)
        assert who.member
        given = request.match_info["login"]
        login = who.member.login_id if given == "this" else uuid_or_unknown(given, "unknown-login")
        await self.owners.logins.end(who.member, login)
        response = web.Response(status=204)
        if login == who.member.login_id:
            self.access.forget(response)
        return response

    async def _person(self, request: web.Request) -> Principal:
        who = await self.access.principal(request)
        if who.member is None:
            raise Problem("not-allowed", "A key has no logins.")
        return who

    async def _read(self, request: web.Request, shape: type[Shape], limit: str) -> Shape:
        self.access.refuse_other_sites(request)
        await self.limits.hit(limit, self.limits.address(request))
        return await read_json(request, shape)

    def operations(self) -> list[Operation]:
        """All of the above, described."""
        owner = Credential.OWNER
        taken = Answer(202, "What follows comes by mail.", contract.Accepted)
        mailed = [*_JSON, "link-invalid"]
        return [
            Operation(
                "POST",
                "/v1/shops",
                self.create_shop,
                "Sign a shop up",
                [taken],
                [*_JSON, "email-invalid", "password-weak", "shop-conflict", "shop-invalid"],
                body=Body(contract.SignUp),
            ),
            Operation(
                "POST",
                "/v1/confirmations",
                self.confirm_address,
                "Confirm an address with the mailed token",
                [Answer(204, "Confirmed.")],
                mailed,
                body=Body(contract.MailedToken),
            ),
            Operation(
                "POST",
                "/v1/login",
                self.login,
                "Log in: shop, address and password",
                [Answer(200, "What the second step takes.", contract.ChallengeGiven)],
                [*_JSON, "login-failed"],
                body=Body(contract.LoginRequest),
            ),
            Operation(
                "POST",
                "/v1/login/second-factor",
                self.login_second_factor,
                "Log in: the second factor",
                [Answer(200, "Logged in.", contract.LoggedIn, headers={"Set-Cookie": "The login."})],
                [*_JSON, "second-factor-failed"],
                body=Body(contract.CodeRequest),
            ),
            Operation(
                "POST",
                "/v1/password-resets",
                self.ask_for_reset,
                "Have a link mailed to choose a new password",
                [taken],
                _JSON,
                body=Body(contract.ResetRequest),
            ),
            Operation(
                "POST",
                "/v1/passwords",
                self.reset_password,
                "Choose a new password with the mailed token",
                [Answer(204, "Chosen; all logins have ended.")],
                [*mailed, "password-weak"],
                body=Body(contract.NewPassword),
            ),
            Operation(
                "POST",
                "/v1/team/members",
                self.accept_invitation,
                "Accept an invitation with the mailed token",
                [Answer(204, "The account is there; log in.")],
                [*mailed, "password-weak"],
                body=Body(contract.NewPassword),
            ),
            Operation(
                "GET",
                "/v1/me",
                self.get_me,
                "Who asks, and what she or it may do",
                [Answer(200, "You.", contract.Me)],
                ACCESS_PROBLEMS,
                credential=owner,
            ),
            Operation(
                "GET",
                "/v1/logins",
                self.list_logins,
                "One's open logins",
                [Answer(200, "The last used first.", contract.Logins)],
                ACCESS_PROBLEMS,
                credential=owner,
            ),
            Operation(
                "DELETE",
                "/v1/logins/{login}",
                self.end_login,
                "End one of one's logins; `this` is the one that asks",
                [Answer(204, "Ended.")],
                [*ACCESS_PROBLEMS, "unknown-login"],
                credential=owner,
            ),
        ]


def agent_of(request: web.Request) -> str:
    """The browser, as it names itself, for the list of logins."""
    return request.headers.get(hdrs.USER_AGENT, "")[:200]
