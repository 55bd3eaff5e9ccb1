"""An avatar is one visit's, made once, corrected, brought along to another shop, and erased without a trace."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from tenancy.avatars import MOST_OF_A_VISIT, Avatars
from tenancy.database import Database
from tenancy.errors import (
    AvatarActive,
    AvatarNotReady,
    AvatarRefused,
    AvatarsBusy,
    ConsentRequired,
    Superseded,
    UnknownAvatar,
)
from tenancy.files import Files
from tenancy.stated import Stated
from tests.services import Addresses
from tests.tenancy.avatar_people import FRONT, IMPORT, MADE, PHOTO, House


@pytest.fixture
def house(database: Database, files: Files, tmp_path: Path) -> House:
    return House(database, files, tmp_path)


async def test_what_is_asked_is_made_and_found_by_its_visit_alone(house: House):
    visit, other = await house.visit(), await house.visit()
    avatar = await house.complete(visit)
    assert avatar.status == "complete" and avatar.progress == 1
    assert avatar.measures["waist"] == {"value_cm": 74.2, "sigma_cm": 1.4}
    assert [name for name, _ in avatar.files.items()] == ["body.glb", "plain.glb", "thumbnail.png"]
    assert (await house.avatars.file(visit, avatar.id, "body.glb"))[1] == MADE.body_glb
    for call in (house.avatars.get(other, avatar.id), house.avatars.remove(other, avatar.id)):
        with pytest.raises(UnknownAvatar):
            await call
    with pytest.raises(UnknownAvatar):
        await house.avatars.get(await house.visit("b"), avatar.id)


async def test_without_the_current_consent_for_photos_nothing_is_kept(house: House):
    visit = await house.visit()
    for version in (None, "2026-11-22", IMPORT):
        with pytest.raises(ConsentRequired):
            await house.avatars.ask(visit, Stated(168.0), {"front": FRONT}, version)
    assert house.stored() == {} and await house.avatars.every(visit) == []


@pytest.mark.parametrize("stated", [Stated(20), Stated(300), Stated(float("nan")), Stated(168, weight_kg=1000)])
async def test_a_body_that_cannot_be_is_refused(house: House, stated: Stated):
    with pytest.raises(AvatarRefused):
        await house.avatars.ask(await house.visit(), stated, {"front": FRONT}, PHOTO)


async def test_an_avatar_is_billed_once_and_a_correction_is_not(house: House, addresses: Addresses):
    visit, worker = await house.visit(), house.worker()
    avatar = await house.complete(visit)
    await house.avatars.correct(visit, avatar.id, {"waist": 75.5})
    work = await worker.take()
    assert work is not None and work.body == MADE.body and work.corrections_cm == {"waist": 75.5}
    await worker.complete(work, MADE)
    admin = await asyncpg.connect(addresses.admin)
    assert [tuple(r) for r in await admin.fetch("SELECT event_id, quantity FROM usage_events")] == [(str(avatar.id), 1)]
    await admin.close()


async def test_two_workers_never_take_the_same_job(house: House):
    import asyncio

    for slug in "abcdefgh":
        await house.ask(await house.visit(slug))
    taken = await asyncio.gather(*(house.worker().take() for _ in range(20)))
    jobs = [work.job_id for work in taken if work]
    assert len(jobs) == len(set(jobs)) == 8


async def test_a_worker_that_was_frozen_cannot_overwrite(house: House, addresses: Addresses):
    visit, frozen, other = await house.visit(), house.worker(), house.worker()
    avatar = await house.ask(visit)
    before = await frozen.take()
    assert before is not None
    assert await other.take() is None  # the lease holds
    await let_the_lease_run_out(addresses)
    after = await other.take()
    assert after is not None and (after.job_id, after.attempt) == (before.job_id, 2)
    for word in (
        frozen.progress(before, "fitting", 0.5),
        frozen.renew(before),
        frozen.complete(before, MADE),
        frozen.fail(before, "nobody", ""),
        frozen.give_back(before),
    ):
        with pytest.raises(Superseded):
            await word
    assert await house.photos.open(visit.tenant_id, avatar.id) == {"front": FRONT}
    await other.progress(after, "fitting", 0.5)
    await other.complete(after, MADE)
    with pytest.raises(Superseded):
        await frozen.complete(before, MADE)
    assert (await house.avatars.file(visit, avatar.id, "body.glb"))[1] == MADE.body_glb
    assert await house.worker().take() is None


async def let_the_lease_run_out(addresses: Addresses) -> None:
    admin = await asyncpg.connect(addresses.admin)
    await admin.execute("UPDATE jobs.pgqueuer SET heartbeat = heartbeat - interval '1 hour'")
    await admin.close()


async def test_a_worker_that_was_frozen_since_an_earlier_job_cannot_overwrite(house: House, addresses: Addresses):
    visit, frozen, other = await house.visit(), house.worker(), house.worker()
    avatar = await house.ask(visit)
    first = await frozen.take()
    assert first is not None
    await let_the_lease_run_out(addresses)
    second = await other.take()
    assert second is not None
    await other.complete(second, MADE)
    await house.avatars.correct(visit, avatar.id, {"waist": 75.0})
    correction = await other.take()
    assert correction is not None and correction.attempt == first.attempt  # they count anew with each job
    for word in (
        frozen.progress(first, "fitting", 0.5),
        frozen.fail(first, "nobody", ""),
        frozen.complete(first, MADE),
    ):
        with pytest.raises(Superseded):
            await word
    await other.complete(correction, MADE)
    assert (await house.avatars.get(visit, avatar.id)).failure is None


async def test_after_three_attempts_it_is_given_up_and_held_for_the_operator(house: House, addresses: Addresses):
    visit, worker = await house.visit(), house.worker()
    avatar = await house.ask(visit)
    for _ in range(3):
        assert await worker.take() is not None
        await let_the_lease_run_out(addresses)
    assert await worker.take() is None
    given_up = await house.avatars.get(visit, avatar.id)
    assert (given_up.status, given_up.failure) == ("failed", "gave-up")
    assert house.stored() == {}
    admin = await asyncpg.connect(addresses.admin)
    assert await admin.fetchval("SELECT status::text FROM jobs.pgqueuer") == "failed"
    await admin.close()


async def test_a_job_given_back_keeps_its_place_and_comes_after_a_moment(house: House, addresses: Addresses):
    visit, worker = await house.visit(), house.worker()
    await house.ask(visit)
    work = await worker.take()
    assert work is not None
    await worker.give_back(work)
    assert await worker.take() is None
    admin = await asyncpg.connect(addresses.admin)
    await admin.execute("UPDATE jobs.pgqueuer SET execute_after = now() - interval '1 second'")
    await admin.close()
    again = await worker.take()
    assert again is not None and again.attempt == 2


async def test_a_job_that_vanished_is_put_into_the_line_again(house: House, addresses: Addresses):
    visit = await house.visit()
    avatar = await house.ask(visit)
    admin = await asyncpg.connect(addresses.admin)
    await admin.execute("DELETE FROM jobs.pgqueuer")
    await admin.close()
    house.clock.pass_by(seconds=31)
    await house.sweeper.sweep()
    work = await house.worker().take()
    assert work is not None and work.avatar_id == avatar.id


async def test_shops_take_turns_and_a_correction_goes_first(house: House):
    many = [await house.visit("busy") for _ in range(4)]
    busy = [await house.ask(visit) for visit in many]
    one = await house.ask(await house.visit("quiet"))
    worker = house.worker()
    first = await worker.take()
    assert first is not None and first.avatar_id == busy[0].id
    await worker.complete(first, MADE)
    await house.avatars.correct(many[0], busy[0].id, {"waist": 75.0})
    order = []
    for _ in range(2):
        work = await worker.take()
        assert work is not None
        order.append(work.avatar_id)
        await worker.complete(work, MADE)
    late = await house.ask(await house.visit("late"))
    while (work := await worker.take()) is not None:
        order.append(work.avatar_id)
        await worker.complete(work, MADE)
    # The correction; then the quiet shop before the busy one's second. Who comes late neither waits behind all of a
    # busy shop nor passes over what has waited longest.
    assert order == [busy[0].id, one.id, busy[1].id, late.id, busy[2].id, busy[3].id]


async def test_the_wait_is_told_and_a_line_too_long_takes_nobody_more(house: House):
    short = Avatars(
        house.database, house.queue, house.photos, house.files, house.signer, longest_wait_s=40, now=house.clock
    )
    etas = []
    for slug in ("a", "b"):
        visit = await house.visit(slug)
        house.queue._line = None  # as if half a second had passed
        avatar = await short.ask(visit, Stated(168.0), {"front": FRONT}, PHOTO)
        house.queue._line = None
        etas.append(await short.eta_s(avatar))
    assert etas == [15, 30]
    house.queue._line = None
    with pytest.raises(AvatarsBusy) as refused:
        await short.ask(await house.visit("c"), Stated(168.0), {"front": FRONT}, PHOTO)
    assert refused.value.eta_seconds == 45
    await house.queue.seen(uuid4(), "cpu")
    await house.queue.seen(uuid4(), "cuda:0")
    house.queue._line = None
    assert await short.ask(await house.visit("c"), Stated(168.0), {"front": FRONT}, PHOTO)


async def test_one_at_a_time_and_a_few_in_a_visit(house: House):
    visit = await house.visit()
    await house.ask(visit)
    with pytest.raises(AvatarActive):
        await house.ask(visit)
    worker = house.worker()
    for _ in range(MOST_OF_A_VISIT):
        work = await worker.take()
        assert work is not None
        await worker.fail(work, "nobody", "Stand in the picture.")
        if len(await house.avatars.every(visit)) < MOST_OF_A_VISIT:
            await house.ask(visit)
    with pytest.raises(AvatarActive):
        await house.ask(visit)


async def test_a_correction_of_what_is_not_there_is_refused(house: House):
    visit = await house.visit()
    queued = await house.ask(visit)
    with pytest.raises(AvatarActive):
        await house.avatars.correct(visit, queued.id, {"waist": 75.0})
    worker = house.worker()
    work = await worker.take()
    assert work is not None
    await worker.fail(work, "nobody", "")
    with pytest.raises(AvatarNotReady):
        await house.avatars.correct(visit, queued.id, {"waist": 75.0})
    avatar = await house.complete(corrected := await house.visit())
    for wrong in ({"tail": 30.0}, {"waist": 1.0}, {"waist": float("inf")}):
        with pytest.raises(AvatarRefused):
            await house.avatars.correct(corrected, avatar.id, wrong)


async def fails(house: House) -> None:
    worker = house.worker()
    work = await worker.take()
    assert work is not None
    await worker.fail(work, "measure-implausible", "Measure again.")


async def gives_up(house: House) -> None:
    for _ in range(3):
        worker = house.worker()
        work = await worker.take()
        assert work is not None
        await worker.give_back(work)
        await asyncio.sleep(1.1)  # a job given back is left alone for a second
    assert await house.worker().take() is None


async def takes_too_long(house: House) -> None:
    house.clock.pass_by(minutes=31)
    await house.sweeper.sweep()


@pytest.mark.parametrize("come_to_nothing", [fails, gives_up, takes_too_long])
async def test_a_correction_of_which_nothing_comes_leaves_everything_as_it_was(
    house: House, come_to_nothing: Callable[[House], Awaitable[None]]
):
    visit, worker = await house.visit(), house.worker()
    avatar = await house.complete(visit)
    await house.avatars.correct(visit, avatar.id, {"height": 170.0}, skin="#b98264")
    work = await worker.take()
    assert work is not None
    assert (work.corrections_cm, work.stated.skin) == ({"height": 170.0}, "#b98264")
    await worker.complete(work, MADE)
    avatar = await house.avatars.get(visit, avatar.id)
    await house.visits.renew(visit)
    await house.avatars.correct(visit, avatar.id, {"waist": 75.0, "height": 171.0}, skin="#f0d5c0")
    await come_to_nothing(house)
    after = await house.avatars.get(visit, avatar.id)
    assert after.status == "complete"
    assert after.failure in ("measure-implausible", "gave-up", "took-too-long")
    assert (after.skin, after.corrections) == ("#b98264", {"height": 170.0})
    assert (after.body, after.measures, after.files) == (avatar.body, avatar.measures, avatar.files)
    await house.avatars.correct(visit, avatar.id, {}, skin="neutral")
    work = await worker.take()
    assert work is not None
    await worker.complete(work, MADE)
    async with house.database.tenant(visit.tenant_id) as connection:  # what it was before is kept only until then
        assert await connection.fetchval("SELECT before FROM avatars WHERE id = $1", avatar.id) is None


async def test_a_failure_says_which_photo_it_is_about_until_another_try(house: House):
    visit, worker = await house.visit(), house.worker()
    first = await house.ask(visit)
    work = await worker.take()
    assert work is not None
    await worker.fail(work, "too-dark", "Turn a light on.", "side")
    assert (await house.avatars.get(visit, first.id)).failure_view == "side"
    avatar = await house.complete(visit)
    assert avatar.failure_view is None


async def test_erased_it_leaves_nothing_but_signed_receipts(house: House, addresses: Addresses):
    visit = await house.visit()
    avatar = await house.complete(visit)
    receipts = [house.signer.read(receipt)["kind"] for receipt in await house.avatars.remove(visit, avatar.id)]
    assert receipts == ["photo-destroyed", "avatar-erased"]
    assert house.stored() == {}
    admin = await asyncpg.connect(addresses.admin)
    for table in ("avatars", "avatar_photos"):
        assert await admin.fetchval(f"SELECT count(*) FROM {table}") == 0  # noqa: S608
    await admin.close()


async def test_erased_while_it_is_made_the_worker_is_told_and_nothing_comes_after(house: House):
    visit, worker = await house.visit(), house.worker()
    avatar = await house.ask(visit)
    work = await worker.take()
    assert work is not None
    await house.avatars.remove(visit, avatar.id)
    for word in (worker.renew(work), worker.progress(work, "fitting", 0.5), worker.complete(work, MADE)):
        with pytest.raises(Superseded):
            await word
    assert house.stored() == {}


async def test_what_two_avatars_share_stays_when_one_is_erased(house: House):
    one, two = await house.visit(), await house.visit()
    first, second = await house.complete(one), await house.complete(two)
    await house.avatars.remove(one, first.id)
    assert (await house.avatars.file(two, second.id, "body.glb"))[1] == MADE.body_glb
    await house.avatars.remove(two, second.id)
    assert house.stored() == {}


async def test_it_ends_with_its_visit(house: House):
    visit = await house.visit()
    avatar = await house.complete(visit)
    house.clock.pass_by(minutes=34)
    await house.sweeper.sweep()
    assert await house.avatars.get(visit, avatar.id)
    house.clock.pass_by(minutes=2)
    await house.sweeper.sweep()
    assert house.stored() == {} and await house.avatars.every(visit) == []


async def test_brought_along_to_another_shop_it_is_made_anew_from_its_numbers(house: House):
    visit = await house.visit("b")
    avatar = await house.avatars.adopt(visit, Stated(168.0, sex="female"), MADE.body, MADE.measures, IMPORT)
    worker = house.worker()
    work = await worker.take()
    assert work is not None and work.body == MADE.body and work.measures == MADE.measures
    await worker.complete(work, MADE)
    assert (await house.avatars.get(visit, avatar.id)).origin == "import"
    with pytest.raises(ConsentRequired):
        await house.avatars.adopt(visit, Stated(168.0), MADE.body, MADE.measures, PHOTO)
