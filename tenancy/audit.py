"""The audit log: a line for each deed, in the deed's own transaction, so that one is never there without the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from tenancy.database import Database


@dataclass(frozen=True)
class Line:
    """One deed: who, what, to what."""

    id: int
    at: datetime
    actor: str
    action: str
    target: str
    detail: Mapping[str, Any]


async def note(
    connection: asyncpg.Connection, tenant_id: UUID, actor: str, action: str, target: object = "", **detail: Any
) -> None:
    """Write a line. `detail` holds nothing secret: every member of the shop with the right to may read it."""
    await connection.execute(
        "INSERT INTO audit_log (tenant_id, actor, action, target, detail) VALUES ($1, $2, $3, $4, $5)",
        tenant_id,
        actor,
        action,
        str(target),
        detail,
    )


async def lines(database: Database, tenant_id: UUID, *, before: int | None = None, most: int = 100) -> list[Line]:
    """The newest first; `before`: the id at which the last page ended."""
    async with database.tenant(tenant_id) as connection:
        rows = await connection.fetch(
            """
            SELECT id, at, actor, action, target, detail FROM audit_log
             WHERE $1::bigint IS NULL OR id < $1 ORDER BY id DESC LIMIT $2
            """,
            before,
            most,
        )
    return [Line(**row) for row in rows]
