"""Nothing of a shopper's picture is left behind: a canary in her camera is looked for wherever a byte can lie.

The camera shows a pattern that nobody else has. What of it goes over the wire and back, what the server's decoder makes
of it, and the snapshot are known here byte by byte, and so are the secrets of the visit. Afterwards they are looked for
in the tables' files with their log, in every key of Valkey, in the object store, in what was logged, in temporary
folders, in shared memory and in files that a process has open without a name.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import av
import numpy as np
import psutil
import pytest
from aiortc.codecs.vpx import VpxPayloadDescriptor
from PIL import Image, UnidentifiedImageError
from redis.asyncio import Redis

from tenancy.audit import note
from tenancy.consent import current_text
from tenancy.credentials import Credentials, Shop
from tenancy.database import Database
from tenancy.files import Files
from tenancy.products import Products
from tests.camera import FaceCamera, Picture, still
from tests.installation import Installation
from tests.rtc.shopper import Shopper

pytestmark = pytest.mark.timeout(400)
NEEDLE = 24  # bytes: no chance meets as many
SIDE = 96  # pixels of the pattern in the picture's lower right corner
TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108  where programs leave things
ANOTHERS = ("vitrine-", "pytest-", "playwright")  # folders of other tests, which run beside this one
MOST_NEEDLES = 10  # of a kind
PICTURE_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")


class MarkedCamera(FaceCamera):
    """A face, and beside it squares of random light."""

    def __init__(self) -> None:
        super().__init__(path=still, fps=10)
        squares = np.random.default_rng().integers(30, 226, (12, 12), dtype=np.uint8)
        self.pattern = np.kron(squares, np.ones((8, 8), np.uint8))

    def rgb(self, index: int) -> Picture:
        picture = super().rgb(index)
        picture[-SIDE:, -SIDE:] = self.pattern[..., None]
        return picture


@dataclass
class Canary:
    """What must not be found, by what it is of, and the pattern for whatever is a picture."""

    pattern: Picture
    needles: dict[str, set[bytes]] = field(default_factory=dict)

    def add(self, what: str, *contents: bytes) -> None:
        """The middle of each of these; beginnings are alike."""
        for content in contents[:: max(1, len(contents) // MOST_NEEDLES)]:
            if len(content) >= 3 * NEEDLE:
                middle = len(content) // 2
                self.needles.setdefault(what, set()).add(content[middle : middle + NEEDLE])

    def seen_in(self, content: bytes) -> set[str]:
        """What of it is in these bytes; a picture is looked at as well."""
        found = {what for what, needles in self.needles.items() if any(needle in content for needle in needles)}
        if content.startswith(PICTURE_BEGINNINGS) and self._shows_pattern(content):
            found.add("pattern")
        return found

    def _shows_pattern(self, content: bytes) -> bool:
        try:
            with Image.open(io.BytesIO(content)) as image:
                corner = np.asarray(image.convert("L"), np.float64)[-SIDE:, -SIDE:]
        except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
            return False
        mirrored = corner[:, ::-1]
        flat = self.pattern.astype(np.float64).ravel()
        return any(
            one.shape == self.pattern.shape and one.std() > 0 and np.corrcoef(one.ravel(), flat)[0, 1] > 0.5
            for one in (corner, mirrored)
        )


@dataclass(frozen=True)
class Places:
    """Where bytes of an installation can lie. `since`: older temporary files are nobody's of this test."""

    installation: Installation
    valkey: Redis
    since: float

    async def finds(self, canary: Canary) -> dict[str, set[str]]:
        """What of the canary is where."""
        found = await asyncio.to_thread(self._in_files, canary)
        async for key in self.valkey.scan_iter(count=1000):
            if seen := canary.seen_in(key + (await self.valkey.dump(key) or b"")):
                found[f"valkey:{key!r}"] = seen
        return found

    def _in_files(self, canary: Canary) -> dict[str, set[str]]:
        looked_at = list(self._files())
        assert len(looked_at) > 500, "the tables alone are a thousand files"
        return {str(path): seen for path, content in looked_at if (seen := canary.seen_in(content))}

    def _files(self) -> Iterator[tuple[Path, bytes]]:
        folders = [self.installation.data, *map(Path, TEMPORARY)]
        folders += [path.resolve() for path in self.installation.data.iterdir() if path.is_symlink()]
        for folder in folders:
            for root, inner, names in os.walk(folder):
                if folder in map(Path, TEMPORARY):
                    inner[:] = [name for name in inner if not name.startswith(ANOTHERS)]
                for name in names:
                    path = Path(root) / name
                    if content := self._content(path, everything=folder not in map(Path, TEMPORARY)):
                        yield path, content
        for process in self.installation.children:  # a file that was opened and then deleted
            for opened in Path(f"/proc/{process.pid}/fd").glob("*"):
                if content := self._content(opened, everything=True):
                    yield opened, content

    def _content(self, path: Path, *, everything: bool) -> bytes:
        try:
            about = path.stat()
            if not path.is_file() or about.st_size > 256 << 20 or not (everything or about.st_mtime >= self.since):
                return b""
            return path.read_bytes()
        except OSError:  # gone meanwhile, or a socket
            return b""


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with Installation() as made:
        made.start(settings={"VITRINE_DEMO": "false", "VITRINE_LOG_LEVEL": "debug"})
        made.children = psutil.Process(made.process.pid).children(recursive=True)
        yield made


@pytest.fixture
async def database(installation: Installation) -> AsyncIterator[Database]:
    connected = await Database.connect(installation.child("web").environ()["DATABASE_APP_URL"])
    yield connected
    await connected.close()


@pytest.fixture
async def valkey(installation: Installation) -> AsyncIterator[Redis]:
    client = Redis.from_url(installation.child("web").environ()["REDIS_URL"])
    yield client
    await client.aclose()


@pytest.fixture
async def shop(installation: Installation, database: Database) -> tuple[Shop, str]:
    """With one thing to wear; its id."""
    from demo.shop import WEARABLES
    from tests.web.conftest import take_unchanged

    made = await Credentials(database).ensure_shop("canary", "Canary", "pk_canary")
    files = Files.open((installation.data / "files").as_uri())
    model = await asyncio.to_thread(WEARABLES[0].build)
    product = await Products(database, files, take_unchanged).add(made.id, "Round", "glasses", model)
    return made, str(product.id)


def tap(shopper: Shopper, sent: list[bytes], returned: list[bytes]) -> None:
    """Notes every payload that leaves and every one that comes back."""
    sender, receiver = shopper.connection.getSenders()[0], shopper.connection.getReceivers()[0]
    encode, take = sender._next_encoded_frame, receiver._handle_rtp_packet

    async def encoded(codec: Any) -> Any:
        if (made := await encode(codec)) is not None:
            sent.extend(made.payloads)
        return made

    async def taken(packet: Any, arrival_time_ms: int) -> None:
        returned.append(packet.payload)
        await take(packet, arrival_time_ms)

    sender._next_encoded_frame = encoded
    receiver._handle_rtp_packet = taken


def decoded(sent: list[bytes]) -> list[bytes]:
    """Rows of the pattern as any VP8 decoder gives them, for VP8 decodes to the bit."""
    decoder, rows, frame = av.CodecContext.create("vp8", "r"), [], b""
    for payload in sent:
        descriptor, data = VpxPayloadDescriptor.parse(payload)
        if descriptor.partition_start and frame:
            for picture in decoder.decode(av.Packet(frame)):
                luma = np.frombuffer(picture.planes[0], np.uint8).reshape(-1, picture.planes[0].line_size)
                rows += [luma[y, picture.width - SIDE : picture.width].tobytes() for y in (-20, -50, -80)]
            frame = b""
        frame += data
    return rows


def marked_photo(camera: MarkedCamera) -> tuple[bytes, bytes]:
    """A photo with the pattern, and the text that its file says of itself."""
    told, sink = f"canary-{secrets.token_hex(16)}", io.BytesIO()
    Image.fromarray(camera.rgb(0)).save(sink, "JPEG", quality=90, comment=told)
    return sink.getvalue(), told.encode()


async def try_on(installation: Installation, product: str, canary: Canary) -> None:
    """A shopper in front of the mirror for some seconds, as her browser does it, who then sends a photo as well."""
    shopper, sent, returned = Shopper(MarkedCamera()), [], []
    canary.pattern = shopper.track.camera.pattern
    tap(shopper, sent, returned)
    async with aiohttp.ClientSession() as client:
        async with client.get(installation.url + "/v1/consent") as response:
            consent = {"version": (await response.json())["version"], "granted": True}
        given = {"key": "pk_canary", "product": product, "consent": consent}
        async with client.post(installation.url + "/v1/sessions", json=given) as response:
            visit = await response.json()
        headers = {"Authorization": f"Bearer {visit['token']}", "Content-Type": "application/sdp"}
        offer = await shopper.offer()
        async with client.post(installation.url + "/v1/try-on", data=offer, headers=headers) as response:
            assert response.status == 201, await response.text()
            await shopper.accept(await response.text())
            location = response.headers["Location"]
        await asyncio.wait_for(shopper.open.wait(), 60)
        await shopper.see(20, within_s=150)
        assert (await shopper.hear("face", within_s=60))["state"] == "found"
        await shopper.hear("fit", within_s=60)
        shopper.say(type="snapshot")
        path = (await shopper.hear("snapshot", within_s=60))["url"]
        async with client.get(installation.url + path) as response:
            jpeg = await response.read()
        await shopper.see(10, within_s=150)
        async with client.delete(installation.url + location, headers=headers) as response:
            assert response.status == 204
        photo, told = marked_photo(shopper.track.camera)
        canary.needles["photo's text"] = {told}
        canary.add("photo", photo)
        form = aiohttp.FormData({"height_cm": "170", "consent": current_text(purpose="photo").version})
        form.add_field("front", photo, filename="me.jpg", content_type="image/jpeg")
        bearer = {"Authorization": headers["Authorization"]}
        async with client.post(installation.url + "/v1/avatars", data=form, headers=bearer) as response:
            assert response.status == 202, await response.text()
    await shopper.close()
    with Image.open(io.BytesIO(jpeg)) as image:
        image.load()
    assert canary.seen_in(jpeg) == {"pattern"}
    canary.add("sent", *(payload for payload in sent if len(payload) > 200))
    canary.add("returned", *(payload for payload in returned if len(payload) > 200))
    canary.add("decoded", *decoded(sent))
    canary.add("snapshot", jpeg)
    secret = visit["token"][-2 * NEEDLE :].encode()  # what comes before is the shop's id, which is no secret
    canary.needles["token"] = {secret[:NEEDLE], base64.urlsafe_b64decode(visit["token"])[16 : 16 + NEEDLE]}
    canary.add("receipt", visit["receipt"].encode())
    canary.needles["snapshot's address"] = {path.rpartition("~")[2].removesuffix(".jpg").encode()}


@pytest.fixture
async def canary(installation: Installation, shop: tuple[Shop, str]) -> Canary:
    made = Canary(np.zeros((SIDE, SIDE), np.uint8))
    await try_on(installation, shop[1], made)
    assert min(map(len, made.needles.values())) >= 1
    assert sum(map(len, made.needles.values())) > 20
    return made


async def test_nothing_of_a_picture_or_a_token_is_left_anywhere(
    *, installation: Installation, database: Database, valkey: Redis, shop: tuple[Shop, str], canary: Canary
):
    places = Places(installation, valkey, psutil.Process(installation.process.pid).create_time())
    async with asyncio.timeout(60):  # the end of the try-on reaches the ledger a moment later
        while not (await _ledger(database, shop[0])):  # noqa: ASYNC110  what changes is in the tables
            await asyncio.sleep(0.1)
    assert await places.finds(canary) == {}

    # And each place is looked into: planted there, it is found.
    needle, token = next(iter(canary.needles["decoded"])), next(iter(canary.needles["token"]))
    async with database.tenant(shop[0].id) as connection:
        await note(connection, shop[0].id, "canary", "planted", detail=base64.b64encode(needle).decode())
        await connection.execute("UPDATE api_keys SET label = $1", token.hex())
    canary.needles["planted in a table"] = {base64.b64encode(needle), token.hex().encode()}
    await valkey.set(b"canary:key:" + needle, b"")
    await valkey.set("canary:value", b"\x00" + next(iter(canary.needles["sent"])))
    files = Files.open((installation.data / "files").as_uri())
    await files.put(shop[0].id, b"x" + next(iter(canary.needles["returned"])), "image/png")
    with installation.log.open("ab") as log:
        log.write(next(iter(canary.needles["receipt"])))
    sink = io.BytesIO()
    Image.fromarray(np.pad(canary.pattern, ((40, 0), (200, 0)))).save(sink, "JPEG", quality=60)
    with tempfile.NamedTemporaryFile(suffix=".bin") as left, tempfile.TemporaryFile() as nameless:
        left.write(sink.getvalue())
        left.flush()
        nameless.write(next(iter(canary.needles["snapshot"])))
        nameless.flush()
        installation.children.append(psutil.Process())
        found = await places.finds(canary)
    by_place = json.dumps({place: sorted(seen) for place, seen in found.items()})
    assert any(place.startswith("valkey:b'canary:key") for place in found), by_place
    assert found["valkey:b'canary:value'"] == {"sent"}
    assert any("/postgres" in place and "planted in a table" in seen for place, seen in found.items()), by_place
    assert any("/files/shops/" in place and seen == {"returned"} for place, seen in found.items()), by_place
    assert "receipt" in found[str(installation.log)]
    assert found[left.name] == {"pattern"}
    assert any(place.startswith("/proc/") and "snapshot" in seen for place, seen in found.items()), by_place


async def _ledger(database: Database, shop: Shop) -> int:
    async with database.tenant(shop.id) as connection:
        return int(await connection.fetchval("SELECT count(*) FROM usage_events WHERE kind = 'try-on'"))
