"""The composition root and the command line: settings in, services built, one role or all of them run.

`python server.py all` runs everything on one machine; `web`, `media` and `seed` are its parts, to be run apart on
many. This is the only file that knows every room.
"""

# ruff: noqa: PLC0415  A role imports what it runs: a supervisor needs no models, a web process no renderer.

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self
from uuid import UUID

import structlog
from pydantic import SecretStr

from ops.listener import CannotListen, PortTaken, bound_socket
from ops.place import EmbeddedError, exclusive
from ops.settings import InvalidSettings, Settings, cores, load_settings, variable
from ops.supervisor import Program, ProgramFailed, Supervisor, notify_ready, runtime_folder, told_to_stop
from ops.telemetry import clear_measurements, configure_logging, forget_process, measured_loop
from tenancy.errors import TenancyError

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from rtc.studio import Studio
    from tenancy.credentials import Credentials, Shop
    from tenancy.database import Database
    from tenancy.files import Files
    from tenancy.products import Products, Taken

HERE = Path(__file__).resolve().parent
PYTHON = (sys.executable, str(HERE / "server.py"))
DEMO_SLUG = "demo"

log = structlog.get_logger("server")


class CannotRun(Exception):
    """Something the operator has to change first; the message says what."""


def main(arguments: list[str] | None = None) -> int:
    """Runs one role. Returns the exit status: 0 after an orderly stop, 1 when it cannot run, 130 when forced."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until a loop takes over, it ends like Ctrl-C
    try:
        settings = load_settings()
        configure_logging(settings.log_level, settings.log_format, role=options.role)
        options.run(settings, options)
    except PortTaken as error:
        return _refuse(f"{error}; choose another one: {variable('port')}={settings.port + 1}")
    except (CannotRun, CannotListen, InvalidSettings, EmbeddedError, ProgramFailed, TenancyError) as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        return 130
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="server.py", description="Vitrine, a streaming try-on server.")
    roles = parser.add_subparsers(dest="role", required=True, metavar="role")
    everything = roles.add_parser("all", help="everything, with embedded services where no others are named")
    everything.set_defaults(run=run_all)
    web = roles.add_parser("web", help="signalling, HTTP interface, pages")
    web.add_argument("--descriptor", type=int, help="an open socket to listen on, from the supervisor")
    web.set_defaults(run=run_web)
    media = roles.add_parser("media", help="one media process")
    media.add_argument("--name", default=socket.gethostname(), help="unique among the nodes (default: host name)")
    media.add_argument("--listen", required=True, help="unix:/path or host:port, where the web reaches it")
    media.add_argument("--advertise", help="the URL at which the web reaches it, if it is not --listen")
    media.set_defaults(run=run_media)
    seed = roles.add_parser("seed", help="bring the tables to this version, make or complete the demo shop, end")
    seed.set_defaults(run=run_seed)
    return parser.parse_args(arguments)


def _refuse(why: str) -> int:
    print(f"vitrine: {why}", file=sys.stderr)
    return 1


# --- all -----------------------------------------------------------------------------------------------------


def run_all(settings: Settings, _options: argparse.Namespace) -> None:
    """The supervisor: services, tables, demo shop, media processes, web. Returns when told to stop."""
    with ExitStack() as stack:
        listener = stack.enter_context(bound_socket(settings.host, settings.port))
        runtime = runtime_folder(settings.data)
        stack.enter_context(exclusive(runtime, "Vitrine"))
        clear_measurements(runtime / "metrics")
        found = stack.enter_context(_services(settings))
        asyncio.run(_supervise(settings, found, runtime, listener))


@contextmanager
def _services(settings: Settings) -> Iterator[Settings]:
    """PostgreSQL and Valkey, embedded where no address is given. Yields the settings with all addresses in."""
    from ops.embedded import EmbeddedPostgres, EmbeddedValkey

    with ExitStack() as stack:
        if settings.database_url is None:
            if settings.database_app_url is not None:
                raise CannotRun("DATABASE_APP_URL is given and DATABASE_URL, for the migrations, is not")
            postgres = stack.enter_context(EmbeddedPostgres(settings.data))
            owner, app = postgres.dsn_owner, postgres.dsn_app
        else:
            owner, app = settings.database_url.get_secret_value(), _app_dsn(settings) or ""
        redis = (
            stack.enter_context(EmbeddedValkey(settings.data)).url
            if settings.redis_url is None
            else settings.redis_url.get_secret_value()
        )
        found = {"database_url": owner, "database_app_url": app, "redis_url": redis}
        yield settings.model_copy(update={name: SecretStr(url) for name, url in found.items()})


def _child_environment(settings: Settings) -> dict[str, str]:
    """What a process that serves shoppers is told: every address, and no right of the tables' owner.

    What was derived from the absence of an address is told too, or it would be derived otherwise there.
    """
    app, redis = settings.database_app_url, settings.redis_url
    return {
        "DATABASE_URL": "",
        "DATABASE_APP_URL": app.get_secret_value() if app else "",
        "REDIS_URL": redis.get_secret_value() if redis else "",
        variable("data"): str(settings.data),
        variable("models"): str(settings.models),
        variable("demo"): str(settings.demo).lower(),
        variable("allow_private_candidates"): str(settings.allow_private_candidates).lower(),
    }


async def _supervise(settings: Settings, found: Settings, runtime: Path, listener: socket.socket) -> None:
    supervisor = Supervisor(runtime, stop_s=settings.stop_seconds, ended=forget_process)

    async def bring_up() -> None:
        await _migrate(settings, found)
        await _start_all(supervisor, found, runtime, listener.fileno())
        print(f"Vitrine is ready: {_shown_url(settings, listener)}   (Ctrl-C stops it)", flush=True)
        notify_ready()

    await supervisor.run_until_told_to_stop(bring_up)


async def _start_all(supervisor: Supervisor, settings: Settings, runtime: Path, descriptor: int) -> None:
    environment = _child_environment(settings)
    web = Program("web", (*PYTHON, "web", "--descriptor", str(descriptor)), environment, (descriptor,))
    media = []
    for name in (f"media-{index}" for index in range(settings.media_processes)):
        command = (*PYTHON, "media", "--name", name, "--listen", f"unix:{runtime / name}.sock")
        media.append(Program(name, command, environment))

    async def seed_if_needed() -> None:
        from demo.seed import is_complete

        async with _stores(settings) as stores:
            needed = settings.demo and not await is_complete(await DemoShop.at(stores))
        if needed:  # by a process of its own: modelling and intake weigh too much for this one
            log.info("making-the-demo-shop")
            await supervisor.run(Program("seed", (*PYTHON, "seed"), environment))

    # The order of these is the order of stopping, turned round: first nobody new comes in.
    await asyncio.gather(supervisor.start(*media), supervisor.start(web), seed_if_needed())


def _shown_url(settings: Settings, listener: socket.socket) -> str:
    base = settings.public_url or f"http://localhost:{listener.getsockname()[1]}"
    return base.rstrip("/") + (f"/s/{DEMO_SLUG}" if settings.demo else "/")


# --- web -----------------------------------------------------------------------------------------------------


def run_web(settings: Settings, options: argparse.Namespace) -> None:
    """Signalling, HTTP interface and pages."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve_web(settings, options.descriptor))


async def _serve_web(settings: Settings, descriptor: int | None) -> None:
    from aiohttp import web

    from rtc.claims import Claims
    from rtc.placement import Placement
    from tenancy.visits import Visits
    from web.app import Services, WebSettings, create_app
    from web.health import media_check

    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(_stores(settings))
        placement = Placement(stores.redis)
        stack.push_async_callback(placement.aclose)
        services = Services(
            credentials=stores.credentials,
            visits=Visits(stores.database, lasting=timedelta(minutes=settings.session_minutes)),
            products=stores.products,
            files=stores.files,
            placement=placement,
            claims=Claims(stores.redis),
            checks={
                "postgresql": stores.database.ping,
                "valkey": stores.redis.ping,
                "media": media_check(placement),
            },
        )
        demo = DEMO_SLUG if settings.demo else None
        app = create_app(services, WebSettings(settings.public_url, demo, settings.ice_servers))
        await stack.enter_async_context(measured_loop("web"))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        if descriptor is None:
            await web.TCPSite(runner, settings.host, settings.port).start()
        else:
            await web.SockSite(runner, socket.socket(fileno=descriptor)).start()
        notify_ready()
        await told_to_stop()


# --- media ---------------------------------------------------------------------------------------------------


def run_media(settings: Settings, options: argparse.Namespace) -> None:
    """One media process: one event loop, one frame worker with its GL context."""
    asyncio.run(_serve_media(settings, options))


async def _serve_media(settings: Settings, options: argparse.Namespace) -> None:
    from aiohttp import web

    from rtc.measures import Measures
    from rtc.node import MediaNode, NodeSettings
    from rtc.signalling import CandidatePolicy

    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(_stores(settings))
        studio = stack.enter_context(closing(_studio(settings.models)))
        at_socket = options.listen.startswith("unix:")
        node = MediaNode(
            NodeSettings(
                id=options.name,
                url=options.advertise or (options.listen if at_socket else f"http://{options.listen}"),
                capacity=settings.sessions_per_process,
                candidates=CandidatePolicy(allow_private=settings.allow_private_candidates),
            ),
            redis=stores.redis,
            products=stores.shelf,
            worker=studio.worker,
            make_effect=studio.make_effect,
            check_picture=studio.check_picture,
            measures=Measures(options.name),
        )
        runner = web.AppRunner(node.app(), access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        if at_socket:
            await web.UnixSite(runner, options.listen.removeprefix("unix:")).start()
        else:
            host, _, port = options.listen.rpartition(":")
            await web.TCPSite(runner, host, int(port)).start()
        while not node.ready:  # noqa: ASYNC110  it says so when a synthetic frame came back wearing something
            await asyncio.sleep(0.05)
        notify_ready()
        await told_to_stop()


def _studio(models: Path) -> Studio:
    from rtc.studio import Studio

    failed = "frame-worker-failed"
    return Studio(models / "face_landmarker.task", on_error=lambda error: log.error(failed, exc_info=error))


@dataclass(frozen=True)
class Shelf:
    """Where a media process finds what a shopper wears (`rtc.wardrobe.ProductSource`)."""

    products: Products
    files: Files

    async def digest(self, tenant: str, product: str) -> str:
        """The content hash of a product's model. Raises rtc's UnknownProduct."""
        from rtc.session import UnknownProduct
        from tenancy.errors import UnknownProduct as NotInShop

        try:
            return (await self.products.get(UUID(tenant), UUID(product))).glb_digest
        except (NotInShop, ValueError):
            raise UnknownProduct from None

    async def read(self, tenant: str, digest: str) -> bytes:
        """The model with this hash. Raises rtc's UnknownProduct."""
        from rtc.session import UnknownProduct
        from tenancy.errors import UnknownFile

        try:
            return await self.files.get(UUID(tenant), digest)
        except UnknownFile:
            raise UnknownProduct from None


# --- seed ----------------------------------------------------------------------------------------------------


def run_seed(settings: Settings, _options: argparse.Namespace) -> None:
    """Brings the tables to this version; makes or completes the demo shop if there is to be one."""
    asyncio.run(_seed(settings))


async def _seed(settings: Settings) -> None:
    from demo.seed import complete

    await _migrate(settings, settings)
    async with _stores(settings) as stores:
        if settings.demo:
            await complete(await DemoShop.at(stores), at_once=cores())


async def _migrate(given: Settings, found: Settings) -> None:
    """Brings the tables to this version if the owner's address is known, as it is not to a child process."""
    from tenancy.database import migrate

    if found.database_url is not None:
        keep = given.database_app_url is not None
        await migrate(found.database_url.get_secret_value(), keep_app_password=keep)


@dataclass(frozen=True)
class DemoShop:
    """The demo shop as `demo.seed` sees it."""

    shop: Shop
    all_products: Products

    @classmethod
    async def at(cls, stores: Stores) -> Self:
        """The shop itself, made if it is not there."""
        shop = await stores.credentials.ensure_shop(DEMO_SLUG, "Vitrine Demo", "pk_demo")
        return cls(shop, stores.products)

    async def products(self) -> dict[str, UUID]:
        there = await self.all_products.catalog(self.shop.id)
        return {product.external_id: product.id for product in there if product.external_id}

    async def add(self, name: str, kind: str, glb: bytes, external_id: str, position: int) -> None:
        await self.all_products.add(self.shop.id, name, kind, glb, external_id=external_id, position=position)

    async def remove(self, product: UUID) -> None:
        await self.all_products.remove(self.shop.id, product)


# --- what several roles stand on -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Stores:
    """What is kept: tables, files, and what may be lost."""

    database: Database
    redis: Redis
    files: Files
    credentials: Credentials
    products: Products

    @property
    def shelf(self) -> Shelf:
        return Shelf(self.products, self.files)


@asynccontextmanager
async def _stores(settings: Settings) -> AsyncIterator[Stores]:
    """Connects as the application's role, never as the owner. Raises CannotRun when an address is missing."""
    from redis.asyncio import Redis

    from tenancy.credentials import Credentials
    from tenancy.database import Database
    from tenancy.files import Files
    from tenancy.products import Products

    if settings.redis_url is None or (dsn := _app_dsn(settings)) is None:
        raise CannotRun("this role needs REDIS_URL, and DATABASE_APP_URL or DATABASE_URL; `all` brings its own")
    storage = settings.storage_url
    async with AsyncExitStack() as stack:
        database = await Database.connect(dsn)
        stack.push_async_callback(database.close)
        redis = Redis.from_url(settings.redis_url.get_secret_value())
        stack.push_async_callback(redis.aclose)
        files = Files.open(storage.get_secret_value() if storage else (settings.data / "files").as_uri())
        yield Stores(database, redis, files, Credentials(database), Products(database, files, _intake))


def _app_dsn(settings: Settings) -> str | None:
    from tenancy.roles import app_dsn

    if settings.database_app_url is not None:
        return settings.database_app_url.get_secret_value()
    return app_dsn(settings.database_url.get_secret_value()) if settings.database_url is not None else None


async def _intake(glb: bytes, kind: str | None) -> Taken:
    """The intake in a child process of its own; its refusal as the web answers it."""
    from render.intake import intake_in_child

    from render.errors import ProductError
    from web.owner import ModelRejected

    try:
        return await intake_in_child(glb, kind, timeout_s=60, memory_mb=2048)
    except ProductError as error:
        raise ModelRejected(error.code, str(error)) from None


if __name__ == "__main__":
    sys.exit(main())
