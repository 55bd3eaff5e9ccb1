"""The try-on over HTTP, with a real media node: WHIP's calls, and every way an offer can be wrong."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest

from rtc.node import MediaNode
from rtc.turn import Relays
from tenancy.consent import current_text
from tenancy.database import Database
from tenancy.products import Product
from tenancy.visits import Visits
from tests.rtc.shopper import Shopper
from tests.web.conftest import ORIGIN, Site, StartSite

SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}


@pytest.fixture
async def shopper() -> AsyncIterator[Shopper]:
    made = Shopper()
    yield made
    await made.close()


@pytest.fixture
async def offer(shopper: Shopper) -> str:
    return await shopper.offer()


async def test_an_offer_is_answered_and_the_first_product_is_worn(
    site: Site, node: MediaNode, glasses: Product, shopper: Shopper, offer: str
):
    token = await site.bearer(glasses.id)
    async with site.calls("POST", "/v1/try-on", data=offer, headers={**token, **SDP, "Origin": ORIGIN}) as response:
        assert response.status == 201, await response.text()
        assert response.content_type == "application/sdp"
        assert re.fullmatch(r"/v1/try-on/[0-9a-f-]{36}", response.headers["Location"])
        assert response.headers["ETag"]
        assert "Location" in response.headers["Access-Control-Expose-Headers"]
        await shopper.accept(await response.text())
    await shopper.see(2)
    (session, visitor, _) = next(iter(node.sessions))
    assert session.worn == (str(glasses.id),)
    assert visitor.tenant == str(site.shop.id)


async def test_the_ice_servers_come_as_links(start_site: StartSite, node: MediaNode, offer: str):
    turn = {"urls": "turn:turn.example:3478?transport=udp", "username": "1:a", "credential": "b"}
    site = await start_site(ice_servers=({"urls": ["stun:stun.example:3478"]}, turn))
    async with site.calls("POST", "/v1/try-on", data=offer, headers={**await site.bearer(), **SDP}) as response:
        assert response.headers.getall("Link") == [
            '<stun:stun.example:3478>; rel="ice-server"',
            '<turn:turn.example:3478?transport=udp>; rel="ice-server"; username="1:a"; credential="b"; '
            'credential-type="password"',
        ]


async def test_each_shopper_gets_credentials_of_her_own_for_the_relays(
    start_site: StartSite, node: MediaNode, offer: str
):
    site = await start_site(relays=Relays(("turn:a:3478", "turn:b:3478?transport=tcp"), "secret", 300))
    token = await site.bearer()
    async with site.calls("GET", "/v1/ice-servers", headers=token) as response:
        [server] = (await response.json())["ice_servers"]
    assert server["urls"] == ["turn:a:3478", "turn:b:3478?transport=tcp"]
    expiry, _, who = server["username"].partition(":")
    assert 290 < int(expiry) - time.time() <= 300
    async with site.calls("GET", "/v1/ice-servers", headers=await site.bearer()) as response:
        assert (await response.json())["ice_servers"][0]["username"].partition(":")[2] != who
    async with site.calls("POST", "/v1/try-on", data=offer, headers={**token, **SDP}) as response:
        links = response.headers.getall("Link")
    pattern = (
        r'<turn:[ab]:3478\S*>; rel="ice-server"; username="\d+:(\S+)"; credential="\S{28}"; credential-type="password"'
    )
    assert [re.fullmatch(pattern, link)[1] for link in links] == [who, who]


async def test_what_may_be_posted_and_patched_is_said(site: Site):
    async with site.calls("OPTIONS", "/v1/try-on") as response:
        assert (response.status, response.headers["Accept-Post"]) == (204, "application/sdp")
    async with site.calls("OPTIONS", f"/v1/try-on/{uuid4()}") as response:
        assert response.headers["Accept-Patch"] == "application/trickle-ice-sdpfrag"


async def test_a_plain_whip_clients_offer_that_only_sends_is_answered_by_one_that_only_receives(
    site: Site, node: MediaNode, offer: str
):
    headers = {**await site.bearer(), **SDP}
    only = offer.replace("a=sendrecv", "a=sendonly")
    async with site.calls("POST", "/v1/try-on", data=only, headers=headers) as response:
        assert response.status == 201, await response.text()
        assert "a=recvonly" in await response.text()


async def test_candidates_are_taken_and_the_end_is_an_end(site: Site, node: MediaNode, offer: str):
    token = await site.bearer()
    async with site.calls("POST", "/v1/try-on", data=offer, headers={**token, **SDP}) as response:
        place, tag = response.headers["Location"], response.headers["ETag"]
    rest = "a=ice-pwd:y\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=end-of-candidates\r\n"
    fragment = re.search(r"a=ice-ufrag:\S+\r\n", offer)[0] + rest
    patch = {**token, **FRAGMENT, "If-Match": tag}
    async with site.calls("PATCH", place, data=fragment, headers=patch) as response:
        assert response.status == 204, await response.text()
    restart = {"data": "a=ice-ufrag:other\r\n" + rest, "headers": {**patch, "If-Match": "*"}}
    assert await site.refusal("PATCH", place, **restart) == (422, "ice-restart-not-supported")
    blind = {**token, **FRAGMENT}
    assert await site.refusal("PATCH", place, data=fragment, headers=blind) == (428, "precondition-required")
    assert await site.refusal("PATCH", place, data="nonsense", headers=patch) == (400, "sdp-fragment-invalid")
    stale = {**patch, "If-Match": '"another"'}
    assert await site.refusal("PATCH", place, data=fragment, headers=stale) == (412, "precondition-failed")
    long = fragment + "a=x\r\n" * 5000
    assert await site.refusal("PATCH", place, data=long, headers=patch) == (413, "payload-too-large")
    wrong = {**patch, "Content-Type": "application/json"}
    assert await site.refusal("PATCH", place, data=fragment, headers=wrong) == (415, "unsupported-media-type")
    async with site.calls("DELETE", place, headers=token) as response:
        assert response.status == 204
    assert await site.refusal("DELETE", place, headers=token) == (404, "unknown-session")


async def test_another_visits_try_on_is_not_there(site: Site, node: MediaNode, offer: str):
    token, stranger = await site.bearer(), await site.bearer()
    async with site.calls("POST", "/v1/try-on", data=offer, headers={**token, **SDP}) as response:
        place = response.headers["Location"]
    for method, headers in (("PATCH", {**FRAGMENT, "If-Match": "*"}), ("DELETE", {})):
        assert await site.refusal(method, place, data="a=x", headers={**stranger, **headers}) == (
            404,
            "unknown-session",
        )
    assert len(list(node.sessions)) == 1


@pytest.mark.parametrize("session", ["6f0f1e6e-5b1c-4a53-9d0b-0a4f6f1f7f11", "x", "%2e", "a%2fb"])
async def test_a_try_on_that_never_was_is_not_there(site: Site, node: MediaNode, session: str):
    status, code = await site.refusal("DELETE", f"/v1/try-on/{session}", headers=await site.bearer())
    assert (status, code) in {(404, "unknown-session"), (404, "not-found")}


async def test_a_second_try_on_on_one_token_is_refused_while_the_first_runs(
    site: Site, node: MediaNode, shopper: Shopper, offer: str
):
    token = await site.bearer()
    async with site.calls("POST", "/v1/try-on", data=offer, headers={**token, **SDP}) as response:
        await shopper.accept(await response.text())
    await shopper.see(2)
    assert await site.refusal("POST", "/v1/try-on", data=offer, headers={**token, **SDP}) == (409, "session-active")


async def test_when_all_places_are_taken_the_shopper_waits_in_line(
    site: Site, node: MediaNode, shopper: Shopper, offer: str
):
    async with site.calls("POST", "/v1/try-on", data=offer, headers={**await site.bearer(), **SDP}) as response:
        await shopper.accept(await response.text())
    await node.announce()
    later = {**await site.bearer(), **SDP}
    tickets = []
    for _ in range(2):
        asking = {**later, "Vitrine-Ticket": tickets[0]} if tickets else later
        async with site.calls("POST", "/v1/try-on", data=offer, headers=asking) as response:
            problem = await response.json()
        assert (response.status, problem["code"], problem["position"]) == (503, "queue", 1)
        assert int(response.headers["Retry-After"]) > 0
        assert problem["eta_seconds"] > 0
        tickets.append(problem["ticket"])
    assert tickets[0] == tickets[1]


async def test_without_a_media_process_the_answer_says_so(site: Site, offer: str):
    headers = {**await site.bearer(), **SDP}
    assert await site.refusal("POST", "/v1/try-on", data=offer, headers=headers) == (503, "no-media-node")


def audio_only(offer: str) -> str:
    head, _, rest = offer.partition("m=video")
    return head + "m=audio" + rest.replace(rest[: rest.index("\r\n")], " 9 UDP/TLS/RTP/SAVPF 0", 1)


def two_videos(offer: str) -> str:
    at = offer.index("m=video")
    end = offer.find("m=", at + 1)
    video = offer[at:end]
    return offer[:end] + video.replace("a=mid:0", "a=mid:7") + offer[end:]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda _: "garbage", (400, "sdp-invalid")),
        (lambda _: "", (400, "sdp-invalid")),
        (lambda _: b"\xff\xfe\xfd", (400, "sdp-invalid")),
        (lambda o: o.replace("v=0", "v=9"), (400, "sdp-invalid")),
        (lambda o: o + "a=x\r\n" * 16_000, (413, "sdp-too-large")),
        (audio_only, (400, "sdp-no-video")),
        (lambda o: o[: o.index("m=video")] + o[o.index("m=application") :], (400, "sdp-no-video")),
        (two_videos, (400, "sdp-many-videos")),
        (lambda o: o.replace("a=sendrecv", "a=recvonly"), (400, "sdp-not-sendrecv")),
        (lambda o: o.replace("VP8/90000", "VP9/90000").replace("H264/90000", "AV1/90000"), (400, "sdp-no-codec")),
    ],
)
async def test_an_offer_that_cannot_become_a_try_on_is_refused_by_its_code(
    site: Site, node: MediaNode, offer: str, change, expected: tuple[int, str]
):
    token = await site.bearer()
    assert await site.refusal("POST", "/v1/try-on", data=change(offer), headers={**token, **SDP}) == expected
    # A refusal takes no place: the shopper may try again at once.
    async with site.calls("POST", "/v1/try-on", data=offer, headers={**token, **SDP}) as response:
        assert response.status == 201, await response.text()


async def test_an_offer_in_another_type_is_refused(site: Site, node: MediaNode, offer: str):
    headers = {**await site.bearer(), "Content-Type": "text/plain"}
    assert await site.refusal("POST", "/v1/try-on", data=offer, headers=headers) == (415, "unsupported-media-type")


async def test_a_token_that_is_none_is_refused(site: Site, offer: str):
    for token in ("x", "A" * 64, "é", "x" * 400):
        headers = {"Authorization": f"Bearer {token}", **SDP}
        assert await site.refusal("POST", "/v1/try-on", data=offer, headers=headers) == (401, "invalid-token")
    assert await site.refusal("POST", "/v1/try-on", data=offer, headers=SDP) == (401, "missing-credentials")


async def test_a_token_of_a_visit_that_is_over_is_refused(site: Site, database: Database, offer: str):
    short = Visits(database, lasting=timedelta(0))
    token, _ = await short.open(site.shop, None, current_text().version)
    headers = {"Authorization": f"Bearer {token}", **SDP}
    assert await site.refusal("POST", "/v1/try-on", data=offer, headers=headers) == (401, "token-expired")
