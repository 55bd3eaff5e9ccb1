"""A shop's garments on a shopper's body: what can be worn together, and the files of it, kept with her avatar.

The computing is done elsewhere (`Tailor`, which `wiring/workroom.py` fills in). What a file depends on is in its key,
so that it never changes; it lies in the object store like every file and goes with the avatar, and with the body it
is of.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, get_args
from uuid import UUID

from tenancy.avatar_files import used_by_avatars
from tenancy.avatars import Avatar, read_avatar
from tenancy.clock import utc_now
from tenancy.database import Database
from tenancy.errors import AvatarNotReady, UnknownAvatar, UnknownFile, UnknownProduct, UnknownSize, WearInvalid
from tenancy.files import Files
from tenancy.products import GLB, Product, Products
from tenancy.visits import Visit

MOST_WORN = 4
# Of files of outfits, an avatar keeps so many; the one that was asked for longest ago goes.
MOST_KEPT = 80
_PLACES: Mapping[str, str] = {"bottom": "legs", "skirt": "legs", "dress": "legs", "top": "trunk", "jacket": "over"}
_LAYERS: Mapping[str, int] = {"bottom": 0, "skirt": 0, "dress": 1, "top": 1, "jacket": 2}

FileName = Literal["garment.glb", "garment-plain.glb", "dressed.glb", "dressed-plain.glb", "dressed.png"]
NAMES: tuple[FileName, ...] = get_args(FileName)


@dataclass(frozen=True)
class Wish:
    """A product somebody wants to see on her; size None: the one that fits best."""

    product: UUID
    size: str | None = None


@dataclass(frozen=True)
class Piece:
    """A garment in a size."""

    product: Product
    size: str

    @property
    def worn_as(self) -> str:
        """top, jacket, bottom, skirt or dress."""
        assert self.product.garment is not None
        return str(self.product.garment["worn_as"])


@dataclass(frozen=True)
class Outfit:
    """What is worn on an avatar, the lowest layer first. key: of all that its files depend on."""

    avatar: Avatar
    pieces: Sequence[Piece]
    tucked: bool
    key: str


class Tailor(Protocol):
    """Computes. Both raise Busy when too much is asked of it, and Unwearable."""

    @property
    def revision(self) -> str:
        """Changes when what it makes of the same things does."""

    async def fit(self, measures: Mapping[str, Mapping[str, float]], garment: Mapping[str, Any]) -> Mapping[str, Any]:
        """The fit of every size: see `avatar.dressing.report`. measures: value_cm and sigma_cm by name."""

    async def dress(self, outfit: Outfit, models: Sequence[bytes], name: FileName, color: str | None) -> bytes:
        """A file of an outfit. models: the garments' canonical GLBs; color: "#rrggbb", None for a mannequin's."""


class Outfits:
    """Of the shoppers of every shop."""

    def __init__(
        self,
        database: Database,
        files: Files,
        products: Products,
        tailor: Tailor,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._files = files
        self._products = products
        self._tailor = tailor
        self._now = now

    async def check(self, visit: Visit, avatar_id: UUID) -> None:
        """Raises UnknownAvatar unless it is the visit's."""
        await read_avatar(self._database, visit, avatar_id)

    async def outfit(self, visit: Visit, avatar_id: UUID, wishes: Sequence[Wish], *, tucked: bool = False) -> Outfit:
        """What would be worn. Raises UnknownAvatar, AvatarNotReady, UnknownProduct, UnknownSize, WearInvalid, Busy."""
        avatar = await self._ready(visit, avatar_id)
        if not 0 < len(wishes) <= MOST_WORN:
            raise WearInvalid(f"One to {MOST_WORN} garments are worn at a time.")
        if len({wish.product for wish in wishes}) < len(wishes):
            raise WearInvalid("A product is worn once.")
        pieces = [await self._piece(visit, avatar, wish) for wish in wishes]
        _check_together(pieces)
        order = {"top": -1} if tucked else {}
        pieces.sort(key=lambda piece: (order.get(piece.worn_as, _LAYERS[piece.worn_as]), str(piece.product.id)))
        return Outfit(avatar, tuple(pieces), tucked, self._key(avatar, pieces, tucked=tucked))

    async def file(
        self, visit: Visit, outfit: Outfit, name: FileName, *, before_work: Callable[[], Awaitable[None]] | None = None
    ) -> tuple[str, bytes]:
        """A file of an outfit and its digest, made if it is not there; `before_work` is awaited only then.

        Raises UnknownAvatar, Busy, Unwearable, and what `before_work` raises.
        """
        async with self._database.tenant(visit.tenant_id) as connection:
            digest = await connection.fetchval(
                """
                UPDATE avatar_outfits SET used_at = $4 WHERE avatar_id = $1 AND key = $2 AND name = $3 RETURNING digest
                """,
                outfit.avatar.id,
                outfit.key,
                name,
                self._now(),
            )
        if digest is not None:
            try:
                return digest, await self._files.get(visit.tenant_id, digest)
            except UnknownFile:  # erased between the two, or lost: then it is made again, or is nobody's
                pass
        if before_work is not None:
            await before_work()
        models = [await self._files.get(visit.tenant_id, piece.product.glb_digest) for piece in outfit.pieces]
        color = outfit.avatar.skin if outfit.avatar.skin.startswith("#") else None
        content = await self._tailor.dress(outfit, models, name, color)
        return await self._keep(visit, outfit, name, content), content

    async def fit(self, visit: Visit, avatar_id: UUID, product_id: UUID) -> tuple[Avatar, Product, Mapping[str, Any]]:
        """The fit of every size. Raises UnknownAvatar, AvatarNotReady, UnknownProduct, WearInvalid, Busy."""
        avatar = await self._ready(visit, avatar_id)
        product = await self._garment(visit, product_id)
        assert product.garment is not None
        return avatar, product, await self._tailor.fit(avatar.measures, product.garment)

    def outfit_of(self, avatar: Avatar, product: Product, size: str) -> Outfit:
        """One garment alone in a size it is known to have."""
        piece = Piece(product, size)
        return Outfit(avatar, (piece,), False, self._key(avatar, [piece], tucked=False))

    async def _ready(self, visit: Visit, avatar_id: UUID) -> Avatar:
        avatar = await read_avatar(self._database, visit, avatar_id)
        if avatar.body is None or not avatar.files or not avatar.at_rest:
            raise AvatarNotReady("there is no body to dress yet")
        return avatar

    async def _garment(self, visit: Visit, product_id: UUID) -> Product:
        product = await self._products.published(visit.tenant_id, product_id)
        if product.garment is None:
            if product.kind == "garment":  # of an installation that had no intake for them yet
                raise UnknownProduct
            raise WearInvalid(f"{product.name} is no garment.")
        return product

    async def _piece(self, visit: Visit, avatar: Avatar, wish: Wish) -> Piece:
        product = await self._garment(visit, wish.product)
        assert product.garment is not None
        sizes = sizes_of(product)
        if wish.size is None:
            return Piece(product, str((await self._tailor.fit(avatar.measures, product.garment))["size"]))
        if wish.size not in sizes:
            raise UnknownSize(sizes)
        return Piece(product, wish.size)

    def _key(self, avatar: Avatar, pieces: Sequence[Piece], *, tucked: bool) -> str:
        worn = [[str(p.product.id), p.product.glb_digest, p.product.name, p.product.garment, p.size] for p in pieces]
        parts = [self._tailor.revision, avatar.body, avatar.skin, tucked, worn]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]

    async def _keep(self, visit: Visit, outfit: Outfit, name: FileName, content: bytes) -> str:
        """Its digest. Raises UnknownAvatar when the avatar was erased, or has another body, while this was made."""
        digest = hashlib.sha256(content).hexdigest()
        spare = await self._note(visit, outfit, name, digest)
        # Only now, for what has a row is found by whoever erases.
        await self._files.put(visit.tenant_id, content, "image/png" if name.endswith(".png") else GLB)
        async with self._database.tenant(visit.tenant_id) as connection:
            there = await used_by_avatars(connection, [digest])
            spare = [old for old in spare if old not in await used_by_avatars(connection, spare)] if spare else []
        for old in spare if there else [*spare, digest]:
            await self._files.remove(visit.tenant_id, old)
        if not there:
            raise UnknownAvatar("it was erased meanwhile")
        return digest

    async def _note(self, visit: Visit, outfit: Outfit, name: FileName, digest: str) -> list[str]:
        """Give the avatar the file; returns the digests of those that it keeps no longer. Raises UnknownAvatar."""
        async with self._database.tenant(visit.tenant_id) as connection:
            # Waits for whoever erases the avatar or gives it another body, and then sees that it is so.
            now = await connection.fetchrow("SELECT body, skin FROM avatars WHERE id = $1 FOR SHARE", outfit.avatar.id)
            if now is None or (now["body"], now["skin"]) != (outfit.avatar.body, outfit.avatar.skin):
                raise UnknownAvatar("it was erased or changed meanwhile")
            await connection.execute(
                """
                INSERT INTO avatar_outfits (tenant_id, avatar_id, key, name, digest, used_at)
                VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, avatar_id, key, name)
                    DO UPDATE SET digest = excluded.digest, used_at = excluded.used_at
                """,
                visit.tenant_id,
                outfit.avatar.id,
                outfit.key,
                name,
                digest,
                self._now(),
            )
            rows = await connection.fetch(
                """
                DELETE FROM avatar_outfits WHERE avatar_id = $1 AND (key, name) IN (
                    SELECT key, name FROM avatar_outfits WHERE avatar_id = $1 ORDER BY used_at DESC, key OFFSET $2)
                RETURNING digest
                """,
                outfit.avatar.id,
                MOST_KEPT,
            )
        return [row["digest"] for row in rows]


def sizes_of(product: Product) -> list[str]:
    """The labels of a garment's sizes, from small to large."""
    assert product.garment is not None
    return [row["label"] for row in product.garment["chart"]["sizes"]]


def _check_together(pieces: Sequence[Piece]) -> None:
    """Raises WearInvalid."""
    taken: dict[str, Piece] = {}
    for piece in pieces:
        place = _PLACES[piece.worn_as]
        if place in taken:
            raise WearInvalid(f"{taken[place].product.name} and {piece.product.name} are not worn together.")
        taken[place] = piece
    if "trunk" in taken and any(piece.worn_as == "dress" for piece in pieces):
        raise WearInvalid("A top is not worn with a dress.")
