"""Offers and trickled candidates, checked before anything acts on them."""

import pytest
from aiortc import RTCPeerConnection

from rtc.offers import OfferRejected
from rtc.signalling import MAX_CANDIDATES, CandidatePolicy, check_offer, read_fragment
from tests.rtc.shopper import LOCAL

OPEN, PUBLIC = CandidatePolicy(), CandidatePolicy(allow_private=False)


async def offer(*kinds: str, direction: str = "sendrecv", channel: bool = True) -> str:
    connection = RTCPeerConnection(LOCAL)
    for kind in kinds:
        connection.addTransceiver(kind, direction=direction)
    if channel:
        connection.createDataChannel("control")
    await connection.setLocalDescription(await connection.createOffer())
    text = str(connection.localDescription.sdp)
    await connection.close()
    return text


def code_of(text: str, policy: CandidatePolicy = OPEN) -> str:
    with pytest.raises(OfferRejected) as rejected:
        check_offer(text, policy)
    return rejected.value.code


async def test_a_good_offer_passes() -> None:
    assert check_offer(await offer("video"), OPEN).startswith("v=0")


async def test_video_beside_audio_passes() -> None:
    assert check_offer(await offer("audio", "video"), OPEN)


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "hello",
        "{}",
        "v=0",
        "v=0\r\nm=video",
        "\x00" * 100,
        "v=0\r\no=- 1 1 IN IP4 x\r\nm=video 9 UDP/TLS/RTP/SAVPF x",
    ],
)
def test_garbage_is_named_so(garbage: str) -> None:
    assert code_of(garbage) == "sdp-invalid"


async def test_each_wrong_offer_has_its_code() -> None:
    assert code_of("v=0\r\n" + "a=x\r\n" * 20_000) == "sdp-too-large"
    assert code_of(await offer("audio")) == "sdp-no-video"
    assert code_of(await offer()) == "sdp-no-video"
    assert code_of(await offer("video", "video")) == "sdp-many-videos"
    assert code_of(await offer("video", direction="recvonly")) == "sdp-not-sendrecv"
    good = await offer("video")
    assert code_of(good.replace("VP8/", "AV9/").replace("H264/", "H299/")) == "sdp-no-codec"
    stripped = "\r\n".join(line for line in good.splitlines() if not line.startswith("a=fingerprint"))
    assert code_of(stripped) == "sdp-invalid"


def with_candidates(text: str, *addresses: str) -> str:
    lines = [line for line in text.splitlines() if not line.startswith("a=candidate")]
    lines += [f"a=candidate:{i} 1 udp 2113937151 {address} 50000 typ host" for i, address in enumerate(addresses)]
    return "\r\n".join(lines) + "\r\n"


async def test_only_addresses_that_the_operator_allows_are_tried() -> None:
    text = with_candidates(
        await offer("video"),
        "8.8.8.8", "10.0.0.7", "192.168.1.2", "127.0.0.1", "169.254.169.254", "224.0.0.1", "0.0.0.0",  # noqa: S104
        "fd00::1", "2001:4860:4860::8888", "b5c1d6ab.local",
    )  # fmt: skip
    assert kept(check_offer(text, PUBLIC)) == ["8.8.8.8", "2001:4860:4860::8888"]
    assert kept(check_offer(text, OPEN)) == [
        "8.8.8.8", "10.0.0.7", "192.168.1.2", "127.0.0.1", "fd00::1", "2001:4860:4860::8888",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "hidden", ["::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1", "::10.0.0.1", "2001:0:a00:1::1", "fec0::1"]
)
async def test_a_private_address_inside_another_is_private(hidden: str) -> None:
    assert kept(check_offer(with_candidates(await offer("video"), "8.8.8.8", hidden), PUBLIC)) == ["8.8.8.8"]


@pytest.mark.parametrize("hidden", ["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"])
async def test_a_metadata_service_is_never_tried_under_another_name(hidden: str) -> None:
    assert kept(check_offer(with_candidates(await offer("video"), "8.8.8.8", hidden), OPEN)) == ["8.8.8.8"]


async def test_candidates_are_capped() -> None:
    many = with_candidates(await offer("video"), *(f"8.8.{i // 250}.{i % 250 + 1}" for i in range(200)))
    assert len(kept(check_offer(many, PUBLIC))) == MAX_CANDIDATES


def kept(text: str) -> list[str]:
    return [line.split()[4] for line in text.splitlines() if line.startswith("a=candidate")]


def test_a_fragment_gives_its_candidates() -> None:
    fragment = read_fragment(
        "a=ice-ufrag:abcd\r\na=ice-pwd:secret\r\nm=audio 9 RTP/AVP 0\r\na=mid:1\r\n"
        "a=candidate:1 1 udp 2113937151 8.8.8.8 50000 typ host\r\n"
        "a=candidate:2 1 udp 2113937151 10.0.0.1 50000 typ host\r\na=end-of-candidates\r\n",
        PUBLIC,
    )
    assert [(c.ip, c.sdpMid) for c in fragment.candidates] == [("8.8.8.8", "1")]
    assert (fragment.ufrag, fragment.complete) == ("abcd", True)


def test_a_fragments_candidates_are_capped() -> None:
    lines = (f"a=candidate:{n} 1 udp 2113937151 8.8.8.8 {50000 + n} typ host\r\n" for n in range(MAX_CANDIDATES + 5))
    assert len(read_fragment("".join(lines), OPEN).candidates) == MAX_CANDIDATES


@pytest.mark.parametrize("bad", ["hello", "a=candidate:what", "a=candidate:1 1 udp x y z typ", "x" * 9000])
def test_a_bad_fragment_is_refused(bad: str) -> None:
    with pytest.raises(OfferRejected) as rejected:
        read_fragment(bad, OPEN)
    assert rejected.value.code == "sdp-fragment-invalid"
