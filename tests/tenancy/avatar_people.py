"""What the tests of avatars stand on: a shop with a visitor, photos, and everything between them, over one clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from tenancy.avatar_queue import AvatarQueue
from tenancy.avatar_work import AvatarSweeper, AvatarWork
from tenancy.avatars import Avatar, Avatars
from tenancy.consent import current_text
from tenancy.credentials import Credentials
from tenancy.database import Database
from tenancy.files import Files
from tenancy.photo_keys import LocalKeys
from tenancy.photos import Photos
from tenancy.receipts import Signer
from tenancy.stated import Stated
from tenancy.visits import Visit, Visits
from tests.tenancy.clock import Clock

PHOTO = current_text(purpose="photo").version
IMPORT = current_text(purpose="import").version
FRONT = b"\xff\xd8\xff a canary from the front"


@dataclass(frozen=True)
class Made:
    """What a worker hands in."""

    body: dict[str, Any]
    measures: dict[str, dict[str, float]]
    findings: list[dict[str, str | None]]
    body_glb: bytes
    plain_glb: bytes
    thumbnail_png: bytes
    skin: str | None = None


MADE = Made(
    body={"sex": "female", "betas": [0.5, -1.0]},
    measures={"waist": {"value_cm": 74.2, "sigma_cm": 1.4}, "height": {"value_cm": 168.0, "sigma_cm": 0.3}},
    findings=[
        {"code": "blurred", "advice": "Stand still.", "view": "side"},
        {"code": "loose-clothes", "advice": "Wear something tight."},  # as kept before remarks named their photo
    ],
    body_glb=b"glTF small",
    plain_glb=b"glTF plain",
    thumbnail_png=b"\x89PNG",
)


@dataclass
class House:
    """One installation."""

    database: Database
    files: Files
    folder: Path
    clock: Any = field(default_factory=Clock)
    keys: Any = None

    def __post_init__(self) -> None:
        self.signer = Signer("x" * 40)
        self.keys = self.keys or LocalKeys(self.folder / "keys", now=self.clock)
        self.photos = Photos(self.database, self.files, self.keys, self.signer, now=self.clock)
        self.queue = AvatarQueue(self.database)
        self.avatars = Avatars(self.database, self.queue, self.photos, self.files, self.signer, now=self.clock)
        self.visits = Visits(self.database, now=self.clock)
        self.sweeper = AvatarSweeper(self.avatars, self.queue, self.photos, now=self.clock)

    async def visit(self, slug: str = "a") -> Visit:
        shop = await Credentials(self.database).ensure_shop(slug, slug.title(), f"pk_{slug}")
        return (await self.visits.open(shop, None, current_text().version))[1]

    async def ask(self, visit: Visit, front: bytes = FRONT) -> Avatar:
        return await self.avatars.ask(visit, Stated(168.0), {"front": front}, PHOTO)

    def worker(self) -> AvatarWork:
        return AvatarWork(self.database, self.queue, self.photos, self.files, worker_id=uuid4(), now=self.clock)

    async def complete(self, visit: Visit) -> Avatar:
        """An avatar that is made."""
        avatar, worker = await self.ask(visit), self.worker()
        work = await worker.take()
        assert work is not None
        await worker.complete(work, MADE)
        return await self.avatars.get(visit, avatar.id)

    def stored(self) -> dict[str, bytes]:
        """All that lies in the object store, by path."""
        folder = self.folder / "files"
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
