"""What leaves the house is sent when the deed was done, not before, not twice on purpose, and never lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from tenancy.database import Database
from tenancy.mail import Letters, Smtp, mail_route
from tenancy.outbox import Outbox, Parcel, Route, Undelivered, put
from tenancy.seal import Seal
from tenancy.shops import Shop
from tests.services import Addresses
from tests.tenancy.clock import Clock
from tests.tenancy.test_database import add_shop

SEAL = Seal("x" * 40)


@dataclass
class MailServer:
    """An SMTP server's mind: what it answers to a recipient, and what it took."""

    answers: list[str] = field(default_factory=list)
    taken: list[Any] = field(default_factory=list)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.taken.append(envelope)
        return "250 taken"


@pytest.fixture
async def mail_server() -> AsyncIterator[tuple[MailServer, Smtp]]:
    mind = MailServer()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(mind), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield mind, Smtp(f"smtp://127.0.0.1:{port}", "Vitrine <vitrine@shop.example>")
    server.close()


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    yield Shop(await add_shop(database, "lunettes"), "lunettes", "Lunettes", ())


async def write(database: Database, shop: Shop, text: str = "hello") -> None:
    async with database.tenant(shop.id) as connection:
        await Letters(SEAL, "https://v.example").post(connection, shop.id, "ada@shop.example", "Subject é", text)


async def waiting(database: Database, shop: Shop) -> int:
    async with database.tenant(shop.id) as connection:
        return await connection.fetchval("SELECT count(*) FROM outbox")


async def test_a_mail_arrives_at_a_real_server_and_leaves_the_table(
    database: Database, shop: Shop, mail_server: tuple[MailServer, Smtp]
) -> None:
    mind, smtp = mail_server
    await write(database, shop, "one line\nand another\n")
    await Outbox(database, {"mail": mail_route(SEAL, smtp)}).round()
    (envelope,) = mind.taken
    assert envelope.rcpt_tos == ["ada@shop.example"]
    text = envelope.content.decode()
    assert "From: Vitrine <vitrine@shop.example>" in text
    assert "Message-ID: <" in text
    assert "and another" in text
    assert await waiting(database, shop) == 0


async def test_no_mail_for_a_deed_that_was_taken_back(
    database: Database, shop: Shop, mail_server: tuple[MailServer, Smtp]
) -> None:
    mind, smtp = mail_server
    with pytest.raises(LookupError):
        async with database.tenant(shop.id) as connection:
            await Letters(SEAL, "https://v.example").post(connection, shop.id, "ada@shop.example", "S", "T")
            raise LookupError
    await Outbox(database, {"mail": mail_route(SEAL, smtp)}).round()
    assert mind.taken == []


async def test_a_mail_outlives_the_process_that_wrote_it_and_a_server_that_is_away(
    database: Database, shop: Shop, mail_server: tuple[MailServer, Smtp], addresses: Addresses
) -> None:
    mind, smtp = mail_server
    await write(database, shop)
    clock = Clock.now()
    away = Smtp("smtp://127.0.0.1:9", "v@shop.example")
    await Outbox(database, {"mail": mail_route(SEAL, away)}, now=clock).round()
    assert await waiting(database, shop) == 1
    again = await Database.connect(addresses.app)
    outbox = Outbox(again, {"mail": mail_route(SEAL, smtp)}, now=clock)
    await outbox.round()
    assert mind.taken == [], "it is not yet due again"
    clock.pass_by(minutes=1)
    await outbox.round()
    assert len(mind.taken) == 1
    await again.close()


async def test_a_refusal_for_now_is_tried_again_and_one_for_good_is_not(
    database: Database, shop: Shop, mail_server: tuple[MailServer, Smtp]
) -> None:
    mind, smtp = mail_server
    clock, dead = Clock.now(), []
    outbox = Outbox(database, {"mail": mail_route(SEAL, smtp)}, now=clock, on_dead=dead.append)
    mind.answers = ["451 later", "250 OK"]
    await write(database, shop)
    clock.pass_by(minutes=1)
    await outbox.round()
    clock.pass_by(minutes=1)
    await outbox.round()
    assert (len(mind.taken), dead) == (1, [])
    mind.answers = ["550 nobody here"]
    await write(database, shop)
    await outbox.round()
    assert (await waiting(database, shop), dead) == (0, ["mail"])


async def test_nothing_in_the_table_can_be_read(database: Database, shop: Shop, addresses: Addresses) -> None:
    await write(database, shop, "the token is 4711")
    async with database.tenant(shop.id) as connection:
        row = await connection.fetchrow("SELECT subject, content FROM outbox")
    assert row["subject"] == ""
    assert b"4711" not in row["content"]
    assert b"ada" not in row["content"]


async def test_two_processes_carry_each_parcel_once(database: Database, shop: Shop) -> None:
    carried: list[Parcel] = []

    async def carry(parcel: Parcel) -> str:
        await asyncio.sleep(0.01)
        carried.append(parcel)
        return "ok"

    for _ in range(12):
        async with database.tenant(shop.id) as connection:
            await put(connection, shop.id, "mail", b"x")
    route = Route(carry, (), kept=False)
    await asyncio.gather(*(Outbox(database, {"mail": route}).round() for _ in range(3)))
    assert len(carried) == len({parcel.id for parcel in carried}) == 12


async def test_a_process_that_dies_with_a_parcel_is_followed_by_another(database: Database, shop: Shop) -> None:
    carried = []

    async def hang(_parcel: Parcel) -> str:
        await asyncio.sleep(60)
        return "never"

    async def carry(parcel: Parcel) -> str:
        carried.append(parcel.attempts)
        return "ok"

    async with database.tenant(shop.id) as connection:
        await put(connection, shop.id, "mail", b"x")
    clock = Clock.now()
    dying = Outbox(database, {"mail": Route(hang, (), kept=False)}, now=clock, every_s=0.01)
    dying.start()
    await asyncio.sleep(0.1)
    await dying.stop(within_s=0.01)
    other = Outbox(database, {"mail": Route(carry, (), kept=False)}, now=clock)
    await other.round()
    assert carried == [], "it is the first one's for a while"
    clock.pass_by(minutes=3)
    await other.round()
    assert carried == [2]


async def test_a_shop_whose_parcels_never_arrive_does_not_hold_up_the_others(database: Database, shop: Shop) -> None:
    other = await add_shop(database, "chapeaux")
    arrived, release = asyncio.Event(), asyncio.Event()
    held = 0

    async def carry(parcel: Parcel) -> str:
        nonlocal held
        if parcel.tenant_id == other:
            arrived.set()
        else:
            held += 1
            await release.wait()
        return "ok"

    async with database.tenant(shop.id) as connection:
        for _ in range(10):
            await put(connection, shop.id, "mail", b"x")
    outbox = Outbox(database, {"mail": Route(carry, (), kept=False, at_once=4)}, every_s=0.01)
    outbox.start()
    await asyncio.sleep(0.3)  # it has looked many times by now
    async with database.tenant(other) as connection:
        await put(connection, other, "mail", b"x")
    async with asyncio.timeout(5):
        await arrived.wait()
    assert held == 2
    release.set()
    await outbox.stop()


async def test_what_is_kept_says_how_it_ended(database: Database, shop: Shop) -> None:
    async def refuse(_parcel: Parcel) -> str:
        raise Undelivered("answered 500")

    async with database.tenant(shop.id) as connection:
        await put(connection, shop.id, "mail", b"x")
    clock = Clock.now()
    outbox = Outbox(database, {"mail": Route(refuse, (timedelta(minutes=1),), kept=True)}, now=clock)
    for _ in range(2):
        await outbox.round()
        clock.pass_by(minutes=2)
    async with database.tenant(shop.id) as connection:
        row = await connection.fetchrow("SELECT state, attempts, answer FROM outbox")
    assert tuple(row) == ("dead", 2, "answered 500")
