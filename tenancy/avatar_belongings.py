"""A shopper's avatars among what is kept of her visit: shown to her and erased with it (`tenancy.shoppers`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tenancy.avatars import Avatars


@dataclass(frozen=True)
class AvatarBelongings:
    """What avatars keep of a visit."""

    avatars: Avatars

    async def export(self, tenant_id: UUID, visit_id: UUID) -> Mapping[str, Any]:
        """The numbers of each; its files come with its own export."""
        shown = [
            {
                "id": str(avatar.id),
                "status": avatar.status,
                "created_at": avatar.created_at.isoformat(),
                "stated": vars(avatar.stated),
                "corrections_cm": dict(avatar.corrections),
                "measures": dict(avatar.measures),
            }
            for avatar in await self.avatars.of_visit(tenant_id, visit_id)
        ]
        return {"avatars": shown}

    async def erase(self, tenant_id: UUID, visit_id: UUID) -> Mapping[str, int]:
        """All of them, with their photos and files."""
        there = await self.avatars.of_visit(tenant_id, visit_id)
        for avatar in there:
            await self.avatars.erase(tenant_id, avatar.id, "visit-erased")
        return {"avatars": len(there)}
