"""A shopper connects to a real node and sees herself with the product on."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from rtc.claims import Visitor
from rtc.offers import Full, NoNode, OfferRejected, SessionActive, TryOnOffer, UnknownProduct, UnknownSession
from rtc.placement import Placement
from rtc.session import SNAPSHOT_EVERY_S
from tests.camera import FaceCamera, still
from tests.rtc.conftest import StartNode
from tests.rtc.shopper import Shopper

TENANT = "11111111-1111-1111-1111-111111111111"


@pytest.fixture
async def shopper() -> AsyncIterator[Shopper]:
    made = Shopper()
    yield made
    await made.close()


def offer_of(sdp: str, *, visit: str = "visit", products: tuple[str, ...] | None = ()) -> TryOnOffer:
    return TryOnOffer(str(uuid.uuid4()), TENANT, visit, sdp, products)


async def connect(placement: Placement, shopper: Shopper, **wishes: object) -> TryOnOffer:
    offer = offer_of(await shopper.offer(), **wishes)  # type: ignore[arg-type]
    answer = await placement.open(offer)
    await shopper.accept(answer.sdp)
    async with asyncio.timeout(10):
        await shopper.open.wait()
    return offer


def eye_region(picture: NDArray[np.uint8], camera: FaceCamera) -> NDArray[np.float64]:
    """The picture around both eyes, float; a picture may have been made smaller for a narrow path."""
    if picture.shape[:2] != (camera.height, camera.width):
        picture = np.asarray(cv2.resize(picture, (camera.width, camera.height)), np.uint8)
    (x0, y0), (x1, y1) = camera.pupils(0)
    reach = (x1 - x0) * 0.7
    rows = slice(int(min(y0, y1) - reach / 2), int(max(y0, y1) + reach / 2))
    return picture[rows, int(x0 - reach) : int(x1 + reach)].astype(float)


async def test_glasses_appear_where_the_eyes_are_and_vanish_when_taken_off(
    start_node: StartNode, placement: Placement, shopper: Shopper
) -> None:
    await start_node()
    await connect(placement, shopper)
    bare = eye_region(await shopper.see(12), shopper.track.camera)
    shopper.say(type="wear", products=["acetate"])
    assert (await shopper.hear("worn"))["products"] == ["acetate"]
    dressed = eye_region(await shopper.see(10), shopper.track.camera)
    shopper.say(type="wear", products=[])
    await shopper.hear("worn")
    bare_again = eye_region(await shopper.see(10), shopper.track.camera)
    worn = np.abs(dressed - bare).mean()
    assert worn > 12
    assert np.abs(bare_again - bare).mean() < 0.5 * worn, "what remains is what a lossy codec does"


async def test_the_shopper_hears_about_her_face_and_its_measures(
    start_node: StartNode, placement: Placement, shopper: Shopper
) -> None:
    await start_node()
    await connect(placement, shopper, products=("acetate",))
    assert (await shopper.hear("face"))["state"] == "found"
    fit = await shopper.hear("fit")
    assert 50 < fit["pd_mm"] < 75
    assert 1 < fit["pd_sigma_mm"] < 5
    assert 130 < fit["frame_width_mm"] < 160
    shopper.track.camera = FaceCamera(path=still, fps=15, faces=0)
    assert (await shopper.hear("face"))["state"] == "lost"
    shopper.track.camera = FaceCamera(path=still, fps=15, brightness=0.0)
    assert (await shopper.hear("face"))["state"] == "too_dark"


async def test_a_ping_is_answered_and_nonsense_is_refused_with_a_code(
    start_node: StartNode, placement: Placement, shopper: Shopper
) -> None:
    await start_node()
    await connect(placement, shopper)
    shopper.say(type="ping", t=42)
    assert (await shopper.hear("pong"))["t"] == 42
    for nonsense in ('{"type":"explode"}', "[]", "{", '{"type":"wear","products":"all"}', "x" * 5000):
        shopper.channel.send(nonsense)
        assert (await shopper.hear("error"))["code"] == "control-message-invalid"
    shopper.say(type="wear", products=["nothing-like-it"])
    assert (await shopper.hear("error"))["code"] == "unknown-product"
    await shopper.see(2)


async def test_the_camera_may_change_its_size_in_mid_stream(
    start_node: StartNode, placement: Placement, shopper: Shopper
) -> None:
    await start_node()
    await connect(placement, shopper, products=("acetate",))
    await shopper.see(3)
    for width, height in ((360, 640), (642, 362), (1280, 720)):
        shopper.track.camera = FaceCamera(width, height, path=still, fps=15)
        async with asyncio.timeout(15):
            while (await shopper.see()).shape[:2] != (height, width):
                pass


async def test_one_live_try_on_for_each_visit(start_node: StartNode, placement: Placement, shopper: Shopper) -> None:
    await start_node()
    first = await connect(placement, shopper)
    await shopper.see(2)
    second = Shopper()
    with pytest.raises(SessionActive):
        await placement.open(offer_of(await second.offer()))
    await placement.close(first.visitor, first.session_id)
    await connect(placement, second)
    await second.see(2)
    await second.close()


async def test_after_a_drop_the_same_visit_resumes_with_what_was_worn(
    start_node: StartNode, placement: Placement, shopper: Shopper
) -> None:
    running = await start_node()
    await connect(placement, shopper, products=("acetate",))
    await shopper.see(2)
    shopper.track.stop()
    await shopper.close()
    await asyncio.sleep(1.6)
    again = Shopper()
    await connect(placement, again, products=None)
    sessions = [session for session, *_ in running.node.sessions]
    assert [session.worn for session in sessions] == [("acetate",)]
    await again.close()


async def test_a_stranger_cannot_touch_a_session(start_node: StartNode, placement: Placement, shopper: Shopper) -> None:
    await start_node()
    offer = await connect(placement, shopper)
    for stranger in (Visitor(TENANT, "another"), Visitor("another", offer.visit)):
        with pytest.raises(UnknownSession):
            await placement.close(stranger, offer.session_id)
    await shopper.see(2)


async def test_when_all_is_full_shoppers_wait_with_a_place_and_an_estimate(
    start_node: StartNode, placement: Placement, shopper: Shopper
) -> None:
    running = await start_node(capacity=1)
    first = await connect(placement, shopper)
    await running.node.announce()
    waiting = Shopper()
    sdp = await waiting.offer()
    with pytest.raises(Full) as one:
        await placement.open(offer_of(sdp, visit="v2"))
    with pytest.raises(Full) as two:
        await placement.open(offer_of(sdp, visit="v3"))
    assert (one.value.position, two.value.position) == (1, 2)
    assert two.value.eta_seconds > one.value.eta_seconds > 0
    await placement.close(first.visitor, first.session_id)
    await running.node.announce()
    with pytest.raises(Full):
        await placement.open(offer_of(sdp, visit="v3"), two.value.ticket)
    await placement.open(offer_of(sdp, visit="v2"), one.value.ticket)
    await waiting.close()


async def test_bad_offers_and_unknown_products_leave_nothing_behind(
    start_node: StartNode, placement: Placement, shopper: Shopper
) -> None:
    running = await start_node()
    sdp = await shopper.offer()
    with pytest.raises(OfferRejected) as rejected:
        await placement.open(offer_of("v=0\r\ngarbage"))
    assert rejected.value.code == "sdp-invalid"
    with pytest.raises(UnknownProduct):
        await placement.open(offer_of(sdp, products=("nothing-like-it",)))
    assert list(running.node.sessions) == []
    answer = await placement.open(offer_of(sdp))
    await shopper.accept(answer.sdp)
    await shopper.see(1)


async def test_without_a_node_the_answer_is_plain(placement: Placement, shopper: Shopper) -> None:
    with pytest.raises(NoNode):
        await placement.open(offer_of(await shopper.offer()))


async def test_a_snapshot_is_kept_in_memory_and_served_by_its_name(
    start_node: StartNode, placement: Placement, shopper: Shopper
) -> None:
    await start_node()
    await connect(placement, shopper)
    await shopper.see(2)
    shopper.say(type="snapshot")
    url = (await shopper.hear("snapshot"))["url"]
    name = url.removeprefix("/v1/snapshots/").removesuffix(".jpg")
    assert (await placement.snapshot(name)).startswith(b"\xff\xd8\xff")
    for _ in range(20):
        shopper.say(type="snapshot")
    assert (await shopper.hear("snapshot"))["url"] != url, "half a second later, for all who asked meanwhile"
    await asyncio.sleep(2 * SNAPSHOT_EVERY_S)
    await shopper.see(3)
    later = [shopper.messages.get_nowait()["type"] for _ in range(shopper.messages.qsize())]
    assert "snapshot" not in later
    with pytest.raises(UnknownSession):
        await placement.snapshot(name[:-2] + "xx")


async def test_ready_means_that_a_synthetic_picture_comes_back_dressed(start_node: StartNode) -> None:
    running = await start_node()
    assert running.node.ready
