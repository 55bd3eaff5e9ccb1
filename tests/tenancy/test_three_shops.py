"""Whatever three shops do in whatever order over one connection, each sees what it did and nothing else."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tenancy.consent import current_text
from tenancy.credentials import Credentials
from tenancy.database import Database
from tenancy.errors import InvalidToken, UnknownProduct
from tenancy.files import Files
from tenancy.products import Products
from tenancy.shops import Shop
from tenancy.visits import Visits
from tests.services import Addresses
from tests.tenancy.test_products import CountingIntake

SHOPS = st.sampled_from(range(3))
NAMES = st.sampled_from(["cap", "beanie", "aviator"])


def test_three_shops_stay_apart(addresses: Addresses, files: Files) -> None:
    """The oracle is a dictionary for each shop."""
    runner = asyncio.Runner()
    database = runner.run(Database.connect(addresses.app, most=1))
    credentials, visits = Credentials(database), Visits(database)
    products = Products(database, files, CountingIntake())

    class ThreeShops(RuleBasedStateMachine):
        shops: list[Shop]

        def __init__(self) -> None:
            super().__init__()
            self.shops = [runner.run(credentials.ensure_shop(s, s, f"pk_{s}")) for s in "abc"]
            for shop in self.shops:
                for product in runner.run(products.catalog(shop.id)):
                    runner.run(products.remove(shop.id, product.id))
            self.sold: dict[int, dict[str, UUID]] = defaultdict(dict)
            self.tokens: dict[str, tuple[int, UUID]] = {}

        @rule(shop=SHOPS, name=NAMES, content=st.binary(min_size=1, max_size=4))
        def add(self, shop: int, name: str, content: bytes) -> None:
            made = runner.run(products.add(self.shops[shop].id, name, "hat", content, external_id=name))
            assert self.sold[shop].setdefault(name, made.id) == made.id

        @rule(shop=SHOPS, owner=SHOPS, name=NAMES)
        def remove(self, shop: int, owner: int, name: str) -> None:
            product_id = self.sold[owner].get(name)
            if product_id is None:
                return
            try:
                runner.run(products.remove(self.shops[shop].id, product_id))
            except UnknownProduct:
                assert shop != owner
            else:
                assert shop == owner
                del self.sold[owner][name]

        @rule(shop=SHOPS, owner=SHOPS, name=NAMES)
        def visit(self, shop: int, owner: int, name: str) -> None:
            product_id = self.sold[owner].get(name)
            try:
                token, _ = runner.run(visits.open(self.shops[shop], product_id, current_text().version))
            except UnknownProduct:
                assert product_id is not None
                assert shop != owner
            else:
                assert product_id is None or shop == owner
                self.tokens[token] = (shop, runner.run(visits.resolve(token)).id)

        @rule(token=st.text(max_size=70))
        def guess(self, token: str) -> None:
            try:
                runner.run(visits.resolve(token))
            except InvalidToken:
                return
            raise AssertionError("a made-up token was good")

        @rule(shop=SHOPS)
        def fail_in_the_middle(self, shop: int) -> None:
            async def half() -> None:
                async with database.tenant(self.shops[shop].id) as connection:
                    await connection.execute("DELETE FROM products")
                    raise LookupError

            try:
                runner.run(half())
            except LookupError:
                return

        @invariant()
        def each_sees_its_own(self) -> None:
            for index, shop in enumerate(self.shops):
                seen = {p.external_id: p.id for p in runner.run(products.catalog(shop.id))}
                assert seen == self.sold[index]
            for token, (index, visit_id) in self.tokens.items():
                found = runner.run(visits.resolve(token))
                assert (found.tenant_id, found.id) == (self.shops[index].id, visit_id)

    try:
        quick = settings(max_examples=12, stateful_step_count=25, deadline=None)
        run_state_machine_as_test(ThreeShops, settings=settings(quick, suppress_health_check=list(HealthCheck)))
    finally:
        runner.run(database.close())
        runner.close()
