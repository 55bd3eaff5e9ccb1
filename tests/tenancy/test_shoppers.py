"""A shopper sees what is kept of her visit and has it erased, with her token or her receipt, and nobody else's."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest

from tenancy.consent import current_text
from tenancy.credentials import Credentials
from tenancy.database import Database
from tenancy.errors import InvalidReceipt, InvalidToken
from tenancy.receipts import Signer
from tenancy.shoppers import Shoppers
from tenancy.shops import Shop
from tenancy.visits import Visit, Visits
from tests.services import Addresses
from tests.tenancy.clock import Clock

SIGNER = Signer("s" * 40)


@pytest.fixture
def shoppers(database: Database, clock: Clock) -> Shoppers:
    return Shoppers(database, SIGNER, now=clock)


@pytest.fixture
async def shop(database: Database) -> Shop:
    return await Credentials(database).ensure_shop("a", "A", "pk_a")


@pytest.fixture
async def agreed(database: Database, shop: Shop, clock: Clock) -> tuple[str, Visit]:
    return await Visits(database, now=clock).open(shop, None, current_text().version, region="DE")


async def test_token_and_receipt_lead_to_the_same_visit_also_when_it_is_over(
    shoppers: Shoppers, shop: Shop, agreed: tuple[str, Visit], clock: Clock
) -> None:
    token, visit = agreed
    assert visit.agreed
    receipt = shoppers.receipt_of_consent(shop, visit.agreed)
    clock.pass_by(days=2)
    for credential in (token, receipt):
        who = await shoppers.claimant(credential)
        assert (who.tenant_id, who.visit_id) == (shop.id, visit.id)
    kept = await shoppers.export(who)
    assert kept["visit"]["id"] == str(visit.id)
    assert "token_digest" not in kept["visit"]
    assert [(c["version"], c["region"], c["granted"]) for c in kept["consents"]] == [
        (current_text().version, "DE", True)
    ]
    json.dumps(kept)


async def test_erased_is_erased_and_the_receipt_says_what_is_kept(
    *, shoppers: Shoppers, database: Database, shop: Shop, agreed: tuple[str, Visit], clock: Clock, addresses: Addresses
) -> None:
    token, visit = agreed
    _, others = await Visits(database, now=clock).open(shop, None, current_text().version)
    clock.pass_by(minutes=5)
    who = await shoppers.claimant(token)
    facts = SIGNER.read(await shoppers.erase(who, forgotten={"outfits": 1}))
    assert facts["erased"] == {"visits": 1, "outfits": 1}
    assert facts["consent_kept_until"] == "2023-01-05"
    with pytest.raises(InvalidToken):
        await shoppers.claimant(token)
    assert visit.agreed
    again = await shoppers.claimant(shoppers.receipt_of_consent(shop, visit.agreed))
    assert (await shoppers.export(again))["visit"] is None
    assert [c["granted"] for c in (await shoppers.export(again))["consents"]] == [True, False]
    assert SIGNER.read(await shoppers.erase(again, forgotten={}))["erased"] == {"visits": 0}
    assert len((await shoppers.export(again))["consents"]) == 2
    admin = await asyncpg.connect(addresses.admin)
    assert await admin.fetchval("SELECT array_agg(id) FROM visits") == [others.id]
    left = [row[0] for row in await admin.fetch("SELECT oid::regclass::text FROM pg_class WHERE relrowsecurity")]
    holding = {
        table
        for table in left
        if await admin.fetchval(f"SELECT count(*) FROM {table} t WHERE t::text LIKE $1", f"%{visit.id}%")  # noqa: S608
    }
    assert holding == {"consents"}
    await admin.close()


async def test_a_receipt_that_was_changed_or_signed_elsewhere_opens_nothing(
    shoppers: Shoppers, shop: Shop, agreed: tuple[str, Visit]
) -> None:
    assert agreed[1].agreed
    receipt = shoppers.receipt_of_consent(shop, agreed[1].agreed)
    header, payload, signature = receipt.split(".")
    facts = SIGNER.read(receipt)
    other = base64.urlsafe_b64encode(json.dumps({**facts, "visit": str(uuid4())}).encode()).decode().rstrip("=")
    forged = [
        f"{header}.{other}.{signature}",
        Signer("t" * 40).sign(facts),
        f"{header}.{payload}.",
        f"{header}.{payload}",
        f"{header}.{payload}.{signature}.x",
        "..",
        "é.é.é",
        receipt + "A" * 9000,
        SIGNER.sign({"kind": "erasure", "shop": str(shop.id), "visit": facts["visit"]}),
    ]
    for credential in forged:
        with pytest.raises(InvalidToken):
            await shoppers.claimant(credential)
    for credential in forged[:-1]:
        with pytest.raises(InvalidReceipt):
            SIGNER.read(credential)


def test_any_jose_library_can_check_a_receipt() -> None:
    jwt = pytest.importorskip("jwt")
    receipt = SIGNER.sign({"kind": "consent", "granted_at": datetime(2026, 11, 22, tzinfo=UTC).isoformat()})
    key = jwt.PyJWK(SIGNER.key)
    assert jwt.decode(receipt, key, algorithms=["EdDSA"])["kind"] == "consent"
    assert jwt.get_unverified_header(receipt)["kid"] == SIGNER.key["kid"]


def test_the_key_is_the_installations_and_stays_the_same() -> None:
    assert Signer("s" * 40).key == SIGNER.key != Signer("t" * 40).key
