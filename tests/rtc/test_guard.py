"""Strangers with a socket: what they send never reaches DTLS, and the session goes on."""

import asyncio
import contextlib
import random
import socket
from collections.abc import Iterator

import psutil
import pylibsrtp
import pytest
from OpenSSL import SSL

from rtc.guard import MAX_QUEUED, MAX_SOURCES
from rtc.offers import TryOnOffer
from rtc.placement import Placement
from tests.rtc.conftest import StartNode
from tests.rtc.shopper import Shopper
from tests.rtc.test_node import offer_of


@pytest.fixture
def stranger() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.setblocking(False)
        yield made


def server_addresses(answer: str) -> list[tuple[str, int]]:
    lines = [line.split() for line in answer.splitlines() if line.startswith("a=candidate")]
    return [(parts[4], int(parts[5])) for parts in lines if ":" not in parts[4]]


def client_hello() -> bytes:
    """The first flight of a real DTLS client."""
    connection = SSL.Connection(SSL.Context(SSL.DTLS_METHOD))
    connection.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        connection.do_handshake()
    return connection.bio_read(2000)


async def open_session(placement: Placement, shopper: Shopper) -> tuple[TryOnOffer, str]:
    offer = offer_of(await shopper.offer())
    return offer, (await placement.open(offer)).sdp


async def test_a_strangers_hello_before_the_shoppers_does_not_win_the_race(
    start_node: StartNode, placement: Placement, stranger: socket.socket
) -> None:
    running = await start_node()
    shopper = Shopper()
    _, answer = await open_session(placement, shopper)
    hello = client_hello()
    for address in server_addresses(answer):
        for _ in range(20):
            stranger.sendto(hello, address)
    await asyncio.sleep(0.2)
    await shopper.accept(answer)
    await shopper.see(3)
    ((session, *_),) = running.node.sessions
    assert session.guard is not None
    assert session.guard.refused.unchecked >= 20
    await shopper.close()


async def test_fifty_thousand_junk_datagrams_leave_the_session_alive_and_memory_flat(
    start_node: StartNode, placement: Placement, stranger: socket.socket
) -> None:
    running = await start_node()
    shopper = Shopper()
    _, answer = await open_session(placement, shopper)
    await shopper.accept(answer)
    await shopper.see(5)
    ((session, *_),) = running.node.sessions
    assert session.receiver is not None
    queue = session.receiver.transport.transport._connection._queue
    chance = random.Random(4)
    before = psutil.Process().memory_info().rss
    (address, *_) = server_addresses(answer)
    longest = 0
    for burst in range(500):
        for _ in range(100):
            kind = chance.choice((0, 1, 22, 128, 144, 200, 255))
            stranger.sendto(bytes([kind]) + chance.randbytes(chance.choice((0, 20, 200, 1200))), address)
        longest = max(longest, queue.qsize())
        await asyncio.sleep(0)
        if burst % 50 == 0:
            await shopper.see(1)
    await shopper.see(5)
    assert longest <= MAX_QUEUED
    assert psutil.Process().memory_info().rss - before < 40e6
    assert session.connected
    await shopper.close()


async def test_malformed_media_and_control_from_a_checked_address_are_survived(
    start_node: StartNode, placement: Placement
) -> None:
    """RTP and RTCP of the shopper's own, with valid encryption and nonsense inside."""
    await start_node()
    shopper = Shopper()
    _, answer = await open_session(placement, shopper)
    await shopper.accept(answer)
    await shopper.see(3)
    transport = shopper.connection.getTransceivers()[0].sender.transport
    chance = random.Random(9)
    codec = shopper.connection.getTransceivers()[0]._codecs[0].payloadType
    for _ in range(1500):
        kind = chance.choice((codec, codec | 0x80, chance.randrange(128)))
        head = bytes([0x80 | chance.choice((0, 0, 0, 16, 32)), kind])
        with contextlib.suppress(pylibsrtp.Error):  # not even libsrtp would send some of it
            await transport._send_rtp(head + chance.randbytes(chance.choice((10, 11, 14, 30, 300))))
        rtcp = bytes([0x80 | chance.randrange(32), chance.choice((200, 201, 202, 203, 205, 206)), 0])
        await transport._send_rtp(rtcp + bytes([chance.randrange(8)]) + chance.randbytes(chance.choice((4, 8, 24, 60))))
    await shopper.see(5, within_s=30)
    await shopper.close()


async def test_a_shopper_who_opens_a_new_stream_with_every_packet_uses_up_her_own(
    start_node: StartNode, placement: Placement
) -> None:
    running = await start_node()
    shopper = Shopper()
    _, answer = await open_session(placement, shopper)
    await shopper.accept(answer)
    await shopper.see(3)
    ((session, *_),) = running.node.sessions
    assert session.receiver is not None
    assert session.guard is not None
    transceiver = shopper.connection.getTransceivers()[0]
    head = bytes([0x80, transceiver._codecs[0].payloadType, 0, 1, 0, 0, 0, 1])
    for source in range(500):
        await transceiver.sender.transport._send_rtp(head + source.to_bytes(4, "big") + bytes(20))
    await shopper.see(3)
    assert len(session.receiver.transport._rtp_router.ssrc_table) <= MAX_SOURCES + 2, "two were named in the offer"
    assert session.guard.refused.sources > 400
    await shopper.close()
