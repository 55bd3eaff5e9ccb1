"""A media node: one process, one event loop, one frame worker, and the sessions that its load allows.

A node announces itself in Valkey every second, and when a place is taken or free. Its sessions never depend on that.
"""

import asyncio
import contextlib
import dataclasses
import json
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field

from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import RedisError

from render.pipeline import FaceState
from rtc.admission import Admission
from rtc.avatars import AvatarSource, Figures
from rtc.claims import Claims, Visitor
from rtc.control import Stats
from rtc.interface import interface
from rtc.load import ADMISSIONS, LoadMeter
from rtc.losses import CAMERA
from rtc.measures import Measures, dwell_ms
from rtc.offers import Full, NodeState
from rtc.placement import NODES_KEY
from rtc.queue import Queue
from rtc.record import WELL, EndedTryOn, TryOnRecord
from rtc.session import Session, SessionHooks
from rtc.signalling import CandidatePolicy, check_offer
from rtc.snapshots import Snapshots
from rtc.tasks import end
from rtc.wardrobe import ProductSource, Wardrobe
from rtc.worker import Effect, FinishedFrame, FrameCounts, FrameStream, FrameWorker

ANNOUNCE_S = 1.0
LOOK_S = 1.0
REFRESH_S = 5.0
RENEW_S = 240.0
FLOWING_S = 2.0  # after so long a session's frames come as they will
# Ends after which a try-on had lasted as long as its shopper wished; the others would teach the line wrong times.
NATURAL_ENDS = frozenset({"closed-by-shopper", "connection-lost", "silent", "time-limit"})
log = logging.getLogger("vitrine.node")


@dataclass(frozen=True)
class NodeSettings:
    """id: unique among nodes. url: where its interface is reached. capacity: sessions at most, None for as many as its
    load allows. least: sessions it takes whatever its load. cores: what the process may fill."""

    id: str
    url: str
    capacity: int | None = None
    least: int = 1
    cores: float = 1.0
    candidates: CandidatePolicy = field(default_factory=CandidatePolicy)
    session_limit_s: float = 3600.0


async def _leave(_visitor: Visitor) -> None:
    """Visits that are nobody's business."""


class MediaNode:
    """Owns the sessions of one media process.

    avatars: where shoppers' avatars are, None where there are none. renew: prolongs a visit while its try-on is live.
    record: takes note of a try-on that ended, at once.
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
        avatars: AvatarSource | None = None,
        renew: Callable[[Visitor], Awaitable[None]] = _leave,
        record: Callable[[EndedTryOn], None] = lambda _ended: None,
    ) -> None:
        self.settings = settings
        self._redis = redis
        self._claims = Claims(redis)
        self._queue = Queue(redis)
        self._wardrobe = Wardrobe(products)
        self._figures = None if avatars is None else Figures(avatars)
        self._worker = worker
        self._make_effect = make_effect
        self._check_picture = check_picture
        self._measures = measures
        self._renew = renew
        self._record = record
        self._sessions: dict[str, tuple[Session, Visitor, float]] = {}
        self._records: dict[str, TryOnRecord] = {}
        self._counts = FrameCounts()
        self._load = LoadMeter(settings.id, worker, self._counts, cores=settings.cores)
        self._announced_free = 0
        self.snapshots = Snapshots(settings.id, self._figures)
        self.admission = Admission(most=settings.capacity, least=settings.least, cores=settings.cores)
        self._background: set[asyncio.Task[None]] = set()
        self._preparing: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._busy = 0.0
        self._proven = asyncio.Event()
        self.draining = False
        self.ready = False

    def app(self) -> web.Application:
        """The node's interface, and its background work while that is served."""
        app = interface(self)
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
            capacity=self.admission.capacity(len(self._sessions)),
            busy=round(self._busy, 3),
            ready=self.ready,
            draining=self.draining,
            tenants=dict(tenants),
            seen_at=time.time(),
            steps_down=self.admission.steps_down,
            worn=self._worn,
        )

    @property
    def _worn(self) -> dict[str, dict[str, int]]:
        """What is worn right now: how often, by product, by shop."""
        worn: dict[str, dict[str, int]] = {}
        for session, visitor, _ in self._sessions.values():
            for product in session.worn:
                of_shop = worn.setdefault(visitor.tenant, {})
                of_shop[product] = of_shop.get(product, 0) + 1
        return worn

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

    # Sessions

    async def open(self, session_id: str, visitor: Visitor, sdp: str, products: tuple[str, ...]) -> str:
        """Begin a try-on; returns the answer. Raises Full, OfferRejected, UnknownProduct, Unavailable."""
        if self.draining or not self.state.free:
            ADMISSIONS.labels(self.settings.id, "draining" if self.draining else "full").inc()
            raise Full(position=0, eta_seconds=0, ticket="", retry_after=0)
        sdp = check_offer(sdp, self.settings.candidates)
        session = self._make_session(session_id, visitor)
        self._sessions[session.id] = (session, visitor, time.monotonic())
        try:
            answer = await session.answer(sdp, products)
        except BaseException:
            self._sessions.pop(session.id, None)
            await session.end("offer-rejected")
            raise
        ADMISSIONS.labels(self.settings.id, "admitted").inc()
        self._spawn(self._announce_change())
        self._prepare(visitor.tenant)
        return answer

    def _prepare(self, tenant: str) -> None:
        """Have the shop's products ready before they are tapped on."""
        if tenant not in self._preparing:
            self._preparing[tenant] = task = asyncio.create_task(self._wardrobe.prepare(tenant))
            task.add_done_callback(lambda _: self._preparing.pop(tenant, None))

    def find(self, session_id: str) -> Session | None:
        """A live session."""
        found = self._sessions.get(session_id)
        return None if found is None else found[0]

    def running(self) -> list[EndedTryOn]:
        """The try-ons in which a picture came back, each as if it ended now."""
        return [so_far for record in self._records.values() if (so_far := record.end())]

    def _make_session(self, session_id: str, visitor: Visitor) -> Session:
        stream = FrameStream(
            asyncio.get_running_loop(),
            make_effect=self._make_effect,
            counts=self._counts,
        )
        self._serve_at_level(stream)
        record = self._records[session_id] = TryOnRecord(session_id, visitor)

        def on_frame(finished: FinishedFrame) -> None:
            state = finished.outcome.state
            record.frame(WELL if state is FaceState.UNWATCHED else state, dwell_ms(finished))
            self._measures.record_frame(finished)

        def on_stats(stats: Stats) -> None:
            record.reading(stats)
            self._measures.record_browser(stats)

        def on_worn(products: tuple[str, ...]) -> None:
            record.worn(products)
            self._spawn(self._remember(visitor, products))

        def on_end(reason: str) -> None:
            self._records.pop(session_id, None)
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
                on_freeze=lambda seconds: self._measures.losses.freeze(CAMERA, seconds),
                on_stats=on_stats,
                on_worn=on_worn,
                keep_snapshot=lambda jpeg, avatar: self.snapshots.keep(jpeg, visitor, avatar),
            ),
            visitor=visitor,
            figures=self._figures,
            limit_s=self.settings.session_limit_s,
        )

    def _on_end(self, session_id: str, reason: str) -> None:
        found = self._sessions.pop(session_id, None)
        if found is None:
            return
        self._changed.set()
        session, visitor, started = found
        self._measures.record_end(reason, session)
        lasted_s = time.monotonic() - started if reason in NATURAL_ENDS else None
        self._spawn(self._farewell(session_id, visitor, lasted_s))

    async def _farewell(self, session_id: str, visitor: Visitor, lasted_s: float | None) -> None:
        with contextlib.suppress(RedisError):
            await self._claims.release(visitor, session_id)
            if lasted_s is not None:
                await self._queue.learn_duration(lasted_s)
        await self._announce_change()

    async def _remember(self, visitor: Visitor, products: tuple[str, ...]) -> None:
        with contextlib.suppress(RedisError):
            await self._claims.remember_outfit(visitor, products)

    # Background work

    async def _life(self, _app: web.Application) -> AsyncIterator[None]:
        duties = [
            asyncio.create_task(self._announce_always()),
            asyncio.create_task(self._look_after()),
            asyncio.create_task(self._refresh_claims()),
            asyncio.create_task(self._renew_visits()),
            asyncio.create_task(self._measures.watch_loop(self._load.heard_lag, is_busy=lambda: bool(self._sessions))),
        ]
        yield
        await end([*duties, *self._preparing.values()])
        await self.snapshots.close()
        await asyncio.gather(*(s.end("node-stopped") for s, _, _ in list(self._sessions.values())))
        await asyncio.gather(*self._background, return_exceptions=True)
        with contextlib.suppress(RedisError):
            await self._redis.hdel(NODES_KEY, self.settings.id)

    async def prove_ready(self) -> None:
        """Find out whether a synthetic picture comes back from the worker wearing something; see `ready`."""
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
        """Write this node's state where placement looks for it, and tell the line of places that became free."""
        state = self.state
        await self._redis.hset(NODES_KEY, self.settings.id, json.dumps(dataclasses.asdict(state)))
        more, self._announced_free = state.free > self._announced_free, state.free
        if more:
            await self._queue.tell_changed()

    async def _announce_change(self) -> None:
        with contextlib.suppress(RedisError):
            await self.announce()

    async def _announce_always(self) -> None:
        while True:
            if not self.ready:
                await self.prove_ready()
            await self._announce_change()
            await asyncio.sleep(ANNOUNCE_S)

    async def _look_after(self) -> None:
        """What has to be done each second and waits for nobody."""
        await asyncio.to_thread(self._measures.losses.choose_encoders)
        while True:
            await asyncio.sleep(LOOK_S)
            self._look_at_load()
            self.snapshots.forget_old()

    def _look_at_load(self) -> None:
        """Measure, let the admission decide, and serve those who are there as it says."""
        now = time.monotonic()
        flowing = sum(session.connected and now - since > FLOWING_S for session, _, since in self._sessions.values())
        load = self._load.read(len(self._sessions), flowing)
        self._busy = 0.7 * self._busy + 0.3 * load.busy
        self.admission.look(load, now)
        for session, _, _ in self._sessions.values():
            self._serve_at_level(session.stream)
        self._load.show(self.admission, len(self._sessions))
        self._measures.record_node(self.state)
        self._measures.losses.look([session for session, _, _ in self._sessions.values()])

    def _serve_at_level(self, stream: FrameStream) -> None:
        level = self.admission.level
        stream.pace.limit, stream.detail = level.fps, level.detail

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
