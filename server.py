"""The composition root and the command line: settings in, services built, one role or all of them run.

`python server.py all` runs everything on one machine; `web`, `media` and `seed` are its parts, to be run apart on
many. This is the only file that knows every room.
"""

# ruff: noqa: PLC0415  A role imports what it runs: a supervisor needs no models, a web process no renderer.

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

import structlog

from ops.listener import CannotListen, PortTaken
from ops.memory import settle_memory
from ops.place import EmbeddedError
from ops.priority import take_short_turns
from ops.settings import InvalidSettings, Settings, cores, load_settings, variable
from ops.supervisor import ProgramFailed, notify_ready, told_to_stop
from ops.telemetry import configure_logging, measured_loop
from tenancy.errors import TenancyError

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from avatar.dress_desk import DressDesk
    from rtc.avatars import AvatarFile, Garment
    from rtc.claims import Visitor
    from rtc.record import EndedTryOn
    from rtc.studio import Studio
    from rtc.turn import Relays
    from tenancy.cache import Cache
    from tenancy.credentials import Credentials, Shop
    from tenancy.database import Database
    from tenancy.files import Files
    from tenancy.fitting_room import FittingRoom
    from tenancy.ledger import Recorder, TryOn
    from tenancy.mail import Kept
    from tenancy.outbox import Outbox
    from tenancy.outfits import FileName, Outfit, Outfits
    from tenancy.owners import Owners
    from tenancy.products import GarmentIntake, Intake, Products, Taken, TakenGarment
    from tenancy.seal import Seal
    from tenancy.shown_avatars import ShownAvatar, ShownAvatars
    from tenancy.visits import Visits

DEMO_SLUG = "demo"
LATE = "vitrine_photos_past_deadline"
LOST = "vitrine_try_ons_not_recorded_total"
DEAD = "vitrine_outbox_given_up_total"
READS = "vitrine_shop_reads_total"
REFUSED_REPORTS = "vitrine_meter_reports_refused_total"

log = structlog.get_logger("server")


class CannotRun(Exception):
    """Something the operator has to change first; the message says what."""


def main(arguments: list[str] | None = None) -> int:
    """Runs one role. Returns the exit status: 0 after an orderly stop, 1 when it cannot run, 130 when forced."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until a loop takes over, it ends like Ctrl-C
    try:
        settings = load_settings()
        os.chdir(Path(__file__).resolve().parent)  # child processes are started by a module's name
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
    avatar = roles.add_parser("avatar", help="one worker that makes avatars, for one device")
    avatar.add_argument("--device", default="cpu", help="cpu, or cuda:0 and so on (default: cpu)")
    avatar.add_argument("--maker", help="module:Class that makes bodies, other than avatar.build:Builder")
    avatar.set_defaults(run=run_avatar)
    migrate = roles.add_parser("migrate", help="bring the tables to this version, then end")
    migrate.set_defaults(run=run_migrate)
    seed = roles.add_parser("seed", help="make the demo shop or complete it, then end")
    seed.set_defaults(run=run_seed)
    prepare = roles.add_parser("prepare", help="migrate, say that this is done, seed")
    prepare.set_defaults(run=run_prepare)
    return parser.parse_args(arguments)


def _refuse(why: str) -> int:
    print(f"vitrine: {why}", file=sys.stderr)
    return 1


# --- all -----------------------------------------------------------------------------------------------------


def run_all(settings: Settings, _options: argparse.Namespace) -> None:
    """The supervisor: services, tables, demo shop, media processes, web. Returns when told to stop."""
    from ops.machine import run_machine
    from tenancy.roles import app_dsn

    command = (sys.executable, str(Path(__file__).resolve()))
    run_machine(settings, command, app_dsn=app_dsn, first_page=f"/s/{DEMO_SLUG}" if settings.demo else "/")


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
    from tenancy.import_runner import ImportRunner
    from tenancy.live_try_ons import Undertaker
    from web.app import Services, WebSettings, create_app
    from web.health import media_check
    from web.limits import Limits
    from web.regions import Regions

    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(_stores(settings))
        owners, kept_mail = await _owners(settings, stores, stack)
        placement = Placement(stores.redis)
        stack.push_async_callback(placement.aclose)
        services = Services(
            credentials=stores.credentials,
            visits=stores.visits,
            products=stores.products,
            files=stores.files,
            placement=placement,
            claims=Claims(stores.redis),
            fitting_room=await _attended(await _fitting_room(settings, stores), stack),
            outfits=await _outfits(settings, stores, stack),
            base_bodies=settings.models / "garments",
            owners=owners,
            limits=Limits(stores.redis, settings.rates, trusted_hops=settings.trusted_proxies),
            kept_mail=kept_mail if settings.show_mail else None,
            checks={
                "postgresql": stores.database.ping,
                "valkey": stores.redis.ping,
                "media": media_check(placement),
            },
        )
        if settings.stripe_key is not None:
            await _report_to_stripe(stores.database, settings.stripe_key.get_secret_value(), settings.stripe_url, stack)
        undertaker = Undertaker(stores.database)
        undertaker.start()
        stack.push_async_callback(undertaker.stop)
        imports = ImportRunner(owners.imports)
        imports.start()
        stack.push_async_callback(imports.stop)
        demo = DEMO_SLUG if settings.demo else None
        cdn = settings.cdn_url.rstrip("/") if settings.cdn_url else None
        regions = Regions(settings.region_header, settings.region)
        web_settings = WebSettings(settings.public_url, demo, settings.ice_servers, _relays(settings), cdn, regions)
        app = create_app(services, web_settings)
        await stack.enter_async_context(measured_loop("web"))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        if descriptor is None:
            await web.TCPSite(runner, settings.host, settings.port).start()
        else:
            await web.SockSite(runner, socket.socket(fileno=descriptor)).start()
        settle_memory()
        notify_ready()
        await told_to_stop()


def _outbox(settings: Settings, stores: Stores, seal: Seal) -> tuple[Outbox, Kept | None]:
    """What carries mails and webhooks, and the mails kept in memory where no mail server is named."""
    from prometheus_client import Counter

    from tenancy.mail import Kept, Smtp, mail_route
    from tenancy.outbox import Outbox
    from tenancy.webhook_delivery import Deliverer, is_public

    kept = None if settings.smtp_url else Kept()
    server = kept or Smtp(settings.smtp_url.get_secret_value() if settings.smtp_url else "", settings.mail_from)
    allowed = (lambda _: True) if settings.private_webhooks else is_public
    deliverer = Deliverer(stores.database, seal, allowed=allowed)
    given_up = Counter(DEAD, "Mails and deliveries to webhooks that were given up.", ["kind"])
    outbox = Outbox(
        stores.database,
        {"mail": mail_route(seal, server), "webhook": deliverer.route},
        on_dead=lambda kind: given_up.labels(kind).inc(),
    )
    return outbox, kept


async def _owners(settings: Settings, stores: Stores, stack: AsyncExitStack) -> tuple[Owners, Kept | None]:
    """The owner's side, and the mails kept in memory where no mail server is named."""
    from rtc.claims import Claims
    from tenancy.mail import Letters
    from tenancy.owners import Owners
    from tenancy.seal import Seal

    secret = await _secret(settings)
    seal = Seal(secret)
    outbox, kept = _outbox(settings, stores, seal)
    outbox.start()
    stack.push_async_callback(outbox.stop)
    letters = Letters(seal, settings.shown_url)
    owners = Owners.over(
        stores.database,
        stores.credentials,
        stores.products,
        stores.files,
        secret=secret,
        letters=letters,
        forget_keys=lambda shop: Claims(stores.redis).forget_shop(str(shop)),
        private_webhooks=settings.private_webhooks,
    )
    sweeping = asyncio.create_task(owners.sweeper.always())
    stack.callback(sweeping.cancel)
    return owners, kept


async def _outfits(settings: Settings, stores: Stores, stack: AsyncExitStack) -> Outfits:
    """Garments on bodies, with a workroom that rests when nobody asks."""
    from tenancy.outfits import Outfits

    workroom = Workroom.at(settings.models)
    stack.push_async_callback(workroom.desk.close)
    stack.callback(asyncio.create_task(workroom.desk.rest_always()).cancel)
    return Outfits(stores.database, stores.files, stores.products, workroom)


async def _attended(room: FittingRoom, stack: AsyncExitStack) -> FittingRoom:
    """With its sweeper at work and its news told."""
    from prometheus_client import Gauge

    late = Gauge(LATE, "Photos that should have been destroyed a minute ago. Not zero: look.", multiprocess_mode="max")
    for work in (room.sweep_always(late.set), room.news.always()):
        stack.callback(asyncio.create_task(work).cancel)
    return room


async def _report_to_stripe(database: Database, key: str, url: str, stack: AsyncExitStack) -> None:
    """What shops that pay have used, every few minutes."""
    from prometheus_client import Counter

    from tenancy.meter_reports import MeterReports
    from tenancy.stripe_meters import StripeMeters

    refused = Counter(REFUSED_REPORTS, "Reports of usage that the biller will not take.")
    stripe = StripeMeters(key, url)
    stack.push_async_callback(stripe.close)
    reports = MeterReports(database, stripe, on_refused=refused.inc)
    reports.start()
    stack.push_async_callback(reports.stop)


def _relays(settings: Settings) -> Relays | None:
    """Raises CannotRun when they lack their secret."""
    from rtc.turn import Relays

    if not settings.turn_urls:
        return None
    if settings.turn_secret is None:
        raise CannotRun(f"{variable('turn_urls')} needs {variable('turn_secret')}, the secret that the relays know")
    return Relays(settings.turn_urls, settings.turn_secret.get_secret_value(), settings.turn_minutes * 60)


# --- media ---------------------------------------------------------------------------------------------------


def run_media(settings: Settings, options: argparse.Namespace) -> None:
    """One media process: one event loop, one frame worker with its GL context."""
    # numpy's matrices are small here. Its threads, one a core, would only spin where sessions need the cores.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import uvloop  # a datagram costs it a half of what it costs asyncio's own loop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve_media(settings, options))


async def _serve_media(settings: Settings, options: argparse.Namespace) -> None:
    from aiohttp import web
    from prometheus_client import Counter

    from rtc.measures import Measures
    from rtc.node import MediaNode, NodeSettings
    from rtc.signalling import CandidatePolicy
    from tenancy.ledger import Recorder
    from tenancy.live_try_ons import Heartbeats
    from tenancy.shown_avatars import ShownAvatars

    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(_stores(settings))
        ledger = Recorder(stores.database, on_lost=Counter(LOST, "Try-ons that never reached the ledger.").inc)
        stack.push_async_callback(ledger.stop)
        studio = stack.enter_context(closing(_studio(settings.models)))
        avatars = ShownAvatars(stores.database, stores.files)
        stack.callback(asyncio.create_task(avatars.news.always()).cancel)
        take_short_turns()  # on the event loop, which has to be awake when a packet comes
        at_socket = options.listen.startswith("unix:")
        node = MediaNode(
            NodeSettings(
                id=options.name,
                url=options.advertise or (options.listen if at_socket else f"http://{options.listen}"),
                capacity=settings.sessions_per_process,
                cores=cores() / settings.media_processes,
                candidates=CandidatePolicy(allow_private=settings.allow_private_candidates),
            ),
            redis=stores.redis,
            products=stores.shelf,
            avatars=Cloakroom(avatars, stores.visits, await _outfits(settings, stores, stack)),
            worker=studio.worker,
            make_effect=studio.make_effect,
            check_picture=studio.check_picture,
            measures=Measures(options.name),
            renew=stores.renew,
            record=_into(ledger),
        )
        runner = web.AppRunner(node.app(), access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        if at_socket:
            await web.UnixSite(runner, options.listen.removeprefix("unix:")).start()
        else:
            host, _, port = options.listen.rpartition(":")
            await web.TCPSite(runner, host, int(port)).start()
        await node.until_ready()
        beats = Heartbeats(stores.database, lambda: map(_booked, node.running()))
        beats.start()
        stack.push_async_callback(beats.stop)
        settle_memory()
        notify_ready()
        studio.rehearse()
        await told_to_stop()
        await node.drain(settings.drain_seconds)


def _into(ledger: Recorder) -> Callable[[EndedTryOn], None]:
    """From what a media process says of a try-on to a line of the ledger."""
    from tenancy.tallies import histograms

    def record(ended: EndedTryOn) -> None:
        seen = ended.seen
        tallies = histograms({"delay_ms": seen.delays_ms, "rtt_ms": seen.rtts_ms, "fps": seen.fps})
        tallies.update({("hint", state): count for state, count in seen.hints.items()})
        tallies["freeze", ""] += seen.freezes
        ledger.record(replace(_booked(ended), tallies=tallies))

    return record


def _booked(told: EndedTryOn) -> TryOn:
    """A try-on as the ledger has it."""
    from tenancy.ledger import TryOn

    products = [UUID(product) for product in told.products]
    return TryOn(UUID(told.visitor.tenant), told.session_id, told.started_at, told.seconds, products)


def _studio(models: Path) -> Studio:
    from rtc.studio import Studio

    failed = "frame-worker-failed"
    return Studio(models, on_error=lambda error: log.error(failed, exc_info=error))


@dataclass(frozen=True)
class Shelf:
    """Where a media process finds what a shopper wears (`rtc.wardrobe.ProductSource`)."""

    products: Products
    files: Files

    async def digest(self, tenant: str, product: str) -> str:
        """The content hash of a product's model. Raises rtc's UnknownProduct."""
        from rtc.offers import UnknownProduct
        from tenancy.errors import UnknownProduct as NotInShop

        try:
            found = await self.products.published(UUID(tenant), UUID(product))
        except (NotInShop, ValueError):
            raise UnknownProduct from None
        if found.kind == "garment":  # worn on avatars alone
            raise UnknownProduct
        return found.glb_digest

    async def read(self, tenant: str, digest: str) -> bytes:
        """The model with this hash. Raises rtc's UnknownProduct."""
        from rtc.offers import UnknownProduct
        from tenancy.errors import UnknownFile

        try:
            return await self.files.get(UUID(tenant), digest)
        except UnknownFile:
            raise UnknownProduct from None

    async def offered(self, tenant: str) -> list[str]:
        """Ids of the published products that are worn live."""
        return [
            str(found.id) for found in await self.products.catalog(UUID(tenant)) if found.kind in ("glasses", "hat")
        ]


@dataclass(frozen=True)
class Cloakroom:
    """Where a media process finds the avatar that a shopper wants to see (`rtc.avatars.AvatarSource`)."""

    avatars: ShownAvatars
    visits: Visits
    outfits: Outfits

    async def find(self, visitor: Visitor, avatar: str | None, wear: Sequence[Garment]) -> AvatarFile:
        from rtc.avatars import AvatarFile

        with _as_rtc_says_it():
            found = await self._found(visitor, avatar)
            if not wear:
                return AvatarFile(str(found.id), (), found.digest)
            return self._file(await self._outfit(visitor, found.id, wear))

    async def read(self, visitor: Visitor, file: AvatarFile) -> bytes:
        from rtc.avatars import UnknownAvatar

        with _as_rtc_says_it():
            if not file.wear:
                return await self.avatars.read(UUID(visitor.tenant), self._shown(file))
            outfit = await self._outfit(visitor, UUID(file.avatar), file.wear)
            if self._file(outfit) != file:
                raise UnknownAvatar
            visit = await self.visits.get(UUID(visitor.tenant), UUID(visitor.visit))
            return (await self.outfits.file(visit, outfit, "dressed-plain.glb"))[1]

    async def until_changed(self, visitor: Visitor, file: AvatarFile) -> None:
        from rtc.avatars import AvatarNotReady, UnknownAvatar

        try:
            with _as_rtc_says_it():
                shown = self._shown(file) if not file.wear else await self._found(visitor, file.avatar)
        except (UnknownAvatar, AvatarNotReady):
            return
        await self.avatars.until_changed(UUID(visitor.tenant), UUID(visitor.visit), shown)

    async def _found(self, visitor: Visitor, avatar: str | None) -> ShownAvatar:
        return await self.avatars.find(UUID(visitor.tenant), UUID(visitor.visit), UUID(avatar) if avatar else None)

    async def _outfit(self, visitor: Visitor, avatar: UUID, wear: Sequence[Garment]) -> Outfit:
        from tenancy.outfits import Wish

        visit = await self.visits.get(UUID(visitor.tenant), UUID(visitor.visit))
        return await self.outfits.outfit(visit, avatar, [Wish(_product_id(one.product), one.size) for one in wear])

    def _file(self, outfit: Outfit) -> AvatarFile:
        from rtc.avatars import AvatarFile, Garment

        wear = tuple(Garment(str(piece.product.id), piece.size) for piece in outfit.pieces)
        return AvatarFile(str(outfit.avatar.id), wear, outfit.key)

    def _shown(self, file: AvatarFile) -> ShownAvatar:
        from tenancy.shown_avatars import ShownAvatar

        return ShownAvatar(UUID(file.avatar), file.version)


def _product_id(text: str) -> UUID:
    """Raises tenancy's UnknownProduct for what is no id."""
    from tenancy.errors import UnknownProduct

    try:
        return UUID(text)
    except ValueError:
        raise UnknownProduct from None


@contextmanager
def _as_rtc_says_it() -> Iterator[None]:
    """This room's refusals as those of rtc; what is no id is nobody's."""
    from rtc.avatars import AvatarNotReady, CannotWear, UnknownAvatar
    from rtc.offers import UnknownProduct
    from tenancy import errors

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


# --- avatar --------------------------------------------------------------------------------------------------


def run_avatar(settings: Settings, options: argparse.Namespace) -> None:
    """One worker: it takes jobs one by one, and a process of its own computes."""
    os.nice(10)  # live frames come first
    asyncio.run(_serve_avatars(settings, options))


async def _serve_avatars(settings: Settings, options: argparse.Namespace) -> None:
    from uuid import uuid4

    from avatar.pool import Bench, Worker
    from ops.lifeline import bound_to_parent
    from tenancy.errors import PhotoKeyLost, Superseded, Unavailable

    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(_stores(settings))
        room = await _fitting_room(settings, stores)
        device = {"CUDA_VISIBLE_DEVICES": options.device.removeprefix("cuda:").removeprefix("cpu")}
        bound = bound_to_parent(signal.SIGKILL)
        bench = Bench(
            settings.models,
            maker=options.maker,
            engine=settings.avatar_engine,
            engine_s=settings.avatar_engine_seconds if settings.avatar_engine.startswith("command:") else 0.0,
            environment=device,
            before_exec=bound,
        )
        worker_id = uuid4()
        worker = Worker(
            room.work(worker_id),
            bench,
            superseded=Superseded,
            unreadable=PhotoKeyLost,
            away=(Unavailable, TimeoutError),
        )
        tasks = [
            asyncio.create_task(worker.run()),
            asyncio.create_task(room.attend(worker_id, options.device, worker.wake, worker.get_ready)),
        ]
        notify_ready()
        told = asyncio.create_task(told_to_stop())
        await asyncio.wait({told, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in (told, *tasks):
            task.cancel()
        ended = await asyncio.gather(told, *tasks, return_exceptions=True)
        if failures := [error for error in ended if isinstance(error, Exception)]:
            raise failures[0]


async def _fitting_room(settings: Settings, stores: Stores) -> FittingRoom:
    from tenancy.fitting_room import FittingRoom

    return FittingRoom.over(
        stores.database,
        stores.files,
        settings.data / "keys",
        secret=await _secret(settings),
        longest_wait_s=settings.avatar_wait_seconds,
    )


async def _secret(settings: Settings) -> str:
    """The installation's own."""
    from tenancy.seal import secret_in

    if settings.secret:
        return settings.secret.get_secret_value()
    return await asyncio.to_thread(secret_in, settings.data)


# --- migrate, seed -------------------------------------------------------------------------------------------


def run_migrate(settings: Settings, _options: argparse.Namespace) -> None:
    """Brings the tables to this version; quick if they are there."""
    from tenancy.database import migrate

    if settings.database_url is None:
        raise CannotRun("the tables are migrated by their owner, whose address is DATABASE_URL")
    keep = settings.database_app_url is not None
    asyncio.run(migrate(settings.database_url.get_secret_value(), keep_app_password=keep))


def run_seed(settings: Settings, _options: argparse.Namespace) -> None:
    """Makes or completes the demo shop, if there is to be one; quick if it is complete."""
    asyncio.run(_seed(settings))


def run_prepare(settings: Settings, options: argparse.Namespace) -> None:
    """Both, in one process: of the second start's four seconds, one would be spent on importing things twice."""
    run_migrate(settings, options)
    notify_ready()
    run_seed(settings, options)


async def _seed(settings: Settings) -> None:
    from demo.seed import complete, is_complete

    if settings.demo:
        async with _stores(settings) as stores:
            shop = await DemoShop.at(stores)
            garments = await asyncio.to_thread(_demo_garments, settings.models)
            if not await is_complete(shop, garments):
                log.info("making-the-demo-shop")
                await complete(shop, garments, at_once=cores())


def _demo_garments(models: Path) -> dict[str, bytes]:
    """The models that set-up made, by name; none if it did not."""
    return {path.stem: path.read_bytes() for path in sorted((models / "garments").glob("*.glb"))}


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

    visits: Visits

    @property
    def shelf(self) -> Shelf:
        return Shelf(self.products, self.files)

    async def renew(self, visitor: Visitor) -> None:
        """A visit whose try-on is live goes on."""
        await self.visits.renew(await self.visits.get(UUID(visitor.tenant), UUID(visitor.visit)))


@asynccontextmanager
async def _stores(settings: Settings) -> AsyncIterator[Stores]:
    """Connects as the application's role, never as the owner. Raises CannotRun when an address is missing."""
    from redis.asyncio import Redis

    from tenancy.credentials import Credentials
    from tenancy.database import Database
    from tenancy.files import Files
    from tenancy.products import Products
    from tenancy.visits import Visits

    if settings.redis_url is None or (dsn := _app_dsn(settings)) is None:
        raise CannotRun("this role needs REDIS_URL, and DATABASE_APP_URL or DATABASE_URL; `all` brings its own")
    storage, at_once = settings.storage_url, max(1, cores() // 2)
    async with AsyncExitStack() as stack:
        database = await Database.connect(dsn, cache=_cache())
        stack.push_async_callback(database.close)
        redis = Redis.from_url(settings.redis_url.get_secret_value(), socket_connect_timeout=2, socket_timeout=5)
        stack.push_async_callback(redis.aclose)
        files = Files.open(storage.get_secret_value() if storage else (settings.data / "files").as_uri())
        visits = Visits(database, lasting=timedelta(minutes=settings.session_minutes))
        yield Stores(
            database,
            redis,
            files,
            Credentials(database),
            Products(database, files, _intake(at_once), garment_intake(settings.models, at_once)),
            visits,
        )


def _cache() -> Cache:
    """What is read of shops, counted by where the answer came from."""
    from prometheus_client import Counter

    from tenancy.cache import Cache

    reads = Counter(READS, "Reads of the shopper's path, by what answered.", ["what", "answered_by"])
    return Cache(on_read=lambda what, here: reads.labels(what, "cache" if here else "database").inc())


def _app_dsn(settings: Settings) -> str | None:
    from tenancy.roles import app_dsn

    if settings.database_app_url is not None:
        return settings.database_app_url.get_secret_value()
    return app_dsn(settings.database_url.get_secret_value()) if settings.database_url is not None else None


def _intake(at_once: int) -> Intake:
    """The intake of glasses and hats in child processes, so many at a time; its refusal as the web answers it."""
    from render.glb import ProductError
    from render.intake_child import IntakeDesk
    from tenancy.errors import Busy
    from web.uploads import ModelRejected

    desk = IntakeDesk(at_once=at_once)

    async def take_in(glb: bytes, kind: str | None) -> Taken:
        try:
            return await desk.take_in(glb, kind)
        except ProductError as error:
            if error.code == "intake-busy":
                raise Busy(error.detail) from None
            raise ModelRejected(error.code, error.detail) from None

    return take_in


def garment_intake(models: Path, at_once: int) -> GarmentIntake:
    """The intake of garments, likewise."""
    from avatar.garments.desk import GarmentDesk, GarmentRefused
    from tenancy.errors import Busy
    from web.uploads import ModelRejected

    desk = GarmentDesk(models, at_once=at_once)

    async def take_in(glb: bytes, details: Mapping[str, Any]) -> TakenGarment:
        try:
            return await desk.take_in(glb, details)
        except GarmentRefused as error:
            if error.code == "busy":
                raise Busy(str(error)) from None
            raise ModelRejected(error.code, str(error)) from None

    return take_in


@dataclass(frozen=True)
class Workroom:
    """Where bodies are dressed (`tenancy.outfits.Tailor`)."""

    desk: DressDesk
    revision: str

    @classmethod
    def at(cls, models: Path) -> Self:
        """Over processes of its own, that end with this one."""
        from avatar.dress_desk import REVISION, DressDesk
        from ops.lifeline import bound_to_parent

        return cls(DressDesk(models, before_exec=bound_to_parent(signal.SIGKILL)), REVISION)

    async def fit(self, measures: Mapping[str, Mapping[str, float]], garment: Mapping[str, Any]) -> Mapping[str, Any]:
        async with _told_by_tenancy():
            return await self.desk.fit(measures, garment["chart"], garment["body_chart"])

    async def dress(self, outfit: Outfit, models: Sequence[bytes], name: FileName, color: str | None) -> bytes:
        from avatar.dress_desk import Order

        assert outfit.avatar.body is not None
        worn = []
        for piece in outfit.pieces:
            garment = piece.product.garment or {}
            one = {"product": str(piece.product.id), "name": piece.product.name, "size": piece.size}
            worn.append({**one, "kind": garment["worn_as"], "chart": garment["chart"]})
        async with _told_by_tenancy():
            return await self.desk.dress(
                Order(outfit.key, name, outfit.avatar.body, color, outfit.tucked, worn, models)
            )


@asynccontextmanager
async def _told_by_tenancy() -> AsyncIterator[None]:
    """What the desk refuses, in tenancy's words."""
    from avatar.dress_desk import DeskBusy, DeskFailed
    from tenancy.errors import Busy, Unwearable

    try:
        yield
    except DeskBusy:
        raise Busy("Many are being dressed. Try again in a moment.") from None
    except DeskFailed as error:
        raise Unwearable(f"{error.code}: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
