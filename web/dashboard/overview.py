"""The first page: what happens now, what happened in the last weeks, and what shoppers really saw."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from markupsafe import Markup

from rtc.placement import Placement
from rtc.queue import Line, estimate_s
from tenancy.owners import Owners
from tenancy.principals import Principal
from tenancy.products import Product
from tenancy.tallies import BEYOND, percentile
from web.dashboard.door import Door
from web.dashboard.plots import bars, columns
from web.dashboard.tongue import Tongue
from web.files import file_path

PERIODS = (7, 30, 90)  # days
_MOST_SHOWN = 10
# What a hint is about, as the owner reads it.
HINTS = {
    "lost": "No face in the picture",
    "too_far": "Too far away",
    "too_close": "Too close",
    "too_dark": "Too dark",
    "too_bright": "Too bright",
    "backlit": "Light from behind",
    "turned": "Turned away",
    "tilted": "Head tilted",
    "upside_down": "Upside down",
    "two_faces": "Two people",
    "partly_out": "Half out of the picture",
    "black": "Camera covered",
    "frozen": "Camera stands still",
}


@dataclass(frozen=True)
class Ranked:
    """A product by what shoppers did with it."""

    product: Product
    try_ons: int
    snapshots: int
    carts: int


@dataclass(frozen=True)
class Overview:
    """The handlers."""

    owners: Owners
    door: Door
    placement: Placement

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Pages are for people: they are no part of the described interface."""
        router.add_get("/dashboard", self.door.room("overview.html", "products:read", self._overview))
        router.add_get("/dashboard/live", self.door.room("live.html", "products:read", self._live))

    async def _overview(self, request: web.Request, who: Principal) -> dict[str, Any]:
        usage, tallies, shop, say = self.owners.usage, self.owners.tallies, who.shop.id, Tongue.of(request)
        asked = request.query.get("days", "")
        period = int(asked) if asked in map(str, PERIODS) else 30
        days, month = await usage.days(shop, period), await usage.month(shop)
        snapshots, carts = await tallies.days(shop, "snapshot", period), await tallies.days(shop, "add-to-cart", period)
        try_ons = sum(day.try_ons for day in days)
        return {
            **await self._live(request, who),
            "period": period,
            "periods": PERIODS,
            "days": days,
            "plots": [
                _over_time(say, "Try-ons", [(day.day, day.try_ons) for day in days]),
                _over_time(say, "Snapshots", [(day.day, day.count) for day in snapshots]),
                _over_time(say, "Into the cart", [(day.day, day.count) for day in carts]),
            ],
            "try_ons": try_ons,
            "carts_share": sum(day.count for day in carts) / try_ons if try_ons else None,
            "month": month,
            "ranked": await self._ranked(who, period),
            "seen": await self._seen(who, say, period, sum(day.minutes for day in days)),
        }

    async def _live(self, _request: web.Request, who: Principal) -> dict[str, Any]:
        tenant, shop = str(who.shop.id), who.shop
        given = {"products": {p.id: p for p in await self.owners.products.every(shop.id)}, "thumbnail": _thumbnail(who)}
        try:
            nodes, line = await self.placement.nodes(), await self.placement.line()
        except Exception:  # what is live is a courtesy: the page comes without it
            return {**given, "live": None, "waiting": None, "wait_s": None, "worn": []}
        worn: Counter[str] = Counter()
        for node in nodes:
            worn.update(node.worn.get(tenant, {}))
        names = {str(id_): product for id_, product in given["products"].items()}
        return {
            **given,
            "live": sum(node.tenants.get(tenant, 0) for node in nodes),
            "waiting": sum(shopper.tenant == tenant for shopper in line.order),
            "wait_s": _wait_of_a_newcomer(line) if nodes else None,
            "worn": [(names[product], count) for product, count in worn.most_common(_MOST_SHOWN) if product in names],
        }

    async def _ranked(self, who: Principal, period: int) -> list[Ranked]:
        """The most tried on first; those that only have deeds of their own after them."""
        shop, tallies = who.shop.id, self.owners.tallies
        worn = {str(item.product_id): item.try_ons for item in await self.owners.usage.most_worn(shop, period)}
        snapshots = await tallies.labels(shop, "snapshot", period)
        carts = await tallies.labels(shop, "add-to-cart", period)
        ranked = [
            Ranked(product, worn.get(key, 0), snapshots.get(key, 0), carts.get(key, 0))
            for product in await self.owners.products.every(shop)
            if (key := str(product.id)) in worn or key in carts or key in snapshots
        ]
        return sorted(ranked, key=lambda row: (-row.try_ons, -row.carts, row.product.name))[:_MOST_SHOWN]

    async def _seen(self, who: Principal, say: Tongue, period: int, minutes: float) -> dict[str, Any]:
        """What the browsers of shoppers measured, and which hints they were given."""
        shop, tallies = who.shop.id, self.owners.tallies
        delay, fps = await tallies.histogram(shop, "delay_ms", period), await tallies.histogram(shop, "fps", period)
        hints = await tallies.labels(shop, "hint", period)
        freezes = sum((await tallies.labels(shop, "freeze", period)).values())
        readings = sum(count for _, count in delay)
        named = [
            (say("over {end} ms", end=delay[-2][0]) if end == BEYOND else say("to {end} ms", end=end), count)
            for end, count in delay
        ]
        return {
            "readings": readings,
            "delay_half": percentile(delay, 0.5),
            "delay_most": percentile(delay, 0.95),
            "fps_half": percentile(fps, 0.5),
            "freezes": freezes / minutes if minutes else None,
            "delays": bars(_without_empty_ends(named), title=say("How old a picture is when it is seen"))
            if readings
            else None,
            "hints": bars([(say(HINTS.get(name, name)), n) for name, n in hints.items()], title=say("Hints"))
            if hints
            else None,
        }


def _over_time(say: Tongue, name: str, days: list[Any]) -> dict[str, Any]:
    total, most = sum(count for _, count in days), max(count for _, count in days)
    told = {"what": say(name), "total": total, "days": len(days), "most": most}
    title = say("{what}: {total} in {days} days, {most} on the busiest", **told)
    drawn = columns(days, title=title, named=say.day_of_month)
    return {"name": name, "total": total, "most": most, "drawn": drawn}


def _without_empty_ends(rows: list[tuple[Markup, int]]) -> list[tuple[Markup, int]]:
    there = [index for index, (_, count) in enumerate(rows) if count]
    return rows[there[0] : there[-1] + 1] if there else []


def _wait_of_a_newcomer(line: Line) -> int:
    """Seconds that a shopper who came now would be told; 0 if she got in at once."""
    behind = len(line.order) + 1 - line.free
    return estimate_s(behind, line.capacity, line.mean_duration_s) if behind > 0 else 0


def _thumbnail(who: Principal) -> Any:
    return lambda product: file_path(who.shop, product.thumbnail_digest, "png")
