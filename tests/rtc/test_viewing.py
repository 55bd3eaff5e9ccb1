"""A shopper sees her avatar in the picture that comes back, and nobody else's; and none that was erased."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from rtc.avatars import AvatarFile, AvatarNotReady, Garment, UnknownAvatar
from rtc.claims import Visitor
from rtc.offers import UnknownProduct, UnknownSession
from rtc.placement import Placement
from tests.figures import body, dressed
from tests.rtc.conftest import RunningNode, StartNode
from tests.rtc.shopper import Shopper
from tests.rtc.test_node import TENANT, connect, eye_region

PICTURES = Path(__file__).parents[1] / "artifacts"
MINE, THEIRS, UNREADY = "mine", "theirs", "unready"
Picture = NDArray[np.uint8]


class Cloakroom:
    """Avatars from memory: one that is the visit's, one that is another's, one that is being made."""

    def __init__(self) -> None:
        self.owners = {MINE: "visit", UNREADY: "visit", THEIRS: "another"}
        self.files = {(): body(), ("dress",): dressed()}
        self.finds = self.reads = 0
        self.away = False
        self.changed = asyncio.Event()
        self.dressing: asyncio.Event | None = None

    async def find(
        self, visitor: Visitor, avatar: str | None, wear: Sequence[Garment], *, tucked: bool = False
    ) -> AvatarFile:
        self.finds += 1
        if self.away:
            raise OSError("nobody answers")
        found = avatar or MINE
        if visitor.tenant != TENANT or self.owners.get(found) != visitor.visit:
            raise UnknownAvatar
        if found == UNREADY:
            raise AvatarNotReady
        worn = tuple(one.product for one in wear)
        if worn not in self.files:
            raise UnknownProduct
        return AvatarFile(found, tuple(wear), hashlib.sha256(self.files[worn]).hexdigest(), tucked)

    async def read(self, visitor: Visitor, file: AvatarFile) -> bytes:
        self.reads += 1
        if self.dressing is not None:
            await self.dressing.wait()
        return self.files[tuple(one.product for one in file.wear)]

    async def until_changed(self, visitor: Visitor, file: AvatarFile) -> None:
        await self.changed.wait()
        self.changed.clear()


@pytest.fixture
def cloakroom() -> Cloakroom:
    return Cloakroom()


@pytest.fixture
async def running(start_node: StartNode, cloakroom: Cloakroom) -> RunningNode:
    return await start_node(avatars=cloakroom)


@pytest.fixture
async def shopper(running: RunningNode, placement: Placement) -> AsyncIterator[Shopper]:
    """Connected, with glasses on, and her face seen."""
    made = Shopper()
    await connect(placement, made, products=("acetate",))
    await made.see(4)
    yield made
    await made.close()


async def look(shopper: Shopper, frames: int) -> Picture:
    """The newest of so many more pictures; one may have been made smaller for a busy machine's path."""
    picture = await shopper.see(frames)
    return np.asarray(cv2.resize(picture, (640, 480)), np.uint8)


async def shown(shopper: Shopper, **view: object) -> Picture:
    """Ask for a view, and see it when it has been told that it is shown; a few frames later, when it is at rest."""
    shopper.say(type="view", mode="avatar", **view)
    while (await shopper.hear("view", 60)).get("state") != "shown":
        pass
    return await look(shopper, 14)


async def turned(shopper: Shopper, yaw: float) -> Picture:
    shopper.say(type="view", mode="avatar", yaw=yaw)
    return await look(shopper, 26)


def figure_in(picture: Picture) -> NDArray[np.bool_]:
    """Where the figure is: what differs from the studio, which is alike from left to right and smooth."""
    empty = cv2.blur(picture, (5, 5)).astype(float)
    left, right = empty[:, 200], empty[:, 439]
    share = np.linspace(0, 1, 240)[None, :, None]
    # The pool of light is brightest in the middle: what is darker or lighter by more than that is her.
    line = left[:, None] * (1 - share) + right[:, None] * share
    mask = np.zeros((480, 640), bool)
    mask[:, 200:440] = np.abs(empty[:, 200:440] - line).max(2) > 14
    return mask


async def test_she_sees_her_avatar_and_turns_it_and_goes_back_to_herself(shopper: Shopper) -> None:
    worn = await look(shopper, 2)
    front = await shown(shopper)
    mask = figure_in(front)
    rows = np.flatnonzero(mask[:, 300:340].any(1))
    assert rows[0] < 70
    assert rows[-1] > 380
    assert 0.03 < mask.mean() < 0.25
    aside = await turned(shopper, 90.0)
    back = await turned(shopper, 180.0)
    PICTURES.mkdir(exist_ok=True)
    sheet = np.hstack([worn, front, aside, back])
    cv2.imwrite(str(PICTURES / "avatar-view-live.png"), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    chest = slice(130, 200)
    wide = [float(figure_in(picture)[chest].sum(1).mean()) for picture in (front, aside)]
    assert wide[1] < 0.8 * wide[0], "a person is narrower from the side"
    shopper.say(type="view", mode="live")
    assert (await shopper.hear("view")) == {"type": "view", "mode": "live"}
    assert (await shopper.hear("face"))["state"] == "found"
    again = await look(shopper, 8)
    rims = [float((eye_region(picture, shopper.track.camera).mean(2) < 60).mean()) for picture in (worn, again)]
    assert rims[0] > 0.08
    assert rims[1] > 0.7 * rims[0], "with her glasses on, as before"


async def test_a_top_is_tucked_in_until_she_says_otherwise(shopper: Shopper) -> None:
    for view, tucked in (({"wear": [{"product": "dress"}]}, False), ({"tucked": True}, True), ({"wear": []}, True)):
        shopper.say(type="view", mode="avatar", **view)
        while (told := await shopper.hear("view", 60)).get("state") != "shown":
            pass
        assert told["tucked"] is tucked


async def test_no_face_is_looked_for_meanwhile(shopper: Shopper) -> None:
    await shown(shopper)
    while not shopper.messages.empty():
        shopper.messages.get_nowait()
    await look(shopper, 20)
    assert [m for m in list(shopper.messages._queue) if m["type"] in ("face", "fit")] == []  # type: ignore[attr-defined]


async def test_dressed_in_her_room_and_kept_as_a_snapshot(
    shopper: Shopper, placement: Placement, cloakroom: Cloakroom
) -> None:
    plain = await shown(shopper, avatar=MINE)
    green = await shown(shopper, wear=[{"product": "dress", "size": "M"}], yaw=20)
    skirt = np.s_[240:290, 305:335]
    assert plain[skirt].mean((0, 1))[1] - plain[skirt].mean((0, 1))[0] < 5
    assert green[skirt].mean((0, 1))[1] - green[skirt].mean((0, 1))[0] > 8
    shopper.say(type="view", mode="avatar", scene="room")
    assert (await shopper.hear("view"))["scene"] == "room"
    room = await look(shopper, 14)
    assert np.abs(room[:200, :150].astype(float) - green[:200, :150]).mean() > 5
    assert cloakroom.reads == 2, "another scene is no reason to load anything"
    shopper.say(type="snapshot")
    url = (await shopper.hear("snapshot"))["url"]
    jpeg = await placement.snapshot(url.removeprefix("/v1/snapshots/").removesuffix(".jpg"))
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / "avatar-view-snapshot.jpg").write_bytes(jpeg)
    assert np.abs(picture[..., ::-1].astype(float) - room).mean() < 6


async def test_anothers_avatar_and_none_are_alike(shopper: Shopper) -> None:
    for avatar in (THEIRS, "nobodys"):
        shopper.say(type="view", mode="avatar", avatar=avatar)
        assert (await shopper.hear("error"))["code"] == "unknown-avatar"
    shopper.say(type="view", mode="avatar", avatar=UNREADY)
    assert (await shopper.hear("error"))["code"] == "avatar-not-ready"
    shopper.say(type="view", mode="avatar", avatar=MINE, wear=[{"product": "nothing-like-it"}])
    assert (await shopper.hear("error"))["code"] == "unknown-product"
    assert (await look(shopper, 2)).shape
    await shown(shopper, avatar=MINE, wear=[])


async def test_a_refused_wish_leaves_what_is_shown(shopper: Shopper, cloakroom: Cloakroom) -> None:
    before = await shown(shopper)
    shopper.say(type="view", mode="avatar", avatar=THEIRS)
    assert (await shopper.hear("error"))["code"] == "unknown-avatar"
    cloakroom.away = True
    shopper.say(type="view", mode="avatar", wear=[{"product": "dress"}])
    assert (await shopper.hear("error"))["code"] == "unavailable"
    assert np.abs((await look(shopper, 6)).astype(float) - before).mean() < 2
    cloakroom.away = False
    assert np.abs((await turned(shopper, 90.0)).astype(float) - before).mean() > 2, "and it still turns"


@pytest.mark.parametrize(
    "nonsense",
    [
        '{"type":"view"}',
        '{"type":"view","mode":"upside-down"}',
        '{"type":"view","mode":"avatar","yaw":"left"}',
        '{"type":"view","mode":"avatar","yaw":NaN}',
        '{"type":"view","mode":"avatar","yaw":1e300}',
        '{"type":"view","mode":"avatar","scene":"moon"}',
        '{"type":"view","mode":"avatar","avatar":7}',
        '{"type":"view","mode":"avatar","avatar":""}',
        '{"type":"view","mode":"avatar","tucked":"yes"}',
        '{"type":"view","mode":"avatar","tucked":1}',
        '{"type":"view","mode":"avatar","wear":["dress"]}',
        '{"type":"view","mode":"avatar","wear":[{"size":"M"}]}',
        '{"type":"view","mode":"avatar","wear":' + str([{"product": "a"}] * 5).replace("'", '"') + "}",
    ],
)
async def test_nonsense_is_refused_with_a_code(nonsense: str) -> None:
    from rtc.control import MessageRejected, read_message

    with pytest.raises(MessageRejected):
        read_message(nonsense)


async def test_an_avatar_that_is_erased_is_gone_from_the_picture_at_once(
    shopper: Shopper, cloakroom: Cloakroom
) -> None:
    await shown(shopper)
    del cloakroom.owners[MINE]
    cloakroom.changed.set()
    assert (await shopper.hear("view")) == {"type": "view", "mode": "live", "code": "unknown-avatar"}
    assert (await shopper.hear("face"))["state"] == "found"
    shopper.say(type="view", mode="avatar")
    assert (await shopper.hear("error"))["code"] == "unknown-avatar"


async def snapshot(shopper: Shopper) -> str:
    shopper.say(type="snapshot")
    return (await shopper.hear("snapshot"))["url"].removeprefix("/v1/snapshots/").removesuffix(".jpg")


async def gone(placement: Placement, name: str) -> bool:
    try:
        await placement.snapshot(name)
    except UnknownSession:
        return True
    return False


@pytest.mark.parametrize("live", [True, False])
async def test_a_snapshot_of_an_avatar_goes_with_it_and_one_of_her_face_stays(
    shopper: Shopper, placement: Placement, cloakroom: Cloakroom, running: RunningNode, live: bool
) -> None:
    mine = await snapshot(shopper)
    await shown(shopper)
    first, second = await snapshot(shopper), await snapshot(shopper)
    if not live:
        await shopper.close()
        async with asyncio.timeout(10):
            while running.node._sessions:  # noqa: ASYNC110  ended by the other side
                await asyncio.sleep(0.02)
    assert not await gone(placement, first)
    del cloakroom.owners[MINE]
    cloakroom.changed.set()
    async with asyncio.timeout(10):
        while not (await gone(placement, first) and await gone(placement, second)):  # noqa: ASYNC110  in the node
            await asyncio.sleep(0.02)
    assert not await gone(placement, mine)


async def test_a_visit_that_is_erased_takes_its_snapshots_with_it(shopper: Shopper, placement: Placement) -> None:
    mine = await snapshot(shopper)
    await placement.forget_snapshots(Visitor(TENANT, "another"))
    assert not await gone(placement, mine)
    await placement.forget_snapshots(Visitor(TENANT, "visit"))
    assert await gone(placement, mine)


async def test_it_is_seen_that_one_was_erased_while_the_database_was_away(
    shopper: Shopper, cloakroom: Cloakroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtc.viewing.LOOK_AGAIN_S", 0.05)
    before = await shown(shopper)
    cloakroom.away = True
    cloakroom.changed.set()
    assert np.abs((await look(shopper, 8)).astype(float) - before).mean() < 2, "until it is known, it is hers"
    del cloakroom.owners[MINE]
    cloakroom.away = False
    assert (await shopper.hear("view"))["code"] == "unknown-avatar"


async def test_one_that_was_kept_for_later_is_gone_as_well(shopper: Shopper, cloakroom: Cloakroom) -> None:
    await shown(shopper)
    shopper.say(type="view", mode="live")
    await shopper.hear("view")
    await shown(shopper)
    assert cloakroom.reads == 1, "who looks away for a moment need not wait again"
    shopper.say(type="view", mode="live")
    del cloakroom.owners[MINE]
    cloakroom.changed.set()
    await asyncio.sleep(0.2)
    shopper.say(type="view", mode="avatar")
    assert (await shopper.hear("error"))["code"] == "unknown-avatar"


async def test_a_body_that_was_corrected_is_seen_as_it_is_now(shopper: Shopper, cloakroom: Cloakroom) -> None:
    before = await shown(shopper)
    cloakroom.files[()] = dressed()
    cloakroom.changed.set()
    assert (await shopper.hear("view"))["state"] == "preparing"
    assert (await shopper.hear("view"))["state"] == "shown"
    after = await look(shopper, 14)
    assert np.abs(after[240:290, 305:335].astype(float) - before[240:290, 305:335]).mean() > 20


async def test_the_newest_wish_wins_and_a_flood_of_them_loads_little(shopper: Shopper, cloakroom: Cloakroom) -> None:
    await shown(shopper)
    finds = cloakroom.finds
    for index in range(40):
        wear = [{"product": "dress", "size": str(index)}]
        shopper.say(type="view", mode="avatar", wear=wear, yaw=index)
    async with asyncio.timeout(80):
        while (told := await shopper.hear("view", 60)).get("wear") != [{"product": "dress", "size": "39"}]:
            pass
    assert told["state"] == "shown"
    assert cloakroom.finds - finds < 12


async def test_who_asks_for_what_she_sees_is_answered_and_who_only_turns_it_is_not(shopper: Shopper) -> None:
    await shown(shopper, avatar=MINE, wear=[])
    shopper.say(type="view", mode="avatar", yaw=30)
    shopper.say(type="ping", t=1)
    await shopper.hear("pong")
    assert not [m for m in list(shopper.messages._queue) if m["type"] == "view"]  # type: ignore[attr-defined]
    shopper.say(type="view", mode="avatar", avatar=MINE, wear=[])
    assert (await shopper.hear("view"))["state"] == "shown"


async def test_who_looks_away_while_it_is_dressed_sees_herself(shopper: Shopper, cloakroom: Cloakroom) -> None:
    cloakroom.dressing = asyncio.Event()
    shopper.say(type="view", mode="avatar", wear=[{"product": "dress"}])
    assert (await shopper.hear("view"))["state"] == "preparing"
    shopper.say(type="view", mode="live")
    assert (await shopper.hear("view"))["mode"] == "live"
    cloakroom.dressing.set()
    await asyncio.sleep(1.0)
    shopper.say(type="ping", t=1)
    await shopper.hear("pong")
    assert (await look(shopper, 3)).shape
    assert not [m for m in list(shopper.messages._queue) if m["type"] == "view"]  # type: ignore[attr-defined]


async def test_what_rests_does_not_make_a_session_look_cheap(shopper: Shopper, running: RunningNode) -> None:
    await shown(shopper)
    await look(shopper, 10)
    before = running.node._counts.copy()
    await look(shopper, 10)
    seen = running.node._counts.since(before)
    assert seen.rested >= 9
    assert seen.worked <= 1


async def test_a_node_without_avatars_says_so(start_node: StartNode, placement: Placement) -> None:
    await start_node("bare")
    shopper = Shopper()
    await connect(placement, shopper)
    shopper.say(type="view", mode="avatar")
    assert (await shopper.hear("error"))["code"] == "avatar-not-available"
    await shopper.close()
