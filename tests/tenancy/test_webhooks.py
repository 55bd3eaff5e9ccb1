"""A shop is told of what happens: signed, tried again, never into a private network, and it sees what became of it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from tenancy.database import Database
from tenancy.errors import InvalidWebhook, UnknownDelivery, UnknownWebhook
from tenancy.events import tell
from tenancy.files import Files
from tenancy.ledger import TryOn, note_try_on
from tenancy.outbox import Outbox
from tenancy.product_versions import ProductVersions
from tenancy.products import Products
from tenancy.seal import Seal
from tenancy.webhook_delivery import Deliverer, is_public
from tenancy.webhooks import Webhooks
from tests.tenancy.clock import Clock
from tests.tenancy.test_database import add_shop
from tests.web.conftest import take_unchanged

SEAL = Seal("x" * 40)
EVERYTHING = ["product.published", "tryon.ended", "usage.cap_reached"]


@dataclass
class Receiver:
    """A shop's server: what it was asked, and what it answers."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    asked: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    slow_s: float = 0.0

    async def take(self, request: web.Request) -> web.Response:
        self.asked.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        await asyncio.sleep(self.slow_s)
        status = self.answers.pop(0) if self.answers else 204
        return web.Response(status=status, headers={"Location": self.url + "elsewhere"} if status in (302, 307) else {})

    def events(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.asked]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/{tail:.*}", made.take)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield made
    await runner.cleanup()


@dataclass
class House:
    """A shop with webhooks that may lead to this machine."""

    database: Database
    tenant: Any
    clock: Clock
    webhooks: Webhooks
    outbox: Outbox
    dead: list[str]

    async def tell(self, event: str = "product.published", **data: Any) -> None:
        async with self.database.tenant(self.tenant) as connection:
            await tell(connection, self.tenant, event, data)


@pytest.fixture
async def house(database: Database) -> House:
    clock, dead = Clock.now(), []
    clock.pass_by(minutes=1)
    deliverer = Deliverer(database, SEAL, allowed=lambda _: True, timeout_s=0.5)
    outbox = Outbox(database, {"webhook": deliverer.route}, now=clock, on_dead=dead.append)
    webhooks = Webhooks(database, SEAL, private=True)
    return House(database, await add_shop(database, "lunettes"), clock, webhooks, outbox, dead)


async def test_what_is_told_is_signed_as_standard_webhooks_has_it(house: House, receiver: Receiver) -> None:
    _, secret = await house.webhooks.add(house.tenant, receiver.url + "hook", EVERYTHING, by="ada")
    await house.tell(id="4711", name="Panto é")
    await house.outbox.round()
    ((headers, body),) = receiver.asked
    told = json.loads(body)
    assert told["type"] == "product.published"
    assert told["data"] == {"id": "4711", "name": "Panto é"}
    assert abs(time.time() - int(headers["webhook-timestamp"])) < 60
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


async def test_a_failure_is_tried_again_under_the_same_id_and_a_new_time(house: House, receiver: Receiver) -> None:
    webhook, _ = await house.webhooks.add(house.tenant, receiver.url, EVERYTHING, by="ada")
    receiver.answers = [500, 302, 204]
    await house.tell()
    for _ in range(3):
        await house.outbox.round()
        house.clock.pass_by(minutes=2)
    assert len(receiver.asked) == 3
    assert len({headers["webhook-id"] for headers, _ in receiver.asked}) == 1
    (delivery,) = await house.webhooks.deliveries(house.tenant, webhook.id)
    assert (delivery.state, delivery.attempts, delivery.answer) == ("delivered", 3, "answered 204")
    await house.outbox.round()
    assert len(receiver.asked) == 3


async def test_it_is_given_up_after_nine_attempts_and_can_be_told_again(house: House, receiver: Receiver) -> None:
    webhook, _ = await house.webhooks.add(house.tenant, receiver.url, EVERYTHING, by="ada")
    receiver.answers = [503] * 9
    await house.tell()
    for _ in range(12):
        await house.outbox.round()
        house.clock.pass_by(days=1)
    (delivery,) = await house.webhooks.deliveries(house.tenant, webhook.id)
    assert (delivery.state, delivery.attempts, delivery.answer) == ("dead", 9, "answered 503")
    assert (len(receiver.asked), house.dead) == (9, ["webhook"])
    await house.webhooks.again(house.tenant, webhook.id, delivery.id, by="ada")
    await house.outbox.round()
    (delivery,) = await house.webhooks.deliveries(house.tenant, webhook.id)
    assert delivery.state == "delivered"


async def test_a_server_that_is_slow_or_away_is_no_more_than_a_failure(house: House, receiver: Receiver) -> None:
    slow, _ = await house.webhooks.add(house.tenant, receiver.url, EVERYTHING, by="ada")
    away, _ = await house.webhooks.add(house.tenant, "http://127.0.0.1:9/", EVERYTHING, by="ada")
    receiver.slow_s = 2
    await house.tell()
    await house.outbox.round()
    answers = [(await house.webhooks.deliveries(house.tenant, one.id))[0].answer for one in (slow, away)]
    assert answers == ["no answer within 0.5 s", "no connection"]


async def test_a_redirect_is_not_followed(house: House, receiver: Receiver) -> None:
    await house.webhooks.add(house.tenant, receiver.url, EVERYTHING, by="ada")
    receiver.answers = [307]  # which would come as a POST again
    await house.tell()
    await house.outbox.round()
    assert len(receiver.asked) == 1


async def test_gone_switches_it_off(house: House, receiver: Receiver) -> None:
    webhook, _ = await house.webhooks.add(house.tenant, receiver.url, EVERYTHING, by="ada")
    receiver.answers = [410]
    await house.tell()
    await house.outbox.round()
    assert not (await house.webhooks.every(house.tenant))[0].active
    await house.tell()
    await house.outbox.round()
    assert len(receiver.asked) == 1
    await house.webhooks.change(house.tenant, webhook.id, active=True, by="ada")
    await house.tell()
    await house.outbox.round()
    assert len(receiver.asked) == 2


async def test_only_what_was_asked_for_is_told_and_only_to_the_shop_itself(house: House, receiver: Receiver) -> None:
    other = await add_shop(house.database, "chapeaux")
    webhook, _ = await house.webhooks.add(house.tenant, receiver.url, ["tryon.ended"], by="ada")
    await house.tell("product.published")
    async with house.database.tenant(other) as connection:
        await tell(connection, other, "tryon.ended", {})
    await house.outbox.round()
    assert receiver.asked == []
    for change in (
        house.webhooks.change(other, webhook.id, active=False, by="bo"),
        house.webhooks.remove(other, webhook.id, by="bo"),
        house.webhooks.test(other, webhook.id),
        house.webhooks.deliveries(other, webhook.id),
    ):
        with pytest.raises(UnknownWebhook):
            await change
    with pytest.raises(UnknownDelivery):
        await house.webhooks.again(house.tenant, webhook.id, uuid4(), by="ada")


async def test_a_deed_that_was_taken_back_is_not_told(house: House, receiver: Receiver) -> None:
    await house.webhooks.add(house.tenant, receiver.url, EVERYTHING, by="ada")
    with pytest.raises(LookupError):
        async with house.database.tenant(house.tenant) as connection:
            await tell(connection, house.tenant, "product.published", {})
            raise LookupError
    await house.outbox.round()
    assert receiver.asked == []


async def test_the_deeds_themselves_tell(house: House, receiver: Receiver, files: Files) -> None:
    await house.webhooks.add(house.tenant, receiver.url, EVERYTHING, by="ada")
    products = Products(house.database, files, take_unchanged)
    product = await products.add(house.tenant, "Panto", "glasses", b"glTF")
    await products.add(house.tenant, "Kept back", "glasses", b"glTF two", published=False)
    versions = ProductVersions(house.database, products)
    await versions.change(house.tenant, product.id, published=False, by="ada")
    await versions.change(house.tenant, product.id, published=True, by="ada")
    async with house.database.tenant(house.tenant) as connection:
        await connection.execute("UPDATE shops SET cap_try_ons = 2")
    for number in (1, 2, 2, 3):  # one is told twice by a process that was not sure
        async with house.database.tenant(house.tenant) as connection:
            await note_try_on(connection, TryOn(house.tenant, f"s{number}", datetime.now(UTC), 12.5, [product.id]))
    await house.outbox.round()
    assert sorted(receiver.events()) == [*["product.published"] * 2, *["tryon.ended"] * 3, "usage.cap_reached"]
    ended = next(json.loads(body) for _, body in receiver.asked if b"tryon.ended" in body)
    assert ended["data"]["products"] == [str(product.id)]
    assert ended["data"]["seconds"] == 12.5


async def test_a_cap_is_reached_once_by_two_that_end_together(house: House, receiver: Receiver) -> None:
    await house.webhooks.add(house.tenant, receiver.url, ["usage.cap_reached"], by="ada")
    async with house.database.tenant(house.tenant) as connection:
        await connection.execute("UPDATE shops SET cap_try_ons = 3")

    async def end(name: str) -> None:
        async with house.database.tenant(house.tenant) as connection:
            await note_try_on(connection, TryOn(house.tenant, name, datetime.now(UTC), 1.0, []))

    await asyncio.gather(*(end(f"s{number}") for number in range(5)))
    await house.outbox.round()
    assert receiver.events() == ["usage.cap_reached"]


# --- where it may lead --------------------------------------------------------------------------------------

PRIVATE = (
    "127.0.0.1", "127.9.9.9", "0.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.0.8", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "::", "::1", "fe80::1",
    "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
    "2002:7f00:1::", "2001:db8::1", "no address",
)  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_no_address_but_a_public_one(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


class Names(AbstractResolver):
    """A name server in somebody else's hand: the next answer at each question."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        self.asked += 1
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        flags = socket.AI_NUMERICHOST
        return [ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=flags) for one in found]

    async def close(self) -> None:
        pass


async def carried(house: House, url: str, names: Names, allowed: Callable[[str], bool] = is_public) -> str:
    """How telling `url` ended, with names that lead where `names` says."""
    webhook, _ = await house.webhooks.add(house.tenant, url, EVERYTHING, by="ada")
    await house.tell()
    deliverer = Deliverer(house.database, SEAL, allowed=allowed, resolver=names, timeout_s=0.5)
    await Outbox(house.database, {"webhook": deliverer.route}, now=house.clock).round()
    return (await house.webhooks.deliveries(house.tenant, webhook.id))[0].answer


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "http://[::1]:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://169.254.169.254/",
    ],
)
async def test_an_address_in_the_url_itself_is_judged(house: House, receiver: Receiver, url: str) -> None:
    port = receiver.url.split(":")[2].strip("/")
    assert await carried(house, url.format(port=port), Names(["8.8.8.8"])) == "not a public address"
    assert receiver.asked == []


@pytest.mark.parametrize("host", ["inner.example", "2130706433", "0x7f.1", "localhost"])
async def test_a_name_that_leads_inside_is_refused_however_it_is_written(
    house: House, receiver: Receiver, host: str
) -> None:
    url = receiver.url.replace("127.0.0.1", host)
    for names in (Names(["127.0.0.1"]), Names(["8.8.8.8", "127.0.0.1"])):
        answer = await carried(house, url, names)
        assert answer in ("not a public address", "no answer"), "the client itself refuses a number as a name"
    assert receiver.asked == []


async def test_a_name_that_answers_otherwise_the_second_time_is_not_asked_twice(
    house: House, receiver: Receiver
) -> None:
    """DNS rebinding: judged at a public address, connected to a private one. Here 127.0.0.2 stands for the first."""
    names = Names(["127.0.0.2"], ["127.0.0.1"])
    url = receiver.url.replace("127.0.0.1", "rebinding.example")
    answer = await carried(house, url, names, allowed=lambda address: address == "127.0.0.2")
    assert names.asked == 1
    assert answer == "no connection", "it went to the address that was judged, where nobody listens"
    assert receiver.asked == []


@pytest.mark.parametrize(
    "url",
    ["", "ftp://a.example", "http://a.example", "https://", "https://u:p@a.example", "https://a.example/#x",
     "https://a.example:0/", "https://a.example:99999/", "https://[::1", "https://a b.example", "https://é.example",
     "https://a.example/\n", "javascript:alert(1)", "https://a.example/" + "x" * 2000],
)  # fmt: skip
async def test_an_address_that_no_webhook_can_have(database: Database, url: str) -> None:
    tenant = await add_shop(database, "lunettes")
    with pytest.raises(InvalidWebhook):
        await Webhooks(database, SEAL).add(tenant, url, EVERYTHING, by="ada")


@pytest.mark.parametrize("events", [[], ["product.removed"], ["tryon.ended", "*"]])
async def test_events_that_there_are_not(database: Database, events: list[str]) -> None:
    tenant = await add_shop(database, "lunettes")
    with pytest.raises(InvalidWebhook):
        await Webhooks(database, SEAL).add(tenant, "https://a.example/", events, by="ada")


async def test_the_secret_is_sealed_and_bound_to_its_webhook(house: House, receiver: Receiver) -> None:
    _, secret = await house.webhooks.add(house.tenant, receiver.url, EVERYTHING, by="ada")
    await house.webhooks.add(house.tenant, receiver.url, EVERYTHING, by="ada")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    async with house.database.tenant(house.tenant) as connection:
        for row in await connection.fetch("SELECT secret FROM webhooks"):
            assert key not in row["secret"]
        await connection.execute(
            "UPDATE webhooks SET secret = (SELECT secret FROM webhooks ORDER BY created_at LIMIT 1)"
        )
    await house.tell()
    await house.outbox.round()
    assert len(receiver.asked) == 1, "the other one's secret is none of its own"
