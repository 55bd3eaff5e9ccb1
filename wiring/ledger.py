"""Try-ons that a media process had, as lines of the ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from rtc.record import EndedTryOn
from tenancy.ledger import Recorder, TryOn
from tenancy.tallies import histograms


def into(ledger: Recorder) -> Callable[[EndedTryOn], None]:
    """From what a media process says of a try-on to a line of the ledger."""

    def record(ended: EndedTryOn) -> None:
        seen = ended.seen
        tallies = histograms({"delay_ms": seen.delays_ms, "rtt_ms": seen.rtts_ms, "fps": seen.fps})
        tallies.update({("hint", state): count for state, count in seen.hints.items()})
        tallies["freeze", ""] += seen.freezes
        ledger.record(replace(booked(ended), tallies=tallies))

    return record


def booked(told: EndedTryOn) -> TryOn:
    """A try-on as the ledger has it."""
    products = [UUID(product) for product in told.products]
    return TryOn(UUID(told.visitor.tenant), told.session_id, told.started_at, told.seconds, products)
