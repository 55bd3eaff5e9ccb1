"""Files of what is worn on an avatar: made once, never another's, and gone with the avatar however it goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import tenancy.outfits
from tenancy.avatars import Avatar
from tenancy.database import Database
from tenancy.errors import UnknownAvatar
from tenancy.files import Files
from tenancy.outfits import FileName, Outfit, Outfits, Wish
from tenancy.products import Product, Products
from tenancy.visits import Visit
from tests.tenancy.avatar_people import MADE, House

CHART = {"chart": "garment", "kind": "top", "sizes": [{"label": "S", "cm": {"chest": 98}}, {"label": "M", "cm": {}}]}


@dataclass
class Taken:
    """What the intake of garments makes of one."""

    glb: bytes
    thumbnail_png: bytes = b"\x89PNG shirt"
    kind: str = "garment"
    dimensions: dict[str, float] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    garment: dict[str, Any] = field(default_factory=lambda: {"worn_as": "top", "chart": CHART, "body_chart": None})


async def take_in(glb: bytes, _details: Mapping[str, Any]) -> Taken:
    return Taken(glb)


async def refuse(_glb: bytes, _kind: str | None) -> Taken:
    raise AssertionError("only garments come here")


@dataclass
class CountingTailor:
    """Makes of an outfit what tells it from others, and before it hands that in, does what the test wants."""

    revision: str = "1"
    made: list[str] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[None]] | None = None

    async def fit(self, measures: Mapping[str, Mapping[str, float]], garment: Mapping[str, Any]) -> Mapping[str, Any]:
        assert measures
        return {"size": garment["chart"]["sizes"][1]["label"]}

    async def dress(self, outfit: Outfit, models: Sequence[bytes], name: FileName, color: str | None) -> bytes:
        self.made.append(name)
        if self.meanwhile is not None:
            await self.meanwhile()
        return b"worn " + repr((outfit.key, models, name, color)).encode()


@pytest.fixture
def house(database: Database, files: Files, tmp_path: Path) -> House:
    return House(database, files, tmp_path)


@pytest.fixture
def tailor() -> CountingTailor:
    return CountingTailor()


@pytest.fixture
def outfits(house: House, tailor: CountingTailor) -> Outfits:
    products = Products(house.database, house.files, refuse, take_in)
    return Outfits(house.database, house.files, products, tailor, now=house.clock)


async def shirt(outfits: Outfits, visit: Visit, name: str = "Shirt") -> Product:
    return await outfits._products.add(visit.tenant_id, name, "garment", b"glTF " + name.encode())


@pytest.fixture
async def visit(house: House) -> Visit:
    return await house.visit()


@pytest.fixture
async def avatar(house: House, visit: Visit) -> Avatar:
    return await house.complete(visit)


def worn(house: House) -> list[bytes]:
    """The files of outfits in the object store."""
    return [content for content in house.stored().values() if content.startswith(b"worn ")]


async def test_a_file_is_made_once_and_by_all_that_it_depends_on(
    house: House, outfits: Outfits, tailor: CountingTailor, visit: Visit, avatar: Avatar
):
    product = await shirt(outfits, visit)
    outfit = await outfits.outfit(visit, avatar.id, [Wish(product.id)])
    assert [piece.size for piece in outfit.pieces] == ["M"]
    first = await outfits.file(visit, outfit, "garment.glb")
    assert await outfits.file(visit, outfit, "garment.glb") == first
    assert tailor.made == ["garment.glb"]
    other = await outfits.outfit(visit, avatar.id, [Wish(product.id, "S")])
    assert other.key != outfit.key
    await outfits.file(visit, other, "garment.glb")
    assert len(worn(house)) == 2
    tailor.revision = "2"
    assert (await outfits.outfit(visit, avatar.id, [Wish(product.id)])).key not in (outfit.key, other.key)


async def test_a_file_that_was_lost_is_made_again(
    house: House, outfits: Outfits, tailor: CountingTailor, visit: Visit, avatar: Avatar
):
    outfit = await outfits.outfit(visit, avatar.id, [Wish((await shirt(outfits, visit)).id)])
    digest, content = await outfits.file(visit, outfit, "dressed.glb")
    await house.files.remove(visit.tenant_id, digest)
    assert await outfits.file(visit, outfit, "dressed.glb") == (digest, content)
    assert tailor.made == ["dressed.glb"] * 2


async def test_another_visit_has_no_outfit_of_it(house: House, outfits: Outfits, visit: Visit, avatar: Avatar):
    product = await shirt(outfits, visit)
    for stranger in (await house.visit(), await house.visit("b")):
        with pytest.raises(UnknownAvatar):
            await outfits.outfit(stranger, avatar.id, [Wish(product.id)])


@pytest.mark.parametrize("how", ["asked-for", "visit-over"])
async def test_what_was_worn_goes_with_the_avatar(
    house: House, outfits: Outfits, visit: Visit, avatar: Avatar, how: str
):
    outfit = await outfits.outfit(visit, avatar.id, [Wish((await shirt(outfits, visit)).id)])
    for name in tenancy.outfits.NAMES:
        await outfits.file(visit, outfit, name)
    assert len(worn(house)) == len(tenancy.outfits.NAMES)
    if how == "asked-for":
        await house.avatars.remove(visit, avatar.id)
    else:
        house.clock.pass_by(hours=2)
        await house.sweeper.sweep()
    assert worn(house) == []
    assert sorted(content[:5] for content in house.stored().values()) == [b"glTF ", b"\x89PNG "]  # the product's own
    async with house.database.tenant(visit.tenant_id) as connection:
        assert await connection.fetchval("SELECT count(*) FROM avatar_outfits") == 0


async def test_what_two_avatars_have_alike_stays_while_one_has_it(
    house: House, outfits: Outfits, visit: Visit, avatar: Avatar
):
    product = await shirt(outfits, visit)
    other = await house.complete(visit)
    for one in (avatar, other):
        await outfits.file(visit, await outfits.outfit(visit, one.id, [Wish(product.id)]), "garment.glb")
    assert len(worn(house)) == 1
    await house.avatars.remove(visit, avatar.id)
    assert len(worn(house)) == 1
    await house.avatars.remove(visit, other.id)
    assert worn(house) == []


async def test_an_avatar_erased_while_it_is_dressed_leaves_nothing(
    house: House, outfits: Outfits, tailor: CountingTailor, visit: Visit, avatar: Avatar
):
    outfit = await outfits.outfit(visit, avatar.id, [Wish((await shirt(outfits, visit)).id)])

    async def erased() -> None:
        await house.avatars.remove(visit, avatar.id)

    tailor.meanwhile = erased
    with pytest.raises(UnknownAvatar):
        await outfits.file(visit, outfit, "dressed.glb")
    assert worn(house) == []


async def test_an_avatar_erased_while_its_file_is_stored_leaves_nothing(
    house: House, outfits: Outfits, visit: Visit, avatar: Avatar, monkeypatch: pytest.MonkeyPatch
):
    outfit = await outfits.outfit(visit, avatar.id, [Wish((await shirt(outfits, visit)).id)])
    put = house.files.put

    async def slow(*args: Any) -> str:
        await house.avatars.remove(visit, avatar.id)
        return await put(*args)

    monkeypatch.setattr(house.files, "put", slow)
    with pytest.raises(UnknownAvatar):
        await outfits.file(visit, outfit, "dressed.glb")
    assert worn(house) == []


async def test_whoever_dresses_it_in_the_middle_of_its_erasure_leaves_nothing(
    house: House, outfits: Outfits, visit: Visit, avatar: Avatar, monkeypatch: pytest.MonkeyPatch
):
    outfit = await outfits.outfit(visit, avatar.id, [Wish((await shirt(outfits, visit)).id)])
    await outfits.file(visit, outfit, "garment.glb")
    remove = house.files.remove

    async def interrupted(*args: Any) -> None:
        monkeypatch.setattr(house.files, "remove", remove)
        with pytest.raises(UnknownAvatar):
            await outfits.file(visit, outfit, "dressed.glb")
        await remove(*args)

    monkeypatch.setattr(house.files, "remove", interrupted)
    await house.avatars.remove(visit, avatar.id)
    assert worn(house) == []


async def test_another_body_takes_what_was_worn_with_it(
    house: House, outfits: Outfits, tailor: CountingTailor, visit: Visit, avatar: Avatar
):
    product = await shirt(outfits, visit)
    outfit = await outfits.outfit(visit, avatar.id, [Wish(product.id)])
    await outfits.file(visit, outfit, "dressed.glb")

    async def corrected() -> None:
        await house.avatars.correct(visit, avatar.id, {}, skin="#b98264")
        worker = house.worker()
        work = await worker.take()
        assert work is not None
        await worker.complete(work, MADE)

    tailor.meanwhile = corrected
    with pytest.raises(UnknownAvatar):
        await outfits.file(visit, outfit, "garment.glb")
    assert worn(house) == []
    assert (await outfits.outfit(visit, avatar.id, [Wish(product.id)])).key != outfit.key


async def test_an_avatar_keeps_so_many_files_and_the_oldest_goes(
    house: House, outfits: Outfits, visit: Visit, avatar: Avatar, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tenancy.outfits, "MOST_KEPT", 2)
    keys = []
    for name in ("One", "Two", "Three"):
        outfit = await outfits.outfit(visit, avatar.id, [Wish((await shirt(outfits, visit, name)).id)])
        house.clock.pass_by(seconds=1)
        await outfits.file(visit, outfit, "garment.glb")
        keys.append(outfit.key)
    assert sorted(content.split(b"'")[1].decode() for content in worn(house)) == sorted(keys[1:])
