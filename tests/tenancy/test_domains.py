"""A shop gets the domains that it can prove by their DNS, a real one on the wire, and no others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from tenancy.credentials import Credentials
from tenancy.database import Database
from tenancy.domains import MOST_DOMAINS, Domains, checked_host, txt_records
from tenancy.errors import InvalidDomain, TakenDomain, UnknownDomain, UnprovenDomain
from tenancy.shops import Shop


class NameServer(asyncio.DatagramProtocol):
    """Answers TXT questions from `records`, a long one in pieces, as DNS has it."""

    def __init__(self) -> None:
        self.records: dict[str, list[str]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        asked = dns.message.from_wire(data)
        answer = dns.message.make_response(asked)
        name = asked.question[0].name
        texts = self.records.get(name.to_text(omit_final_dot=True))
        if texts is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            pieces = [" ".join(f'"{text[i : i + 20]}"' for i in range(0, len(text), 20)) for text in texts]
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *pieces))
        self._transport.sendto(answer.to_wire(), address)


@pytest.fixture
async def names() -> AsyncIterator[tuple[NameServer, int]]:
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        NameServer, local_addr=("127.0.0.1", 0)
    )
    yield server, transport.get_extra_info("sockname")[1]
    transport.close()


@pytest.fixture
def domains(database: Database, names: tuple[NameServer, int]) -> Domains:
    port = names[1]
    return Domains(database, Credentials(database), lambda name: txt_records(name, server="127.0.0.1", port=port))


@pytest.fixture
async def shops(database: Database) -> list[Shop]:
    return [await Credentials(database).ensure_shop(slug, slug.upper(), f"pk_{slug}") for slug in ("a", "b")]


async def test_who_can_write_into_its_dns_gets_it_however_many_asked_before(
    domains: Domains, shops: list[Shop], names: tuple[NameServer, int], database: Database
) -> None:
    a, b = shops
    first, second = [await domains.add(shop.id, "Mirror.Example.com.", by="x") for shop in (a, b)]
    assert first.host == second.host == "mirror.example.com"
    assert first.token != second.token
    assert await domains.add(a.id, "mirror.example.com", by="x") == first
    with pytest.raises(UnprovenDomain):
        await domains.verify(a.id, first.host, by="x")  # there is no such name
    names[0].records["_vitrine.mirror.example.com"] = ["v=spf1 -all", second.proof]
    with pytest.raises(UnprovenDomain):
        await domains.verify(a.id, first.host, by="x")
    with pytest.raises(UnknownDomain):
        await domains.shop_for_host("mirror.example.com")
    assert (await domains.verify(b.id, second.host, by="x")).verified_at is not None
    assert (await domains.shop_for_host("mirror.example.com")).id == b.id
    shop = await Credentials(database).shop_of_tenant(b.id)
    assert shop.allowed_origins == ("https://mirror.example.com",)
    names[0].records["_vitrine.mirror.example.com"].append(first.proof)
    with pytest.raises(TakenDomain):
        await domains.verify(a.id, first.host, by="x")
    assert (await Credentials(database).shop_of_tenant(a.id)).allowed_origins == ()
    await domains.remove(b.id, second.host, by="x")
    assert (await domains.verify(a.id, first.host, by="x")).verified_at is not None
    with pytest.raises(UnknownDomain):
        await domains.verify(b.id, second.host, by="x")


async def test_a_shop_has_a_few_and_no_more(domains: Domains, shops: list[Shop]) -> None:
    for number in range(MOST_DOMAINS):
        await domains.add(shops[0].id, f"n{number}.example", by="x")
    with pytest.raises(InvalidDomain):
        await domains.add(shops[0].id, "one-more.example", by="x")
    await domains.add(shops[0].id, "n0.example", by="x")
    assert len(await domains.of_shop(shops[0].id)) == MOST_DOMAINS
    assert await domains.of_shop(shops[1].id) == []


async def test_a_name_server_that_is_away_proves_nothing(domains: Domains, shops: list[Shop]) -> None:
    assert await txt_records("_vitrine.example.com", server="127.0.0.1", port=1) == []


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost",
        "192.0.2.1",
        "1.2.3.256",
        "::1",
        "a..b",
        "-a.example",
        "a-.example",
        "a b.example",
        "a/b.example",
        "x" * 64 + ".example",
        "é" * 80 + ".example",
        "a." * 130 + "example",
        "http://a.example",
        "a.example:80",
        "\0.a",
    ],
)
def test_what_is_no_name_is_refused(host: str) -> None:
    with pytest.raises(InvalidDomain):
        checked_host(host)


def test_a_name_is_kept_as_dns_has_it() -> None:
    assert checked_host(" Spiegel.Brillen-Müller.example. ") == "spiegel.xn--brillen-mller-4ob.example"
