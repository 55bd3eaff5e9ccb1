"""Every hostile file over HTTP, to a whole installation: nobody else is turned away, and nothing of them stays.

How long others wait meanwhile is measured by `python -m bench.hostile`, which this stands on.
"""

from __future__ import annotations

import pytest

from bench.hostile import MOST_GROWN_MB, measure
from tests.render.hostile import FILES


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_the_server_stands_as_before_while_every_hostile_file_comes() -> None:
    found = await measure(rate=5.0, seconds=10.0)
    assert found["wrong"] == []
    assert found["files"] == len(FILES) - 1, "the first is taken in before the measure begins"
    assert found["shoppers_failed"] == {}
    assert found["shoppers_calls"] >= 50
    memory = found["web_mb"]
    assert memory["after"] - memory["before"] < MOST_GROWN_MB, memory
    assert memory["most"] - memory["before"] < 4 * MOST_GROWN_MB, "no more than the uploads that are under way"
