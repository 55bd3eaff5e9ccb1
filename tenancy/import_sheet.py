"""The table of a bulk import: one product a row, as spreadsheets write it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tenancy.errors import InvalidImport

MAX_ROWS: Final = 2_000
MAX_SHEET_BYTES: Final = 2 << 20
COLUMNS: Final = ("sku", "name", "kind", "model", "variants", "published")
_NEEDED: Final = frozenset({"sku", "name", "kind", "model"})
_NO: Final = frozenset({"no", "false", "0", "n"})
_YES: Final = frozenset({"yes", "true", "1", "y", ""})


@dataclass(frozen=True)
class SheetRow:
    """`line`: in the file, as an editor counts. `wrong`: what is wrong with it, or None."""

    line: int
    sku: str
    name: str
    kind: str
    model: str
    variants: tuple[Mapping[str, str], ...]
    published: bool
    wrong: str | None = None


def read_sheet(raw: bytes) -> list[SheetRow]:
    """CSV in UTF-8 with `sku,name,kind,model` and perhaps `variants,published`, separated by comma, semicolon or tab.

    `variants`: `SKU|colour|size; SKU|colour|size`. Raises InvalidImport if it is no such table; a row that is wrong by
    itself says so.
    """
    if len(raw) > MAX_SHEET_BYTES:
        raise InvalidImport(f"The table is larger than {MAX_SHEET_BYTES >> 20} MB.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidImport("The table is not in UTF-8. Save it as “CSV UTF-8”.") from None
    heading = text.split("\n", 1)[0]
    separator = max(",;\t", key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
        if not set(columns) >= _NEEDED or len(set(columns)) != len(columns) or not set(columns) <= set(COLUMNS):
            raise InvalidImport(f"The first line names the columns: {', '.join(COLUMNS)}; the first four are needed.")
        rows: list[SheetRow] = []
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append(_row(reader.line_num, columns, cells))
            if len(rows) > MAX_ROWS:
                raise InvalidImport(f"The table has more than {MAX_ROWS} rows.")
    except csv.Error:
        raise InvalidImport("The table cannot be read; check its quotation marks.") from None
    if not rows:
        raise InvalidImport("The table has no rows.")
    return _without_doubles(rows)


def _row(line: int, columns: list[str], cells: list[str]) -> SheetRow:
    given = {name: cell.strip() for name, cell in zip(columns, cells, strict=False)}
    wrong = None
    if len(cells) != len(columns):
        wrong = f"The row has {len(cells)} cells, the first line {len(columns)}."
    elif not all(_fits(given.get(name, "")) for name in ("sku", "name", "model")):
        wrong = "SKU, name and model have 1 to 200 printable characters each."
    published = given.get("published", "").lower()
    if published not in _YES | _NO:
        wrong = wrong or "“published” is yes or no."
    variants, told = _variants(given.get("variants", ""))
    return SheetRow(
        line,
        given.get("sku", "")[:200],
        given.get("name", "")[:200],
        given.get("kind", "").lower()[:20],
        given.get("model", "")[:200],
        variants,
        published not in _NO,
        wrong or told,
    )


def _fits(text: str) -> bool:
    return 0 < len(text) <= 200 and text.isprintable()


def _variants(text: str) -> tuple[tuple[Mapping[str, str], ...], str | None]:
    found: list[Mapping[str, str]] = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        sku, *rest = [piece.strip() for piece in part.split("|")]
        if (
            not 0 < len(sku) <= 100
            or len(rest) > 2
            or any(len(piece) > 100 for piece in rest)
            or not part.isprintable()
        ):
            return (), "Variants are written SKU|colour|size, with a semicolon between two."
        named = zip(("colour", "size"), rest, strict=False)
        found.append({"sku": sku, **{name: piece for name, piece in named if piece}})
    if len(found) > 200 or len({variant["sku"] for variant in found}) != len(found):
        return (), "A product has at most 200 variants, each with a SKU of its own."
    return tuple(found), None


def _without_doubles(rows: list[SheetRow]) -> list[SheetRow]:
    """A SKU that stands twice is wrong the second time: which one is meant, nobody knows."""
    seen: dict[str, int] = {}
    kept = []
    for row in rows:
        first = seen.setdefault(row.sku, row.line)
        twice = f"The SKU stands in line {first} already."
        kept.append(row if first == row.line else SheetRow(**{**vars(row), "wrong": row.wrong or twice}))
    return kept
