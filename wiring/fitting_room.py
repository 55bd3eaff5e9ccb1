"""Shoppers' avatars and their clothes, with the work that goes on behind them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from prometheus_client import Gauge

from ops.settings import InvalidSettings, Settings, variable
from tenancy.fitting_room import FittingRoom
from tenancy.kms import AwsKms, KmsUnusable
from tenancy.outfits import Outfits
from tenancy.photo_keys import KeyService, LocalKeys
from wiring.stores import Stores, installation_secret
from wiring.workroom import Workroom

LATE = "vitrine_photos_past_deadline"


async def open_fitting_room(settings: Settings, stores: Stores) -> FittingRoom:
    """Over the stores."""
    return FittingRoom.over(
        stores.database,
        stores.files,
        key_service(settings),
        secret=await installation_secret(settings),
        longest_wait_s=settings.avatar_wait_seconds,
    )


def key_service(settings: Settings) -> KeyService:
    """What wraps the keys of photos. Raises InvalidSettings when KMS is asked for and cannot be had."""
    kind, _, key = settings.key_service.partition(":")
    if kind != "aws-kms":
        return LocalKeys(settings.data / "keys")
    try:
        return AwsKms(key)
    except KmsUnusable as error:
        raise InvalidSettings(f"{variable('key_service')}: {error}") from None


async def open_outfits(settings: Settings, stores: Stores, stack: AsyncExitStack) -> Outfits:
    """Garments on bodies, with a workroom that rests when nobody asks."""
    workroom = Workroom.at(settings.models)
    stack.push_async_callback(workroom.close)
    stack.callback(asyncio.create_task(workroom.desk.rest_always()).cancel)
    return Outfits(stores.database, stores.files, stores.products, workroom)


async def attended(room: FittingRoom, stack: AsyncExitStack) -> FittingRoom:
    """With its sweeper at work and its news told."""
    late = Gauge(LATE, "Photos that should have been destroyed a minute ago. Not zero: look.", multiprocess_mode="max")
    for work in (room.sweep_always(late.set), room.news.always()):
        stack.callback(asyncio.create_task(work).cancel)
    return room
