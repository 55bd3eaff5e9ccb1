"""A media node: one process, one event loop, one frame worker; its sessions and its small HTTP interface.

The interface is served on a Unix socket on one machine, over HTTP in a cluster; the web's placement is its only
caller. A node announces itself in Valkey every second. Its sessions never depend on that.
"""

import asyncio
import contextlib
import dataclasses
import json
import logging
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field

from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import RedisError

from rtc.claims import Claims, Visitor
from rtc.measures import Measures
from rtc.offers import NodeState, OfferRejected, UnknownProduct
from rtc.placement import NODES_KEY
from rtc.queue import Queue
from rtc.record import EndedTryOn, TryOnRecord
from rtc.session import Session, SessionHooks
from rtc.signalling import CandidatePolicy, check_offer, read_fragment
from rtc.wardrobe import ProductSource, Wardrobe
from rtc.worker import Effect, FinishedFrame, FrameStream, FrameWorker

ANNOUNCE_S = 1.0
REFRESH_S = 5.0
RENEW_S = 240.0
SILENT_S = 1.5  # a session that has heard nothing for this long gives way to its shopper's next one
SNAPSHOT_S = 120.0
MAX_SNAPSHOTS = 64
log = logging.getLogger("vitrine.node")


@dataclass(frozen=True)
class NodeSettings:
    """id: unique among nodes. url: where its interface is reached. capacity: sessions at most."""

    id: str
    url: str
    capacity: int = 4
    candidates: CandidatePolicy = field(default_factory=CandidatePolicy)
    session_limit_s: float = 3600.0


async def _leave(_visitor: Visitor) -> None:
    """Visits that are nobody's business."""


class MediaNode:
    """Owns the sessions of one media process.

    renew: prolongs a visit while its try-on is live. record: takes note of a try-on that ended, at once.
    """

    def __init__(
        self,
        settings: NodeSettings,
        *,
        redis: Redis,
        products: ProductSource,
        worker: FrameWorker,
        make_effect: Callable[[], Effect],
        check_picture: Callable[[], None],
        measures: Measures,
        renew: Callable[[Visitor], Awaitable[None]] = _leave,
        record: Callable[[EndedTryOn], None] = lambda _ended: None,
    ) -> None:
        self.settings = settings
        self._redis = redis
        self._claims = Claims(redis)
        self._queue = Queue(redis)
        self._wardrobe = Wardrobe(products)
        self._worker = worker
        self._make_effect = make_effect
        self._check_picture = check_picture
        self._measures = measures
        self._renew = renew
        self._record = record
        self._sessions: dict[str, tuple[Session, Visitor, float]] = {}
        self._snapshots: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._background: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._busy_ms = 0.0
        self._busy = 0.0
        self._proven = asyncio.Event()
        self.draining = False
        self.ready = False

    def app(self) -> web.Application:
        """The node's interface."""
        app = web.Application(client_max_size=256 * 1024)
        app.add_routes(
            [
                web.post("/sessions", self._open),
                web.patch("/sessions/{id}", self._trickle),
                web.delete("/sessions/{id}", self._close),
                web.post("/sessions/{id}/yield", self._yield),
                web.get("/snapshots/{id}", self._snapshot),
                web.get("/readyz", self._readyz),
                web.get("/healthz", self._healthz),
            ]
        )
        app.cleanup_ctx.append(self._life)
        return app

    @property
    def state(self) -> NodeState:
        """What the node says of itself."""
        tenants = Counter(visitor.tenant for _, visitor, _ in self._sessions.values())
        return NodeState(
            id=self.settings.id,
            url=self.settings.url,
            sessions=len(self._sessions),
            capacity=self.settings.capacity,
            busy=round(self._busy, 3),
            ready=self.ready,
            draining=self.draining,
            tenants=dict(tenants),
            seen_at=time.time(),
        )

    async def until_ready(self) -> None:
        """Return when a synthetic picture has come back dressed for the first time."""
        await self._proven.wait()

    @property
    def sessions(self) -> Iterable[tuple[Session, Visitor, float]]:
        """The live sessions, whose they are, and since when (monotonic seconds)."""
        return self._sessions.values()

    async def drain(self, within_s: float) -> None:
        """Take no more sessions, ask the running ones to move, and wait for them, but not longer than this."""
        self.draining = True
        with contextlib.suppress(RedisError):
            await self.announce()
        sessions = [session for session, _, _ in self._sessions.values()]
        started = time.monotonic()
        deadline = started + within_s
        for index, session in enumerate(sessions):  # one after the other, so that the other nodes take them singly
            await asyncio.sleep(started + within_s / 2 * index / len(sessions) - time.monotonic())
            session.say({"type": "move", "within_ms": int((deadline - time.monotonic()) * 1000)})
        while self._sessions and time.monotonic() < deadline:
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), deadline - time.monotonic())

    # The interface

    async def _open(self, request: web.Request) -> web.Response:
        body = await request.json()
        if len(self._sessions) >= self.settings.capacity or self.draining:
            return web.json_response({"code": "queue"}, status=503)
        visitor = Visitor(body["tenant"], body["visit"])
        try:
            sdp = check_offer(body["sdp"], self.settings.candidates)
            session = self._make_session(body["session_id"], visitor)
            self._sessions[session.id] = (session, visitor, time.monotonic())
            try:
                answer = await session.answer(sdp, tuple(body["products"]))
            except BaseException:
                self._sessions.pop(session.id, None)
                await session.end("offer-rejected")
                raise
        except OfferRejected as rejected:
            return web.json_response({"code": rejected.code, "detail": rejected.detail}, status=400)
        except UnknownProduct as unknown:
            return web.json_response({"code": unknown.code}, status=404)
        return web.json_response({"sdp": answer}, status=201)

    async def _trickle(self, request: web.Request) -> web.Response:
        session = self._find(request)
        try:
            await session.trickle(read_fragment(await request.text(), self.settings.candidates))
        except OfferRejected as rejected:
            return web.json_response({"code": rejected.code, "detail": rejected.detail}, status=400)
        return web.Response(status=204)

    async def _close(self, request: web.Request) -> web.Response:
        await self._find(request).end("closed-by-shopper")
        return web.Response(status=204)

    async def _yield(self, request: web.Request) -> web.Response:
        """Give way to the same shopper's next session, if this one is silent, to be replaced, or about to move.

        On a node that drains the session goes on until the shopper ends it: she has her next picture by then.
        """
        session = self._find(request)
        heard_at = session.receiver.last_packet_at if session.receiver else 0.0
        replaced = "replaced" in request.query
        if session.connected and not (self.draining or replaced) and time.monotonic() - heard_at < SILENT_S:
            return web.json_response({"code": "session-active"}, status=409)
        if not self.draining:
            await session.end("taken-over")
        return web.Response(status=204)

    async def _snapshot(self, request: web.Request) -> web.Response:
        found = self._snapshots.get(request.match_info["id"])
        if found is None or time.monotonic() - found[1] > SNAPSHOT_S:
            raise web.HTTPNotFound
        return web.Response(body=found[0], content_type="image/jpeg")

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _readyz(self, _request: web.Request) -> web.Response:
        """Whether a synthetic picture comes back from the worker wearing something."""
        await self._prove_ready()
        return web.json_response({"ready": self.ready and not self.draining}, status=200 if self.ready else 503)

    def _find(self, request: web.Request) -> Session:
        found = self._sessions.get(request.match_info["id"])
        if found is None:
            raise web.HTTPNotFound
        return found[0]

    # Sessions

    def _make_session(self, session_id: str, visitor: Visitor) -> Session:
        stream = FrameStream(
            asyncio.get_running_loop(),
            make_effect=self._make_effect,
        )
        record = TryOnRecord(session_id, visitor)

        def on_frame(finished: FinishedFrame) -> None:
            record.frame()
            self._on_frame(finished)

        def on_worn(products: tuple[str, ...]) -> None:
            record.worn(products)
            self._spawn(self._remember(visitor, products))

        def on_end(reason: str) -> None:
            if ended := record.end():
                self._record(ended)
            self._on_end(session_id, reason)

        return Session(
            id=session_id,
            worker=self._worker,
            stream=stream,
            dress=lambda products: self._wardrobe.dress(visitor.tenant, products),
            hooks=SessionHooks(
                on_frame=on_frame,
                on_end=on_end,
                on_stats=self._measures.record_browser,
                on_worn=on_worn,
                keep_snapshot=self._keep_snapshot,
            ),
            limit_s=self.settings.session_limit_s,
        )

    def _on_frame(self, finished: FinishedFrame) -> None:
        self._busy_ms += sum(finished.stage_ms.get(stage, 0.0) for stage in ("decode", "effect", "encode"))
        self._measures.record_frame(finished)

    def _on_end(self, session_id: str, reason: str) -> None:
        found = self._sessions.pop(session_id, None)
        if found is None:
            return
        self._changed.set()
        session, visitor, started = found
        self._measures.record_end(reason, session.receiver.assembler if session.receiver else None)
        self._spawn(self._farewell(session_id, visitor, time.monotonic() - started))

    async def _farewell(self, session_id: str, visitor: Visitor, lasted_s: float) -> None:
        with contextlib.suppress(RedisError):
            await self._claims.release(visitor, session_id)
            await self._queue.learn_duration(lasted_s)

    async def _remember(self, visitor: Visitor, products: tuple[str, ...]) -> None:
        with contextlib.suppress(RedisError):
            await self._claims.remember_outfit(visitor, products)

    def _keep_snapshot(self, jpeg: bytes) -> str:
        """Keep a snapshot in memory for two minutes; returns the path under which the web serves it."""
        name = f"{self.settings.id}~{secrets.token_urlsafe(16)}"
        self._snapshots[name] = (jpeg, time.monotonic())
        while len(self._snapshots) > MAX_SNAPSHOTS:
            self._snapshots.popitem(last=False)
        return f"/v1/snapshots/{name}.jpg"

    # Background work

    async def _life(self, _app: web.Application) -> AsyncIterator[None]:
        duties = [
            asyncio.create_task(self._announce_always()),
            asyncio.create_task(self._refresh_claims()),
            asyncio.create_task(self._renew_visits()),
            asyncio.create_task(self._measures.watch_loop()),
        ]
        yield
        for duty in duties:
            duty.cancel()
        await asyncio.gather(*duties, return_exceptions=True)
        await asyncio.gather(*(s.end("node-stopped") for s, _, _ in list(self._sessions.values())))
        await asyncio.gather(*self._background, return_exceptions=True)
        with contextlib.suppress(RedisError):
            await self._redis.hdel(NODES_KEY, self.settings.id)

    async def _prove_ready(self) -> None:
        loop = asyncio.get_running_loop()
        proof: asyncio.Future[None] = loop.create_future()

        def prove() -> None:
            error: Exception | None = None
            try:
                self._check_picture()
            except Exception as raised:
                error = raised
            loop.call_soon_threadsafe(_settle, proof, error)

        self._worker.call(prove)
        try:
            await asyncio.wait_for(proof, 20)
            self.ready = True
            self._proven.set()
        except Exception:
            log.exception("synthetic-picture-failed")
            self.ready = False

    async def announce(self) -> None:
        """Write this node's state where placement looks for it."""
        await self._redis.hset(NODES_KEY, self.settings.id, json.dumps(dataclasses.asdict(self.state)))

    async def _announce_always(self) -> None:
        last = time.monotonic()
        while True:
            if not self.ready:
                await self._prove_ready()
            with contextlib.suppress(RedisError):
                await self.announce()
            await asyncio.sleep(ANNOUNCE_S)
            now = time.monotonic()
            self._busy = 0.7 * self._busy + 0.3 * (self._busy_ms / 1000 / (now - last))
            self._busy_ms, last = 0.0, now
            self._measures.record_node(self.state)
            self._forget_old_snapshots()

    def _forget_old_snapshots(self) -> None:
        now = time.monotonic()
        for name in [n for n, (_, made_at) in self._snapshots.items() if now - made_at > SNAPSHOT_S]:
            del self._snapshots[name]

    async def _refresh_claims(self) -> None:
        while True:
            for session, visitor, _ in list(self._sessions.values()):
                with contextlib.suppress(RedisError):
                    await self._claims.refresh(visitor, session.id, self.settings.id)
            await asyncio.sleep(REFRESH_S)

    async def _renew_visits(self) -> None:
        """A visit lasts as long as its try-on; a shop's database that is away for a while changes nothing."""
        while True:
            await asyncio.sleep(RENEW_S)
            for _, visitor, _ in list(self._sessions.values()):
                with contextlib.suppress(Exception):
                    await self._renew(visitor)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _settle(proof: "asyncio.Future[None]", error: Exception | None) -> None:
    if proof.done():
        return
    if error is None:
        proof.set_result(None)
    else:
        proof.set_exception(error)
