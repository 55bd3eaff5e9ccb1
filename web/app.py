"""The HTTP side as one aiohttp application, built from the services it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from rtc.claims import Claims
from rtc.placement import Placement
from rtc.turn import Relays
from tenancy.credentials import Credentials
from tenancy.files import Files
from tenancy.fitting_room import FittingRoom
from tenancy.mail import Kept
from tenancy.outfits import Outfits
from tenancy.owners import Owners
from tenancy.products import Products
from tenancy.visits import Visits
from web.access import Access
from web.account import Account
from web.avatars import Avatars
from web.camera_consent import CameraConsent
from web.dashboard.door import Door
from web.dashboard.entrance import Entrance
from web.dashboard.look import Look
from web.dashboard.office import Office
from web.dashboard.overview import Overview
from web.dashboard.rooms import Rooms
from web.dashboard.shell import Shell
from web.dashboard.style import Style
from web.files import BaseBodies, ProductFiles
from web.health import Check, Health
from web.imports import Imports
from web.limits import Limits, count_addresses
from web.middleware import access_log, cross_origin, preflight, security_headers
from web.my_data import MyData
from web.openapi import Operation, document
from web.outfits import Dressing
from web.own_account import OwnAccount
from web.owner import Owner
from web.owner_shop import OwnerShop
from web.pages import Pages
from web.privacy_page import PrivacyPage
from web.problem import problems
from web.regions import NOWHERE, Regions
from web.shop_domains import ShopDomains, allowed_hosts
from web.shop_privacy import ShopPrivacy
from web.shopper import Shopper
from web.uploads import UploadPlaces
from web.waiting import WaitingLine
from web.webhooks import Webhooks

HERE = Path(__file__).resolve().parent
MAX_BODY_BYTES = 64 * 1024


@dataclass(frozen=True)
class Services:
    """What the HTTP side stands on; `server.py` builds it. base_bodies: the folder of what owners model garments on."""

    credentials: Credentials
    visits: Visits
    products: Products
    files: Files
    placement: Placement
    claims: Claims
    fitting_room: FittingRoom
    outfits: Outfits
    base_bodies: Path
    owners: Owners
    limits: Limits
    kept_mail: Kept | None
    checks: Mapping[str, Check]


@dataclass(frozen=True)
class WebSettings:
    """public_url: the address shoppers see, if it is known. demo: the slug of the shop that / leads to.
    cdn_url: where pictures of products come from, without a slash at its end. regions: of those who agree."""

    public_url: str | None = None
    demo: str | None = None
    ice_servers: Sequence[Mapping[str, Any]] = ()
    relays: Relays | None = None
    cdn_url: str | None = None
    regions: Regions = NOWHERE
    built: Path = HERE / "static" / "app"


def create_app(services: Services, settings: WebSettings) -> web.Application:
    """The application. Everything it serves as an interface is in `operations`; pages come beside it."""
    served = operations(services, settings)
    readers = {operation.pattern: operation.readers for operation in served if operation.readers}
    uncounted = {operation.pattern for operation in served if not operation.counted}
    counted = count_addresses(services.limits, uncounted)
    hosts = allowed_hosts(services.owners.domains, settings.public_url)
    app = web.Application(middlewares=[access_log, problems, hosts, counted], client_max_size=MAX_BODY_BYTES)
    https = (settings.public_url or "").startswith("https://")
    app.on_response_prepare.extend(
        [security_headers(https=https, cdn=_origin(settings.cdn_url)), cross_origin(readers)]
    )
    for operation in served:
        app.router.add_route(operation.method, operation.path, operation.handler)
    for path in dict.fromkeys(operation.path for operation in served if operation.readers):
        there = [operation for operation in served if operation.path == path]
        takes = {one.method: one.body.media_type for one in there if one.body}
        links = next((one.links for one in there if one.links), None)
        app.router.add_route("OPTIONS", path, preflight([one.method for one in there], takes, links))
    owners = services.owners
    PrivacyPage(owners, HERE / "templates").add_to(app.router)
    Pages(
        services.credentials, owners.settings, owners.domains, HERE / "templates", settings.built, settings.demo
    ).add_to(app.router)
    _add_dashboard(app.router, services, settings)
    described = document(served, version=_version())

    async def get_openapi(_request: web.Request) -> web.Response:
        return web.json_response(described)

    app.router.add_get("/openapi.json", get_openapi)
    return app


def _add_dashboard(router: web.UrlDispatcher, services: Services, settings: WebSettings) -> None:
    """The owner's pages, and the style sheets that shops gave their try-on pages."""
    owners, limits, shell = services.owners, services.limits, Shell(HERE / "templates")
    access = Access(owners, limits, settings.public_url)
    Entrance(owners, access, limits, shell, services.kept_mail).add_to(router)
    door = Door(access, shell)
    Overview(owners, door, services.placement).add_to(router)
    Rooms(owners, door).add_to(router)
    Office(owners, access, door).add_to(router)
    shell.add_to(router)
    Style(owners).add_to(router)
    router.add_get("/dashboard/{rest:.*}", shell.get_nothing)


def operations(services: Services, settings: WebSettings) -> list[Operation]:
    """Every call of the interface."""
    shopper = Shopper(
        credentials=services.credentials,
        visits=services.visits,
        products=services.products,
        placement=services.placement,
        claims=services.claims,
        usage=services.owners.usage,
        shoppers=services.owners.shoppers,
        limits=services.limits,
        ice_servers=settings.ice_servers,
        relays=settings.relays,
        public_origin=_origin(settings.public_url),
        cdn_url=settings.cdn_url or "",
        regions=settings.regions,
    )
    waiting = WaitingLine(services.placement, shopper.visit)
    files = ProductFiles(services.credentials, services.products, services.files)
    owners, limits = services.owners, services.limits
    avatars = Avatars(services.fitting_room, services.visits, limits, shopper.visit, shopper.region)
    dressing = Dressing(services.outfits, limits, shopper.visit)
    access = Access(owners, limits, settings.public_url)
    places = UploadPlaces()
    account, owner = Account(owners, access, limits), Owner(owners, access, limits, places)
    imports = Imports(owners, access, limits, places)
    shop, look, privacy = OwnerShop(owners, access), Look(owners, access), ShopPrivacy(owners, access)
    my_data = MyData(
        owners=owners,
        visits=services.visits,
        products=services.products,
        placement=services.placement,
        claims=services.claims,
        fitting_room=services.fitting_room,
        limits=limits,
        public_origin=_origin(settings.public_url),
    )
    own, domains = OwnAccount(owners, access, limits), ShopDomains(owners, access, _host(settings.public_url))
    health, base_bodies = Health(services.checks, services.placement.measure), BaseBodies(services.base_bodies)
    camera = CameraConsent(
        services.visits, services.credentials, owners.shoppers, limits, shopper.visit, shopper.region
    )
    of_shoppers = (shopper, camera, waiting, avatars, dressing, files, base_bodies, my_data, Style(owners), health)
    of_owners = (account, own, Webhooks(owners, access), owner, imports, shop, look, domains, privacy)
    return [operation for part in (*of_shoppers, *of_owners) for operation in part.operations()]


def _origin(url: str | None) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _host(url: str | None) -> str | None:
    return urlsplit(url).hostname if url else None


def _version() -> str:
    try:
        return version("vitrine")
    except PackageNotFoundError:  # run from a checkout, which is how it is run
        return "0.1.0"
