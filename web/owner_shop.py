"""The owner's calls about the shop: keys, usage and bill, team, audit log, export of everything."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from aiohttp import hdrs, web

from tenancy.audit import lines
from tenancy.credentials import Key
from tenancy.owners import Owners
from tenancy.usage import Day, Month
from web import contract_owner as contract
from web.access import Access, owners_call
from web.export import write_export
from web.openapi import Answer, Operation
from web.problem import Problem
from web.requests import json_answer, read_json, uuid_or_unknown

EXPORT_LENT = timedelta(minutes=15)
_MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")


@dataclass(frozen=True)
class OwnerShop:
    """The handlers."""

    owners: Owners
    access: Access

    async def list_keys(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "keys:write")
        keys = await self.owners.credentials.keys(who.shop.id)
        return json_answer(contract.Keys(keys=[contract.Key(**key_shown(key)) for key in keys]))

    async def create_key(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "keys:write")
        given = await read_json(request, contract.KeyRequest)
        if not set(given.scopes) <= who.rights:
            raise Problem("not-allowed", "A key cannot give a key more than it has itself.")
        scopes: Sequence[str] = given.scopes
        if who.member is None and given.kind == "secret":
            scopes = scopes or sorted(who.rights)
        value, key = await self.owners.credentials.issue(
            who.shop.id, given.kind, label=given.label, scopes=scopes, by=who.name
        )
        return json_answer(contract.KeyMade(**key_shown(key), key=value), status=201)

    async def revoke_key(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "keys:write")
        key = uuid_or_unknown(request.match_info["key"], "unknown-key")
        await self.owners.credentials.revoke(who.shop.id, key, by=who.name)
        return web.Response(status=204)

    async def get_usage(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "usage:read")
        month = await self.owners.usage.month(who.shop.id, _month(request.query.get("month")))
        return json_answer(usage_shown(month, await self.owners.usage.days(who.shop.id)))

    async def list_team(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "team:write")
        people = await self.owners.team.people(who.shop.id)
        return json_answer(contract.People(people=[contract.Person(**vars(person)) for person in people]))

    async def invite(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "team:write")
        given = await read_json(request, contract.Invitation)
        await self.owners.team.invite(who.shop, given.email, given.role, by=who.name)
        return json_answer(contract.Accepted(), status=202)

    async def change_role(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "team:write")
        person = uuid_or_unknown(request.match_info["person"], "unknown-member")
        given = await read_json(request, contract.RoleChange)
        await self.owners.team.change_role(who.shop.id, person, given.role, by=who.name)
        return web.Response(status=204)

    async def remove_person(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "team:write")
        person = uuid_or_unknown(request.match_info["person"], "unknown-member")
        await self.owners.team.remove(who.shop.id, person, by=who.name)
        return web.Response(status=204)

    async def forget_second_factor(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "team:write")
        person = uuid_or_unknown(request.match_info["person"], "unknown-member")
        if who.member is not None and who.member.account_id == person:
            raise Problem("not-allowed", "Another owner has to do this.")
        await self.owners.team.forget_second_factor(who.shop.id, person, by=who.name)
        return web.Response(status=204)

    async def get_audit_log(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, "audit:read")
        before = request.query.get("before", "")
        if before and not (before.isascii() and before.isdigit() and len(before) < 19):
            raise Problem("invalid-request", "`before` is the id of a line.")
        found = await lines(self.owners.database, who.shop.id, before=int(before) if before else None)
        return json_answer(contract.AuditLog(lines=[contract.AuditLine(**vars(line)) for line in found]))

    async def export(self, request: web.Request) -> web.StreamResponse:
        """Everything the shop has here, as a zip that nothing of ours is needed to read."""
        who = await self.access.principal(request, "export:read")
        headers = {
            hdrs.CONTENT_TYPE: "application/zip",
            hdrs.CONTENT_DISPOSITION: f'attachment; filename="{who.shop.slug}.zip"',
            hdrs.CACHE_CONTROL: "no-store",
        }
        with await write_export(self.owners, who.shop) as file:
            name = f"{who.shop.slug}.zip"
            if address := await self.owners.files.lend(who.shop.id, file, name=name, lasting=EXPORT_LENT):
                raise web.HTTPSeeOther(address, headers={hdrs.CACHE_CONTROL: "no-store"})
            response = web.StreamResponse(headers=headers)
            await response.prepare(request)
            while chunk := file.read(256 * 1024):
                await response.write(chunk)
            await response.write_eof()
        return response

    def operations(self) -> list[Operation]:
        """All of the above, described."""
        person, unknown = "/v1/team/{person:(?!members$)[^/]+}", "unknown-member"
        return [
            owners_call("GET /v1/keys", self.list_keys, "The shop's keys", Answer(200, "Every key.", contract.Keys)),
            owners_call(
                "POST /v1/keys",
                self.create_key,
                "Make a key",
                Answer(201, "Made; the key itself is shown this once.", contract.KeyMade),
                takes=contract.KeyRequest,
            ),
            owners_call(
                "DELETE /v1/keys/{key}", self.revoke_key, "Revoke a key", Answer(204, "Revoked."), ["unknown-key"]
            ),
            owners_call(
                "GET /v1/usage",
                self.get_usage,
                "A month's use, the last 30 days, and the bill so far",
                Answer(200, "From the ledger.", contract.UsageShown),
                ["invalid-request"],
                query={"month": "`YYYY-MM`; this month without it."},
            ),
            owners_call("GET /v1/team", self.list_team, "The team", Answer(200, "Everybody.", contract.People)),
            owners_call(
                "POST /v1/team",
                self.invite,
                "Invite somebody",
                Answer(202, "Mailed.", contract.Accepted),
                ["email-invalid", "email-taken", "invitations-full"],
                takes=contract.Invitation,
            ),
            owners_call(
                f"PATCH {person}",
                self.change_role,
                "Change a role",
                Answer(204, "Changed."),
                [unknown, "last-owner"],
                takes=contract.RoleChange,
            ),
            owners_call(
                f"DELETE {person}",
                self.remove_person,
                "Remove a person or an invitation",
                Answer(204, "Removed."),
                [unknown, "last-owner"],
            ),
            owners_call(
                f"DELETE {person}/second-factor",
                self.forget_second_factor,
                "Take a lost second factor off",
                Answer(204, "She sets up a new one."),
                [unknown],
            ),
            owners_call(
                "GET /v1/audit",
                self.get_audit_log,
                "The audit log",
                Answer(200, "The newest first.", contract.AuditLog),
                ["invalid-request"],
                query={"before": "The id of the last line of the page before."},
            ),
            owners_call(
                "GET /v1/export",
                self.export,
                "Everything the shop has here",
                Answer(200, "A zip of JSON, CSV, GLB and PNG files.", media_type="application/zip"),
                also=[Answer(303, "It lies in the store for a while.", headers={"Location": "Where; it is signed."})],
            ),
        ]


def key_shown(key: Key) -> dict[str, Any]:
    """A key's fields as the contract has them."""
    return {**vars(key), "scopes": list(key.scopes)}


def usage_shown(month: Month, days: list[Day]) -> contract.UsageShown:
    """A month as the contract has it."""
    return contract.UsageShown(
        month=month.first,
        plan=month.plan.code,
        cap=month.cap,
        try_ons=month.try_ons,
        minutes=round(month.minutes, 3),
        avatars=month.avatars,
        gb_days=month.gb_days,
        bytes_now=month.bytes_now,
        invoice=[contract.InvoiceLine(**vars(line)) for line in month.invoice],
        total_cents=month.total_cents,
        expected_cents=month.expected_cents,
        days=[contract.UsageDay(**vars(day)) for day in days],
    )


def _month(text: str | None) -> date | None:
    if not text:
        return None
    if not _MONTH.fullmatch(text):
        raise Problem("invalid-request", "`month` is YYYY-MM, of this century.")
    return date.fromisoformat(f"{text}-01")
