"""A photo is sealed with a key of its own, destroyed with it when the work ends or time is up; a receipt stays."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from tenancy.database import Database
from tenancy.errors import PhotoKeyLost, Unavailable
from tenancy.files import Files
from tenancy.stated import Stated
from tests.services import Addresses
from tests.tenancy.avatar_people import FRONT, MADE, PHOTO, House


@pytest.fixture
def house(database: Database, files: Files, tmp_path: Path) -> House:
    return House(database, files, tmp_path)


async def everything_at_rest(house: House, addresses: Addresses) -> bytes:
    """Every file of the installation and every row of every table, in one piece."""
    admin = await asyncpg.connect(addresses.admin)
    rows = []
    for schema, table in await admin.fetch(
        "SELECT relnamespace::regnamespace::text, relname FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace::regnamespace::text IN ('public', 'jobs')"
    ):
        rows += [str(tuple(row.values())).encode() for row in await admin.fetch(f"SELECT * FROM {schema}.{table}")]  # noqa: S608
    await admin.close()
    return b"".join([*rows, *(path.read_bytes() for path in house.folder.rglob("*") if path.is_file())])


async def test_a_photo_lies_sealed_and_comes_back_as_it_was(house: House, addresses: Addresses):
    visit = await house.visit()
    avatar = await house.ask(visit)
    assert FRONT not in await everything_at_rest(house, addresses)
    assert await house.photos.open(visit.tenant_id, avatar.id) == {"front": FRONT}


async def test_when_one_photo_cannot_be_sealed_none_is_left(house: House):
    wrap, wrapped = house.keys.wrap, 0

    async def once(key: bytes, context: bytes) -> tuple[str, bytes]:
        nonlocal wrapped
        wrapped += 1
        if wrapped == 2:
            raise Unavailable
        return await wrap(key, context)

    house.keys.wrap = once
    visit = await house.visit()
    with pytest.raises(Unavailable):
        await house.avatars.ask(visit, Stated(168.0), {"front": FRONT, "side": FRONT}, PHOTO)
    assert wrapped == 2
    assert house.stored() == {}


async def test_two_photos_that_are_alike_have_different_keys_and_nothing_in_common(house: House):
    for slug in ("a", "b"):
        await house.ask(await house.visit(slug))
    assert len(set(house.stored().values())) == 2


async def test_a_photo_moved_to_another_shop_or_row_does_not_open(house: House, addresses: Addresses):
    visit, other = await house.visit("a"), await house.visit("b")
    avatar = await house.ask(visit)
    admin = await asyncpg.connect(addresses.admin)
    digest = await admin.fetchval("SELECT digest FROM avatar_photos")
    await house.files.put(other.tenant_id, await house.files.get(visit.tenant_id, digest), "x")
    await admin.execute("UPDATE avatar_photos SET tenant_id = $1", other.tenant_id)
    with pytest.raises(PhotoKeyLost):
        await house.photos.open(other.tenant_id, avatar.id)
    await admin.execute("UPDATE avatar_photos SET tenant_id = $1, id = $2", visit.tenant_id, uuid4())
    with pytest.raises(PhotoKeyLost):
        await house.photos.open(visit.tenant_id, avatar.id)
    await admin.close()


@pytest.mark.parametrize("how", ["complete", "not-frontal"])
async def test_when_the_work_ends_key_and_photo_are_gone_and_a_receipt_says_so(
    house: House, addresses: Addresses, how: str
):
    visit = await house.visit()
    avatar, worker = await house.ask(visit), house.worker()
    work = await worker.take()
    assert work is not None
    house.clock.pass_by(seconds=9)
    if how == "complete":
        await worker.complete(work, MADE)
    else:
        await worker.fail(work, how, "Face the camera.")
    with pytest.raises(PhotoKeyLost):
        await house.photos.open(visit.tenant_id, avatar.id)
    admin = await asyncpg.connect(addresses.admin)
    row = await admin.fetchrow("SELECT wrapped_key, destroyed_at, removed_at, digest FROM avatar_photos")
    await admin.close()
    assert row["wrapped_key"] is None and row["destroyed_at"] == row["removed_at"] == house.clock()
    assert not any(row["digest"] in path for path in house.stored())
    (receipt,) = await house.photos.receipts(visit.tenant_id, avatar.id)
    facts = house.signer.read(receipt)
    assert facts["kind"] == "photo-destroyed" and facts["reason"] == how and facts["avatar"] == str(avatar.id)
    assert facts["destroyed_at"] == house.clock().isoformat() and facts["sealed_sha256"] == row["digest"]


async def test_nobody_works_on_it_and_after_half_an_hour_it_is_destroyed_all_the_same(house: House):
    visit = await house.visit()
    avatar = await house.ask(visit)
    house.clock.pass_by(minutes=29)
    await house.sweeper.sweep()
    assert await house.photos.open(visit.tenant_id, avatar.id)
    house.clock.pass_by(minutes=1)
    assert await house.photos.past_deadline() == 0
    await house.sweeper.sweep()
    assert house.stored() == {}
    with pytest.raises(PhotoKeyLost):
        await house.photos.open(visit.tenant_id, avatar.id)
    late = await house.avatars.get(visit, avatar.id)
    assert (late.status, late.failure) == ("failed", "took-too-long")
    assert await house.worker().take() is None


async def test_a_photo_past_its_deadline_is_counted_until_it_is_gone(house: House):
    visit = await house.visit()
    await house.ask(visit)
    house.clock.pass_by(minutes=31, seconds=1)
    assert await house.photos.past_deadline() == 1
    await house.sweeper.sweep()
    assert await house.photos.past_deadline() == 0


async def test_what_the_object_store_did_not_clear_is_cleared_by_the_sweeper(house: House):
    visit = await house.visit()
    avatar = await house.ask(visit)
    async with house.database.tenant(visit.tenant_id) as connection:  # and here the process dies
        await house.photos.destroy(connection, visit.tenant_id, avatar.id, "complete")
    assert house.stored() != {}
    house.clock.pass_by(seconds=61)
    assert await house.photos.past_deadline() == 1
    assert await house.photos.sweep() == 1
    assert house.stored() == {} and await house.photos.past_deadline() == 0


async def test_a_refused_avatar_leaves_no_photo(house: House):
    visit = await house.visit()
    await house.ask(visit)
    before = house.stored()
    from tenancy.errors import AvatarActive

    with pytest.raises(AvatarActive):
        await house.ask(visit, b"\xff\xd8\xff another")
    assert house.stored() == before


async def test_wrapping_keys_change_and_an_old_one_is_forgotten_when_no_photo_waits_under_it(house: House):
    keys = house.folder / "keys"
    visit = await house.visit()
    avatar = await house.ask(visit)
    (first,) = [path.name for path in keys.iterdir()]
    house.clock.pass_by(days=1)
    await house.keys.rotate({first})
    assert len(list(keys.iterdir())) == 2
    assert await house.photos.open(visit.tenant_id, avatar.id) == {"front": FRONT}  # still under the old one
    assert (await house.photos.seal(visit.tenant_id, "side", b"x")).key_id != first
    await house.keys.rotate(set())
    assert first in [path.name for path in keys.iterdir()]  # somebody may have read it as current a moment ago
    house.clock.pass_by(hours=1)
    await house.keys.rotate({first})
    assert first in [path.name for path in keys.iterdir()]
    await house.keys.rotate(set())
    assert first not in [path.name for path in keys.iterdir()]
    with pytest.raises(PhotoKeyLost):
        await house.photos.open(visit.tenant_id, avatar.id)


async def test_keys_are_for_their_owners_eyes_alone(house: House):
    await house.ask(await house.visit())
    assert (house.folder / "keys").stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (house.folder / "keys").iterdir())


async def test_a_key_id_is_a_name_and_never_a_path(house: House):
    with pytest.raises(PhotoKeyLost):
        await house.keys.unwrap("../files/x", b"0" * 60, b"")
