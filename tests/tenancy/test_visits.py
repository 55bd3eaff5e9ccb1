"""A visit needs consent to the current text, lasts its time, and its token is worth nothing to anybody else."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args
from uuid import UUID, uuid4

import asyncpg
import pytest

from tenancy.consent import Purpose, current_text, texts
from tenancy.credentials import Credentials
from tenancy.database import Database
from tenancy.errors import ConsentRequired, InvalidToken, TokenExpired, UnknownProduct
from tenancy.shops import Shop
from tenancy.visits import Visits
from tests.services import Addresses
from tests.tenancy.clock import Clock

AGREED = current_text().version
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
# Every text that was ever shown, by the hash of its words: one that changed would make receipts untrue.
PUBLISHED = {
    ("2026-11", "en"): "b57a897a368e68e51483999d189de61fa9b9b21a5ea65f10f9ceb508bbcd5ff2",
    ("2026-11-22", "en"): "539a11bc7636460c95a3e002fea2d71c8dadaff98d216dd1723abab970d91f49",
    ("2026-11-22", "de"): "da1bc8c6b2bce6cf9ed28c0ae5f83d83afe591099f1cb89df085acc5c16f3960",
    ("2026-11-22", "fr"): "486889bb00d9c092838dd19ff9b23eca331b166bde245069bd22b3597c03df5b",
    ("2026-11-22", "es"): "f45f1213905e393b721484008a4842d672d285fb7fb79e2528bb54706c46ee81",
    ("2026-11-22", "it"): "deb3766f43ec329d63399b7723d2d40e6a148196e336dea9698d8b5a243eb5f4",
    ("photo-2026-11-22", "en"): "ccde5de1756fc1f4664c66bd99bebcefb09422d14fe2b1833ea47dcb9908615c",
    ("photo-2026-11-22", "de"): "1cf163bbb1c1c891d5688b728a63c818d604a6f1aad9a83a66887c9d2f58f72a",
    ("photo-2026-11-30", "en"): "ccde5de1756fc1f4664c66bd99bebcefb09422d14fe2b1833ea47dcb9908615c",
    ("photo-2026-11-30", "de"): "1cf163bbb1c1c891d5688b728a63c818d604a6f1aad9a83a66887c9d2f58f72a",
    ("photo-2026-11-30", "fr"): "412832a752c4c3708c16cc8d6eec2558ac2af1cd85a7dee26ab8affb1e7c8322",
    ("photo-2026-11-30", "es"): "598ddc1035e255a2ae1c05c1ce6c843d3db986d0c4f77cd6b1c69eb6982feba0",
    ("photo-2026-11-30", "it"): "af7cc5db9551cf5d0b351bab60151242159497fa0d8121f5d9c08bd8cd33a1ec",
    ("import-2026-11-22", "en"): "5bfa2a43de8cdd4ea347e22c630ae4ba405ebb17d86c8cf776608d3e3096f074",
    ("import-2026-11-22", "de"): "6b56fa2562b887464f84cb6c8ab92e16ff88fe071b10f2307c622ca492562539",
    ("import-2026-11-30", "en"): "5bfa2a43de8cdd4ea347e22c630ae4ba405ebb17d86c8cf776608d3e3096f074",
    ("import-2026-11-30", "de"): "6b56fa2562b887464f84cb6c8ab92e16ff88fe071b10f2307c622ca492562539",
    ("import-2026-11-30", "fr"): "929b1bba82e918eb18eae43b9dfcf55d3f363d0643cdbe981f73032bf4365775",
    ("import-2026-11-30", "es"): "1ebbec73f0270f98e12e7014cce337e3339c6dd86c02e1a9356be05353bda8ac",
    ("import-2026-11-30", "it"): "a0eb8c52bce58b6c1f3b6a518805c820356cd0a07e5fa8f650bb6d36898063db",
}


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 11, 22, 12, 0, tzinfo=UTC))


@pytest.fixture
def visits(database: Database, clock: Clock) -> Visits:
    return Visits(database, now=clock)


@pytest.fixture
async def shop(database: Database) -> Shop:
    return await Credentials(database).ensure_shop("a", "A", "pk_a")


async def add_product(database: Database, shop: Shop) -> UUID:
    product_id = uuid4()
    async with database.tenant(shop.id) as connection:
        await connection.execute(
            "INSERT INTO products (tenant_id, id, kind, name, source_digest, glb_digest, thumbnail_digest)"
            " VALUES ($1, $2, 'hat', 'Cap', '', '', '')",
            shop.id,
            product_id,
        )
    return product_id


async def test_a_token_leads_back_to_its_visit(visits: Visits, shop: Shop, database: Database) -> None:
    product_id = await add_product(database, shop)
    token, visit = await visits.open(shop, product_id, AGREED)
    assert await visits.resolve(token) == visit
    assert (visit.tenant_id, visit.product_id) == (shop.id, product_id)


@pytest.mark.parametrize("version", [None, "", "2025-01", "2026-11", "2026-11-22 "])
async def test_without_consent_to_the_current_text_nothing_is_written(
    visits: Visits, shop: Shop, addresses: Addresses, version: str | None
) -> None:
    with pytest.raises(ConsentRequired) as raised:
        await visits.open(shop, None, version)
    assert raised.value.code == "consent-required"
    admin = await asyncpg.connect(addresses.admin)
    assert await admin.fetchval("SELECT (SELECT count(*) FROM visits) + (SELECT count(*) FROM consents)") == 0
    await admin.close()


async def test_the_receipt_holds_version_hash_and_time(
    visits: Visits, shop: Shop, database: Database, clock: Clock
) -> None:
    _, visit = await visits.open(shop, None, AGREED, region="DE")
    async with database.tenant(shop.id) as connection:
        receipt = await connection.fetchrow("SELECT * FROM consents")
    assert (receipt["visit_id"], receipt["version"], receipt["purpose"]) == (visit.id, AGREED, "camera")
    assert receipt["text_digest"] == current_text().digest
    assert (receipt["granted_at"], receipt["region"], receipt["language"]) == (clock.at, "DE", "en")


async def test_the_receipt_is_of_the_words_in_her_language(visits: Visits, shop: Shop, database: Database) -> None:
    _, visit = await visits.open(shop, None, AGREED, language="de")
    async with database.tenant(shop.id) as connection:
        receipt = await connection.fetchrow("SELECT * FROM consents")
    german = PUBLISHED[AGREED, "de"]
    assert (receipt["language"], receipt["text_digest"]) == ("de", german)
    assert visit.agreed and (visit.agreed.id, visit.agreed.text_digest) == (receipt["id"], german)
    _, visit = await visits.open(shop, None, AGREED, language="tlh")  # what she cannot have read she did not agree to
    assert visit.agreed and visit.agreed.text_digest == PUBLISHED[AGREED, "en"]


async def test_a_product_that_the_shop_does_not_have_opens_nothing(
    visits: Visits, shop: Shop, database: Database, addresses: Addresses
) -> None:
    other = await Credentials(database).ensure_shop("b", "B", "pk_b")
    foreign = await add_product(database, other)
    for product_id in (uuid4(), foreign):
        with pytest.raises(UnknownProduct):
            await visits.open(shop, product_id, AGREED)
    admin = await asyncpg.connect(addresses.admin)
    assert await admin.fetchval("SELECT (SELECT count(*) FROM visits) + (SELECT count(*) FROM consents)") == 0
    await admin.close()


async def test_a_visit_ends_after_its_time(visits: Visits, shop: Shop, clock: Clock) -> None:
    token, visit = await visits.open(shop, None, AGREED)
    clock.pass_by(minutes=29, seconds=59)
    assert await visits.resolve(token) == visit
    clock.pass_by(seconds=1)
    with pytest.raises(TokenExpired) as raised:
        await visits.resolve(token)
    assert raised.value.code == "token-expired"


async def test_a_renewed_visit_lasts_its_whole_time_again(visits: Visits, shop: Shop, clock: Clock) -> None:
    token, visit = await visits.open(shop, None, AGREED)
    clock.pass_by(minutes=29)
    renewed = await visits.renew(visit)
    assert renewed.expires_at == clock.at + timedelta(minutes=30)
    clock.pass_by(minutes=29)
    assert await visits.resolve(token) == renewed


async def test_a_visit_that_is_over_stays_over(visits: Visits, shop: Shop, clock: Clock) -> None:
    _, visit = await visits.open(shop, None, AGREED)
    clock.pass_by(minutes=30)
    with pytest.raises(TokenExpired):
        await visits.renew(visit)


async def test_a_token_moved_to_another_shop_is_nobodys(visits: Visits, shop: Shop, database: Database) -> None:
    other = await Credentials(database).ensure_shop("b", "B", "pk_b")
    token, _ = await visits.open(shop, None, AGREED)
    moved = base64.urlsafe_b64encode(other.id.bytes + base64.urlsafe_b64decode(token)[16:]).decode()
    with pytest.raises(InvalidToken):
        await visits.resolve(moved)


@pytest.mark.parametrize("token", ["", "x", "é" * 64, "=" * 64, "A" * 64, "A" * 10_000, "+/" * 32, "A" * 63 + "\n"])
async def test_what_is_no_token_is_refused(visits: Visits, token: str) -> None:
    with pytest.raises(InvalidToken) as raised:
        await visits.resolve(token)
    assert raised.value.code == "invalid-token"


async def test_the_token_is_kept_as_a_hash_and_has_256_random_bits(
    visits: Visits, shop: Shop, addresses: Addresses
) -> None:
    token, _ = await visits.open(shop, None, AGREED)
    secret = base64.urlsafe_b64decode(token)[16:]
    assert len(secret) == 32
    admin = await asyncpg.connect(addresses.admin)
    row = await admin.fetchrow("SELECT * FROM visits")
    await admin.close()
    assert row["token_digest"] == hashlib.sha256(token.encode()).digest()
    assert secret not in b"".join(value for value in row.values() if isinstance(value, bytes))
    assert token not in str(row)


async def test_a_product_taken_out_leaves_the_visit(visits: Visits, shop: Shop, database: Database) -> None:
    token, _ = await visits.open(shop, await add_product(database, shop), AGREED)
    async with database.tenant(shop.id) as connection:
        await connection.execute("DELETE FROM products")
    assert (await visits.resolve(token)).product_id is None


def test_published_words_never_change() -> None:
    every = [text for purpose in PURPOSES for text in texts(purpose)]
    assert {(text.version, text.language): text.digest for text in every} == PUBLISHED


@pytest.mark.parametrize("purpose", PURPOSES)
def test_what_is_agreed_to_is_there_in_every_language_of_the_pages(purpose: Purpose) -> None:
    words = Path(__file__).parents[2] / "web/words"
    spoken = {path.stem for room in (words, words / "fitting-room") for path in room.glob("*.json")}
    assert {"en", "de", "fr", "es", "it"} <= spoken
    newest = current_text(purpose=purpose)
    for language in spoken:
        text = current_text(language, purpose)
        assert (text.language, text.version) == (language, newest.version)
        assert len(text.paragraphs) == len(newest.paragraphs) and all((text.title, *text.paragraphs)), language
    lines = [line for language in spoken for line in current_text(language, purpose).paragraphs]
    assert len(set(lines)) == len(lines), "a paragraph stands untranslated"


def test_the_words_say_what_a_shopper_must_know() -> None:
    words = " ".join(current_text().paragraphs).lower()
    for fact in ("sent to the server", "working memory only", "stored", "not used to train", "stop at any time"):
        assert fact in words, fact
