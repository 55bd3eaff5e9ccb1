"""A shopper's avatar, in what she wants to see on it, as a media process asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from rtc.avatars import AvatarFile, AvatarNotReady, CannotWear, Garment, UnknownAvatar
from rtc.claims import Visitor
from rtc.offers import UnknownProduct
from tenancy import errors
from tenancy.outfits import Outfit, Outfits, Wish
from tenancy.shown_avatars import ShownAvatar, ShownAvatars
from tenancy.visits import Visits


@dataclass(frozen=True)
class Cloakroom:
    """Where a media process finds the avatar that a shopper wants to see (`rtc.avatars.AvatarSource`)."""

    avatars: ShownAvatars
    visits: Visits
    outfits: Outfits

    async def find(
        self, visitor: Visitor, avatar: str | None, wear: Sequence[Garment], *, tucked: bool = False
    ) -> AvatarFile:
        with _as_rtc_says_it():
            found = await self._found(visitor, avatar)
            if not wear:
                return AvatarFile(str(found.id), (), found.digest)
            return self._file(await self._outfit(visitor, found.id, wear, tucked=tucked))

    async def read(self, visitor: Visitor, file: AvatarFile) -> bytes:
        with _as_rtc_says_it():
            if not file.wear:
                return await self.avatars.read(UUID(visitor.tenant), self._shown(file))
            outfit = await self._outfit(visitor, UUID(file.avatar), file.wear, tucked=file.tucked)
            if self._file(outfit) != file:
                raise UnknownAvatar
            visit = await self.visits.get(UUID(visitor.tenant), UUID(visitor.visit))
            return (await self.outfits.file(visit, outfit, "dressed-plain.glb"))[1]

    async def until_changed(self, visitor: Visitor, file: AvatarFile) -> None:
        try:
            with _as_rtc_says_it():
                shown = self._shown(file) if not file.wear else await self._found(visitor, file.avatar)
        except (UnknownAvatar, AvatarNotReady):
            return
        await self.avatars.until_changed(UUID(visitor.tenant), UUID(visitor.visit), shown)

    async def _found(self, visitor: Visitor, avatar: str | None) -> ShownAvatar:
        return await self.avatars.find(UUID(visitor.tenant), UUID(visitor.visit), UUID(avatar) if avatar else None)

    async def _outfit(self, visitor: Visitor, avatar: UUID, wear: Sequence[Garment], *, tucked: bool) -> Outfit:
        visit = await self.visits.get(UUID(visitor.tenant), UUID(visitor.visit))
        wishes = [Wish(_product_id(one.product), one.size) for one in wear]
        return await self.outfits.outfit(visit, avatar, wishes, tucked=tucked)

    def _file(self, outfit: Outfit) -> AvatarFile:
        wear = tuple(Garment(str(piece.product.id), piece.size) for piece in outfit.pieces)
        return AvatarFile(str(outfit.avatar.id), wear, outfit.key, outfit.tucked)

    def _shown(self, file: AvatarFile) -> ShownAvatar:
        return ShownAvatar(UUID(file.avatar), file.version)


def _product_id(text: str) -> UUID:
    """Raises tenancy's UnknownProduct for what is no id."""
    try:
        return UUID(text)
    except ValueError:
        raise errors.UnknownProduct from None


@contextmanager
def _as_rtc_says_it() -> Iterator[None]:
    """Tenancy's refusals as those of rtc; what is no id is nobody's."""
    try:
        yield
    except (errors.UnknownAvatar, ValueError):
        raise UnknownAvatar from None
    except errors.AvatarNotReady:
        raise AvatarNotReady from None
    except errors.UnknownProduct:
        raise UnknownProduct from None
    except (errors.WearInvalid, errors.UnknownSize, errors.Unwearable) as error:
        raise CannotWear(error.code) from None
