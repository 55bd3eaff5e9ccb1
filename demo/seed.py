"""Turns what is modelled here into the products of a real shop, by the way an owner's uploads take.

Modelling takes seconds, so whether it is needed is told by the products' own external ids, which carry a revision
of the code that makes them.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol
from uuid import UUID

HERE = Path(__file__).resolve().parent
_FAMILY = "demo"


class Shop(Protocol):
    """The shop that is to sell the demo's wearables."""

    async def products(self) -> Mapping[str, UUID]:
        """Its products by external id; those without one do not matter here."""

    async def add(self, name: str, kind: str, glb: bytes, external_id: str, position: int) -> None:
        """Takes a model in."""

    async def remove(self, product: UUID) -> None:
        """Takes a product out."""


async def is_complete(shop: Shop) -> bool:
    """Whether the shop sells every wearable as it is modelled now. Imports none of the modelling."""
    current = [name.split() for name in _of_revision(await shop.products(), _revision())]
    return bool(current) and len(current) == int(current[0][4])


async def complete(shop: Shop, *, at_once: int) -> None:
    """Models and adds what is missing, `at_once` at a time, then removes what older code modelled."""
    from demo.shop import WEARABLES, Demo  # noqa: PLC0415  the modelling takes seconds to import

    there, revision = await shop.products(), _revision()
    slots = asyncio.Semaphore(at_once)

    async def add(position: int, wearable: Demo) -> None:
        external_id = f"{_FAMILY} {revision} {position + 1} of {len(WEARABLES)} {wearable.name}"
        if external_id not in there:
            async with slots:
                glb = await asyncio.to_thread(wearable.build)
                await shop.add(wearable.name, wearable.kind, glb, external_id, position)

    await asyncio.gather(*(add(position, wearable) for position, wearable in enumerate(WEARABLES)))
    current = set(_of_revision(there, revision))
    for external_id, product in there.items():
        if external_id.startswith(f"{_FAMILY} ") and external_id not in current:
            await shop.remove(product)


def _of_revision(external_ids: Iterable[str], revision: str) -> list[str]:
    return [name for name in external_ids if name.startswith(f"{_FAMILY} {revision} ")]


def _revision() -> str:
    """Changes with any line of the modelling."""
    digest = hashlib.sha256()
    for path in sorted(HERE.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
