"""What is gathered and told at once is what would have been told one by one."""

import asyncio
import uuid

import pytest
from prometheus_client import REGISTRY, Histogram

from rtc.measures import Measures
from rtc.tally import Tally


def histogram() -> Histogram:
    return Histogram(f"t{uuid.uuid4().hex}", "Of this test.", buckets=(1, 2, 5))


def shown(of: Histogram) -> list[tuple[str, float]]:
    (family,) = of.collect()
    return [(sample.labels.get("le", sample.name[33:]), sample.value) for sample in family.samples[:6]]


def test_a_tally_tells_what_its_histogram_would_have_heard() -> None:
    one_by_one, at_once = histogram(), histogram()
    tally = Tally(at_once)
    for values in ((0.5, 1.0, 1.1), (2.0, 4.9), (5.0, 7.0)):
        for value in values:
            one_by_one.observe(value)
            tally.observe(value)
        tally.tell()
        tally.tell()  # tells nothing twice
        assert shown(at_once) == shown(one_by_one)
    assert shown(at_once) == [("1.0", 2), ("2.0", 4), ("5.0", 6), ("+Inf", 7), ("_count", 7), ("_sum", 21.5)]


def test_nothing_is_told_before_its_time() -> None:
    quiet = histogram()
    Tally(quiet).observe(1.0)
    assert REGISTRY.get_sample_value(f"{quiet._name}_count") == 0


@pytest.mark.parametrize(("busy", "least", "most"), [(True, 4, 6), (False, 1, 1)])
async def test_an_idle_loop_is_looked_at_less_often(busy: bool, least: int, most: int) -> None:
    heard: list[float] = []
    watch = asyncio.create_task(Measures(uuid.uuid4().hex).watch_loop(heard.append, is_busy=lambda: busy))
    await asyncio.sleep(0.65)
    watch.cancel()
    assert least <= len(heard) <= most
