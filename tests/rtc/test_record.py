"""What is kept of a try-on: nothing if no picture came back, else how long it lasted and what was worn."""

from __future__ import annotations

import time

from rtc.claims import Visitor
from rtc.record import TryOnRecord


def test_a_try_on_without_a_picture_was_none() -> None:
    record = TryOnRecord("s", Visitor("t", "v"))
    record.worn(("a",))
    assert record.end() is None


def test_it_lasts_from_the_first_picture_to_the_last_and_knows_what_was_worn() -> None:
    record = TryOnRecord("s", Visitor("t", "v"))
    record.worn(("a",))
    record.frame()
    time.sleep(0.03)
    record.worn(("b", "a"))
    record.frame()
    ended = record.end()
    assert ended is not None
    assert (ended.session_id, ended.visitor.tenant, ended.products) == ("s", "t", ("a", "b"))
    assert 0.03 <= ended.seconds < 1
