"""Turns what is modelled here into the products of a real shop, by the way an owner's uploads take.

Modelling takes seconds, so whether it is needed is told by the products' own external ids, which carry a revision
of the code that makes them.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol
from uuid import UUID

from demo.garments import GARMENTS

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


async def is_complete(shop: Shop, garments: Mapping[str, bytes]) -> bool:
    """Whether the shop sells every wearable as it is modelled now. garments: their models by name, none where they were
    not made. Imports none of the modelling."""
    current = [name.split() for name in _of_revision(await shop.products(), _revision(garments))]
    return bool(current) and len(current) == int(current[0][4])


async def complete(shop: Shop, garments: Mapping[str, bytes], *, at_once: int) -> None:
    """Models and adds what is missing, `at_once` at a time, then removes what older code modelled."""
    from demo.shop import WEARABLES  # noqa: PLC0415  the modelling takes seconds to import

    there, revision = await shop.products(), _revision(garments)
    slots = asyncio.Semaphore(at_once)
    sold: list[_Sold] = [_Sold(one.name, one.kind, one.build) for one in WEARABLES]
    sold += [
        _Sold(one.name, "garment", partial(garments.__getitem__, one.model))
        for one in GARMENTS
        if one.model in garments
    ]

    async def add(position: int, one: _Sold) -> None:
        external_id = f"{_FAMILY} {revision} {position + 1} of {len(sold)} {one.name}"
        if external_id not in there:
            async with slots:
                glb = await asyncio.to_thread(one.build)
                await shop.add(one.name, one.kind, glb, external_id, position)

    await asyncio.gather(*(add(position, one) for position, one in enumerate(sold)))
    current = set(_of_revision(there, revision))
    for external_id, product in there.items():
        if external_id.startswith(f"{_FAMILY} ") and external_id not in current:
            await shop.remove(product)


@dataclass(frozen=True)
class _Sold:
    name: str
    kind: str
    build: Callable[[], bytes]


def _of_revision(external_ids: Iterable[str], revision: str) -> list[str]:
    return [name for name in external_ids if name.startswith(f"{_FAMILY} {revision} ")]


def _revision(garments: Mapping[str, bytes]) -> str:
    """Changes with any line of the modelling, and with any garment's model."""
    digest = hashlib.sha256()
    for path in sorted(HERE.glob("*.py")):
        digest.update(path.read_bytes())
    for name in sorted(garments):
        digest.update(hashlib.sha256(garments[name]).digest())
    return digest.hexdigest()[:12]
