"""What a node wears from while the shop's database or the store of its files is away."""

import asyncio

import pytest

from rtc.offers import Unavailable, UnknownProduct
from rtc.placement import Placement
from rtc.wardrobe import Wardrobe
from tests.rtc.conftest import Shelf, StartNode
from tests.rtc.shopper import Shopper
from tests.rtc.test_node import connect, offer_of


class FailingShelf(Shelf):
    """Its database, its files, or both can be taken away, or never answer."""

    database = files = True
    hangs = False

    def __init__(self, **products: bytes) -> None:
        super().__init__(**products)
        self.reads: list[str] = []
        self.was_read = asyncio.Event()

    async def digest(self, tenant: str, product: str) -> str:
        await self._fail(self.database)
        return await super().digest(tenant, product)

    async def read(self, tenant: str, digest: str) -> bytes:
        await self._fail(self.files)
        self.reads.append(digest)
        self.was_read.set()
        return await super().read(tenant, digest)

    async def offered(self, tenant: str) -> list[str]:
        await self._fail(self.database)
        return await super().offered(tenant)

    async def _fail(self, there: bool) -> None:
        if not there:
            if self.hangs:
                await asyncio.sleep(3600)
            raise OSError("nobody answers")


@pytest.fixture
def shelf(acetate: bytes) -> FailingShelf:
    return FailingShelf(acetate=acetate)


async def test_what_was_worn_once_can_be_worn_while_the_database_is_away(shelf: FailingShelf) -> None:
    wardrobe = Wardrobe(shelf)
    await wardrobe.dress("shop", ("acetate",))
    shelf.database = shelf.files = False
    assert (await wardrobe.dress("shop", ("acetate",))).products == ("acetate",)
    with pytest.raises(Unavailable):
        await wardrobe.dress("another", ("acetate",))


@pytest.mark.parametrize("part", ["database", "files"])
@pytest.mark.parametrize("hangs", [False, True])
async def test_what_never_was_is_unavailable_and_comes_by_itself(
    shelf: FailingShelf, part: str, hangs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtc.wardrobe.PATIENCE_S", 0.05)
    wardrobe = Wardrobe(shelf)
    setattr(shelf, part, False)
    shelf.hangs = hangs
    with pytest.raises(Unavailable):
        await wardrobe.dress("shop", ("acetate",))
    setattr(shelf, part, True)
    assert (await wardrobe.dress("shop", ("acetate",))).wearables


async def test_what_the_shop_has_taken_back_is_not_worn_from_memory(shelf: FailingShelf) -> None:
    wardrobe = Wardrobe(shelf)
    await wardrobe.dress("shop", ("acetate",))
    shelf.products.clear()
    with pytest.raises(UnknownProduct):
        await wardrobe.dress("shop", ("acetate",))
    shelf.database = False
    with pytest.raises(Unavailable):
        await wardrobe.dress("shop", ("acetate",))


async def test_what_a_shop_offers_is_in_memory_before_it_is_asked_for(shelf: FailingShelf) -> None:
    wardrobe = Wardrobe(shelf)
    shelf.products["broken"] = b"not a model"
    shelf.products["last"] = shelf.products["acetate"]
    await wardrobe.prepare("shop")
    shelf.reads.clear()
    assert (await wardrobe.dress("shop", ("last",))).wearables
    assert shelf.reads == []


async def test_a_shop_whose_database_is_away_is_prepared_for_nobody_and_nobody_is_hurt(shelf: FailingShelf) -> None:
    wardrobe = Wardrobe(shelf)
    shelf.database = False
    await wardrobe.prepare("shop")
    assert shelf.reads == []


async def test_a_session_has_the_shops_products_prepared(
    start_node: StartNode, placement: Placement, shelf: FailingShelf
) -> None:
    running = await start_node()
    running.node._wardrobe = Wardrobe(shelf)
    shopper = Shopper()
    await connect(placement, shopper)
    async with asyncio.timeout(5):
        await shelf.was_read.wait()
    await shopper.close()


async def test_a_wish_that_loads_slowly_does_not_undo_a_newer_one(
    start_node: StartNode, placement: Placement, shelf: FailingShelf
) -> None:
    running = await start_node()
    shopper = Shopper()
    await connect(placement, shopper)
    await shopper.see(1)
    running.node._wardrobe = Wardrobe(shelf)
    ((session, *_),) = running.node.sessions
    asked, let_go = asyncio.Event(), asyncio.Event()
    digest = shelf.digest

    async def slowly(tenant: str, product: str) -> str:
        asked.set()
        await let_go.wait()
        return await digest(tenant, product)

    shelf.digest = slowly  # type: ignore[method-assign]
    shopper.say(type="wear", products=["acetate"])
    await asked.wait()
    shopper.say(type="wear", products=[])
    assert (await shopper.hear("worn"))["products"] == []
    wishes = set(session._tasks)
    assert wishes
    let_go.set()
    await asyncio.gather(*wishes)
    assert session.worn == ()
    await shopper.close()


async def test_a_node_that_cannot_reach_the_shops_products_says_so_and_another_takes_the_shopper(
    start_node: StartNode, placement: Placement, shelf: FailingShelf
) -> None:
    cut_off = await start_node("cut-off", capacity=2)  # the roomier one, and so the first to be asked
    cut_off.node._wardrobe = Wardrobe(shelf)
    shelf.database = False
    shopper = Shopper()
    with pytest.raises(Unavailable):
        await placement.open(offer_of(await shopper.offer(), products=("acetate",)))
    assert list(cut_off.node.sessions) == []
    await start_node("whole", capacity=1)
    await connect(placement, shopper, products=("acetate",))
    await shopper.see(1)
    assert [session.worn for session, *_ in cut_off.node.sessions] == []
    await shopper.close()
