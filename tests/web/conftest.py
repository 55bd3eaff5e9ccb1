"""The whole HTTP side on a real socket, over real PostgreSQL and Valkey, with a real media node behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from playwright.async_api import Browser, async_playwright
from redis.asyncio import Redis

from rtc.claims import Claims
from rtc.measures import Measures
from rtc.node import MediaNode, NodeSettings
from rtc.placement import Placement
from rtc.studio import Studio
from tenancy.consent import current_text
from tenancy.credentials import Credentials, Shop
from tenancy.database import Database
from tenancy.files import Files
from tenancy.fitting_room import FittingRoom
from tenancy.mail import Kept, Letters, mail_route
from tenancy.outbox import Outbox
from tenancy.outfits import Outfits
from tenancy.owners import Owners
from tenancy.photo_keys import LocalKeys
from tenancy.products import Product, Products
from tenancy.seal import Seal
from tenancy.visits import Visits
from web.app import Services, WebSettings, create_app
from web.health import media_check
from web.limits import Limits
from web.runner import Runner
from wiring.intakes import garment_intake
from wiring.shelf import Shelf
from wiring.workroom import Workroom

if TYPE_CHECKING:
    from tests.web.people import Person

ROOT = Path(__file__).resolve().parents[2]
ORIGIN = "https://shop.example"
PUBLISHABLE = "pk_test"
SECRET = "x" * 40


@dataclass
class Taken:
    """What an intake would make of a model that is canonical already."""

    glb: bytes
    kind: str
    thumbnail_png: bytes = b"\x89PNG a picture"
    dimensions: dict[str, float] = field(default_factory=lambda: {"frame_width_mm": 138.5})
    report: dict[str, Any] = field(default_factory=lambda: {"triangles": 9})


async def take_unchanged(glb: bytes, kind: str | None) -> Taken:
    return Taken(glb, kind or "glasses")


@dataclass(frozen=True)
class Site:
    """A running HTTP side, the shop `test` in it, and a client."""

    url: str
    client: aiohttp.ClientSession
    services: Services
    settings: WebSettings
    shop: Shop
    secret_key: str
    outbox: Outbox

    def calls(self, method: str, path: str, **options: Any) -> Any:
        return self.client.request(method, self.url + path, allow_redirects=False, **options)

    async def refusal(self, method: str, path: str, **options: Any) -> tuple[int, str]:
        """Status and code of a call that must be answered by a problem, whose form is checked on the way."""
        async with self.calls(method, path, **options) as response:
            assert response.content_type == "application/problem+json", await response.text()
            problem = await response.json()
            assert problem["status"] == response.status
            assert problem["title"]
            assert problem["type"] == f"urn:vitrine:problem:{problem['code']}"
            return response.status, problem["code"]

    async def token(self, product: object = None) -> str:
        body = {
            "key": PUBLISHABLE,
            "product": str(product) if product else None,
            "consent": {"version": current_text().version, "granted": True},
        }
        async with self.calls("POST", "/v1/sessions", json=body) as response:
            assert response.status == 201, await response.text()
            return (await response.json())["token"]

    async def bearer(self, product: object = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {await self.token(product)}"}


StartSite = Callable[..., Awaitable[Site]]


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A page's build in the form that Vite gives it."""
    folder = tmp_path / "app"
    (folder / "assets").mkdir(parents=True)
    (folder / "assets" / "main-abc123.js").write_text("export {};\n")
    (folder / "embed.js").write_text("export {};\n")
    (folder / "manifest.json").write_text(
        '{"src/main.ts": {"file": "assets/main-abc123.js", "css": ["assets/main-abc123.css"]}}'
    )
    return folder


@pytest.fixture
async def services(database: Database, valkey: Redis, files: Files, tmp_path: Path) -> AsyncIterator[Services]:
    placement = Placement(valkey)
    credentials = Credentials(database)
    workroom = Workroom.at(ROOT / "models")
    intake = garment_intake(ROOT / "models", 2, workroom.portraits)
    products = Products(database, files, take_unchanged, intake)
    letters = Letters(Seal(SECRET), "http://localhost")
    claims = Claims(valkey)
    owners = Owners.over(
        database,
        credentials,
        products,
        files,
        secret=SECRET,
        letters=letters,
        forget_keys=lambda shop: claims.forget_shop(str(shop)),
    )
    room = FittingRoom.over(database, files, LocalKeys(tmp_path / "keys"), secret=SECRET)
    news = asyncio.create_task(room.news.always())
    yield Services(
        credentials=credentials,
        visits=Visits(database),
        products=products,
        files=files,
        placement=placement,
        claims=claims,
        fitting_room=room,
        outfits=Outfits(database, files, products, workroom),
        base_bodies=ROOT / "models" / "garments",
        owners=owners,
        limits=Limits(valkey),
        kept_mail=Kept(),
        checks={"postgresql": database.ping, "valkey": valkey.ping, "media": media_check(placement)},
    )
    news.cancel()
    await workroom.close()
    await placement.aclose()


@pytest.fixture
def outbox(services: Services) -> Outbox:
    """Carries when it is told to (`round`)."""
    assert services.kept_mail is not None
    return Outbox(services.owners.database, {"mail": mail_route(Seal(SECRET), services.kept_mail)})


@pytest.fixture
async def start_site(services: Services, outbox: Outbox, built: Path) -> AsyncIterator[StartSite]:
    """Starts a site with the given settings."""
    stops: list[Callable[[], Awaitable[None]]] = []

    async def start(**settings: Any) -> Site:
        chosen = WebSettings(built=built, **settings)
        runner = Runner(create_app(services, chosen), access_log=None, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        client = aiohttp.ClientSession()
        stops.extend([client.close, runner.cleanup])
        shop = await services.credentials.ensure_shop("test", "Test Shop", PUBLISHABLE, [ORIGIN])
        secret, _ = await services.credentials.issue(shop.id, "secret")
        port = runner.addresses[0][1]
        return Site(f"http://127.0.0.1:{port}", client, services, chosen, shop, secret, outbox)

    yield start
    for stop in stops:
        await stop()


@pytest.fixture
async def site(start_site: StartSite) -> Site:
    return await start_site()


@pytest.fixture
async def glasses(site: Site) -> Product:
    """A product of the shop, modelled as the demo's are."""
    return await site.services.products.add(site.shop.id, "Round", "glasses", await asyncio.to_thread(_round_wire))


def _round_wire() -> bytes:
    from demo.shop import WEARABLES

    return WEARABLES[0].build()


@pytest.fixture(scope="session")
def studio() -> Iterator[Studio]:
    """One GL context for the session, for it is slow to make."""
    errors: list[BaseException] = []
    made = Studio(ROOT / "models", on_error=errors.append)
    yield made
    made.close()
    assert errors == []


@pytest.fixture
async def node(services: Services, valkey: Redis, studio: Studio, tmp_path: Path) -> AsyncIterator[MediaNode]:
    """A media node with room for one, announced."""
    path = tmp_path / "node.sock"
    made = MediaNode(
        NodeSettings("node", f"unix:{path}", capacity=1),
        redis=valkey,
        products=Shelf(services.products, services.files),
        worker=studio.worker,
        make_effect=studio.make_effect,
        check_picture=studio.check_picture,
        measures=Measures("node"),
    )
    runner = web.AppRunner(made.app(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    async with asyncio.timeout(30):
        while not await services.placement.nodes():  # noqa: ASYNC110  what changes is in Valkey
            await asyncio.sleep(0.02)
    yield made
    await runner.cleanup()


@pytest.fixture
async def ada(site: Site) -> AsyncIterator[Person]:
    """The owner of a shop of her own, signed up and logged in."""
    from tests.web.people import sign_up

    person = await sign_up(site)
    yield person
    await person.client.close()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium without a window."""
    flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        yield started
        await started.close()
