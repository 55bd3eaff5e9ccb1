"""Plans, caps, and what a month comes to. Prices are the operator's to change; money is counted in cents."""

from __future__ import annotations

from dataclasses import dataclass

BYTES_PER_GB = 1_000_000_000


@dataclass(frozen=True)
class Plan:
    """`included`: try-ons a month in the base price. `hard_cap`: no more than these, or None. Prices in euro cents;
    `gb_month` for a GB stored for 30 days beyond `included_gb`, `avatar` for each made. `most_gb` and `most_products`
    are quotas: what would go beyond is refused."""

    code: str
    name: str
    base_cents: int
    included: int
    try_on_cents: float
    included_gb: float
    gb_month_cents: float
    most_gb: float
    most_products: int
    avatar_cents: float = 0
    hard_cap: int | None = None


PLANS = {
    plan.code: plan
    for plan in (
        Plan("free", "Free", 0, 1_000, 0, 1, 0, most_gb=1, most_products=50, hard_cap=1_000),
        Plan("shop", "Shop", 2_900, 5_000, 1.0, 10, 20, most_gb=50, most_products=2_000, avatar_cents=5),
        Plan("house", "House", 19_900, 50_000, 0.5, 100, 15, most_gb=500, most_products=50_000, avatar_cents=3),
    )
}


@dataclass(frozen=True)
class InvoiceLine:
    """`cents` is rounded to whole cents, once, here."""

    says: str
    quantity: float
    cents: int


def plan_of(code: str) -> Plan:
    """The plan with this code; an unknown one, from an older release, counts as free."""
    return PLANS.get(code, PLANS["free"])


def cap_of(plan: Plan, chosen: int | None) -> int | None:
    """Try-ons allowed in a month: the smaller of the plan's and the owner's own."""
    caps = [cap for cap in (plan.hard_cap, chosen) if cap is not None]
    return min(caps) if caps else None


def invoice(plan: Plan, *, try_ons: int, gb_days: float, avatars: int = 0) -> list[InvoiceLine]:
    """What a month comes to."""
    lines = [InvoiceLine(f"Plan {plan.name}", 1, plan.base_cents)]
    beyond = max(0, try_ons - plan.included)
    lines.append(InvoiceLine(f"Try-ons beyond {plan.included:,}", beyond, round(beyond * plan.try_on_cents)))
    gb_months = max(0.0, gb_days / 30 - plan.included_gb)
    stored = InvoiceLine(f"GB-months beyond {plan.included_gb:g}", gb_months, round(gb_months * plan.gb_month_cents))
    made = InvoiceLine("Avatars", avatars, round(avatars * plan.avatar_cents))
    return [*lines, made, stored]
