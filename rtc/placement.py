"""Places a shopper's offer on the best media node; used by the web, which keeps no state of its own."""

import asyncio
import contextlib
import json
import secrets
import time
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any, cast

import aiohttp
from prometheus_client import Counter as Counted
from prometheus_client import Gauge
from redis.asyncio import Redis

from rtc.claims import Claims, Visitor
from rtc.offers import (
    Full,
    NodeState,
    NoNode,
    OfferRejected,
    SessionActive,
    TryOnAnswer,
    TryOnOffer,
    Unavailable,
    UnknownProduct,
    UnknownSession,
)
from rtc.queue import RETRY_S, Line, Place, Queue, Waiting, fair_order
from rtc.turns import Turns

NODES_KEY = "nodes"
NODE_FORGOTTEN_S = 5.0
NODE_TIMEOUT = aiohttp.ClientTimeout(total=10)
YIELD_TIMEOUT = aiohttp.ClientTimeout(total=2)  # a shopper waits for it, and a node that is gone never answers
PROOF_TIMEOUT = aiohttp.ClientTimeout(total=25)
LONGEST_ETA_S = 3600  # told to whoever stands behind the longest line that is looked at
WAITING = Gauge("vitrine_waiting", "Shoppers who wait for a place.", multiprocess_mode="mostrecent")
QUEUED = Counted("vitrine_queued", "Shoppers for whom there was no place when they came.")


class Placement:
    """The way from the web to the media nodes."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._claims = Claims(redis)
        self._queue = Queue(redis)
        self._turns = Turns(redis, self.line)
        self._clients: dict[str, aiohttp.ClientSession] = {}

    async def open(self, offer: TryOnOffer, ticket: str | None = None) -> TryOnAnswer:
        """Start a try-on.

        Raises OfferRejected, UnknownProduct, SessionActive, Full, NoNode, Unavailable. With products None the
        visit's last outfit is worn again.
        """
        resumes = await self._claim(offer)
        try:
            nodes = await self.nodes()
            if not any(node.ready and not node.draining for node in nodes):
                raise NoNode
            ticket = await self._wait_for_turn(offer, nodes, ticket, resumes=resumes)
            answer = await self._offer_to_best(offer, nodes)
            if answer is None:  # the last places went while this offer was under way
                raise _full(*await self._stand(offer, nodes, ticket))
        except BaseException:
            await self._claims.release(offer.visitor, offer.session_id)
            raise
        if ticket is not None:
            await self._queue.leave(ticket)
        await self._claims.refresh(offer.visitor, offer.session_id, answer.node)
        return answer

    async def trickle(self, visitor: Visitor, session: str, fragment: str) -> None:
        """Hand trickled candidates to a session; raises UnknownSession or OfferRejected."""
        await self._call("PATCH", visitor, session, data=fragment)

    async def close(self, visitor: Visitor, session: str) -> None:
        """End a session; raises UnknownSession."""
        await self._call("DELETE", visitor, session)

    async def snapshot(self, snapshot: str) -> bytes:
        """The JPEG behind a snapshot's id; raises UnknownSession when it is gone."""
        node, _, _ = snapshot.rpartition("~")
        state = await self._node(node)
        try:
            async with self._client(state.url).get(f"/snapshots/{snapshot}") as response:
                if response.status == 200:
                    return await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:  # the node has gone, and all that it kept
            raise UnknownSession from error
        raise UnknownSession

    async def forget_snapshots(self, visitor: Visitor) -> None:
        """Have every node let go of what a visit took. One that does not answer does so by itself in two minutes."""
        for node in await self.nodes():
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                way = f"/snapshots/of/{visitor.tenant}/{visitor.visit}"
                async with self._client(node.url).delete(way):
                    pass

    async def nodes(self) -> list[NodeState]:
        """The nodes that announced themselves lately."""
        rows = (await self._redis.hgetall(NODES_KEY)).values()
        states = [read_state(row) for row in rows]
        now = time.time()
        return [state for state in states if now - state.seen_at < NODE_FORGOTTEN_S]

    async def prove(self) -> bool:
        """Whether some node dresses a synthetic picture right now; asks the nodes themselves."""
        for node in sorted(await self.nodes(), key=lambda n: n.busy):
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with self._client(node.url).get("/readyz", timeout=PROOF_TIMEOUT) as response:
                    if response.status == 200:
                        return True
        return False

    async def aclose(self) -> None:
        """Close the connections to the nodes, and let go of those who wait."""
        await self._turns.aclose()
        await asyncio.gather(*(client.close() for client in self._clients.values()))

    async def _claim(self, offer: TryOnOffer) -> bool:
        """Take the visit's place, from a session that is silent, about to move, or to be replaced, if need be.

        Returns whether the offer goes on with the try-on that it names, which was live until just now.
        """
        holder = await self._claims.claim(offer.visitor, offer.session_id)
        if holder is None:
            return False
        place = await self._claims.place_of(holder)
        if place is not None:
            try:
                state = await self._node(place[0])
                asked = {"replaced": "1"} if offer.replaces == holder else {}
                way = f"/sessions/{holder}/yield"
                async with self._client(state.url).post(way, params=asked, timeout=YIELD_TIMEOUT) as response:
                    if response.status == 409:
                        raise SessionActive
            except (aiohttp.ClientError, TimeoutError, UnknownSession):
                pass  # its node is gone, so is the session
        await self._claims.take_over(offer.visitor, offer.session_id)
        return holder == offer.replaces

    def follow(self, ticket: str, visitor: Visitor) -> AsyncGenerator[Place, None]:
        """Where a waiting shopper stands, now and whenever it changes, until it is her turn; raises UnknownTicket."""
        return self._turns.follow(ticket, visitor)

    async def line(self) -> Line:
        """The line as it stands now."""
        return await self._line(await self.nodes(), await self._queue.waiting(time.time()))

    async def measure(self) -> None:
        """Bring the length of the line in `/metrics` up to date."""
        WAITING.set(len(await self._queue.waiting(time.time())))

    async def _line(self, nodes: list[NodeState], waiting: list[Waiting]) -> Line:
        running: Counter[str] = Counter()
        for node in nodes:
            running.update(node.tenants)
        return Line(
            order=tuple(fair_order(waiting, running)),
            free=sum(node.free for node in nodes),
            capacity=sum(node.capacity for node in nodes if not node.draining),
            mean_duration_s=await self._queue.mean_duration_s(),
        )

    async def _wait_for_turn(
        self, offer: TryOnOffer, nodes: list[NodeState], ticket: str | None, *, resumes: bool
    ) -> str | None:
        """Return when it is this shopper's turn, with her ticket if she stood in the line; raises Full otherwise.

        Who had a try-on until just now comes before those who wait for one.
        """
        line = await self._line(nodes, await self._queue.waiting(time.time()))
        ticket = line.ticket_of(offer.visitor) or ticket
        if line.free > 0 and (resumes or not line.order):
            return ticket
        ticket, place = await self._stand(offer, nodes, ticket)
        if not place.turn:
            raise _full(ticket, place)
        return ticket

    async def _stand(self, offer: TryOnOffer, nodes: list[NodeState], ticket: str | None) -> tuple[str, Place]:
        """Join or stay in the line: her ticket, and where she stands."""
        if ticket is None:
            QUEUED.inc()
            ticket = secrets.token_urlsafe(12)
        line = await self._line(nodes, await self._queue.stand(ticket, offer.visitor, time.time()))
        place = line.place_of(ticket)
        return ticket, place or Place(len(line.order) + 1, LONGEST_ETA_S, turn=False)

    async def _offer_to_best(self, offer: TryOnOffer, nodes: list[NodeState]) -> TryOnAnswer | None:
        """Ask the nodes in the order of their load until one takes the session; None when all are full by now."""
        refusals: set[str] = set()
        products = offer.products
        if products is None:
            products = await self._claims.outfit(offer.visitor) or ()
        body = {
            "session_id": offer.session_id,
            "tenant": offer.tenant,
            "visit": offer.visit,
            "sdp": offer.sdp,
            "products": products,
        }
        for node in sorted(nodes, key=lambda n: (n.steps_down, -n.free, n.busy)):
            if node.free == 0:
                continue
            try:
                async with self._client(node.url).post("/sessions", json=body) as response:
                    answer = await response.json()
            except (aiohttp.ClientError, TimeoutError):
                continue
            if response.status == 201:
                return TryOnAnswer(offer.session_id, node.id, answer["sdp"])
            if response.status == 404:
                raise UnknownProduct
            if response.status == 400:
                raise OfferRejected(answer["code"], answer["detail"])
            refusals.add(answer["code"])
        if Full.code in refusals:
            return None
        if Unavailable.code in refusals:
            raise Unavailable
        raise NoNode

    async def _call(self, method: str, visitor: Visitor, session: str, data: str | None = None) -> None:
        place = await self._claims.place_of(session)
        if place is None or place[1] != visitor:
            raise UnknownSession
        state = await self._node(place[0])
        try:
            async with self._client(state.url).request(method, f"/sessions/{session}", data=data) as response:
                if response.status == 404:
                    raise UnknownSession
                if response.status == 400:
                    answer = await response.json()
                    raise OfferRejected(answer["code"], answer["detail"])
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UnknownSession from error

    async def _node(self, node: str) -> NodeState:
        row = await self._redis.hget(NODES_KEY, node)
        if row is None:
            raise UnknownSession
        return read_state(row)

    def _client(self, url: str) -> aiohttp.ClientSession:
        """A connection pool to a node: over its Unix socket on this machine, over HTTP elsewhere."""
        client = self._clients.get(url)
        if client is None:
            if url.startswith("unix:"):
                connector: aiohttp.BaseConnector = aiohttp.UnixConnector(url.removeprefix("unix:"))
                client = aiohttp.ClientSession("http://node", connector=connector, timeout=NODE_TIMEOUT)
            else:
                client = aiohttp.ClientSession(url, timeout=NODE_TIMEOUT)
            self._clients[url] = client
        return client


def read_state(row: bytes | str) -> NodeState:
    """A node's announcement as it stands in Valkey. A newer node may say more than is known here."""
    said = cast(dict[str, Any], json.loads(row))
    return NodeState(**{name: value for name, value in said.items() if name in NodeState.__dataclass_fields__})


def _full(ticket: str, place: Place) -> Full:
    eta = max(place.eta_seconds, RETRY_S)
    return Full(position=place.position, eta_seconds=eta, ticket=ticket, retry_after=RETRY_S)
