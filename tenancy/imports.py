"""Bulk imports: first a preview of what will happen to each row, then the work, row by row, which may be broken off at
any point and goes on where it was.

The models wait in the shop's storage, apart from what is served, until their row is done. A row is a product with all
that it has or nothing. The SKU says which product it is, so the same table again changes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import IO, Any, Final, Literal
from uuid import UUID, uuid4

import asyncpg

from tenancy.archive import Archive
from tenancy.audit import note
from tenancy.clock import utc_now
from tenancy.database import Database
from tenancy.errors import Busy, InvalidImport, TenancyError, Unavailable, UnknownFile, UnknownImport
from tenancy.files import Files
from tenancy.import_sheet import SheetRow, read_sheet
from tenancy.products import Product, Products

MAX_MODEL_BYTES: Final = 32 << 20
KINDS: Final = ("glasses", "hat", "garment")
# Whoever works on an import says so after every row; silent for this long, it is somebody else's.
ABANDONED_AFTER: Final = timedelta(minutes=3)
log = logging.getLogger("vitrine.imports")


@dataclass(frozen=True)
class Row:
    """`plan`: `add`, `renew`, `same` or `refuse`. `state`: `waiting`, `done` or `failed`; `code` and `says` tell why a
    row is refused or failed."""

    line: int
    sku: str
    name: str
    kind: str
    model: str
    variants: Sequence[dict[str, str]]
    published: bool
    plan: str
    state: str
    code: str | None
    says: str
    source_digest: str | None
    product_id: UUID | None


@dataclass(frozen=True)
class Import:
    """`state`: `preview`, `running` or `done`."""

    id: UUID
    state: Literal["preview", "running", "done"]
    made_by: str
    made_at: datetime
    rows: Sequence[Row]


class Imports:
    """The imports of every shop, one shop at a time."""

    def __init__(
        self,
        database: Database,
        products: Products,
        files: Files,
        *,
        now: Callable[[], datetime] = utc_now,
        busy_wait_s: float = 5.0,
    ) -> None:
        self._database = database
        self._products = products
        self._files = files
        self._now = now
        self._busy_wait_s = busy_wait_s
        self.wake = asyncio.Event()

    async def preview(self, tenant_id: UUID, sheet: bytes, models: IO[bytes], *, by: str) -> Import:
        """What a table and a zip of models would do. Raises InvalidImport."""
        given = await asyncio.to_thread(read_sheet, sheet)
        archive = await asyncio.to_thread(Archive, models)
        there = await self._products.by_external_id(tenant_id, [row.sku for row in given])
        sources = await self._sources(tenant_id, list(there.values()))
        rows = []
        for row in given:
            judged = await self._judge(tenant_id, row, archive, there.get(row.sku), sources)
            rows.append(judged)
        made = Import(uuid4(), "preview", by, self._now(), rows)
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute(
                "INSERT INTO imports (tenant_id, id, state, made_by, made_at) VALUES ($1, $2, 'preview', $3, $4)",
                tenant_id,
                made.id,
                by,
                made.made_at,
            )
            await connection.executemany(_INSERT_ROW, [(tenant_id, made.id, *_values(row)) for row in rows])
            await note(connection, tenant_id, by, "import.previewed", made.id, rows=len(rows))
        return made

    async def get(self, tenant_id: UUID, import_id: UUID) -> Import:
        """Raises UnknownImport."""
        async with self._database.tenant(tenant_id) as connection:
            found = await connection.fetchrow("SELECT * FROM imports WHERE id = $1", import_id)
            rows = await connection.fetch("SELECT * FROM import_rows WHERE import_id = $1 ORDER BY line", import_id)
        if found is None:
            raise UnknownImport
        return Import(found["id"], found["state"], found["made_by"], found["made_at"], [_row(row) for row in rows])

    async def latest(self, tenant_id: UUID) -> UUID | None:
        """The newest import."""
        async with self._database.tenant(tenant_id) as connection:
            found: UUID | None = await connection.fetchval("SELECT id FROM imports ORDER BY made_at DESC LIMIT 1")
        return found

    async def start(self, tenant_id: UUID, import_id: UUID, *, by: str) -> None:
        """Begin the work, or go on with it; told twice, it is begun once. Raises UnknownImport."""
        async with self._database.tenant(tenant_id) as connection:
            state = await connection.fetchval("SELECT state FROM imports WHERE id = $1 FOR UPDATE", import_id)
            if state is None:
                raise UnknownImport
            if state == "preview":
                await connection.execute("UPDATE imports SET state = 'running' WHERE id = $1", import_id)
                await note(connection, tenant_id, by, "import.started", import_id)
        self.wake.set()

    async def forget(self, tenant_id: UUID, import_id: UUID) -> None:
        """Take an import off the list, with what it had staged. The products it made stay. Raises UnknownImport."""
        rows = (await self.get(tenant_id, import_id)).rows
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute("DELETE FROM imports WHERE id = $1", import_id)
        for row in rows:
            if row.source_digest and row.state == "waiting":
                await self._unstage(tenant_id, row.source_digest)

    # The work

    async def due(self) -> list[tuple[UUID, UUID]]:
        """Shop and id of the imports that run and that nobody works on."""
        async with self._database.system() as connection:
            rows = await connection.fetch(
                """
                SELECT tenant_id, id FROM imports WHERE state = 'running' AND (beat_at IS NULL OR beat_at < $1)
                 ORDER BY made_at LIMIT 20
                """,
                self._now() - ABANDONED_AFTER,
            )
        return [(row["tenant_id"], row["id"]) for row in rows]

    async def work(self, tenant_id: UUID, import_id: UUID) -> None:
        """Do what is left of an import, unless somebody else does."""
        me = uuid4()
        if not await self._beat(tenant_id, import_id, me):
            return
        try:
            await self._work_through(tenant_id, import_id, me)
        finally:  # whoever looks next need not wait until it counts as abandoned
            with contextlib.suppress(TenancyError):
                await self._leave(tenant_id, import_id, me)

    async def _work_through(self, tenant_id: UUID, import_id: UUID, me: UUID) -> None:
        while (row := await self._next(tenant_id, import_id)) is not None:
            async with self._beating(tenant_id, import_id, me):
                done = await self._take(tenant_id, row)
            if not await self._settle(tenant_id, import_id, me, done):
                return  # somebody else has taken over
            if done.source_digest:
                await self._unstage(tenant_id, done.source_digest)
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute("UPDATE imports SET state = 'done' WHERE id = $1 AND worker = $2", import_id, me)

    async def _leave(self, tenant_id: UUID, import_id: UUID, me: UUID) -> None:
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute("UPDATE imports SET beat_at = NULL WHERE id = $1 AND worker = $2", import_id, me)

    def _beating(self, tenant_id: UUID, import_id: UUID, me: UUID) -> _Beating:
        return _Beating(lambda: self._beat(tenant_id, import_id, me))

    async def _take(self, tenant_id: UUID, row: Row) -> Row:
        """One row: a product, or why not."""
        try:
            product = await self._product(tenant_id, row)
        except UnknownFile:
            return replace(
                row, state="failed", code="model-gone", says="The model is not there any more; import again."
            )
        except (Unavailable, asyncio.CancelledError):
            raise
        except Exception as refused:  # the intake's errors are its own; each has a code and words for the owner
            code = getattr(refused, "reason", None) or getattr(refused, "code", None)
            if code is None:
                log.exception("import-row-failed")
            says = getattr(refused, "detail", None) or str(refused) if code else "Something went wrong on our side."
            return replace(row, state="failed", code=code or "internal-error", says=str(says)[:500])
        return replace(row, state="done", product_id=product.id)

    async def _product(self, tenant_id: UUID, row: Row) -> Product:
        assert row.source_digest
        model = await self._files.staged(tenant_id, row.source_digest)
        while True:
            try:
                return await self._products.add(
                    tenant_id,
                    row.name,
                    row.kind,
                    model,
                    external_id=row.sku,
                    position=row.line,
                    variants=row.variants,
                    published=row.published,
                    by="import",
                )
            except Busy:
                await asyncio.sleep(self._busy_wait_s)

    async def _beat(self, tenant_id: UUID, import_id: UUID, me: UUID) -> bool:
        """Say that the import is being worked on; False if by somebody else."""
        async with self._database.tenant(tenant_id) as connection:
            done = await connection.execute(
                """
                UPDATE imports SET worker = $2, beat_at = $3
                 WHERE id = $1 AND state = 'running' AND (worker = $2 OR beat_at IS NULL OR beat_at < $4)
                """,
                import_id,
                me,
                self._now(),
                self._now() - ABANDONED_AFTER,
            )
        return bool(done == "UPDATE 1")

    async def _next(self, tenant_id: UUID, import_id: UUID) -> Row | None:
        async with self._database.tenant(tenant_id) as connection:
            row = await connection.fetchrow(
                "SELECT * FROM import_rows WHERE import_id = $1 AND state = 'waiting' ORDER BY line LIMIT 1", import_id
            )
        return None if row is None else _row(row)

    async def _settle(self, tenant_id: UUID, import_id: UUID, me: UUID, row: Row) -> bool:
        async with self._database.tenant(tenant_id) as connection:
            done = await connection.execute(
                """
                UPDATE import_rows r SET state = $3, code = $4, says = $5, product_id = $6
                  FROM imports i
                 WHERE r.import_id = $1 AND r.line = $2 AND i.id = r.import_id AND i.worker = $7
                """,
                import_id,
                row.line,
                row.state,
                row.code,
                row.says,
                row.product_id,
                me,
            )
        return bool(done == "UPDATE 1")

    async def _unstage(self, tenant_id: UUID, digest: str) -> None:
        """Unless another row waits for the same model."""
        async with self._database.tenant(tenant_id) as connection:
            wanted = await connection.fetchval(
                "SELECT EXISTS (SELECT FROM import_rows WHERE source_digest = $1 AND state = 'waiting')", digest
            )
        if not wanted:
            await self._files.unstage(tenant_id, digest)

    # The preview

    async def _judge(
        self, tenant_id: UUID, row: SheetRow, archive: Archive, there: Product | None, sources: dict[UUID, str]
    ) -> Row:
        """A row as it stands in the preview; the model of one that can be taken is staged."""
        judged = Row(
            line=row.line,
            sku=row.sku,
            name=row.name,
            kind=row.kind,
            model=row.model,
            variants=[dict(variant) for variant in row.variants],
            published=row.published,
            plan="refuse",
            state="failed",
            code="row-invalid",
            says=row.wrong or "",
            source_digest=None,
            product_id=there.id if there else None,
        )
        if row.wrong:
            return judged
        if row.kind not in KINDS:
            return replace(judged, code="kind-unsupported", says=f"The kind is one of {', '.join(KINDS)}.")
        if row.model not in archive:
            return replace(judged, code="model-missing", says=f"{row.model} is not in the zip.")
        try:
            model = await asyncio.to_thread(archive.read, row.model, MAX_MODEL_BYTES)
        except InvalidImport as error:
            return replace(judged, code="model-unreadable", says=str(error))
        digest = hashlib.sha256(model).hexdigest()
        if there is not None and sources.get(there.id) == digest and _alike(row, there):
            return replace(judged, plan="same", state="done", code=None, says="")
        await self._files.stage(tenant_id, model)
        plan = "add" if there is None else "renew"
        return replace(judged, plan=plan, state="waiting", code=None, says="", source_digest=digest)

    async def _sources(self, tenant_id: UUID, products: Sequence[Product]) -> dict[UUID, str]:
        async with self._database.tenant(tenant_id) as connection:
            rows = await connection.fetch(
                "SELECT id, source_digest FROM products WHERE id = ANY ($1::uuid[])",
                [product.id for product in products],
            )
        return {row["id"]: row["source_digest"] for row in rows}


class _Beating:
    """While entered, says every minute that the work goes on: one model may take that long."""

    def __init__(self, beat: Callable[[], Any]) -> None:
        self._beat = beat

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._always())

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _always(self) -> None:
        while True:
            try:
                await self._beat()
            except TenancyError:
                log.warning("import-beat-missed")
            await asyncio.sleep(ABANDONED_AFTER.total_seconds() / 3)


def _alike(row: SheetRow, product: Product) -> bool:
    same = (row.name, row.kind, row.published) == (product.name, product.kind, product.published)
    return same and [dict(variant) for variant in row.variants] == [dict(variant) for variant in product.variants]


_INSERT_ROW = """
INSERT INTO import_rows (tenant_id, import_id, line, sku, name, kind, model, variants, published, plan, state, code,
                         says, source_digest, product_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
"""


def _values(row: Row) -> tuple[Any, ...]:
    return tuple(vars(row).values())


def _row(row: asyncpg.Record) -> Row:
    return Row(**{name: row[name] for name in Row.__dataclass_fields__})
