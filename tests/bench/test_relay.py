"""Media passes through the relay, because each party is told of the relay's socket instead of the other's."""

from __future__ import annotations

import asyncio

import aiohttp

from bench.impairment import Impairment
from bench.latency import Arrival, recovery_s, summarise
from bench.peer import Orders, Peer
from bench.relay import Relay, first_candidate, with_candidate
from bench.servers import EchoServer
from bench.signalling import EchoDoor, RelayedDoor
from bench.source import LiveTrack, film

OFFER = (
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
    "m=video 50000 UDP/TLS/RTP/SAVPF 97\r\nc=IN IP4 192.168.7.2\r\n"
    "a=candidate:a 1 udp 2130706431 fd00::2 50001 typ host\r\n"
    "a=candidate:b 1 udp 2130706431 192.168.7.2 50000 typ host\r\n"
    "a=end-of-candidates\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\n"
)


def test_a_description_names_only_the_relay() -> None:
    rewritten = with_candidate(OFFER, ("192.168.7.9", 4000))
    assert first_candidate(OFFER) == ("192.168.7.2", 50000)
    assert first_candidate(rewritten) == ("192.168.7.9", 4000)
    assert rewritten.count("a=candidate") == 1
    assert "a=end-of-candidates\r\n" in rewritten


async def test_a_peer_behind_the_relay_feels_the_delay_and_the_loss() -> None:
    server, relay = EchoServer("marker"), Relay()
    await server.start()
    await relay.start()
    try:
        async with aiohttp.ClientSession() as http:
            orders = Orders(server="echo", url=server.url, width=320, height=240)
            track = LiveTrack(film(320, 240, 24, seconds=1.0))
            door = RelayedDoor(http, relay.url, EchoDoor(http, server.url))
            peer = Peer(orders, door, track)
            await peer.connect()
            await asyncio.wait_for(peer.flowing.wait(), 20)
            near = await watch(peer)
            relay.impair(Impairment(delay_ms=80), Impairment(delay_ms=80))
            await asyncio.sleep(0.5)
            far = await watch(peer)
            await peer.close()
    finally:
        await relay.close()
        await server.stop()
    assert 140 < far - near < 220
    assert relay.counted()["up_passed"] > 50


async def watch(peer: Peer) -> float:
    """The median latency of the next second, in milliseconds."""
    start = asyncio.get_running_loop().time()
    await asyncio.sleep(1.0)
    arrivals = [Arrival(*a) for a in peer.record.arrivals]
    return summarise(peer.record.sent, arrivals, start, start + 1.0).p50_ms


def test_recovery_is_the_time_until_the_stream_stays_quick() -> None:
    sent = {n: n / 24 for n in range(240)}
    arrivals = [Arrival(n, at + (0.5 if at < 4 else 0.02)) for n, at in sent.items()]
    assert 0.9 < recovery_s(sent, arrivals, 3.0, 9.0, limit_ms=40) < 1.6
    assert recovery_s(sent, arrivals, 5.0, 9.0, limit_ms=40) == 0.0
    assert recovery_s(sent, arrivals, 1.0, 3.0, limit_ms=40) == float("inf")
