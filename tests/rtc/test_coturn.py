"""The relay as shipped, in the real program: who may relay, for how long, and where to."""

import ipaddress
import random
import time
from collections.abc import Iterator

import pytest
from aioice import stun

from rtc.turn import Relays
from tests.rtc.coturn import SECRET, Allocation, running_coturn, wider_stun

# IANA's special-purpose registries for IPv4 and IPv6, as far as they are not for everybody to reach; and multicast.
RESERVED = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "::ffff:0:0/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/32",
    "2001:2::/48",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
]
METADATA = ("169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254", "::ffff:127.0.0.1", "::ffff:10.0.0.1")
PUBLIC = ("8.8.8.8", "1.1.1.1", "100.63.255.255", "172.32.0.1", "223.255.255.255", "2606:4700::1111", "2a00::1")

pytestmark = pytest.mark.timeout(120)


def relays(secret: str = SECRET, lifetime_s: int = 600) -> Relays:
    return Relays(("turn:relay.example:3478",), secret, lifetime_s)


def identity(made: Relays, now: float | None = None, who: str = "visit") -> tuple[str, str]:
    server = made.server(who, time.time() if now is None else now)
    return server["username"], server["credential"]


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, tuple[str, int]]]:
    """IP version: where a relay of it listens. They lie on loopback, from which nothing strays."""
    folders = [tmp_path_factory.mktemp("coturn") for _ in range(2)]
    with (
        running_coturn("127.0.0.1", "127.0.0.1", folders[0]) as four,
        running_coturn("::1", "::1", folders[1]) as six,
        wider_stun(),
    ):
        yield {4: ("127.0.0.1", four), 6: ("::1", six)}


Ports = dict[int, tuple[str, int]]


def ends_and_middle(network: str) -> list[str]:
    """The first address, the last, and one in between."""
    whole = ipaddress.ip_network(network)
    between = whole[random.Random(network).randrange(whole.num_addresses)]
    return sorted({str(whole[0]), str(whole[-1]), str(between)})


@pytest.mark.parametrize("version", [4, 6])
async def test_no_private_or_reserved_address_is_reached_through_it(ports: Ports, version: int) -> None:
    peers = [peer for network in RESERVED for peer in ends_and_middle(network)] + list(METADATA)
    peers = [peer for peer in peers if ipaddress.ip_address(peer).version == version]
    async with Allocation(ports[version], *identity(relays())) as allocation:
        answers = {peer: await allocation.permission(peer) for peer in peers}
    assert {peer: code for peer, code in answers.items() if code != 403} == {}


@pytest.mark.parametrize("version", [4, 6])
async def test_what_is_public_is_reached(ports: Ports, version: int) -> None:
    chance = random.Random(version)
    space = ipaddress.ip_network("0.0.0.0/0" if version == 4 else "2000::/3")
    drawn = [space[chance.randrange(space.num_addresses)] for _ in range(60)]
    async with Allocation(ports[version], *identity(relays())) as allocation:
        for peer in [*map(ipaddress.ip_address, PUBLIC), *drawn]:
            if peer.version == version:
                expected = 200 if peer.is_global and not peer.is_multicast else 403
                assert (str(peer), await allocation.permission(str(peer))) == (str(peer), expected)


async def test_credentials_end(ports: Ports) -> None:
    for bad in (
        identity(relays(), now=time.time() - 601),
        identity(relays("another secret")),
        (f"{int(time.time()) + 900}:visit", identity(relays())[1]),  # a later expiry under an earlier signature
        ("visit", "guess"),
    ):
        with pytest.raises(stun.TransactionFailed) as refused:
            async with Allocation(ports[4], *bad):
                pass
        assert refused.value.response.error_code == 401


async def test_one_visit_takes_only_so_many_places(ports: Ports) -> None:
    made = identity(relays(), who="greedy")
    opened: list[Allocation] = []
    try:
        with pytest.raises(stun.TransactionFailed) as refused:
            while len(opened) < 9:
                opened += [await Allocation(ports[4], *made).__aenter__()]
        assert (len(opened), refused.value.response.error_code) == (8, 486)
    finally:
        for one in opened:
            await one.__aexit__(None, None, None)


def test_the_credentials_are_those_of_the_rest_form() -> None:
    # printf '1600000600:visit' | openssl dgst -sha1 -hmac north -binary | base64
    made = Relays(("turn:a", "turns:b"), "north").server("visit", 1_600_000_000.9)
    assert made["urls"] == ["turn:a", "turns:b"]
    assert made["username"] == "1600000600:visit"
    assert made["credential"] == "uADXhjdSoyRsim58lNqqSOrg1Jg="
    assert "north" not in repr(Relays((), "north"))
