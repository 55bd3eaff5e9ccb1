"""The calls of a person about her own account: proof, address, password, second factors."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from tenancy.logins import Member
from tenancy.owners import Owners
from tenancy.principals import Principal
from web import contract_account as contract
from web.access import Access, owners_call
from web.contract_owner import Accepted, EnrolmentShown
from web.limits import Limits
from web.openapi import Answer, Operation
from web.requests import json_answer, read_json, uuid_or_unknown

_ME = "/v1/me"


@dataclass(frozen=True)
class OwnAccount:
    """The handlers. What changes something takes a proof of the last ten minutes."""

    owners: Owners
    access: Access
    limits: Limits

    async def get_factors(self, request: web.Request) -> web.Response:
        _, member = await self._person(request)
        standing = await self.owners.own_account.standing(member)
        return json_answer(contract.FactorsShown.model_validate(standing, from_attributes=True))

    async def ask_for_proof(self, request: web.Request) -> web.Response:
        _, member = await self._person(request)
        options = await self.owners.logins.ask_for_proof(member, self.access.site(request))
        return json_answer(contract.ProofAsked(options=options))

    async def prove(self, request: web.Request) -> web.Response:
        who, member = await self._person(request)
        given = await read_json(request, contract.Proof)
        await self.limits.hit_account(who.shop.slug, member.email)
        await self.owners.logins.prove(
            member, given.password, code=given.code, credential=given.credential, site=self.access.site(request)
        )
        return web.Response(status=204)

    async def change_password(self, request: web.Request) -> web.Response:
        who, member = await self._person(request)
        given = await read_json(request, contract.PasswordChange)
        await self.limits.hit_account(who.shop.slug, member.email)
        await self.owners.own_account.change_password(member, given.current, given.password, shop=who.shop)
        return web.Response(status=204)

    async def change_email(self, request: web.Request) -> web.Response:
        who, member = await self._person(request)
        given = await read_json(request, contract.EmailChange)
        await self.limits.hit_account(who.shop.slug, f"new {member.email}")
        await self.owners.own_account.ask_for_email(member, given.email)
        return json_answer(Accepted(), status=202)

    async def offer_app(self, request: web.Request) -> web.Response:
        who, member = await self._person(request)
        offered = await self.owners.own_account.offer_app(member, shop=who.shop)
        return json_answer(EnrolmentShown(**vars(offered)))

    async def take_app(self, request: web.Request) -> web.Response:
        _, member = await self._person(request)
        given = await read_json(request, contract.AppCode)
        await self.owners.own_account.take_app(member, given.code)
        return web.Response(status=204)

    async def remove_app(self, request: web.Request) -> web.Response:
        _, member = await self._person(request)
        await self.owners.own_account.drop_app(member)
        return web.Response(status=204)

    async def renew_recovery_codes(self, request: web.Request) -> web.Response:
        _, member = await self._person(request)
        codes = await self.owners.own_account.renew_recovery_codes(member)
        return json_answer(contract.RecoveryCodes(recovery_codes=codes), status=201)

    async def ask_for_passkey(self, request: web.Request) -> web.Response:
        _, member = await self._person(request)
        options = await self.owners.own_account.ask_for_passkey(member, self.access.site(request))
        return json_answer(contract.PasskeyOptions(options=options))

    async def add_passkey(self, request: web.Request) -> web.Response:
        _, member = await self._person(request)
        given = await read_json(request, contract.PasskeyMade)
        site = self.access.site(request)
        made = await self.owners.own_account.add_passkey(member, given.name, given.credential, site)
        return json_answer(contract.PasskeyShown(**vars(made)), status=201)

    async def remove_passkey(self, request: web.Request) -> web.Response:
        _, member = await self._person(request)
        passkey = uuid_or_unknown(request.match_info["passkey"], "unknown-passkey")
        await self.owners.own_account.remove_passkey(member, passkey)
        return web.Response(status=204)

    async def _person(self, request: web.Request) -> tuple[Principal, Member]:
        """Raises Problem `not-allowed` for a key: factors are for people."""
        who = await self.access.principal(request)
        return who, self.access.member(who)

    def operations(self) -> list[Operation]:
        """All of the above, described."""
        done, proof = Answer(204, "Done."), "proof-required"
        enrolment = Answer(200, "To be proven with a code.", EnrolmentShown)
        return [
            owners_call(
                f"GET {_ME}/factors",
                self.get_factors,
                "How one's account is secured",
                Answer(200, "Its factors.", contract.FactorsShown),
            ),
            owners_call(
                f"POST {_ME}/proof-options",
                self.ask_for_proof,
                "What to ask a passkey for, as proof",
                Answer(200, "As `navigator.credentials.get` takes it.", contract.ProofAsked),
            ),
            owners_call(
                f"POST {_ME}/proof",
                self.prove,
                "Show password and second factor again, to change them within ten minutes",
                Answer(204, "Proven."),
                ["login-failed", "second-factor-failed"],
                takes=contract.Proof,
            ),
            owners_call(
                f"PUT {_ME}/password",
                self.change_password,
                "Another password; one's other logins end",
                done,
                [proof, "login-failed", "password-breached", "password-weak"],
                takes=contract.PasswordChange,
            ),
            owners_call(
                f"POST {_ME}/email",
                self.change_email,
                "Another address; it changes when the link that goes there is followed",
                Answer(202, "Mailed.", Accepted),
                [proof, "email-invalid", "email-taken"],
                takes=contract.EmailChange,
            ),
            owners_call(f"POST {_ME}/app", self.offer_app, "A secret for another app", enrolment, [proof]),
            owners_call(
                f"PUT {_ME}/app",
                self.take_app,
                "The other app counts from now on; one's other logins end",
                done,
                [proof, "second-factor-failed"],
                takes=contract.AppCode,
            ),
            owners_call(f"DELETE {_ME}/app", self.remove_app, "Take the app off", done, [proof, "last-factor"]),
            owners_call(
                f"POST {_ME}/recovery-codes",
                self.renew_recovery_codes,
                "Ten new recovery codes",
                Answer(201, "The ones before are worth nothing.", contract.RecoveryCodes),
                [proof],
            ),
            owners_call(
                f"POST {_ME}/passkey-options",
                self.ask_for_passkey,
                "What to make a passkey with",
                Answer(200, "As `navigator.credentials.create` takes it.", contract.PasskeyOptions),
                [proof],
            ),
            owners_call(
                f"POST {_ME}/passkeys",
                self.add_passkey,
                "Add a passkey",
                Answer(201, "Added.", contract.PasskeyShown),
                [proof, "passkey-invalid"],
                takes=contract.PasskeyMade,
            ),
            owners_call(
                f"DELETE {_ME}/passkeys/{{passkey}}",
                self.remove_passkey,
                "Remove a passkey",
                done,
                [proof, "last-factor", "unknown-passkey"],
            ),
        ]
