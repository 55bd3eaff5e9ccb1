"""How datagrams are sorted before anybody reads them: by first byte, length, source, and how many come."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aioice.ice import Connection
from aioice.stun import Class, Message, Method

from rtc import guard as module
from rtc.guard import MAX_DATAGRAM, MAX_QUEUED, STUN_PER_S, DatagramGuard

SHOPPER, STRANGER = ("192.0.2.7", 40_000), ("192.0.2.8", 40_000)
DTLS = b"\x16"


@pytest.fixture
async def connection() -> AsyncIterator[Connection]:
    made = Connection(ice_controlling=False)
    await made.gather_candidates()
    yield made
    await made.close()


@pytest.fixture
def guard(connection: Connection) -> DatagramGuard:
    made = DatagramGuard(connection)
    made.install()
    made._checked.add(SHOPPER)
    return made


@pytest.fixture
def send(connection: Connection, guard: DatagramGuard) -> Callable[[bytes, tuple[str, int]], None]:
    """A datagram arrives at the connection's first socket."""
    first: Any = connection._protocols[0]
    received: Callable[[bytes, tuple[str, int]], None] = first.datagram_received
    return received


def request() -> bytes:
    return bytes(Message(message_method=Method.BINDING, message_class=Class.REQUEST))


def queued(connection: Connection) -> list[bytes]:
    queue = connection._queue
    return [queue.get_nowait()[0] for _ in range(queue.qsize())]  # type: ignore[index]


def test_dtls_is_heard_from_a_checked_address_alone(
    connection: Connection, guard: DatagramGuard, send: Callable[..., None]
) -> None:
    send(DTLS + b"ours", SHOPPER)
    send(DTLS + b"theirs", STRANGER)
    assert queued(connection) == [DTLS + b"ours"]
    assert guard.refused.unchecked == 1


@pytest.mark.parametrize("first", [4, 19, 64, 127, 192, 255])
def test_what_is_no_protocol_of_ours_is_dropped_even_from_the_shopper(
    connection: Connection, guard: DatagramGuard, send: Callable[..., None], first: int
) -> None:
    send(bytes([first]) + b"what", SHOPPER)
    assert queued(connection) == []
    assert guard.refused.malformed == 1


@pytest.mark.parametrize("datagram", [b"", DTLS + bytes(MAX_DATAGRAM)])
def test_nothing_and_too_much_are_dropped(
    connection: Connection, guard: DatagramGuard, send: Callable[..., None], datagram: bytes
) -> None:
    send(datagram, SHOPPER)
    assert queued(connection) == []
    assert guard.refused.malformed == 1


def test_who_sends_faster_than_is_read_loses_the_oldest(
    connection: Connection, guard: DatagramGuard, send: Callable[..., None]
) -> None:
    sent = [DTLS + number.to_bytes(2, "big") for number in range(MAX_QUEUED + 100)]
    for datagram in sent:
        send(datagram, SHOPPER)
    assert queued(connection) == sent[100:]
    assert guard.refused.overflow == 100


def test_only_so_many_questions_of_strangers_are_worth_an_answer_in_a_second(
    guard: DatagramGuard, send: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    for _ in range(STUN_PER_S + 50):
        send(request(), STRANGER)
    assert guard.refused.flood == 50
    send(request(), SHOPPER)
    assert guard.refused.flood == 50, "the shopper's own checks are answered meanwhile"
    now = 1001.0
    send(request(), STRANGER)
    assert guard.refused.flood == 50


def test_stun_that_lies_about_its_length_or_lacks_the_cookie_is_dropped(
    guard: DatagramGuard, send: Callable[..., None]
) -> None:
    send(request() + b"more", STRANGER)
    send(request()[:4] + bytes(4) + request()[8:], STRANGER)
    assert guard.refused.malformed == 2
