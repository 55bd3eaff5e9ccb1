"""What a media process may see of avatars: those of the visit, as they are now, until they are gone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from tenancy.database import Database
from tenancy.errors import AvatarNotReady, UnknownAvatar
from tenancy.files import Files
from tenancy.shown_avatars import ShownAvatars
from tests.tenancy.avatar_people import MADE, House


@pytest.fixture
def house(database: Database, files: Files, tmp_path: Path) -> House:
    return House(database, files, tmp_path)


@pytest.fixture
async def shown(database: Database, files: Files) -> AsyncIterator[ShownAvatars]:
    made = ShownAvatars(database, files)
    news = asyncio.create_task(made.news.always())
    yield made
    news.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await news


async def test_the_newest_complete_one_of_the_visit_is_found_and_nobody_elses(house: House, shown: ShownAvatars):
    visit, other, elsewhere = await house.visit(), await house.visit(), await house.visit("b")
    with pytest.raises(UnknownAvatar):
        await shown.find(visit.tenant_id, visit.id, None)
    first = await house.complete(visit)
    house.clock.pass_by(seconds=10)
    found = await shown.find(visit.tenant_id, visit.id, None)
    assert found.id == first.id
    assert await shown.read(visit.tenant_id, found) == MADE.plain_glb
    second = await house.ask(visit)
    assert (await shown.find(visit.tenant_id, visit.id, None)).id == first.id, "not the one that is being made"
    with pytest.raises(AvatarNotReady):
        await shown.find(visit.tenant_id, visit.id, second.id)
    for tenant, stranger in ((other.tenant_id, other.id), (elsewhere.tenant_id, elsewhere.id)):
        for wanted in (first.id, None):
            with pytest.raises(UnknownAvatar):
                await shown.find(tenant, stranger, wanted)
    with pytest.raises(UnknownAvatar):
        await shown.find(elsewhere.tenant_id, visit.id, first.id)
    with pytest.raises(UnknownAvatar):
        await shown.find(visit.tenant_id, visit.id, uuid4())
    with pytest.raises(UnknownAvatar):
        await shown.read(elsewhere.tenant_id, found)


async def test_it_is_told_at_once_that_one_was_erased(house: House, shown: ShownAvatars):
    visit = await house.visit()
    avatar = await house.complete(visit)
    found = await shown.find(visit.tenant_id, visit.id, avatar.id)
    waiting = asyncio.create_task(shown.until_changed(visit.tenant_id, visit.id, found))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    await house.avatars.remove(visit, avatar.id)
    async with asyncio.timeout(3):  # looking without news takes five seconds
        await waiting
    with pytest.raises(UnknownAvatar):
        await shown.read(visit.tenant_id, found)


async def test_it_is_told_that_one_has_another_body(house: House, shown: ShownAvatars):
    visit = await house.visit()
    avatar = await house.complete(visit)
    found = await shown.find(visit.tenant_id, visit.id, avatar.id)
    waiting = asyncio.create_task(shown.until_changed(visit.tenant_id, visit.id, found))
    await house.avatars.correct(visit, avatar.id, {"waist": 80.0})
    await asyncio.sleep(0.3)
    assert not waiting.done(), "until the new one is there, the old one is hers"
    worker = house.worker()
    work = await worker.take()
    assert work is not None
    await worker.complete(work, replace(MADE, plain_glb=b"glTF wider"))
    async with asyncio.timeout(3):
        await waiting
    assert await shown.read(visit.tenant_id, await shown.find(visit.tenant_id, visit.id, None)) == b"glTF wider"
