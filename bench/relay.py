"""A UDP relay in user space that stands between a peer and a server and does to their datagrams what a bad network
does. netem is not in every kernel and wants CAP_NET_ADMIN; this wants nothing.

Media passes through it because it rewrites the ICE candidates: the server is told that the peer sits at one of the
relay's sockets, and the peer is told that the server sits at another.
"""

from __future__ import annotations

import asyncio
import re
import socket
import time
from typing import cast

from aiohttp import web

from bench.impairment import CLEAN, Impairment, Path

_CANDIDATE = re.compile(r"^a=candidate:.*\r?\n", re.MULTILINE)
Address = tuple[str, int]


class _Side(asyncio.DatagramProtocol):
    """The socket that one party sees: what comes in goes out at the other side, later or never."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.transport: asyncio.DatagramTransport | None = None
        self.other: _Side | None = None
        self.party: Address | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)  # asyncio's own does not derive from it

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.party = addr
        assert self.other is not None
        now = time.monotonic()
        due = self._path.arrival(len(data), now)
        if due is None:
            return
        if due - now < 0.0005:
            self.other.deliver(data)
        else:
            asyncio.get_running_loop().call_later(due - now, self.other.deliver, data)

    def deliver(self, data: bytes) -> None:
        """Send to the party on this side, once it is known where that is."""
        if self.party is not None and self.transport is not None and not self.transport.is_closing():
            self.transport.sendto(data, self.party)


class Link:
    """One session's two sockets. `up` is the way from the peer to the server, `down` the way back."""

    def __init__(self, up: Path, down: Path) -> None:
        self.up, self.down = up, down
        self._peer_side, self._server_side = _Side(up), _Side(down)
        self._peer_side.other, self._server_side.other = self._server_side, self._peer_side
        self._host = host_address()

    async def open(self) -> None:
        """Bind both sockets."""
        loop = asyncio.get_running_loop()
        for side in (self._peer_side, self._server_side):
            await loop.create_datagram_endpoint(lambda side=side: side, local_addr=(self._host, 0))  # type: ignore[misc]

    def offer(self, sdp: str) -> str:
        """The peer's offer as the server is to see it."""
        self._peer_side.party = first_candidate(sdp)
        return with_candidate(sdp, self._at(self._server_side))

    def answer(self, sdp: str) -> str:
        """The server's answer as the peer is to see it."""
        self._server_side.party = first_candidate(sdp)
        return with_candidate(sdp, self._at(self._peer_side))

    def close(self) -> None:
        """Close both sockets."""
        for side in (self._peer_side, self._server_side):
            if side.transport is not None:
                side.transport.close()

    @staticmethod
    def _at(side: _Side) -> Address:
        assert side.transport is not None
        host, port = side.transport.get_extra_info("sockname")[:2]
        return host, port


class Relay:
    """Links for any number of sessions, all impaired alike, opened over HTTP by the peers' processes."""

    def __init__(self, seed: int = 1) -> None:
        self._seed = seed
        self._links: list[Link] = []
        self._runner: web.AppRunner | None = None
        self._up, self._down = CLEAN, CLEAN
        self.url = ""

    async def start(self) -> None:
        """Listen for peers."""
        app = web.Application()
        app.add_routes([web.post("/offer", self._offer), web.post("/answer/{link}", self._answer)])
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    def impair(self, up: Impairment, down: Impairment) -> None:
        """From now on, on every link."""
        self._up, self._down = up, down
        for link in self._links:
            link.up.impairment, link.down.impairment = up, down

    def counted(self) -> dict[str, int]:
        """Datagrams passed and dropped on the way up and down, over all links."""
        return {
            "up_passed": sum(link.up.passed for link in self._links),
            "up_dropped": sum(link.up.dropped for link in self._links),
            "down_passed": sum(link.down.passed for link in self._links),
            "down_dropped": sum(link.down.dropped for link in self._links),
            "down_bytes": sum(link.down.passed_bytes for link in self._links),
        }

    async def close(self) -> None:
        """Close every link and the listener."""
        for link in self._links:
            link.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _offer(self, request: web.Request) -> web.Response:
        number = len(self._links)
        link = Link(Path(self._seed + 2 * number), Path(self._seed + 2 * number + 1))
        await link.open()
        link.up.impairment, link.down.impairment = self._up, self._down
        self._links.append(link)
        return web.json_response({"link": number, "sdp": link.offer(await request.text())})

    async def _answer(self, request: web.Request) -> web.Response:
        link = self._links[int(request.match_info["link"])]
        return web.json_response({"sdp": link.answer(await request.text())})


def with_candidate(sdp: str, address: Address) -> str:
    """The description with one host candidate for each media section in place of those it had."""
    line = f"a=candidate:1 1 udp 2130706431 {address[0]} {address[1]} typ host\r\n"
    sections = re.split(r"(?=^m=)", sdp, flags=re.MULTILINE)
    rewritten = [sections[0]]
    for section in sections[1:]:
        bare = _CANDIDATE.sub("", section)
        rewritten.append(bare.rstrip("\r\n") + "\r\n" + (line if _CANDIDATE.search(section) else ""))
    return "".join(rewritten)


def first_candidate(sdp: str) -> Address | None:
    """Where the first UDP host candidate over IPv4 says its party is."""
    for match in _CANDIDATE.finditer(sdp):
        fields = match[0].split()
        if fields[2].lower() == "udp" and ":" not in fields[4] and not fields[4].endswith(".local"):
            return fields[4], int(fields[5])
    return None


def host_address() -> str:
    """This machine's address as peers see it: ICE leaves loopback addresses out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1 (RFC 5737); connecting a UDP socket sends nothing
            host: str = probe.getsockname()[0]
        except OSError:
            host = "127.0.0.1"
    return host
