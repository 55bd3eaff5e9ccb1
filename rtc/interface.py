"""The small HTTP interface of a media node. The web's placement is its only caller.

It is served on a Unix socket on one machine, over HTTP in a cluster.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aiohttp import web

from rtc.claims import Visitor
from rtc.offers import Full, OfferRejected, Unavailable, UnknownProduct
from rtc.signalling import read_fragment

if TYPE_CHECKING:
    from rtc.node import MediaNode
    from rtc.session import Session

SILENT_S = 1.5  # a session that has heard nothing for this long gives way to its shopper's next one


def interface(node: MediaNode) -> web.Application:
    """The interface of this node."""
    app = web.Application(client_max_size=256 * 1024)
    served = _Interface(node)
    app.add_routes(
        [
            web.post("/sessions", served.open),
            web.patch("/sessions/{id}", served.trickle),
            web.delete("/sessions/{id}", served.close),
            web.post("/sessions/{id}/yield", served.give_way),
            web.get("/snapshots/{id}", served.snapshot),
            web.delete("/snapshots/of/{tenant}/{visit}", served.forget_snapshots),
            web.get("/readyz", served.readyz),
            web.get("/healthz", served.healthz),
        ]
    )
    return app


class _Interface:
    """The handlers."""

    def __init__(self, node: MediaNode) -> None:
        self._node = node

    async def open(self, request: web.Request) -> web.Response:
        body = await request.json()
        visitor = Visitor(body["tenant"], body["visit"])
        try:
            answer = await self._node.open(body["session_id"], visitor, body["sdp"], tuple(body["products"]))
        except (Full, Unavailable) as busy:
            return web.json_response({"code": busy.code}, status=503)
        except OfferRejected as rejected:
            return web.json_response({"code": rejected.code, "detail": rejected.detail}, status=400)
        except UnknownProduct as unknown:
            return web.json_response({"code": unknown.code}, status=404)
        return web.json_response({"sdp": answer}, status=201)

    async def trickle(self, request: web.Request) -> web.Response:
        session = self._find(request)
        try:
            await session.trickle(read_fragment(await request.text(), self._node.settings.candidates))
        except OfferRejected as rejected:
            return web.json_response({"code": rejected.code, "detail": rejected.detail}, status=400)
        return web.Response(status=204)

    async def close(self, request: web.Request) -> web.Response:
        await self._find(request).end("closed-by-shopper")
        return web.Response(status=204)

    async def give_way(self, request: web.Request) -> web.Response:
        """Give way to the same shopper's next session, if this one is silent, to be replaced, or about to move.

        On a node that drains the session goes on until the shopper ends it: she has her next picture by then.
        """
        session = self._find(request)
        draining, replaced = self._node.draining, "replaced" in request.query
        heard_at = session.receiver.last_packet_at if session.receiver else 0.0
        if session.connected and not (draining or replaced) and time.monotonic() - heard_at < SILENT_S:
            return web.json_response({"code": "session-active"}, status=409)
        if not draining:
            await session.end("taken-over")
        return web.Response(status=204)

    async def snapshot(self, request: web.Request) -> web.Response:
        jpeg = self._node.snapshots.find(request.match_info["id"])
        if jpeg is None:
            raise web.HTTPNotFound
        return web.Response(body=jpeg, content_type="image/jpeg")

    async def forget_snapshots(self, request: web.Request) -> web.Response:
        self._node.snapshots.forget(Visitor(request.match_info["tenant"], request.match_info["visit"]))
        return web.Response(status=204)

    async def healthz(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(self, _request: web.Request) -> web.Response:
        """Whether a synthetic picture comes back from the worker wearing something."""
        await self._node.prove_ready()
        ready = self._node.ready
        return web.json_response({"ready": ready and not self._node.draining}, status=200 if ready else 503)

    def _find(self, request: web.Request) -> Session:
        session = self._node.find(request.match_info["id"])
        if session is None:
            raise web.HTTPNotFound
        return session
