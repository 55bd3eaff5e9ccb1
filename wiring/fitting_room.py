"""Shoppers' avatars and their clothes, with the work that goes on behind them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from prometheus_client import Gauge

from ops.settings import Settings
from tenancy.fitting_room import FittingRoom
from tenancy.outfits import Outfits
from wiring.stores import Stores, installation_secret
from wiring.workroom import Workroom

LATE = "vitrine_photos_past_deadline"


async def open_fitting_room(settings: Settings, stores: Stores) -> FittingRoom:
    """Over the stores."""
    return FittingRoom.over(
        stores.database,
        stores.files,
        settings.data / "keys",
        secret=await installation_secret(settings),
        longest_wait_s=settings.avatar_wait_seconds,
    )


async def open_outfits(settings: Settings, stores: Stores, stack: AsyncExitStack) -> Outfits:
    """Garments on bodies, with a workroom that rests when nobody asks."""
    workroom = Workroom.at(settings.models)
    stack.push_async_callback(workroom.desk.close)
    stack.callback(asyncio.create_task(workroom.desk.rest_always()).cancel)
    return Outfits(stores.database, stores.files, stores.products, workroom)


async def attended(room: FittingRoom, stack: AsyncExitStack) -> FittingRoom:
    """With its sweeper at work and its news told."""
    late = Gauge(LATE, "Photos that should have been destroyed a minute ago. Not zero: look.", multiprocess_mode="max")
    for work in (room.sweep_always(late.set), room.news.always()):
        stack.callback(asyncio.create_task(work).cancel)
    return room
