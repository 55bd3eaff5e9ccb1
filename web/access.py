"""Who speaks for a shop: a person by the cookie of her login, a server by its secret key.

A cookie comes along whoever makes the browser ask, so a request with a cookie that changes something must come from
our own pages: by `Sec-Fetch-Site`, which no page can forge, or by `Origin` where a browser is too old for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from tenancy.errors import LoggedOut
from tenancy.logins import ABSOLUTE, Member
from tenancy.owners import Owners
from tenancy.passkeys import Site
from tenancy.principals import ROLE_RIGHTS, Principal, rights_of_key
from web.contract import Given
from web.limits import Limits
from web.openapi import Answer, Body, Credential, Operation
from web.problem import Handler, Problem
from web.requests import JSON_PROBLEMS, bearer

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# What every call with a login or a key may be refused with.
ACCESS_PROBLEMS = (
    "cross-site",
    "invalid-key",
    "logged-out",
    "missing-credentials",
    "not-allowed",
    "rate-limited",
    "unavailable",
)


@dataclass(frozen=True)
class Access:
    """`public_url`: the installation's address, if it is known."""

    owners: Owners
    limits: Limits
    public_url: str | None

    @property
    def cookie(self) -> str:
        """`__Host-` binds the cookie to this host and to https; development on http cannot have it."""
        return "__Host-vitrine" if self._https else "vitrine"

    @property
    def _https(self) -> bool:
        return (self.public_url or "").startswith("https://")

    async def principal(self, request: web.Request, right: str | None = None) -> Principal:
        """Who asks. Raises InvalidKey, LoggedOut, NotAllowed, Problem `missing-credentials` and `cross-site`."""
        if hdrs.AUTHORIZATION in request.headers:
            shop, key = await self.owners.credentials.secret_key(bearer(request))
            principal = Principal(shop, key.shown, rights_of_key(key.scopes))
            await self.limits.hit("key", str(shop.id), str(key.id))
            await self.limits.hit("shop", str(shop.id))
        else:
            principal = await self._person(request)
        if right is not None:
            principal.require(right)
        return principal

    async def _person(self, request: web.Request) -> Principal:
        token = request.cookies.get(self.cookie)
        if not token:
            raise Problem("missing-credentials")
        if request.method not in _SAFE:
            self.refuse_other_sites(request)
        member = await self.owners.logins.resolve(token)
        await self.limits.hit("key", str(member.tenant_id), str(member.login_id))
        await self.limits.hit("shop", str(member.tenant_id))
        shop = await self.owners.credentials.shop_of_tenant(member.tenant_id)
        return Principal(shop, member.email, ROLE_RIGHTS[member.role], member)

    async def visitor(self, request: web.Request) -> Principal | None:
        """Who is logged in, or None, for pages."""
        try:
            return await self._person(request)
        except LoggedOut:
            return None
        except Problem as problem:
            if problem.code == "missing-credentials":
                return None
            raise

    def member(self, who: Principal) -> Member:
        """The person behind a principal. Raises Problem `not-allowed` for a key."""
        if who.member is None:
            raise Problem("not-allowed", "This is for people; a key has no account.")
        return who.member

    def site(self, request: web.Request) -> Site:
        """What a passkey made in this browser is bound to: our stated address, or else the one it believes in."""
        url = urlsplit(self.public_url or f"{request.scheme}://{request.host}")
        return Site(url.hostname or "", f"{url.scheme}://{url.netloc}")

    def refuse_other_sites(self, request: web.Request) -> None:
        """Raises Problem `cross-site` for a request that another site's page made. A request of no browser
        carries neither header."""
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            if site not in ("same-origin", "none"):
                raise Problem("cross-site")
            return
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and urlsplit(origin).netloc != self._own_host(request):
            raise Problem("cross-site")

    def _own_host(self, request: web.Request) -> str:
        return urlsplit(self.public_url).netloc if self.public_url else request.host

    def remember(self, response: web.StreamResponse, token: str) -> None:
        """Put a login into the browser. Scripts never see it."""
        response.set_cookie(
            self.cookie,
            token,
            max_age=int(ABSOLUTE.total_seconds()),
            path="/",
            secure=self._https,
            httponly=True,
            samesite="Lax",
        )

    def forget(self, response: web.StreamResponse) -> None:
        """Take it out again."""
        response.del_cookie(self.cookie, path="/", secure=self._https, httponly=True, samesite="Lax")


def owners_call(
    route: str,
    handler: Handler,
    summary: str,
    answer: Answer,
    problems: Iterable[str] = (),
    *,
    takes: type[Given] | None = None,
    body: Body | None = None,
    query: Mapping[str, str] | None = None,
    also: Iterable[Answer] = (),
) -> Operation:
    """A call of the owner's side at a `route` such as `GET /v1/me`. What every such call may be refused with, and what
    reading `takes` may be, is added to its own `problems`; `also`: other good answers."""
    method, _, path = route.partition(" ")
    given = JSON_PROBLEMS if takes else ()
    return Operation(
        method,
        path,
        handler,
        summary,
        [answer, *also],
        sorted({*ACCESS_PROBLEMS, *given, *problems}),
        body=Body(takes) if takes else body,
        credential=Credential.OWNER,
        query=query or {},
    )
