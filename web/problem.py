"""Every error of the HTTP side becomes application/problem+json (RFC 9457), here and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

import redis.exceptions
import structlog
from aiohttp import web

from rtc.offers import (
    Full,
    NoNode,
    OfferRejected,
    SessionActive,
    Unavailable,
    UnknownProduct,
    UnknownSession,
    UnknownTicket,
)
from tenancy.errors import AvatarsBusy, TenancyError

MEDIA_TYPE = "application/problem+json"
CODE: web.ResponseKey[str] = web.ResponseKey("problem-code", str)
RETRY_AFTER_OUTAGE_S = 2

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger("web")

# code: (status, title). What a room raises is answered by its code; a code that is missing here is a bug and a 500.
REFUSALS: Mapping[str, tuple[int, str]] = {
    "busy": (503, "The installation takes in as much as it can; try again in a minute"),
    "archive-invalid": (422, "This is no body that was exported here or elsewhere"),
    "avatar-active": (409, "The visit has an avatar under way, or as many as it may have"),
    "avatar-invalid": (400, "A body cannot be so"),
    "avatar-not-ready": (409, "The avatar is not complete"),
    "avatars-busy": (503, "The line for avatars is too long to join"),
    "cap-reached": (403, "The shop has had its try-ons for this month"),
    "consent-required": (403, "The shopper has to agree to the current text first"),
    "conflict": (409, "This has changed meanwhile"),
    "cross-site": (403, "This may only be asked from our own pages"),
    "domain-invalid": (400, "A shop's page cannot have this address"),
    "domain-taken": (409, "Another shop has proven that this domain is its own"),
    "domain-unproven": (409, "The domain's DNS does not show the shop's token"),
    "email-invalid": (400, "No mail could reach this address"),
    "email-taken": (409, "Another account of the shop has this address"),
    "garment-unwearable": (422, "This garment cannot be put on this body"),
    "ice-restart-not-supported": (422, "ICE is not restarted; make a new offer"),
    "import-invalid": (422, "No import can be made of this"),
    "internal-error": (500, "Something went wrong on our side"),
    "seal-broken": (500, "A stored secret cannot be read with this installation's secret"),
    "invitations-full": (409, "The shop has as many open invitations as it may have"),
    "invalid-json": (400, "The body is not JSON"),
    "invalid-key": (401, "No shop has this key"),
    "invalid-request": (400, "The request is not as described"),
    "invalid-token": (401, "No visit has this token"),
    "last-factor": (409, "An account keeps a second factor"),
    "last-owner": (409, "A shop keeps an owner"),
    "link-invalid": (400, "The link was used, is too old, or never was"),
    "logged-out": (401, "The login has ended"),
    "login-failed": (401, "Shop, address and password do not go together"),
    "method-not-allowed": (405, "This address does not take that method"),
    "missing-credentials": (401, "The request carries no key or token"),
    "no-media-node": (503, "No media process answers"),
    "not-allowed": (403, "The role or the key does not go so far"),
    "not-found": (404, "There is nothing here"),
    "origin-not-allowed": (403, "The shop has not allowed this origin"),
    "passkey-invalid": (400, "This passkey cannot be kept"),
    "password-breached": (400, "The password is in the lists that everybody tries"),
    "password-weak": (400, "The password would be guessed"),
    "payload-too-large": (413, "The body is too large"),
    "photo-format": (422, "The photo is no JPEG, PNG, WebP or HEIC"),
    "precondition-failed": (412, "The ICE session is another one"),
    "precondition-required": (428, "If-Match has to name the ICE session"),
    "product-invalid": (400, "A product cannot be so"),
    "product-rejected": (422, "The model cannot be worn"),
    "proof-required": (403, "Show password and second factor again first"),
    "queue": (503, "All places are taken; the shopper waits in line"),
    "quota-reached": (403, "The shop's plan has no room for more"),
    "rate-limited": (429, "Too many requests"),
    "receipt-invalid": (400, "This installation signed no such receipt"),
    "sdp-fragment-invalid": (400, "The body is no fragment of candidates"),
    "sdp-invalid": (400, "The body is no usable session description"),
    "sdp-many-videos": (400, "The offer has more than one video"),
    "sdp-no-codec": (400, "The offer has no codec that the server speaks"),
    "sdp-no-video": (400, "The offer has no video"),
    "sdp-not-sendrecv": (400, "The offer's video does not send"),
    "sdp-too-large": (413, "The session description is too large"),
    "second-factor-failed": (401, "The code is wrong, used or too late"),
    "session-active": (409, "A try-on runs on this token"),
    "shop-closing": (403, "The shop is being closed"),
    "shop-conflict": (409, "This address of a shop is taken"),
    "shop-invalid": (400, "A shop cannot be so"),
    "token-expired": (401, "The visit is over"),
    "unavailable": (503, "A part of the service does not answer"),
    "unknown-delivery": (404, "The webhook has no such delivery"),
    "unknown-domain": (404, "The shop has no such domain"),
    "unknown-avatar": (404, "The visit has no such avatar"),
    "unknown-file": (404, "There is no such file"),
    "unknown-host": (421, "Nothing is served under this host"),
    "unknown-import": (404, "The shop has no such import"),
    "unknown-key": (404, "The shop has no such key"),
    "unknown-login": (404, "There is no such login"),
    "unknown-member": (404, "The shop has no such person"),
    "unknown-passkey": (404, "The account has no such passkey"),
    "unknown-product": (404, "The shop has no such product"),
    "unknown-receipt": (404, "No closed shop left this receipt"),
    "unknown-session": (404, "There is no such try-on"),
    "unknown-ticket": (404, "Nobody waits with this ticket"),
    "unknown-size": (404, "The garment is not made in this size"),
    "unknown-shop": (404, "There is no such shop"),
    "unknown-webhook": (404, "The shop has no such webhook"),
    "unsupported-media-type": (415, "The body is of another type than this address takes"),
    "wear-invalid": (400, "This cannot be worn so"),
    "webhook-invalid": (400, "A webhook cannot be so"),
}


class Problem(Exception):
    """A refusal the web room itself decides on. `members` go into the body beside the standard ones."""

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = dict(members or {})


ROOMS_ERRORS = (
    TenancyError,
    OfferRejected,
    UnknownProduct,
    UnknownSession,
    UnknownTicket,
    SessionActive,
    NoNode,
    Unavailable,
    Full,
)
OUTAGES = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, ConnectionError, TimeoutError)


def problem_response(problem: Problem) -> web.Response:
    """The answer to a problem."""
    status, title = REFUSALS[problem.code]
    body: dict[str, Any] = {"type": f"urn:vitrine:problem:{problem.code}", "title": title, "status": status}
    body["code"] = problem.code
    if problem.detail:
        body["detail"] = problem.detail
    body |= problem.members
    headers = {"Cache-Control": "no-store", **problem.headers}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="vitrine"'
    text = json.dumps(body, ensure_ascii=False)
    response = web.Response(text=text, status=status, headers=headers, content_type=MEDIA_TYPE)
    response[CODE] = problem.code
    return response


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns whatever a handler raises into its problem."""
    try:
        return await handler(request)
    except web.HTTPRedirection:
        raise
    except Exception as error:
        if isinstance(error, ConnectionError) and (request.transport is None or request.transport.is_closing()):
            return _nobody_is_there()
        return problem_response(problem_of(error))


def _nobody_is_there() -> web.Response:
    """For the access log alone: who asked has gone, and nothing of ours has failed."""
    response = web.Response(status=499)
    response[CODE] = "client-gone"
    return response


def problem_of(error: Exception) -> Problem:
    """How an error is answered. What nobody foresaw is logged, and answered as no more than that."""
    match error:
        case Problem():
            return error
        case Full() | AvatarsBusy():
            return _queued(error)
        case web.HTTPException():
            return _of_the_router(error)
        case _ if isinstance(error, ROOMS_ERRORS):
            return _of_a_room(error)
        case _ if isinstance(error, OUTAGES):
            log.warning("dependency-failed", exc_info=error)
            return Problem("unavailable", headers={"Retry-After": str(RETRY_AFTER_OUTAGE_S)})
        case _:
            log.error("unexpected-error", exc_info=error)
            return Problem("internal-error")


def _queued(full: Full | AvatarsBusy) -> Problem:
    if isinstance(full, AvatarsBusy):
        wait = full.eta_seconds
        return Problem(full.code, headers={"Retry-After": str(wait)}, members={"eta_seconds": wait})
    return Problem(
        full.code,
        headers={"Retry-After": str(full.retry_after)},
        members={"position": full.position, "eta_seconds": full.eta_seconds, "ticket": full.ticket}
        | {"events": f"/v1/queue/{full.ticket}/events"},
    )


def _of_a_room(error: Exception) -> Problem:
    code: str = getattr(error, "code", "")
    if code not in REFUSALS:
        log.error("error-without-an-answer", code=code)
        return Problem("internal-error")
    headers = {"Retry-After": str(RETRY_AFTER_OUTAGE_S)} if code in ("busy", "no-media-node", "unavailable") else None
    return Problem(code, str(error) or None, headers=headers)


def _of_the_router(refusal: web.HTTPException) -> Problem:
    match refusal:
        case web.HTTPMethodNotAllowed():
            return Problem("method-not-allowed", headers={"Allow": ", ".join(sorted(refusal.allowed_methods))})
        case web.HTTPRequestEntityTooLarge():
            return Problem("payload-too-large")
        case web.HTTPUnsupportedMediaType():
            return Problem("unsupported-media-type")
        case web.HTTPNotFound() | web.HTTPForbidden():
            return Problem("not-found")
        case _ if refusal.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return Problem("invalid-request")
        case _:
            return Problem("internal-error")
