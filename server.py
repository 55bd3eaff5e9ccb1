"""The composition root and the command line: settings in, services built, one role or all of them run.

`python server.py all` runs everything on one machine; `web`, `media` and `avatar` are its parts, to be run apart on
many, after `migrate` and `seed`. Only this file and what it builds with (`wiring/`) know every room.
"""

# ruff: noqa: PLC0415  A role imports what it runs: a supervisor needs no models, a web process no renderer.

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

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
    from rtc.studio import Studio
    from rtc.turn import Relays

DEMO_SLUG = "demo"
LOST = "vitrine_try_ons_not_recorded_total"

log = structlog.get_logger("server")


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
    except (CannotListen, InvalidSettings, EmbeddedError, ProgramFailed, TenancyError) as error:
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
    from web.runner import Runner
    from wiring.fitting_room import attended, open_fitting_room, open_outfits
    from wiring.owners import open_owners, report_to_stripe
    from wiring.stores import open_stores

    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(open_stores(settings))
        owners, kept_mail = await open_owners(settings, stores, stack)
        placement = Placement(stores.redis)
        stack.push_async_callback(placement.aclose)
        services = Services(
            credentials=stores.credentials,
            visits=stores.visits,
            products=stores.products,
            files=stores.files,
            placement=placement,
            claims=Claims(stores.redis),
            fitting_room=await attended(await open_fitting_room(settings, stores), stack),
            outfits=await open_outfits(settings, stores, stack),
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
            await report_to_stripe(stores.database, settings.stripe_key.get_secret_value(), settings.stripe_url, stack)
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
        runner = Runner(app, access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        if descriptor is None:
            await web.TCPSite(runner, settings.host, settings.port).start()
        else:
            await web.SockSite(runner, socket.socket(fileno=descriptor)).start()
        settle_memory()
        notify_ready()
        await told_to_stop()


def _relays(settings: Settings) -> Relays | None:
    """Raises InvalidSettings when they lack their secret."""
    from rtc.turn import Relays

    if not settings.turn_urls:
        return None
    if settings.turn_secret is None:
        raise InvalidSettings(
            f"{variable('turn_urls')} needs {variable('turn_secret')}, the secret that the relays know"
        )
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
    from wiring.cloakroom import Cloakroom
    from wiring.fitting_room import open_outfits
    from wiring.ledger import booked, into
    from wiring.shelf import Shelf
    from wiring.stores import open_stores

    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(open_stores(settings))
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
            products=Shelf(stores.products, stores.files),
            avatars=Cloakroom(avatars, stores.visits, await open_outfits(settings, stores, stack)),
            worker=studio.worker,
            make_effect=studio.make_effect,
            check_picture=studio.check_picture,
            measures=Measures(options.name),
            renew=stores.renew,
            record=into(ledger),
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
        beats = Heartbeats(stores.database, lambda: map(booked, node.running()))
        beats.start()
        stack.push_async_callback(beats.stop)
        settle_memory()
        notify_ready()
        studio.rehearse()
        await told_to_stop()
        await node.drain(settings.drain_seconds)


def _studio(models: Path) -> Studio:
    from rtc.studio import Studio

    failed = "frame-worker-failed"
    return Studio(models, on_error=lambda error: log.error(failed, exc_info=error))


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
    from wiring.fitting_room import open_fitting_room
    from wiring.stores import open_stores

    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(open_stores(settings))
        room = await open_fitting_room(settings, stores)
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


# --- migrate, seed -------------------------------------------------------------------------------------------


def run_migrate(settings: Settings, _options: argparse.Namespace) -> None:
    """Brings the tables to this version; quick if they are there."""
    from tenancy.database import migrate

    if settings.database_url is None:
        raise InvalidSettings("the tables are migrated by their owner, whose address is DATABASE_URL")
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
    from wiring.demo_shop import DemoShop
    from wiring.stores import open_stores

    if settings.demo:
        async with open_stores(settings) as stores:
            shop = await DemoShop.at(stores, DEMO_SLUG)
            garments = await asyncio.to_thread(_demo_garments, settings.models)
            if not await is_complete(shop, garments):
                log.info("making-the-demo-shop")
                await complete(shop, garments, at_once=cores())


def _demo_garments(models: Path) -> dict[str, bytes]:
    """The models that set-up made, by name; none if it did not."""
    return {path.stem: path.read_bytes() for path in sorted((models / "garments").glob("*.glb"))}


if __name__ == "__main__":
    sys.exit(main())
