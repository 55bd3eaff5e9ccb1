"""What surrounds every request: the access log, security headers, and which origins may read an answer."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from enum import Enum
from urllib.parse import urlsplit

import structlog
from aiohttp import hdrs, web
from prometheus_client import Counter, Histogram

from web.problem import CODE, Handler, Problem

REQUESTS = Counter("vitrine_http_requests_total", "Requests answered.", ["route", "method", "status", "code"])
SECONDS = Histogram(
    "vitrine_http_request_seconds",
    "Time to answer a request.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5),
)
ADMITTED: web.RequestKey[str] = web.RequestKey("admitted-origin", str)
FRAME_ANCESTORS: web.ResponseKey[tuple[str, ...]] = web.ResponseKey("frame-ancestors", tuple)

PREFLIGHT_SECONDS = 600
REQUEST_HEADERS = "Authorization, Content-Type, If-Match, Vitrine-Replaces, Vitrine-Ticket"
EXPOSED_HEADERS = "Accept-Patch, Accept-Post, ETag, Link, Location, Retry-After"

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' {pictures}data: blob:; "
    "media-src 'self' blob:; frame-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors "
)

log = structlog.get_logger("access")


class Readers(Enum):
    """Whose pages may read a route's answers, besides our own."""

    SHOP = "shop"
    ANYONE = "anyone"


def route_name(request: web.Request) -> str:
    """The route's pattern, never the path: a path holds ids."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "none"


@web.middleware
async def access_log(request: web.Request, handler: Handler) -> web.StreamResponse:
    """One line and one measurement for each request, without address, query, ids or tokens."""
    started = time.perf_counter()
    status, code = 499, "client-gone"
    try:
        response = await handler(request)
        status, code = response.status, response.get(CODE, "ok")
    except web.HTTPRedirection as redirection:
        status, code = redirection.status, "ok"
        raise
    else:
        return response
    finally:
        route, took = route_name(request), time.perf_counter() - started
        method = _known_method(request.method)
        REQUESTS.labels(route, method, status, code).inc()
        SECONDS.labels(route).observe(took)
        log.info("request", route=route, method=method, status=status, code=code, ms=round(took * 1000, 1))


def _known_method(method: str) -> str:
    """An unknown method is a stranger's text, and must not become a label."""
    return method if method in hdrs.METH_ALL else "OTHER"


def security_headers(
    *, https: bool, cdn: str | None = None
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """A handler for `on_response_prepare`, so that streams and errors carry the headers too. `cdn`: the origin from
    which pictures may come besides our own."""
    policy = CONTENT_POLICY.format(pictures=f"{cdn} " if cdn else "")

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        ancestors = " ".join(response.get(FRAME_ANCESTORS, ())) or "'none'"
        headers = response.headers
        headers["Server"] = "vitrine"
        headers["Content-Security-Policy"] = policy + ancestors
        headers["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=()"
        headers["Referrer-Policy"] = "strict-origin-when-cross-origin"
        headers["X-Content-Type-Options"] = "nosniff"
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if https:
            headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"

    return add


def admit_origin(request: web.Request, allowed: Iterable[str], *, public_origin: str | None) -> None:
    """Lets a browser on an allowed origin go on. Raises Problem `origin-not-allowed` for any other.

    Our own page is always allowed. A request without Origin comes from no page of another site: an app, a
    server, or a plain GET of our own page.
    """
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        return
    if origin not in allowed and not _is_own(request, origin, public_origin):
        raise Problem("origin-not-allowed")
    request[ADMITTED] = origin


def _is_own(request: web.Request, origin: str, public_origin: str | None) -> bool:
    if public_origin is not None and origin == public_origin:
        return True
    # Without a stated public address our own origin is the host that the browser believes it talks to.
    return public_origin is None and urlsplit(origin).netloc == request.host


def cross_origin(readers: Mapping[str, Readers]) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """CORS (Fetch standard): who may read the answers of a route, by its pattern. For `on_response_prepare`.

    A preflight names no shop, so it only says what could be asked (see `preflight`). Who may read an answer is
    decided on the answer: a success only by an origin that `admit_origin` let through, a problem by anybody, so
    that a page on a forgotten origin can show its developer the code. Cookies are never allowed along.
    """

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        origin = request.headers.get(hdrs.ORIGIN)
        reader = readers.get(route_name(request))
        if reader is Readers.ANYONE:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*"
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        elif reader is Readers.SHOP:
            response.headers.add(hdrs.VARY, hdrs.ORIGIN)
            if origin is not None and (CODE in response or request.get(ADMITTED) == origin):
                response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
                response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = EXPOSED_HEADERS

    return add


def preflight(
    methods: Iterable[str],
    takes: Mapping[str, str],
    links: Callable[[web.Request], Awaitable[Iterable[str]]] | None = None,
) -> Handler:
    """The answer to OPTIONS on a route that other sites' pages may call.

    takes: method to media type; WHIP clients look for `Accept-Post` (RFC 9725, section 4.2). links: the ICE servers
    of whoever shows a credential, for clients that want them before they offer; a browser's preflight shows none.
    """
    allowed = ", ".join(sorted(methods))
    accepted = {f"Accept-{method.title()}": media for method, media in takes.items() if method in ("POST", "PATCH")}

    async def handler(request: web.Request) -> web.StreamResponse:
        headers = {
            hdrs.ALLOW: allowed,
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: allowed,
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: REQUEST_HEADERS,
            hdrs.ACCESS_CONTROL_MAX_AGE: str(PREFLIGHT_SECONDS),
            hdrs.VARY: hdrs.ORIGIN,
            **accepted,
        }
        if hdrs.ORIGIN in request.headers:
            headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = request.headers[hdrs.ORIGIN]
        response = web.Response(status=204, headers=headers)
        if links is not None and hdrs.AUTHORIZATION in request.headers:
            for link in await links(request):
                response.headers.add(hdrs.LINK, link)
        return response

    return handler
