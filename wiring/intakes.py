"""What makes of an upload what the house works with, and its refusals as the web answers them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from avatar.garments.desk import GarmentDesk, GarmentRefused
from render.glb import ProductError
from render.intake_child import IntakeDesk
from render.portrait_child import PortraitBusy, PortraitDesk
from tenancy.errors import Busy
from tenancy.products import GarmentIntake, Intake, Taken, TakenGarment
from web.uploads import ModelRejected
from wiring.portraits import PicturedGarment


def product_intake(at_once: int) -> Intake:
    """The intake of glasses and hats in child processes, so many at a time."""
    desk = IntakeDesk(at_once=at_once)

    async def take_in(glb: bytes, kind: str | None) -> Taken:
        try:
            return await desk.take_in(glb, kind)
        except ProductError as error:
            if error.code == "intake-busy":
                raise Busy(error.detail) from None
            raise ModelRejected(error.code, error.detail) from None

    return take_in


def garment_intake(models: Path, at_once: int, portraits: PortraitDesk) -> GarmentIntake:
    """The intake of garments, likewise, and pictures of them."""
    desk = GarmentDesk(models, at_once=at_once)

    async def take_in(glb: bytes, details: Mapping[str, Any]) -> TakenGarment:
        try:
            taken = await desk.take_in(glb, details)
            return PicturedGarment(taken, await portraits.draw(taken.worn_glb, alone=True))
        except GarmentRefused as error:
            if error.code == "busy":
                raise Busy(str(error)) from None
            raise ModelRejected(error.code, str(error)) from None
        except PortraitBusy as error:
            raise Busy(str(error)) from None
        except ProductError as error:
            raise ModelRejected(error.code, error.detail) from None

    return take_in
