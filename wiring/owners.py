"""The owners' side, with the work that goes on behind it: letters, webhooks, erasures, bills."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from prometheus_client import Counter

from ops.settings import Settings
from rtc.claims import Claims
from tenancy.database import Database
from tenancy.mail import Kept, Letters, Smtp, mail_route
from tenancy.meter_reports import MeterReports
from tenancy.outbox import Outbox
from tenancy.owners import Owners
from tenancy.seal import Seal
from tenancy.stripe_meters import StripeMeters
from tenancy.webhook_delivery import Deliverer, is_public
from wiring.stores import Stores, installation_secret

DEAD = "vitrine_outbox_given_up_total"
REFUSED_REPORTS = "vitrine_meter_reports_refused_total"


async def open_owners(settings: Settings, stores: Stores, stack: AsyncExitStack) -> tuple[Owners, Kept | None]:
    """The owner's side, and the mails kept in memory where no mail server is named."""
    secret = await installation_secret(settings)
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


async def report_to_stripe(database: Database, key: str, url: str, stack: AsyncExitStack) -> None:
    """What shops that pay have used, every few minutes."""
    refused = Counter(REFUSED_REPORTS, "Reports of usage that the biller will not take.")
    stripe = StripeMeters(key, url)
    stack.push_async_callback(stripe.close)
    reports = MeterReports(database, stripe, on_refused=refused.inc)
    reports.start()
    stack.push_async_callback(reports.stop)


def _outbox(settings: Settings, stores: Stores, seal: Seal) -> tuple[Outbox, Kept | None]:
    """What carries mails and webhooks, and the mails kept in memory where no mail server is named."""
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
