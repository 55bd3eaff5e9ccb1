"""The way into a room of the dashboard: who is there, whether she may enter, and which rooms lie beside it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tenancy.errors import TenancyError
from tenancy.principals import Principal
from web.access import Access
from web.dashboard.shell import Shell
from web.problem import Problem

ROOMS = (  # path, name, the right it takes
    ("", "Overview", "products:read"),
    ("products", "Products", "products:read"),
    ("look", "Look", "shop:write"),
    ("keys", "Keys", "keys:write"),
    ("webhooks", "Webhooks", "webhooks:write"),
    ("team", "Team", "team:write"),
    ("usage", "Usage", "usage:read"),
    ("audit", "Audit", "audit:read"),
    ("privacy", "Privacy", "shop:write"),
)
Fill = Callable[[web.Request, Principal], Awaitable[dict[str, Any]]]


@dataclass(frozen=True)
class Door:
    """Makes handlers of rooms."""

    access: Access
    shell: Shell

    def room(self, template: str, right: str, fill: Fill) -> Callable[[web.Request], Awaitable[web.Response]]:
        """A page for who has the right, with what `fill` finds for it; strangers are led to the login."""

        async def opened(request: web.Request) -> web.Response:
            who = await self.access.visitor(request)
            if who is None:
                if "HX-Request" in request.headers:
                    return web.Response(headers={"HX-Redirect": "/dashboard/login"})
                raise web.HTTPSeeOther("/dashboard/login")
            if right not in who.rights:
                raise Problem("not-allowed")
            there = [(f"/dashboard/{path}".rstrip("/"), name) for path, name, takes in ROOMS if takes in who.rights]
            given = await fill(request, who)
            return self.shell.page(request, template, who=who, rooms=there, path=request.path, **given)

        async def handler(request: web.Request) -> web.Response:
            try:
                return await opened(request)
            except (TenancyError, Problem) as error:
                return self.shell.refusal(request, error)

        return handler
