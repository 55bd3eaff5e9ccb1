"""A bulk import says first what it would do, then does it row by row, and goes on where it was broken off."""

from __future__ import annotations

import asyncio
import io
import struct
import zipfile
from collections.abc import AsyncIterator, Callable

import pytest

from tenancy.archive import Archive
from tenancy.credentials import Credentials
from tenancy.database import Database
from tenancy.errors import Busy, InvalidImport, UnknownFile, UnknownImport
from tenancy.files import Files
from tenancy.import_runner import ImportRunner
from tenancy.import_sheet import MAX_ROWS, read_sheet
from tenancy.imports import Imports
from tenancy.products import Products
from tenancy.shops import Shop
from tests.tenancy.clock import Clock
from tests.tenancy.test_products import CountingIntake

HEADING = "sku,name,kind,model,variants,published\n"


def a_zip(**models: bytes) -> io.BytesIO:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in models.items():
            archive.writestr(f"{name}.glb", content)
    return sink


@pytest.fixture
def intake() -> CountingIntake:
    return CountingIntake()


@pytest.fixture
def now() -> Clock:
    return Clock.now()


@pytest.fixture
def products(database: Database, files: Files, intake: CountingIntake) -> Products:
    return Products(database, files, intake)


@pytest.fixture
def imports(database: Database, products: Products, files: Files, now: Clock) -> Imports:
    return Imports(database, products, files, now=now, busy_wait_s=0.01)


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    yield await Credentials(database).ensure_shop("a", "A", "pk_a")


SHEET = (
    HEADING + "P-1,Panto,glasses,panto.glb,P-1a|tortoise|49; P-1b|black,yes\n"
    "P-2,Aviator,glasses,Aviator.GLB,,no\n"
    "P-3,Bad,hat,bad.glb,,\n"
    "P-4,Lost,hat,lost.glb,,\n"
    "P-1,Again,hat,panto.glb,,\n"
    "P-5,Dress,dress,panto.glb,,\n"
).encode()
MODELS = {"panto": b"one", "aviator": b"two", "bad": b"bad"}


async def test_the_preview_says_what_will_happen_and_changes_nothing(
    imports: Imports, products: Products, shop: Shop, intake: CountingIntake
) -> None:
    found = await imports.preview(shop.id, SHEET, a_zip(**MODELS), by="ada")
    assert [(row.line, row.plan, row.code) for row in found.rows] == [
        (2, "add", None),
        (3, "add", None),
        (4, "add", None),
        (5, "refuse", "model-missing"),
        (6, "refuse", "row-invalid"),
        (7, "refuse", "kind-unsupported"),
    ]
    assert found.rows[0].variants == [
        {"sku": "P-1a", "colour": "tortoise", "size": "49"},
        {"sku": "P-1b", "colour": "black"},
    ]
    assert "line 2" in found.rows[4].says
    assert await products.every(shop.id) == []
    assert intake.calls == 0
    assert await imports.get(shop.id, found.id) == found


async def test_a_garment_comes_by_a_table_too(imports: Imports, shop: Shop) -> None:
    table = (HEADING + "P-1,Shirt,garment,panto.glb,,\n").encode()
    (row,) = (await imports.preview(shop.id, table, a_zip(**MODELS), by="ada")).rows
    assert (row.plan, row.kind) == ("add", "garment")


async def test_each_row_is_a_product_or_a_reason_and_the_same_again_changes_nothing(
    imports: Imports, products: Products, shop: Shop, intake: CountingIntake
) -> None:
    made = await imports.preview(shop.id, SHEET, a_zip(**MODELS), by="ada")
    await imports.start(shop.id, made.id, by="ada")
    await imports.work(shop.id, made.id)
    done = await imports.get(shop.id, made.id)
    assert done.state == "done"
    assert [row.state for row in done.rows] == ["done", "done", "failed", "failed", "failed", "failed"]
    there = {product.external_id: product for product in await products.every(shop.id)}
    assert sorted(there) == ["P-1", "P-2"]
    assert (there["P-1"].published, there["P-2"].published) == (True, False)
    assert len(there["P-1"].variants) == 2
    assert done.rows[0].product_id == there["P-1"].id

    calls = intake.calls
    again = await imports.preview(shop.id, SHEET, a_zip(**MODELS), by="ada")
    assert [row.plan for row in again.rows[:3]] == ["same", "same", "add"]
    changed = SHEET.replace(b"Panto", b"Panto 49")
    renewed = await imports.preview(shop.id, changed, a_zip(**MODELS), by="ada")
    assert renewed.rows[0].plan == "renew"
    await imports.start(shop.id, renewed.id, by="ada")
    await imports.work(shop.id, renewed.id)
    assert {product.name for product in await products.every(shop.id)} == {"Panto 49", "Aviator"}
    assert {product.id for product in await products.every(shop.id)} == {product.id for product in there.values()}
    assert intake.calls == calls + 2


async def test_what_was_broken_off_is_gone_on_with_and_nothing_is_done_twice(  # noqa: PLR0917
    imports: Imports,
    products: Products,
    shop: Shop,
    intake: CountingIntake,
    now: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = await imports.preview(shop.id, SHEET, a_zip(**MODELS), by="ada")
    await imports.start(shop.id, made.id, by="ada")
    held = asyncio.Event()
    take = products.take_in

    async def stuck(*given: object) -> object:
        if given[2] == b"two":
            held.set()
            await asyncio.Event().wait()
        return await take(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(products, "take_in", stuck)
    first = asyncio.create_task(imports.work(shop.id, made.id))
    await held.wait()
    assert await imports.due() == [], "somebody is at it"
    await imports.work(shop.id, made.id)  # so this does nothing
    assert len(await products.every(shop.id)) == 1
    now.pass_by(minutes=10)  # as if the first had died without a word
    monkeypatch.setattr(products, "take_in", take)
    assert await imports.due() == [(shop.id, made.id)]
    await imports.work(shop.id, made.id)
    assert (await imports.get(shop.id, made.id)).state == "done"
    assert len(await products.every(shop.id)) == 2
    assert intake.calls == 3
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert await imports.due() == []


async def test_the_runner_does_what_was_started_and_waits_out_a_busy_intake(
    imports: Imports, products: Products, shop: Shop, intake: CountingIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = [Busy(), Busy()]
    take = products.take_in

    async def sometimes(*given: object) -> object:
        if busy:
            raise busy.pop()
        return await take(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(products, "take_in", sometimes)
    runner = ImportRunner(imports, look_every_s=60)
    runner.start()
    await asyncio.sleep(0.05)
    made = await imports.preview(shop.id, SHEET, a_zip(**MODELS), by="ada")
    await imports.start(shop.id, made.id, by="ada")
    async with asyncio.timeout(10):
        while (await imports.get(shop.id, made.id)).state != "done":  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert [row.state for row in (await imports.get(shop.id, made.id)).rows[:3]] == ["done", "done", "failed"]
    await runner.stop()


async def test_what_was_staged_goes_when_it_is_done_or_forgotten(imports: Imports, shop: Shop, files: Files) -> None:
    made = await imports.preview(shop.id, SHEET, a_zip(**MODELS), by="ada")
    digests = [row.source_digest for row in made.rows if row.source_digest]
    assert [await files.staged(shop.id, digest) for digest in digests] == [b"one", b"two", b"bad"]
    await imports.forget(shop.id, made.id)
    for digest in digests:
        with pytest.raises(UnknownFile):
            await files.staged(shop.id, digest)
    with pytest.raises(UnknownImport):
        await imports.get(shop.id, made.id)
    made = await imports.preview(shop.id, SHEET, a_zip(**MODELS), by="ada")
    await imports.start(shop.id, made.id, by="ada")
    await imports.work(shop.id, made.id)
    for digest in digests:
        with pytest.raises(UnknownFile):
            await files.staged(shop.id, digest)


# --- the table -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "columns"),
        (b"name,kind\nPanto,glasses\n", "columns"),
        (b"sku,sku,name,kind,model\n", "columns"),
        (b"sku,name,kind,model,price\n", "columns"),
        (HEADING.encode(), "no rows"),
        (HEADING.encode() + "Lünette".encode("latin-1"), "UTF-8"),
        (HEADING.encode() + b'P,"Panto' + b"\n" * 3, "quotation"),
        (HEADING.encode() + b"P,x,hat,m.glb,,\n" * (MAX_ROWS + 1), "rows"),
        (HEADING.encode() + b"x" * (3 << 20), "larger"),
        (HEADING.encode() + b'P,"' + b"x" * 200_000 + b'",hat,m,,\n', "quotation"),
    ],
)
def test_what_is_no_table_is_refused_in_words(raw: bytes, says: str) -> None:
    with pytest.raises(InvalidImport, match=says):
        read_sheet(raw)


@pytest.mark.parametrize(
    "raw",
    [
        HEADING.replace(",", ";").encode() + "P-1;Lünette;glasses;a.glb;;yes\n".encode(),
        b"\xef\xbb\xbf" + HEADING.encode() + "P-1,Lünette,glasses,a.glb,,yes\r\n\r\n".encode(),
        "SKU\tName\tKind\tModel\nP-1\tLünette\tGlasses\ta.glb\n".encode(),
    ],
)
def test_a_table_is_read_as_spreadsheets_write_it(raw: bytes) -> None:
    (row,) = read_sheet(raw)
    assert (row.sku, row.name, row.kind, row.model, row.published, row.wrong) == (
        *("P-1", "Lünette", "glasses", "a.glb"),
        *(True, None),
    )


@pytest.mark.parametrize(
    "cells",
    [
        "P-1,Panto,hat",
        ",Panto,hat,a.glb,,",
        "P,Pan\x00to,hat,a.glb,,",
        "P,Panto,hat,a.glb,x|y|z|w,",
        "P,a,hat,b,a;a,",
        "P,Panto,hat,a.glb,,perhaps",
        "P," + "x" * 201 + ",hat,a.glb,,",
    ],
)
def test_a_row_that_is_wrong_says_so_by_itself(cells: str) -> None:
    wrong, right = read_sheet((HEADING + cells + "\nQ,Good,hat,a.glb,,\n").encode())
    assert wrong.wrong
    assert wrong.wrong.endswith(".")
    assert right.wrong is None


# --- the zip ---------------------------------------------------------------------------------------------------


def slip(name: str, *, attributes: int = 0) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = attributes << 16
        archive.writestr(entry, b"x")
    return sink.getvalue()


def bomb(megabytes: int) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.glb", "w") as file:
        for _ in range(megabytes):
            file.write(bytes(1 << 20))
    return sink.getvalue()


def overlapping() -> bytes:
    """Two entries of the directory that lead to the same bytes."""
    raw = bytearray(slip("a.glb"))
    at = raw.rindex(b"PK\1\2")
    end = raw.rindex(b"PK\5\6")
    entry = bytes(raw[at:end])
    raw[end:end] = entry
    end += len(entry)
    struct.pack_into("<HHI", raw, end + 8, 2, 2, 2 * len(entry))
    return bytes(raw)


def all_directory() -> bytes:
    """Forty-six bytes an entry and nothing else: millions of them in a zip of modest size."""
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0) + b"a"
    directory = entry * 60_000
    return directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 60_000, 60_000, len(directory), 0, 0)


def encrypted() -> bytes:
    raw = bytearray(slip("a.glb"))
    raw[raw.rindex(b"PK\1\2") + 8] |= 1
    return bytes(raw)


def another_method() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.glb", b"x" * 100)
    return sink.getvalue()


ZIPS: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "no zip": lambda: b"glTF" * 1000,
    "cut off": lambda: bomb(1)[:-30],
    "a way up": lambda: slip("../../etc/passwd"),
    "a way up within": lambda: slip("a/../../b.glb"),
    "from the root": lambda: slip("/etc/passwd"),
    "another system's way": lambda: slip("..\\..\\a.glb"),
    "a drive": lambda: slip("C:a.glb"),
    "a control character": lambda: slip("a\n.glb"),
    "a link": lambda: slip("a.glb", attributes=0o120777),
    "a device": lambda: slip("a.glb", attributes=0o060666),
    "a bomb": lambda: bomb(80),
    "overlapping": overlapping,
    "all directory": all_directory,
    "encrypted": encrypted,
    "another method": another_method,
}


@pytest.mark.parametrize("name", ZIPS)
def test_a_hostile_zip_is_refused_in_words(name: str) -> None:
    with pytest.raises(InvalidImport) as raised:
        Archive(io.BytesIO(ZIPS[name]()))
    assert str(raised.value).endswith(".") or "deflate" in str(raised.value)


def test_a_file_that_lies_about_itself_is_not_unpacked() -> None:
    raw = bytearray(a_zip(a=b"x" * 5000).getvalue())
    at = raw.rindex(b"PK\1\2")
    struct.pack_into("<I", raw, at + 16, 0)  # another checksum than its content has
    with pytest.raises(InvalidImport, match="unpacked"):
        Archive(io.BytesIO(bytes(raw))).read("a.glb", 1 << 20)
    with pytest.raises(InvalidImport, match="larger"):
        Archive(a_zip(a=b"x" * (2 << 20))).read("a.glb", 1 << 20)
    assert Archive(a_zip(a=b"x")).read("./A.GLB", 1) == b"x"
