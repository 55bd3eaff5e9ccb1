"""What one shopper can make a media process keep has an end: messages in pieces, streams, answers, candidates."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiortc import RTCIceCandidate
from aiortc.rtcsctptransport import DataChunk, SackChunk, serialize_packet

from rtc.placement import Placement
from rtc.sctp_check import MAX_AHEAD, MAX_PIECES, MAX_STREAMS
from rtc.session import MAX_UNHEARD_BYTES, MESSAGES_PER_S, Session
from rtc.signalling import MAX_CANDIDATES, Fragment
from tests.rtc.conftest import StartNode
from tests.rtc.shopper import Shopper
from tests.rtc.test_node import connect, offer_of

FIRST_PIECE, UNORDERED = 2, 4
STRING = 51


@pytest.fixture
async def shopper(start_node: StartNode, placement: Placement) -> AsyncIterator[Shopper]:
    running, made = await start_node(), Shopper()
    await connect(placement, made)
    await made.see(1)
    ((made.session, *_),) = running.node.sessions  # type: ignore[attr-defined]
    yield made
    await made.close()


@pytest.fixture
def session(shopper: Shopper) -> Session:
    found = shopper.session  # type: ignore[attr-defined]
    assert isinstance(found, Session)
    return found


async def hear(sctp: Any, *, ahead: int, stream: int, flags: int = FIRST_PIECE) -> None:
    """The shopper's SCTP sends one piece of a message that never ends."""
    chunk = DataChunk(flags=flags)
    chunk.tsn = (sctp._last_received_tsn + ahead) & 0xFFFFFFFF
    chunk.stream_id, chunk.stream_seq, chunk.protocol, chunk.user_data = stream, 0, STRING, b"x" * 1000
    await sctp._handle_data(serialize_packet(5000, 5000, sctp._local_verification_tag, chunk))


async def test_messages_without_an_end_fill_no_memory(session: Session, shopper: Shopper) -> None:
    sctp: Any = session._connection.sctp
    for stream in (1, 3, MAX_STREAMS + 1, 60_001):
        for _ in range(2 * MAX_PIECES):
            await hear(sctp, ahead=1, stream=stream)
    held = {stream: len(kept.reassembly) for stream, kept in sctp._inbound_streams.items()}
    assert held[1] == held[3] == MAX_PIECES
    assert max(held) < MAX_STREAMS
    shopper.say(type="ping", t=7)
    await shopper.see(2)


async def test_messages_far_ahead_fill_no_memory(session: Session, shopper: Shopper) -> None:
    sctp: Any = session._connection.sctp
    for ahead in range(2, 4 * MAX_AHEAD, 2):
        await hear(sctp, ahead=ahead, stream=ahead % MAX_STREAMS, flags=FIRST_PIECE | UNORDERED)
    assert 0 < len(sctp._sack_misordered) <= MAX_AHEAD
    await shopper.see(2)


async def test_what_would_keep_the_reader_busy_for_ever_does_not_reach_it(session: Session, shopper: Shopper) -> None:
    sctp: Any = session._connection.sctp
    sack = SackChunk()
    sack.cumulative_tsn, sack.advertised_rwnd, sack.gaps = sctp._last_sacked_tsn, 1000, [(2, 65_535)] * 300
    assert session.guard is not None
    before = session.guard.refused.malformed
    await sctp._handle_data(serialize_packet(5000, 5000, sctp._local_verification_tag, sack))
    assert session.guard.refused.malformed == before + 1
    await shopper.see(2)


async def test_a_flood_of_messages_is_answered_only_in_part(session: Session, shopper: Shopper) -> None:
    answered = MESSAGES_PER_S  # passed over by the first look for the error
    for number in range(10 * MESSAGES_PER_S):
        session._on_message(json.dumps({"type": "ping", "t": number}))
    assert (await shopper.hear("error"))["code"] == "too-many-messages"
    await asyncio.sleep(1.1)
    shopper.say(type="ping", t=-1)
    while (await shopper.hear("pong"))["t"] != -1:
        answered += 1
    assert answered <= 2 * MESSAGES_PER_S, "the second may have changed under way"


async def test_a_shopper_who_takes_no_answer_is_told_nothing_more(session: Session, shopper: Shopper) -> None:
    far: Any = shopper.connection.sctp

    async def keep_silent() -> None:
        far._sack_needed = False

    far._send_sack = keep_silent
    message = {"type": "pong", "t": "x" * 1000}
    for _ in range(10 * MAX_UNHEARD_BYTES // 1000):
        session.say(message)
    assert session._channel is not None
    assert session._channel.bufferedAmount < MAX_UNHEARD_BYTES + 2 * len(json.dumps(message))
    await shopper.see(2)


async def test_trickled_candidates_are_capped_over_all_fragments(start_node: StartNode, placement: Placement) -> None:
    running, caller = await start_node(), Shopper()
    text = (await caller.offer()).replace("a=end-of-candidates\r\n", "")
    await placement.open(offer_of(text))
    ((session, *_),) = running.node.sessions
    assert session.receiver is not None
    ice = session.receiver.transport.transport._connection
    before = len(ice._remote_candidates)
    for turn in range(5):
        candidates = tuple(
            RTCIceCandidate(1, "1", f"127.9.{turn}.{host}", 50_000, 1, "udp", "host", sdpMid="0")
            for host in range(1, MAX_CANDIDATES + 1)
        )
        await session.trickle(Fragment(None, candidates, complete=False))
    assert len(ice._remote_candidates) - before == MAX_CANDIDATES
    await caller.close()
