"""Where bodies are dressed, as tenancy asks for it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from avatar.dress_desk import REVISION, DeskBusy, DeskFailed, DressDesk, Order
from ops.lifeline import bound_to_parent
from render.glb import ProductError
from render.portrait_child import PortraitBusy, PortraitDesk
from tenancy.errors import Busy, Unwearable
from tenancy.outfits import FileName, Outfit
from wiring.portraits import portrait_desk


@dataclass(frozen=True)
class Workroom:
    """Where bodies are dressed (`tenancy.outfits.Tailor`)."""

    desk: DressDesk
    portraits: PortraitDesk
    revision: str

    @classmethod
    def at(cls, models: Path) -> Self:
        """Over processes of its own, that end with this one."""
        return cls(DressDesk(models, before_exec=bound_to_parent(signal.SIGKILL)), portrait_desk(), REVISION)

    async def close(self) -> None:
        """End its processes."""
        await asyncio.gather(self.desk.close(), self.portraits.close())

    async def fit(self, measures: Mapping[str, Mapping[str, float]], garment: Mapping[str, Any]) -> Mapping[str, Any]:
        async with _told_by_tenancy():
            return await self.desk.fit(measures, garment["chart"], garment["body_chart"])

    async def dress(self, outfit: Outfit, models: Sequence[bytes], name: FileName, color: str | None) -> bytes:
        assert outfit.avatar.body is not None
        worn = []
        for piece in outfit.pieces:
            garment = piece.product.garment or {}
            one = {"product": str(piece.product.id), "name": piece.product.name, "size": piece.size}
            worn.append({**one, "kind": garment["worn_as"], "chart": garment["chart"]})
        pictured = name == "dressed.png"
        file = "dressed-plain.glb" if pictured else name
        async with _told_by_tenancy():
            order = Order(outfit.key, file, outfit.avatar.body, color, outfit.tucked, worn, models)
            made = await self.desk.dress(order)
            return await self.portraits.draw(made) if pictured else made


@asynccontextmanager
async def _told_by_tenancy() -> AsyncIterator[None]:
    """What the desk refuses, in tenancy's words."""
    try:
        yield
    except DeskBusy:
        raise Busy("Many are being dressed. Try again in a moment.") from None
    except PortraitBusy as error:
        raise Busy(str(error)) from None
    except DeskFailed as error:
        raise Unwearable(f"{error.code}: {error}") from None
    except ProductError as error:
        raise Unwearable(f"{error.code}: {error.detail}") from None
