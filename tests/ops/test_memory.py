"""What was there when a process began to serve is never looked at again; what it makes then is collected as ever."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from ops.memory import settle_memory


class Knot:
    """Something that only the collector can free."""

    def __init__(self) -> None:
        self.self = self


@pytest.fixture(autouse=True)
def unsettled() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_was_there_is_not_looked_at_again_and_what_comes_is_still_collected() -> None:
    lost = weakref.ref(Knot())
    kept = [Knot() for _ in range(1000)]
    settle_memory()
    assert lost() is None, "what was rubbish is not kept for ever"
    watched = {id(one) for one in gc.get_objects()}
    assert not any(id(one) in watched for one in kept)
    later = weakref.ref(Knot())
    gc.collect()
    assert later() is None
