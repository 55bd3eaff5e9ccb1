"""What a media process is handed when a shopper wants to see her avatar dressed: her own, as it is now, or a reason."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rtc.avatars import AvatarNotReady, CannotWear, Garment, UnknownAvatar
from rtc.claims import Visitor
from rtc.offers import UnknownProduct
from tenancy.database import Database
from tenancy.files import Files
from tenancy.outfits import Outfits
from tenancy.products import Products
from tenancy.shown_avatars import ShownAvatars
from tenancy.visits import Visit
from tests.tenancy.avatar_people import MADE, House
from tests.tenancy.test_outfits import CountingTailor, refuse, shirt, take_in
from wiring.cloakroom import Cloakroom


@pytest.fixture
def house(database: Database, files: Files, tmp_path: Path) -> House:
    return House(database, files, tmp_path)


@pytest.fixture
def outfits(house: House) -> Outfits:
    products = Products(house.database, house.files, refuse, take_in)
    return Outfits(house.database, house.files, products, CountingTailor(), now=house.clock)


@pytest.fixture
def cloakroom(house: House, outfits: Outfits) -> Cloakroom:
    return Cloakroom(ShownAvatars(house.database, house.files), house.visits, outfits)


def visitor(visit: Visit) -> Visitor:
    return Visitor(str(visit.tenant_id), str(visit.id))


async def test_an_avatar_is_handed_out_dressed_in_the_size_that_fits(
    house: House, outfits: Outfits, cloakroom: Cloakroom
):
    visit = await house.visit()
    avatar, product = await house.complete(visit), await shirt(outfits, visit)
    bare = await cloakroom.find(visitor(visit), None, [])
    assert await cloakroom.read(visitor(visit), bare) == MADE.plain_glb
    dressed = await cloakroom.find(visitor(visit), str(avatar.id), [Garment(str(product.id))])
    assert (dressed.avatar, dressed.wear) == (str(avatar.id), (Garment(str(product.id), "M"),))
    assert b"dressed-plain.glb" in await cloakroom.read(visitor(visit), dressed)
    other = await cloakroom.find(visitor(visit), None, [Garment(str(product.id), "S")])
    assert other.version not in (bare.version, dressed.version)
    tucked = await cloakroom.find(visitor(visit), None, [Garment(str(product.id), "M")], tucked=True)
    assert (dressed.tucked, tucked.tucked) == (False, True)
    assert tucked.version != dressed.version
    assert tucked.version.encode() in await cloakroom.read(visitor(visit), tucked)


async def test_what_cannot_be_handed_out_says_why(house: House, outfits: Outfits, cloakroom: Cloakroom):
    visit, stranger = await house.visit(), await house.visit()
    with pytest.raises(UnknownAvatar):
        await cloakroom.find(visitor(visit), None, [])
    waiting = await house.ask(visit)
    with pytest.raises(AvatarNotReady):
        await cloakroom.find(visitor(visit), str(waiting.id), [])
    await house.avatars.remove(visit, waiting.id)
    avatar, product = await house.complete(visit), await shirt(outfits, visit)
    worn = [Garment(str(product.id))]
    with pytest.raises(UnknownAvatar):
        await cloakroom.find(visitor(stranger), str(avatar.id), worn)
    for unknown in ("1", str(avatar.id)):
        with pytest.raises(UnknownProduct):
            await cloakroom.find(visitor(visit), None, [Garment(unknown)])
    for cannot, code in (([*worn, *worn], "wear-invalid"), ([Garment(str(product.id), "52")], "unknown-size")):
        with pytest.raises(CannotWear) as refusal:
            await cloakroom.find(visitor(visit), None, cannot)
        assert refusal.value.code == code


async def test_a_dressed_avatar_that_is_erased_is_known_to_be_gone(
    house: House, outfits: Outfits, cloakroom: Cloakroom
):
    visit = await house.visit()
    avatar, product = await house.complete(visit), await shirt(outfits, visit)
    dressed = await cloakroom.find(visitor(visit), None, [Garment(str(product.id))])
    news = asyncio.create_task(cloakroom.avatars.news.always())
    gone = asyncio.create_task(cloakroom.until_changed(visitor(visit), dressed))
    await asyncio.sleep(0.1)
    assert not gone.done()
    await house.avatars.remove(visit, avatar.id)
    await asyncio.wait_for(gone, 30)
    with pytest.raises(UnknownAvatar):
        await cloakroom.read(visitor(visit), dressed)
    news.cancel()
