"""The JSON of bulk imports."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from web.contract import Answered


class ImportRow(Answered):
    """A row of the table: what will happen to it, and what did."""

    line: Annotated[int, Field(description="In the table, as an editor counts.")]
    sku: str
    name: str
    kind: str
    model: str
    variants: list[dict[str, str]]
    published: bool
    plan: Annotated[Literal["add", "renew", "same", "refuse"], Field(description="Said in the preview.")]
    state: Literal["waiting", "done", "failed"]
    code: Annotated[str | None, Field(description="Why it is refused or failed: stable.")]
    says: Annotated[str, Field(description="The same in words.")]
    product: UUID | None


class ImportShown(Answered):
    """A bulk import. In the state `preview` nothing has happened yet."""

    id: UUID
    state: Literal["preview", "running", "done"]
    made_by: str
    made_at: datetime
    waiting: int
    done: int
    failed: int
    rows: list[ImportRow]
